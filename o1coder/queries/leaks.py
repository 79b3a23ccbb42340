"""Questions about leaks: which problems of one split another split, or a worked example of a prompt, holds too.

problems/leaks.py says what a leak is. What is imported is compared as it comes; this looks again, at what rows come from.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy.engine import Connection

from o1coder.problems.leaks import with_prompts
from o1coder.problems.record import NewProblem, NewProgram
from o1coder.queries import problems

MOST_COMPARED = 2_000  # problems of other splits: about 1 ms each


class Leak(NamedTuple):
    """A problem that another split, or a prompt, holds too, and why that is said."""

    problem: int
    reason: str


class Leaks(NamedTuple):
    """How many problems were compared with how many of other splits; `checked` is 0 where that was not done."""

    checked: int
    against: int
    found: list[Leak]


def leaks(connection: Connection, ids: Iterable[int], *, every: bool = False) -> Leaks:
    """Compare these problems with all of other splits and with the prompts. With more than MOST_COMPARED of them it is not
    done, unless `every`."""
    mine = connection.exec_driver_sql(
        "SELECT p.id, p.source, p.source_key, p.split, p.family, p.kind, p.title, p.statement FROM json_each(?) j "
        "JOIN problem p ON p.id = j.value",
        (json.dumps(list(ids)),),
    ).all()
    splits = {row[3] for row in mine}
    own = splits.pop() if len(splits) == 1 else ""
    others = connection.exec_driver_sql(
        "SELECT id, source, source_key, split, family, statement FROM problem WHERE split <> ? AND source <> 'solve'"
        + ("" if every else f" LIMIT {MOST_COMPARED + 1}"),
        (own,),
    ).all()
    if not mine or (len(others) > MOST_COMPARED and not every):
        return Leaks(0, 0, [])
    index = with_prompts()
    for problem_id, source, key, split, family, statement in others:
        index.add(f"{source}/{key}", split, family, statement, _reference(connection, problem_id))
    found = []
    for problem_id, source, key, split, family, kind, title, statement in mine:
        programs = tuple(NewProgram(code, "correct", "reference") for code in _reference(connection, problem_id))
        why = index.reason(NewProblem(source, key, split, family, kind, title, statement, (), programs))
        if why is not None:
            found.append(Leak(problem_id, why))
    return Leaks(len(mine), len(others), found)


def _reference(connection: Connection, problem_id: int) -> tuple[str, ...]:
    found = problems.reference(connection, problem_id)
    return () if found is None else (found.code,)
