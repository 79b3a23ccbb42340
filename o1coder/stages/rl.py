"""Stage 5: reinforcement learning (GRPO) on φ, a scalar of outcome (tests) and process (PRM).

The trainer samples, judges and scores by itself (train/grpo.py) and appends what happened; this file writes it as trees
that fork only at the root. Problems are those that some policy sometimes solves, chosen from trees already made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from o1coder.stage import Pick, Reporter, Trains, stage

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from o1coder.datasets import Row
    from o1coder.lab import Lab
    from o1coder.training import Ingest


class Rl(Trains):
    """Update the policy by GRPO with outcome reward (tests) and process reward (PRM)."""

    policy: Annotated[int, Pick("checkpoint", role="policy")] = Field(description="the policy to start from")
    prm: Annotated[int | None, Pick("checkpoint", role="prm")] = Field(None, description="gives the process reward")
    split: Literal["train"] = Field("train", description="split of the problems")
    slice: str | None = Field(None, description="only this named slice of the split")
    only_mixed: bool = Field(
        True, description="only problems with 0 < pass < 1 in trees already made, where there are any"
    )
    limit: int | None = Field(None, ge=1, description="at most this many problems")
    iterations: int = Field(4, ge=1, description="optimizer iterations")
    generations: int = Field(8, ge=2, description="completions of one problem an iteration")
    batch: int = Field(8, ge=2, description="completions an iteration; a multiple of generations")
    max_completion: int = Field(160, ge=8, description="tokens of a completion")
    lr: float = Field(5e-5, gt=0, description="learning rate")
    phi: Literal["lab", "outcome", "o1coder-paper", "o1coder-code"] = Field(
        "lab", description="preset of φ = α·outcome + (1−α)·process; without a PRM it is the outcome alone"
    )
    outcome_weight: float | None = Field(None, ge=0, le=1, description="α; default: the preset's")
    aggregation: Literal["min", "mean", "last", "product", "softmin", "discounted"] | None = Field(
        None, description="step scores to one number; default: the preset's"
    )
    outcome: Literal["pass_rate", "all"] = Field("pass_rate", description="share of tests passed, or all or nothing")


@stage("rl", Rl, gpus=1)
def rl(lab: Lab, config: Rl, report: Reporter) -> None:
    """Choose problems, train, write the rollouts as trees, record the checkpoint."""
    from o1coder import checkpoints, datasets, selection
    from o1coder.growing import prompt_of
    from o1coder.rows import By
    from o1coder.training import train

    start = checkpoints.weights(lab, config.policy, "policy")
    prompt = prompt_of("auto", start)
    by = By(job_id=report.job_id)
    with lab.reading() as connection:
        as_of = selection.as_of_now(connection)
        rows = task_rows(connection, config, prompt)
    asked = {"split": config.split, "slice": config.slice, "only_mixed": config.only_mixed, "limit": config.limit}
    frozen = datasets.freeze(lab, "rl", rows, query=asked, as_of=as_of, by=by)
    report.log(f"{frozen.rows} problems")
    spec = config.spec("grpo", start, max_length=config.max_length)
    spec |= {name: getattr(config, name) for name in ("generations", "max_completion", "outcome")}
    spec["phi"] = phi_of(config)
    if config.prm is not None:
        prm = checkpoints.weights(lab, config.prm, "prm")
        adapter = None if prm.adapter is None else str(prm.adapter)
        spec["prm"] = {"spec": "hf", "model": str(prm.model), "adapter": adapter}
    trained = train(
        lab,
        report,
        spec,
        datasets.rows_of(frozen),
        {"rollouts.jsonl": rollout_ingest(config, report, prompt.name, prompt.digest)},
    )
    checkpoints.record(
        lab,
        trained.model,
        trained.done,
        role="policy",
        start=start,
        parent_id=config.policy,
        prompt=start.prompt,
        by=by,
    )


def phi_of(config: Rl) -> dict[str, Any]:
    """φ as the trainer's spec takes it: a preset with the fields that the config changes."""
    if config.prm is None:
        return {"preset": "outcome"}
    changes = {"alpha": config.outcome_weight, "aggregation": config.aggregation}
    return {"preset": config.phi, **{name: value for name, value in changes.items() if value is not None}}


