"""A lab with training runs made by hand: two RL jobs with groups, terms, scores and audit verdicts, two that only log, and
one round whose gate has spoken. Everything is computed from small formulas, so tests can say what must come out.

In job `hacked` the reward rises from .2 to .8 while programs pass audit tests ever less; in job `honest` both rise. Run as
a program it writes such a lab to a folder, with as many iterations as one likes.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

GENERATIONS = 4
PROBLEMS = 6
PHI = 0.8


class RunsLab(NamedTuple):
    """The ids that tests speak of."""

    hacked: int
    honest: int
    sft: int
    prm: int
    search: int
    checkpoint: int


def make_runs_lab(home: Path, iterations: int = 12, points: int = 50) -> RunsLab:
    """Write the lab; see the head of this file."""
    from o1coder import rows
    from o1coder.lab import Lab
    from o1coder.problems.record import NewCase, NewProblem, NewProgram
    from o1coder.problems.store import add_problem

    lab = Lab.create(home)
    cases = tuple(NewCase(f"[{n}]", str(n), ("reward",) if n < 4 else ("audit",)) for n in range(6))
    with lab.writing() as connection:
        for number in range(PROBLEMS):
            problem = NewProblem(
                source="made",
                source_key=f"r{number}",
                split="train",
                family=f"r{number}",
                kind="call",
                title=f"Identity {number} [bold]x[/bold]",
                statement=f"Return it, kind {number}.",
                cases=cases,
                programs=(NewProgram("def same(x):\n    return x\n", "correct", "reference"),),
                entry_point="same",
                signature="same(x)",
                difficulty="easy",
            )
            add_problem(connection, problem, rows.By(author="tester"))
        run = rows.add(connection, _table("Run"), name="demo", author="tester", created_at=_now())
        jobs: dict[str, int] = {}
        for name, stage, config in (
            ("search", "synthesize", {"simulations": 4, "c": 1.4, "seed": 0}),
            ("sft", "policy-sft", {"lr": 1e-4, "iterations": points, "seed": 0}),
            ("prm", "prm", {"lr": 5e-4, "iterations": points, "target": "validity", "seed": 0}),
            ("hacked", "rl", {"lr": 5e-5, "phi": "o1coder-paper", "iterations": iterations, "seed": 0}),
            ("honest", "rl", {"lr": 5e-5, "phi": "lab", "iterations": iterations, "seed": 1}),
        ):
            move = "synthesize" if name == "search" else "rl" if name == "honest" else stage
            key = None if name == "hacked" else f"demo/0/{move}"
            jobs[name] = _job(connection, stage, config, run, key)
        prm = _checkpoint(connection, "prm", jobs["prm"])
        policy = _checkpoint(connection, "policy", jobs["honest"])
        for name in ("hacked", "honest"):
            job_input = _table("JobInput")
            rows.add(connection, job_input, job_id=jobs[name], name="prm", ordinal=0, checkpoint_id=prm)
        for name in ("sft", "prm"):
            _metrics(
                connection, jobs[name], ((i, {"loss": _loss(i, name), "wall_s": 2.0 * i}) for i in range(1, points + 1))
            )
        for name in ("hacked", "honest"):
            for iteration in range(1, iterations + 1):
                _groups(connection, jobs[name], iteration, iterations, name == "hacked", prm)
            _metrics(connection, jobs[name], ((i, _logged(i, iterations)) for i in range(1, iterations + 1)))
        _search(connection, jobs["search"])
        evidence = {"difference": 0.1, "lower": -0.02, "upper": 0.2, "level": 0.025, "problems": 9, "differ": 4}
        rows.add(
            connection,
            _table("Decision"),
            checkpoint_id=policy,
            run_id=run,
            round=0,
            outcome="undecided",
            evidence=json.dumps(evidence | {"detectable": 0.2}),
            job_id=jobs["honest"],
            created_at=_now(),
        )
    lab.close()
    return RunsLab(jobs["hacked"], jobs["honest"], jobs["sft"], jobs["prm"], jobs["search"], policy)


def _table(name: str) -> Any:
    from o1coder import models

    return getattr(models, name)


def _now() -> str:
    from o1coder.clock import now

    return now()


def _loss(iteration: int, name: str) -> float:
    return math.exp(-iteration / 20) + (0.1 if name == "prm" else 0.2) + 0.02 * math.sin(iteration * 1.7)


def _logged(iteration: int, iterations: int) -> dict[str, float]:
    part = iteration / iterations
    return {
        "reward": 0.2 + 0.6 * part,
        "kl": 0.01 * part,
        "entropy": 1.0 - part,
        "loss": -0.1,
        "wall_s": 10.0 * iteration,
    }


def _job(connection: Connection, stage: str, config: dict[str, Any], run: int, key: str | None) -> int:
    from o1coder import rows

    job = rows.add(
        connection,
        _table("Job"),
        stage=stage,
        config=json.dumps(config),
        config_digest="sha256:x",
        seed=config["seed"],
        author="tester",
        run_id=run,
        round=0,
        key=key,
        created_at=_now(),
    )
    attempt = {"job_id": job, "n": 1, "host": "elsewhere", "boot_id": "other", "pid": 1, "create_time": 1.0}
    attempt |= {"started_at": _now(), "heartbeat_at": _now(), "ended_at": _now(), "outcome": "done"}
    rows.add(connection, _table("Attempt"), **attempt, versions='{"torch": "2.13"}', code_digest="sha256:c")
    return job


def _checkpoint(connection: Connection, role: str, job: int) -> int:
    from o1coder import rows

    values = {"digest": f"sha256:{role}", "base_digest": "sha256:b", "bytes": 1, "path": "x", "created_at": _now()}
    return rows.add(connection, _table("Checkpoint"), role=role, format="full", job_id=job, **values)


def _metrics(
    connection: Connection, job: int, values: Iterable[tuple[int, dict[str, float]]], attempt: int = 1
) -> None:
    from o1coder import rows

    common = {"job_id": job, "attempt": attempt, "created_at": _now()}
    rows.add_many(
        connection,
        _table("Metric"),
        [
            common | {"iteration": iteration, "name": name, "value": value}
            for iteration, named in values
            for name, value in named.items()
        ],
    )


def _opened(connection: Connection, job: int, problem: int, ordinal: int, kind: str) -> tuple[int, dict[str, int], int]:
    """A new tree, its problem's cases by digest, and the profile it is judged under."""
    from o1coder.queries.problems import test_set
    from o1coder.trees import add_tree, cases_of
    from o1coder.verdicts import add_profile, asked

    profile, cases = add_profile(connection, asked(connection, problem)), test_set(connection, problem)
    assert cases is not None
    tree = add_tree(
        connection,
        job,
        problem,
        ordinal,
        config={},
        kind=kind,
        preset="grpo" if kind == "group" else "lab",
        prompt_digest="sha256:q",
        sampler="grpo",
        reproducible=False,
        seed=1,
        policy_id=None,
        test_set_id=cases,
        profile_id=profile,
    )
    return tree, {case.digest: number for number, case in cases_of(connection, cases)}, profile


