"""A small lab made of rows: one problem, one tree with two passing chains, failing siblings and an unsure step."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import Connection

from o1coder.clock import now
from o1coder.lab import Lab
from o1coder.labels import SearchLabel, Value, add_search
from o1coder.models import Job
from o1coder.problems.record import NewCase, NewProblem, NewProgram
from o1coder.problems.store import add_problem, case_digest
from o1coder.queries import problems
from o1coder.rows import By, add
from o1coder.search.facts import CompletionFact, Fact, RolloutFact, StepFact
from o1coder.task import Action
from o1coder.trees import TreeWriter, add_tree, step_ids

Path_ = tuple[int, ...]
PROBLEM = NewProblem(
    "jsonl",
    "add",
    "train",
    "add",
    "call",
    "add",
    "Write a function `add(a, b)` that adds two numbers.",
    (NewCase("[1, 2]", "3", ("reward",)), NewCase("[0, 0]", "0", ("audit",))),
    (NewProgram("def add(a, b):\n    return a + b\n", "correct", "reference"),),
    "add",
    "add(a, b)",
    comparator="typed",
)
GOOD, BAD = "def add(a, b):\n    return a + b", "def add(a, b):\n    return a - b"
STEPS: dict[Path_, tuple[Action, str]] = {
    (0,): ("structure", "Function add(a, b). Plan: add them."),
    (1,): ("structure", "Function add(a, b). Plan: guess\u2028it."),
    (0, 0): ("refine", "1. take a and b\n2. return the sum"),
    (0, 1): ("refine", "1. take a\n2. return it"),
    (0, 0, 0): ("code", GOOD),
    (0, 0, 1): ("code", BAD),
    (0, 1, 0): ("code", GOOD + "  # sum"),
    (1, 0): ("code", BAD + "  # guess"),
}
LABELS: dict[Path_, tuple[Value, float]] = {
    (0,): ("valid", 0.75),
    (1,): ("invalid", 0.0),
    (0, 0): ("valid", 0.5),
    (0, 1): ("unsure", 1.0),
    (0, 0, 0): ("valid", 1.0),
    (0, 0, 1): ("invalid", 0.0),
    (0, 1, 0): ("valid", 1.0),
    (1, 0): ("invalid", 0.0),
}


class Report:
    """A reporter that keeps what it is told."""

    attempt = 1
    remaining_s: float | None = None

    def __init__(self, job_id: int, cancelled: bool = False) -> None:
        self.job_id = job_id
        self.cancelled = cancelled
        self.lines: list[str] = []
        self.reason: str | None = None

    def metric(self, iteration: int, **values: float) -> None:
        raise AssertionError("these stages have no iterations")

    def progress(self, done: int, total: int) -> None:
        assert 0 <= done <= total

    def log(self, text: str) -> None:
        self.lines.append(text)

    def stopped(self, reason: str) -> None:
        self.reason = reason


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """An empty lab."""
    lab = Lab.create(tmp_path / "lab")
    yield lab
    lab.close()


def new_job(lab: Lab, stage: str) -> int:
    """A job's row."""
    with lab.writing() as connection:
        return add(
            connection, Job, stage=stage, config="{}", config_digest="sha256:0", seed=0, author="t", created_at=now()
        )


def grow(lab: Lab, policy: int | None = None) -> dict[Path_, int]:
    """Write the tree with its labels; returns step ids by path."""
    job_id = new_job(lab, "synthesize")
    by = By(job_id=job_id)
    with lab.writing() as connection:
        problem_id = add_problem(connection, PROBLEM, by).id
        tree_id = _tree(connection, job_id, problem_id, policy)
        writer = TreeWriter(by, 1, "search")
        cases = {case_digest(c.input, c.expected): n for n, c in enumerate(PROBLEM.cases, start=1)}
        writer.open(connection, tree_id, problem_id, None, cases)
        writer.write(connection, [(tree_id, fact) for fact in _facts()])
        ids = step_ids(connection, tree_id)
        found = [SearchLabel(ids[p], value, v, v, 8, round(8 * v)) for p, (value, v) in LABELS.items()]
        add_search(connection, found, by, estimate="tree")
    return ids


def _tree(connection: Connection, job_id: int, problem_id: int, policy: int | None) -> int:
    return add_tree(
        connection,
        job_id,
        problem_id,
        0,
        kind="search",
        preset="uct",
        config={"simulations": 4},
        prompt_digest="sha256:0",
        sampler="fake:7",
        reproducible=True,
        seed=7,
        policy_id=policy,
        test_set_id=problems.test_set(connection, problem_id),
    )


def _facts() -> Iterator[Fact]:
    codes = [path for path, (action, _) in STEPS.items() if action == "code"]
    for path, (action, text) in STEPS.items():
        yield StepFact(path, action, text, text + "\n" if action == "code" else None)
        yield CompletionFact(path[:-1], path[-1], text, 9, 9, None, "stop", path, None)
    for ordinal, path in enumerate(codes):
        passed = int(STEPS[path][1].startswith(GOOD))
        yield RolloutFact(ordinal, path, STEPS[path][1] + "\n", passed, 1, True, float(passed), {}, {})


def lines(folder: Path) -> list[dict[str, object]]:
    """The rows of an exported folder."""
    return [json.loads(line) for line in (folder / "data.jsonl").read_text(encoding="utf-8").split("\n") if line]