def task_rows(connection: Connection, config: Rl, prompt: Any) -> list[Row]:
    """The trainer's rows, one a problem, as the facts stand. A retry would choose others, since its own rollouts count by
    then: what counts is what the job's first attempt froze."""
    from dataclasses import asdict

    from o1coder.datasets import Row
    from o1coder.errors import LabError
    from o1coder.queries import problems
    from o1coder.text.prompt import HEADINGS
    from o1coder.trees import cases_of
    from o1coder.verdicts import asked

    rows: list[Row] = []
    chosen = problems.select(connection, split=config.split, slice=config.slice, limit=None)
    mixed = {row.id for row in problems.rows(connection, chosen) if row.pass_rate and 0 < row.pass_rate < 1}
    if config.only_mixed and mixed:
        chosen = [i for i in chosen if i in mixed]
    for problem_id in chosen[: config.limit]:
        what, test_set = asked(connection, problem_id), problems.test_set(connection, problem_id)
        if test_set is None:
            continue
        content = {
            "prompt": prompt.render(what.task, (), "structure"),
            "opening": HEADINGS["structure"] + prompt.opening("structure", what.task),
            "problem": problems.show(connection, problem_id).digest,
            "task": asdict(what.task),
            "cases": [asdict(case) for _, case in cases_of(connection, test_set)],
            "comparator": {"name": what.comparator.name, "args": dict(what.comparator.args)},
            "limits": asdict(what.limits),
        }
        rows.append(Row(content, problem_id=problem_id))
    if not rows:
        raise LabError("no problem has reward tests", "import train problems with reward tests first")
    return rows


def rollout_ingest(config: Rl, report: Reporter, prompt: str, prompt_digest: str) -> Ingest:
    """Writes a generation's records: a tree a problem and iteration, a path a completion, its score and its verdicts."""

    def write(connection: Connection, records: list[dict[str, Any]]) -> None:
        from o1coder.growing import seed_of
        from o1coder.judge import Verdict
        from o1coder.models import Problem, Score
        from o1coder.models.tree import GROUP_STRIDE
        from o1coder.queries import problems
        from o1coder.rows import By, add_once, find
        from o1coder.search.facts import CompletionFact, Fact, RolloutFact, StepFact
        from o1coder.text import FORMAT_DIGEST
        from o1coder.trees import TreeWriter, add_tree, cases_of, step_ids
        from o1coder.verdicts import add_profile, asked

        by = By(job_id=report.job_id)
        writers: dict[int, TreeWriter] = {}
        opened: set[int] = set()
        for record in records:
            problem_id, iteration, n = (
                find(connection, Problem, digest=record["problem"]),
                record["iteration"],
                record["ordinal"],
            )
            attempt = record["attempt"]  # a killed attempt's last lines may be read by the next one
            writer = writers.setdefault(attempt, TreeWriter(by, attempt, "rl"))
            assert problem_id is not None
            what, test_set = asked(connection, problem_id), problems.test_set(connection, problem_id)
            assert test_set is not None
            profile_id = add_profile(connection, what)
            tree_id = add_tree(
                connection,
                report.job_id,
                problem_id,
                (attempt - 1) * GROUP_STRIDE + iteration,
                kind="group",
                preset="grpo",
                config={"iteration": iteration, "prompt": prompt, "generations": config.generations},
                prompt_digest=prompt_digest,
                sampler="grpo",
                reproducible=False,
                seed=seed_of(config.seed, record["problem"], iteration),
                policy_id=config.policy,
                test_set_id=test_set,
                profile_id=profile_id,
            )
            if tree_id not in opened:
                cases = {case.digest: i for i, case in cases_of(connection, test_set)}
                writer.open(connection, tree_id, problem_id, profile_id, cases)
                opened.add(tree_id)
            steps = [
                StepFact(
                    (n, *[0] * depth),
                    step["action"],
                    step["text"],
                    record["code"] if step["action"] == "code" else None,
                )
                for depth, step in enumerate(record["steps"])
            ]
            first = steps[0].path if steps else None
            error = None if first is not None else (record.get("error") or "no step")
            completion = CompletionFact(
                (),
                n,
                record["text"],
                record.get("tokens_in", 0),
                record.get("tokens_out", 0),
                None,
                record.get("finish_reason", "stop"),
                first,
                error,
            )
            rollout = RolloutFact(
                n,
                steps[-1].path if steps else (),
                record["code"],
                record["passed"],
                record["total"],
                record["compiled"],
                record["reward"],
                {k: v for k, v in record["terms"].items() if v is not None},
                record["cases"],
                {d: Verdict(**said) for d, said in record.get("verdicts", {}).items()},
            )
            facts: list[Fact] = [*steps, completion, rollout]
            writer.write(connection, [(tree_id, fact) for fact in facts], iteration=iteration)
            if config.prm is not None and record["step_scores"]:
                here = step_ids(connection, tree_id)
                for step, value in zip(steps, record["step_scores"], strict=True):
                    key = {"step_id": here[step.path], "checkpoint_id": config.prm, "format_digest": FORMAT_DIGEST}
                    add_once(connection, Score, key, value=value, job_id=report.job_id)

    return write
