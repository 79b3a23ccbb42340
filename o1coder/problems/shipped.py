"""The starter problems as new problems. Their wrong programs are for the tests of this project and stay behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from o1coder.problems.record import NewCase, NewProblem, NewProgram, Rejected
from o1coder.problems.starter import FOLDER, StarterProblem, starter_problems


def read(path: Path = FOLDER) -> Iterator[NewProblem | Rejected]:
    """Every starter problem of the folder, by key. LabError when a file is not as the format asks."""
    for problem in starter_problems(path):
        yield new_problem(problem)


def new_problem(problem: StarterProblem) -> NewProblem:
    """One starter problem with its reference program and its tests, purposes as they are."""
    return NewProblem(
        source="starter",
        source_key=problem.key,
        split=problem.split,
        family=problem.family,
        kind=problem.kind,
        title=problem.title,
        statement=problem.statement,
        cases=tuple(NewCase(test.input, test.expected, (test.purpose,)) for test in problem.tests),
        programs=(NewProgram(problem.reference, "correct", "reference"),),
        entry_point=problem.entry_point,
        signature=problem.signature,
        slice=problem.slice,
        difficulty=problem.difficulty,
        comparator=problem.comparator.name,
        comparator_args=dict(problem.comparator.args),
    )