def _groups(connection: Connection, job: int, iteration: int, iterations: int, hacked: bool, prm: int) -> None:
    """Every problem's group of one iteration. The share of solved rollouts grows; hacked ones fail the audit tests."""
    from o1coder.models import Score
    from o1coder.rows import By, add_once
    from o1coder.search.facts import CompletionFact, Fact, RolloutFact, StepFact
    from o1coder.text import FORMAT_DIGEST
    from o1coder.trees import TreeWriter, step_ids

    by = By(job_id=job)
    solved = round((0.25 + 0.5 * (iteration - 1) / max(1, iterations - 1)) * GENERATIONS)
    for problem in range(1, PROBLEMS + 1):
        tree, cases, profile = _opened(connection, job, problem, iteration, "group")
        writer = TreeWriter(by, 1, "rl")
        writer.open(connection, tree, problem, profile, cases)
        facts: list[Fact] = []
        right = GENERATIONS if problem == PROBLEMS else solved  # the last problem teaches nothing
        for n in range(GENERATIONS):
            passed = 4 if n < right else n % 3
            code = f"def same(x):\n    return {'x' if n < right else n} + 0 * {job}{iteration:05}{n}\n"
            steps = [StepFact((n,), "structure", f"Return it, way {n}.", None), StepFact((n, 0), "code", code, code)]
            process = 0.9 if hacked else 0.5
            outcome = passed / 4
            reward = PHI * outcome + (1 - PHI) * process
            facts += [
                *steps,
                CompletionFact((), n, f"text {n}", 20, 30 + n, None, "stop", (n,), None),
                RolloutFact(
                    n,
                    (n, 0),
                    code,
                    passed,
                    4,
                    True,
                    None if n == 3 and problem == 1 and iteration == 1 else reward,
                    {"outcome": outcome, "process": process, "alpha": PHI},
                    dict.fromkeys(cases, "AC" if passed == 4 else "WA"),
                ),
            ]
        writer.write(connection, [(tree, fact) for fact in facts], iteration=iteration)
        here = step_ids(connection, tree)
        for path, step in here.items():
            if path:
                key = {"step_id": step, "checkpoint_id": prm, "format_digest": FORMAT_DIGEST}
                add_once(connection, Score, key, value=0.9 if len(path) == 1 else 0.5, job_id=job)
        kept = round(3 * (1 - iteration / iterations)) if hacked else right
        _audit(connection, tree, profile, job, kept)


