"""The coordinator of a self-play run: asks loop.py for the next job of the round, enqueues it, waits, gates, goes on.

It takes no slot and computes nothing itself. Killed and started again it derives the same answer from rows: every job has
the unique key (run, round, move), so nothing is enqueued twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from o1coder.stage import OPENS, Opens, Pick, Reporter, StageConfig, stage

if TYPE_CHECKING:
    from o1coder.lab import Lab
    from o1coder.loop import Done, RoundFacts, Settings

POLL_S = 0.5


class Selfplay(StageConfig):
    """Run whole rounds: tests, search, SFT, PRM, RL, measures, gate."""

    base: Annotated[int, Pick("checkpoint", role="policy", full=True)] = Field(
        description="the base model (a whole one, no adapter)"
    )
    rounds: int = Field(1, ge=1, description="rounds of the run in all; what is done already is not done again")
    slice: str | None = Field(None, description="only this named slice of the splits")
    tcg_slice: str | None = Field(None, description="the slice that measures the test case generator")
    sampler: Opens = Field("hf", description=OPENS)
    scorer: Opens = Field("hf", description=OPENS)
    sft: bool = Field(True, description="False skips policy-sft (RFT)")
    tcg: bool = Field(True, description="False skips the test case generator")
    budgets: dict[str, float] = Field({}, description="seconds by move of the round")
    overrides: dict[str, dict[str, Any]] = Field({}, description="config fields by stage or move")


@stage("selfplay", Selfplay, slots=0)
def selfplay(lab: Lab, config: Selfplay, report: Reporter) -> None:
    """Round after round until `rounds` are decided."""
    from o1coder import loop
    from o1coder.errors import LabError
    from o1coder.jobs import verbs
    from o1coder.queries import jobs, rounds

    settings = settings_of(config)
    run = jobs.job(lab, report.job_id).run
    if run is None:
        raise LabError("a self-play job belongs to a run", "name one with --run NAME")
    total = sum(len(loop.moves(settings, r)) + 1 for r in range(config.rounds))
    before = 0
    for number in range(config.rounds):
        while True:
            facts = facts_of(lab, run, number, settings)
            report.progress(before + len(facts.done), total)
            move = loop.next_stage(settings, facts)
            if move is None:
                break
            job_id = verbs.enqueue(
                lab, move.stage, move.config, run=run, round=number, key=rounds.key(run, number, move.name)
            )
            if not wait(lab, report, job_id):
                return
        decide(lab, report, run, number, settings, facts)
        before += len(facts.done) + 1
        report.progress(before, total)


def settings_of(config: Selfplay) -> Settings:
    """The loop's settings of a config."""
    from o1coder.loop import Settings

    values = config.model_dump(exclude={"rounds", "budget_s"})
    return Settings(**values)


def wait(lab: Lab, report: Reporter, job_id: int) -> bool:
    """Until the job is done; False when this coordinator was cancelled. LabError when the job ended otherwise."""
    from o1coder.errors import LabError
    from o1coder.jobs import verbs

    while True:
        job = verbs.wait(lab, job_id, timeout_s=POLL_S)
        if job.state == "done":
            return True
        if job.state in ("failed", "cancelled", "lost"):
            raise LabError(
                f"job {job_id} ({job.stage}) is {job.state}: {job.error or 'no word'}",
                f"mend it and `o1coder jobs retry {job_id}`, then `o1coder jobs retry {report.job_id}`",
                "lab-error",
            )
        if report.cancelled:
            verbs.cancel(lab, job_id)
            return False


def facts_of(lab: Lab, run: str, number: int, settings: Settings) -> RoundFacts:
    """What loop.py must know of a round."""
    from o1coder.loop import RoundFacts
    from o1coder.queries import rounds

    with lab.reading() as connection:
        incumbent = rounds.incumbent(connection, run, before=number)
        prm = rounds.left_by(connection, run, number - 1, "prm")
        done: dict[str, Done] = rounds.done(connection, run, number)
    return RoundFacts(number, settings.base if incumbent is None else incumbent, prm, done, run)


def decide(lab: Lab, report: Reporter, run: str, number: int, settings: Settings, facts: RoundFacts) -> None:
    """The gate of a round, once: the round's policy against the one that stands, on validation problems."""
    from o1coder import checkpoints, loop
    from o1coder.measure import gate
    from o1coder.queries import rounds
    from o1coder.rows import By

    candidate = facts.done["rl"].checkpoint
    assert candidate is not None
    with lab.writing() as connection:
        if rounds.decision(connection, run, number) is not None:
            return
        new = rounds.evaluation_of(connection, run, candidate, "pseudocode", "validation")
        old = rounds.evaluation_of(connection, run, facts.incumbent, "pseudocode", "validation")
        pair = loop.paired(rounds.counts(connection, new), rounds.counts(connection, old))
        evidence: dict[str, Any] = {"split": "validation", "new": new, "old": old, "against": facts.incumbent}
        outcome = "undecided"
        if pair.problems:
            found = gate(pair.new, pair.old, gates_before=number, seed=settings.seed)
            outcome = found.outcome
            evidence |= {k: v for k, v in found._asdict().items() if k != "outcome"}
        else:
            evidence["why"] = "no problem has samples of both"
        checkpoints.decide(
            connection,
            candidate,
            outcome,
            evidence,
            By(job_id=report.job_id),
            run_id=rounds.run_id(connection, run),
            round=number,
        )
    report.log(f"round {number}: {outcome}")
