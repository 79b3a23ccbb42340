"""A lab with three small problems a split, and a stage run in this process: `do(stage, **config)` returns its job's id."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from o1coder import stage
from o1coder.jobs import verbs
from o1coder.lab import Lab
from o1coder.problems.record import NewCase, NewProblem, NewProgram
from o1coder.problems.store import add_problem
from o1coder.rows import By

PROGRAMS = {
    "total_of": ("total_of(xs)", "the sum of the numbers in xs", "return sum(xs)", lambda xs: sum(xs)),
    "biggest_of": ("biggest_of(xs)", "the largest number in xs", "return max(xs)", lambda xs: max(xs)),
    "twice": ("twice(xs)", "the length of xs", "return len(xs)", lambda xs: len(xs)),
}
INPUTS = ([1, 2, 3], [4], [0, -1, 5], [7, 7], [2, 9, 4, 1], [-3, -8], [10, 1], [6, 5, 4], [8, 8, 8, 1], [3, -3])


class Note:
    """A Reporter that only remembers."""

    def __init__(self, job_id: int) -> None:
        self.job_id, self.attempt = job_id, 1
        self.metrics: dict[str, float] = {}
        self.said: list[str] = []
        self.end: str | None = None
        self.cancelled = False
        self.remaining_s: float | None = None
        self.last = (0, 0)

    def metric(self, iteration: int, **values: float) -> None:
        self.metrics |= values

    def progress(self, done: int, total: int) -> None:
        self.last = (done, total)

    def log(self, text: str) -> None:
        self.said.append(text)

    def stopped(self, reason: str) -> None:
        self.end = reason


def problem(name: str, split: str) -> NewProblem:
    signature, what, body, truth = PROGRAMS[name]
    entry = f"{name}_{split}"
    signature = signature.replace(name, entry)
    purposes = [("reward",) if n < 6 else ("audit",) for n in range(10)] if split == "train" else [("held-out",)] * 10
    return NewProblem(
        source="test",
        source_key=f"{split}-{name}",
        split=split,  # type: ignore[arg-type]
        family=f"{split}-{name}",
        slice="small",
        kind="call",
        title=name,
        statement=f"Write a Python function `{signature}` that returns {what}.",
        entry_point=entry,
        signature=signature,
        comparator="typed",
        cases=tuple(
            NewCase(f"[{xs}]", str(truth(xs)), purpose)  # type: ignore[arg-type]
            for xs, purpose in zip(INPUTS, purposes, strict=True)
        ),
        programs=(NewProgram(f"def {signature}:\n    {body}\n", "correct", "reference"),),
    )


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab.create(tmp_path / "lab")
    with lab.writing() as connection:
        for split in ("train", "validation", "test"):
            for name in PROGRAMS:
                add_problem(connection, problem(name, split), By(author="tester"))
    yield lab
    lab.close()


Do = Callable[..., Note]


@pytest.fixture
def do(lab: Lab) -> Do:
    """Enqueue a stage and run it here; `again=job_id` runs that job once more, as a retry would."""

    def run(name: str, again: int | None = None, **config: Any) -> Note:
        declared = stage.find(name)
        parsed = stage.parse(declared.config, config)
        note = Note(verbs.enqueue(lab, name, parsed) if again is None else again)
        declared.run(lab, parsed, note)
        return note

    return run


def count(lab: Lab, sql: str, *values: Any) -> Any:
    with lab.reading() as connection:
        return connection.exec_driver_sql(sql, values).scalar()