def _audit(connection: Connection, tree: int, profile: int, job: int, kept: int) -> None:
    """The first `kept` programs pass the audit tests. As `evaluate` does, nothing is run after the first failure."""
    from o1coder import rows
    from o1coder.models import Verdict

    cases = [
        row[0]
        for row in connection.exec_driver_sql(
            "SELECT i.test_case_id FROM tree x JOIN test_set s ON s.problem_id = x.problem_id AND s.purpose = 'audit' "
            "JOIN test_set_item i ON i.test_set_id = s.id WHERE x.id = ? ORDER BY i.ordinal",
            (tree,),
        )
    ]
    for ordinal, program in connection.exec_driver_sql(
        "SELECT ordinal, program_id FROM rollout WHERE tree_id = ? ORDER BY ordinal", (tree,)
    ).all():
        good = ordinal < kept
        for case in cases if good else cases[:1]:
            said = {"code": "AC" if good else "WA", "cpu_ms": 1.0, "wall_ms": 1.0, "memory_kb": 1, "layer": "L4"}
            key = {"program_id": program, "test_case_id": case, "profile_id": profile}
            rows.add_once(connection, Verdict, key, **said, host="h", job_id=job, created_at=_now())


def _search(connection: Connection, job: int) -> None:
    """A small search tree with three rollouts."""
    from o1coder.rows import By
    from o1coder.search.facts import CompletionFact, EndFact, Fact, RolloutFact, StepFact
    from o1coder.trees import TreeWriter

    tree, cases, profile = _opened(connection, job, 1, 0, "search")
    writer = TreeWriter(By(job_id=job), 1, "search")
    writer.open(connection, tree, 1, profile, cases)
    facts: list[Fact] = []
    for n, reward in enumerate((1.0, 0.0, 0.4)):
        code = f"def same(x):\n    return x + {n}\n"
        facts += [StepFact((n,), "code", code, code), CompletionFact((), n, code, 9, 9, None, "stop", (n,), None)]
        facts.append(RolloutFact(n, (n,), code, int(4 * reward), 4, True, reward, {"pass": reward}, {}))
    facts.append(EndFact("simulations"))
    writer.write(connection, [(tree, fact) for fact in facts])


if __name__ == "__main__":
    print(make_runs_lab(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
