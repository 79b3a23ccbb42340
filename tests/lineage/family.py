"""A lab with a family of checkpoints: a base model, a policy fine-tuned on chains, a PRM trained on labels, an RL policy that
went on from the one and was rewarded by the other, and evaluations of them. The jobs, datasets and weights are recorded by the
lab's own verbs; only that a job has ended is written by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from o1coder import checkpoints, datasets
from o1coder.clock import now
from o1coder.jobs import verbs
from o1coder.lab import Lab
from o1coder.models import Attempt, Evaluation, EvaluationItem, Metric
from o1coder.rows import By, add, add_many
from tests.tui.conftest import make_lab

RUN = "r"


class Family(NamedTuple):
    """The ids that tests speak of. `steps` maps paths of tree 1 to step ids."""

    lab: Lab
    base: int
    sft: int
    prm: int
    rl: int
    steps: dict[str, int]
    sft_data: int
    prm_data: int
    jobs: dict[str, int]


def label_of(lab: Lab, step: int) -> int:
    with lab.reading() as connection:
        found = connection.exec_driver_sql(
            "SELECT id FROM label WHERE step_id = ? ORDER BY id LIMIT 1", (step,)
        ).scalar()
    assert found is not None
    return int(found)


def end_job(lab: Lab, job: int) -> By:
    with lab.writing() as connection:
        add(
            connection,
            Attempt,
            job_id=job,
            n=1,
            host="here",
            boot_id="b",
            pid=1,
            create_time=1.0,
            started_at="2026-01-01T00:00:00.000Z",
            heartbeat_at=now(),
            ended_at="2026-01-01T00:01:10.000Z",
            outcome="done",
            code_digest="sha256:code",
            versions='{"python": "3.11.7"}',
        )
    return By(job_id=job)


def train(
    lab: Lab, stage: str, role: Any, start: int, parent: int | None, rows: list[datasets.Row], **config: Any
) -> int:
    """A job of a training stage as the stage itself records it: a dataset frozen, an adapter stored. The checkpoint's id."""
    by = end_job(lab, verbs.enqueue(lab, stage, config, run=RUN, round=0))
    kind = {"policy-sft": "policy-sft", "prm": "prm-point", "rl": "rl"}[stage]
    datasets.freeze(
        lab, kind, rows, query={"query": config.get("query", "")}, as_of={"label": 4}, by=by, target="validity"
    )
    folder = lab.home / "jobs" / f"left-{by.job_id}"
    folder.mkdir()
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "/somewhere/else", "r": 16}')
    (folder / "adapter_model.safetensors").write_bytes(b"adapter of job %d" % (by.job_id or 0))
    done = {"format": "peft", "iterations": 4}
    weights = checkpoints.weights(lab, start)
    return checkpoints.record(lab, folder, done, role=role, start=weights, parent_id=parent, prompt="short", by=by)


def evaluate(lab: Lab, policy: int, mode: str, split: str, counts: dict[int, tuple[int, int]], **config: Any) -> int:
    """An evaluation with (n, c) by problem."""
    job = verbs.enqueue(
        lab, "evaluate", {"policy": policy, "sampler": "fake:7", "mode": mode, "split": [split], **config}
    )
    end_job(lab, job)
    with lab.writing() as connection:
        most = max(n for n, _ in counts.values())
        evaluation = add(
            connection,
            Evaluation,
            job_id=job,
            checkpoint_id=policy,
            split=split,
            mode=mode,
            n=most,
            temperature=0.5,
            seed=0,
            tokens_out=100,
            created_at=now(),
        )
        items = [
            {"evaluation_id": evaluation, "problem_id": problem, "n": n, "c": c, "complete": n}
            for problem, (n, c) in counts.items()
        ]
        add_many(connection, EvaluationItem, items)
    return evaluation


def measure_prm(lab: Lab, prm: int, draws: int | None, **figures: float) -> int:
    """An evaluate-prm job with its figures."""
    config = {"prm": prm, "sampler": "fake:7", "scorer": "fake:7"} | ({} if draws is None else {"draws": draws})
    job = verbs.enqueue(lab, "evaluate-prm", config)
    end_job(lab, job)
    with lab.writing() as connection:
        rows = [
            {"job_id": job, "attempt": 1, "iteration": 0, "name": name, "value": value, "created_at": now()}
            for name, value in figures.items()
        ]
        add_many(connection, Metric, rows)
    return job


def make_family(home: Path) -> Family:
    """Write the lab; see the head of this file."""
    made = make_lab(home)
    lab = Lab(home)
    model = home.parent / "model"
    model.mkdir()
    (model / "config.json").write_text('{"model_type": "llama"}')
    (model / "model.safetensors").write_bytes(b"base weights")
    base = checkpoints.add_model(lab, "tiny", model, "a shop", copy=True, note="a note on its licence")
    with lab.reading() as connection:
        rollout = connection.exec_driver_sql("SELECT id FROM rollout WHERE leaf_id = ?", (made.steps["0.0"],)).scalar()
    chain = datasets.Row(
        {"chain": 0}, rollout_id=rollout, label_ids=tuple(label_of(lab, made.steps[path]) for path in ("0", "0.0"))
    )
    sft = train(
        lab, "policy-sft", "policy", base, base, [chain], policy=base, query="split:train", iterations=4, lr=1e-4
    )
    rows = [
        datasets.Row({"n": n}, step_id=made.steps[path], label_ids=(label_of(lab, made.steps[path]),))
        for n, path in enumerate(("0", "1", "0.0", "1.0"))
    ]
    prm = train(lab, "prm", "prm", base, None, rows, base=base, query="split:train")
    rl = train(lab, "rl", "policy", sft, sft, [datasets.Row({"p": 1}, problem_id=1)], policy=sft, prm=prm)
    with lab.reading() as connection:
        pairs = connection.exec_driver_sql(
            "SELECT c.id, d.id, c.job_id FROM checkpoint c JOIN dataset d ON d.job_id = c.job_id WHERE c.id IN (?, ?, ?)",
            (sft, prm, rl),
        ).all()
    data = {row[0]: row[1] for row in pairs}
    jobs = {"sft": pairs[0][2], "prm": pairs[1][2], "rl": pairs[2][2], "synthesize": made.jobs["synthesize"]}
    return Family(lab, base, sft, prm, rl, made.steps, data[sft], data[prm], jobs)
