"""A round as one row, and as the chain of its moves: what `rounds` and the Rounds screen say.

Every figure is that of the round's report (report.py), chosen, not computed again. What is undefined is None. A round
that still runs says what there is; moves that its coordinator has yet to ask for are listed without a job.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from o1coder import loop
from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.measure import wilson
from o1coder.queries import jobs, rounds
from o1coder.report import round_report

GENERATED = ("after DPO", "after SFT", "before")  # which generator's validity a row shows: the newest there is
POLICY = "after RL"
MEANWHILE = ("running", "failed", "lost", "cancelled", "queued")  # what a round's state is, by its jobs, in this order


class Share(NamedTuple):
    """A figure with its interval, and of how many it is."""

    value: float
    low: float | None
    high: float | None
    n: int


class RoundRow(NamedTuple):
    """One round. `test` and `gate_split` are the last policy's pass@1 on the split that reports and on the one that
    decides; `lower` bounds the paired difference from below at the gate's own level."""

    run: str
    round: int
    state: str
    jobs: int
    done: int
    moves: int
    problems: int | None
    trees: int | None
    rollouts: int | None
    solved: Share | None
    validity: Share | None
    within: Share | None
    pooled: Share | None
    test: Share | None
    gate_split: Share | None
    decision: str | None
    difference: float | None
    lower: float | None
    level: float | None
    checkpoint: int | None
    seconds: float
    tokens_in: int
    tokens_out: int
    sandbox_runs: int
    labels: int
    people: int


class MoveRow(NamedTuple):
    """One move of a round. `job` is None where its coordinator has yet to ask for it."""

    move: str
    stage: str
    job: int | None
    state: str
    done: int
    total: int
    seconds: float | None
    tokens_in: int
    tokens_out: int
    sandbox_runs: int
    stopped: str | None
    attempts: int
    checkpoint: int | None
    trees: int
    error: str | None


def row(lab: Lab, run: str, number: int) -> RoundRow:
    """A round's row."""
    return of_report(lab, round_report(lab, run, number))


def of_report(lab: Lab, found: Mapping[str, Any]) -> RoundRow:
    """The row of a round whose report is at hand."""
    run, number = found["run"], found["round"]
    chain = moves(lab, run, number)
    search = next((move for move in chain if move.stage == "synthesize" and move.job is not None), None)
    with lab.reading() as connection:
        labels, people = rounds.human_labels(connection, run, number)
        problems, solved = (
            (None, None) if search is None or search.job is None else rounds.searched(connection, search.job)
        )
    states = [move.state for move in chain if move.job is not None]
    decision = found["decision"] or {}
    made = next((found["tcg"][name] for name in GENERATED if found["tcg"].get(name)), None)
    return RoundRow(
        run=run,
        round=number,
        state=next((state for state in MEANWHILE if state in states), "done"),
        jobs=len(states),
        done=states.count("done"),
        moves=len(chain),
        problems=problems,
        trees=found["data"].get("trees"),
        rollouts=found["data"].get("rollouts"),
        solved=_solved(solved, problems),
        validity=None if made is None or made["validity"] is None else _share(made, "validity", made["asked"]),
        within=_auc(found["prm"], "within"),
        pooled=_auc(found["prm"], "pooled"),
        test=_passing(found["pass_at_1"].get(POLICY)),
        gate_split=_passing(found["pass_at_1_on_gate"].get(POLICY)),
        decision=decision.get("outcome"),
        difference=decision.get("difference"),
        lower=decision.get("lower"),
        level=decision.get("level"),
        checkpoint=decision.get("checkpoint"),
        seconds=found["seconds"],
        tokens_in=found["tokens_in"],
        tokens_out=found["tokens_out"],
        sandbox_runs=found["sandbox_runs"],
        labels=labels,
        people=people,
    )


def _solved(solved: int | None, problems: int | None) -> Share | None:
    if not problems or solved is None:
        return None
    interval = wilson(solved, problems)
    low, high = (None, None) if interval is None else (interval.low, interval.high)
    return Share(solved / problems, low, high, problems)


def _share(found: Mapping[str, Any], name: str, n: int) -> Share:
    return Share(found[name], found.get("low"), found.get("high"), n)


def _passing(found: Mapping[str, Any] | None) -> Share | None:
    return None if not found or found["value"] is None else _share(found, "value", found["problems"])


def _auc(prm: Mapping[str, float], which: str) -> Share | None:
    """Of code steps: those of prefixes rest on few problems; the report has both."""
    name = f"code_{which}"
    if name not in prm:
        return None
    n = prm.get("code_problems_with_both" if which == "within" else "code_problems", 0)
    return Share(prm[name], prm.get(f"{name}_low"), prm.get(f"{name}_high"), int(n))


def moves(lab: Lab, run: str, number: int) -> list[MoveRow]:
    """The chain of a round: its jobs in order, then the moves that its coordinator will still ask for."""
    with lab.reading() as connection:
        costs = rounds.costs(connection, run, number)
        asked = rounds.coordinator(connection, run)
        stands = rounds.incumbent(connection, run, number)
    views = {view.id: view for view in jobs.jobs(lab, ids=[cost.job for cost in costs])} if costs else {}
    found = [_move(cost, views[cost.job]) for cost in costs]
    names = {move.move for move in found}
    for name, stage in _planned(asked, stands, number):
        if name not in names:
            found.append(MoveRow(name, stage, None, "", 0, 0, None, 0, 0, 0, None, 0, None, 0, None))
    return found


def _move(cost: rounds.StageCost, view: jobs.JobView) -> MoveRow:
    checkpoints = view.outputs["checkpoints"]
    return MoveRow(
        cost.move,
        cost.stage,
        cost.job,
        view.state,
        view.done,
        view.total,
        cost.seconds,
        cost.tokens_in,
        cost.tokens_out,
        cost.sandbox_runs,
        cost.stopped,
        cost.attempts,
        checkpoints[-1] if checkpoints else None,
        len(view.outputs["trees"]),
        view.error,
    )


def _planned(asked: Mapping[str, Any] | None, stands: int | None, number: int) -> list[tuple[str, str]]:
    if asked is None or number >= int(asked.get("rounds", 1)):
        return []
    sft = bool(asked.get("sft", True)) and stands is None
    return loop.moves(loop.Settings(base=0, sft=sft, tcg=bool(asked.get("tcg", True))), number)


def require(lab: Lab, run: str, number: int) -> None:
    """LabError unless the run has jobs in this round."""
    with lab.reading() as connection:
        rounds.run_id(connection, run)
        if number not in rounds.numbers(connection, run):
            raise LabError(f"run {run!r} has no round {number}", f"`o1coder rounds --run {run}` lists them")
