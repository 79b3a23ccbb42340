"""Test cases as a generator's training rows and as what it returned: true triples, shuffled ones, parsed and checked cases.

It trains nothing and samples nothing; the stages do.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from sqlalchemy.engine import Connection

from o1coder.growing import seed_of
from o1coder.queries import problems
from o1coder.task import Case, Task
from o1coder.trees import cases_of
from o1coder.verdicts import asked


@dataclass(frozen=True)
class TrueCases:
    """A few cases of one problem with its reference program."""

    problem_id: int
    task: Task
    program_id: int
    code: str
    cases: tuple[tuple[str, str], ...]


def true_cases(
    connection: Connection, *, split: str, slice: str | None, size: int, per_problem: int, seed: int
) -> list[TrueCases]:
    """Distinct choices of `size` cases from each problem's tests, at most `per_problem` a problem, in a seeded order."""
    out = []
    for problem_id in problems.select(connection, split=split, slice=slice, limit=None):
        reference = problems.reference(connection, problem_id)
        test_set = problems.test_set(connection, problem_id)
        if reference is None or test_set is None:
            continue
        task = asked(connection, problem_id).task
        cases = [(case.input, case.expected) for _, case in cases_of(connection, test_set)]
        if task.kind == "assert" or len(cases) < size:
            continue
        draw = random.Random(seed_of(seed, "cases", problems.show(connection, problem_id).digest))
        seen: set[tuple[tuple[str, str], ...]] = set()
        for _ in range(per_problem * 4):
            choice = tuple(draw.sample(cases, size))
            if choice not in seen and len(seen) < per_problem:
                seen.add(choice)
                out.append(TrueCases(problem_id, task, reference.id, reference.code, choice))
    order = random.Random(seed_of(seed, "order"))
    order.shuffle(out)
    return out


def shuffled(item: TrueCases, seed: int) -> TrueCases | None:
    """The same inputs with outputs moved so that at least one is wrong; None when no order of the outputs differs."""
    inputs, outputs = [i for i, _ in item.cases], [o for _, o in item.cases]
    if len(set(outputs)) == 1:
        return None
    draw = random.Random(seed_of(seed, "shuffle", *inputs))
    moved = outputs[:]
    while moved == outputs:
        draw.shuffle(moved)
    return replace(item, cases=tuple(zip(inputs, moved, strict=True)))


def prompt(name: str, item: TrueCases) -> str:
    """A training row's prompt in the form of that prompt file."""
    from o1coder.text import case_prompt, load_prompt

    form = load_prompt(name)
    code = item.code if form.form == "cases-with-code" else None
    return case_prompt(form, item.task, code, len(item.cases), opening=False)


def target(item: TrueCases) -> str:
    """What the generator should answer."""
    from o1coder.text import case_completion

    return case_completion(item.task, item.cases)


class Parsed(NamedTuple):
    """The cases of one completion, and how many of those asked for could not be read."""

    cases: tuple[tuple[str, str], ...]
    missing: int


def parsed(text: str, task: Task, wanted: int) -> Parsed:
    """The first `wanted` cases that a completion holds."""
    from o1coder.text import parse_cases

    found = parse_cases(text, task)[:wanted]
    return Parsed(tuple(found), wanted - len(found))


def as_cases(found: Sequence[tuple[str, str]]) -> list[Case]:
    """Cases with their digests."""
    from o1coder.problems.store import case_digest

    return [Case(case_digest(given, expected), given, expected) for given, expected in found]
