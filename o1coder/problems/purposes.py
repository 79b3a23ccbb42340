"""Which purpose a dataset's tests serve: train problems have reward and audit tests, all others held-out ones.

A quarter of a train problem's tests, and at least one of four, audit: they check what reward tests let through and are
never a reward themselves. Which ones is a function of the tests alone, so that two imports agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

from o1coder.canonical import digest
from o1coder.problems.record import NewCase, NewProblem

Split = Literal["train", "validation", "test"]
ONE_IN = 4


def purposed(split: Split, tests: Iterable[tuple[str, str]]) -> tuple[NewCase, ...]:
    """(input, expected) pairs as cases with the purposes of their split, in their order; equal pairs count once."""
    pairs = list(dict.fromkeys(tests))
    if split != "train":
        return tuple(NewCase(given, expected, ("held-out",)) for given, expected in pairs)
    by_digest = sorted(range(len(pairs)), key=lambda n: digest(pairs[n]))
    audit = set(by_digest[: len(pairs) // ONE_IN])
    return tuple(
        NewCase(given, expected, ("audit",) if n in audit else ("reward",)) for n, (given, expected) in enumerate(pairs)
    )


def in_split(problem: NewProblem, split: Split | None) -> NewProblem:
    """`problem` in another split, its tests given the purposes of that one; public ones stay public."""
    if split is None or split == problem.split:
        return problem
    fresh = purposed(split, [(case.input, case.expected) for case in problem.cases])
    public = {(case.input, case.expected) for case in problem.cases if "public" in case.purposes}
    return replace(problem, split=split, cases=_with_public(fresh, public))


def _with_public(cases: Sequence[NewCase], public: set[tuple[str, str]]) -> tuple[NewCase, ...]:
    return tuple(
        replace(case, purposes=(*case.purposes, "public")) if (case.input, case.expected) in public else case
        for case in cases
    )
