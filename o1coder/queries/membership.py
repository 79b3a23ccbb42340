"""What the rows of a dataset, frozen or only wanted, rest on: counted by split, source, problem, step and label source."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

TOP = 10  # problems that are named


class Member(NamedTuple):
    """The one fact that a row came from, and the labels that it rests on."""

    step_id: int | None
    rollout_id: int | None
    program_id: int | None
    problem_id: int | None
    label_ids: tuple[int, ...] = ()


class Share(NamedTuple):
    """A problem and how many rows come from it."""

    problem: int
    title: str
    rows: int


class Spread(NamedTuple):
    """Rows by what they rest on. `ends_with`: the action of the step, rollout or program a row came from. `label_sources`:
    by who said its labels (search, human, import, joined by +; none). `people`: labels by author. `largest`: the problems
    with most rows."""

    problems: int
    split: dict[str, int]
    source: dict[str, int]
    difficulty: dict[str, int]
    ends_with: dict[str, int]
    label_sources: dict[str, int]
    people: dict[str, int]
    largest: list[Share]


_FACTS: dict[str, str] = {
    "step_id": "SELECT s.id, x.problem_id, s.action FROM json_each(?) j JOIN step s ON s.id = j.value "
    "JOIN tree x ON x.id = s.tree_id",
    "rollout_id": "SELECT r.id, x.problem_id, 'rollout' FROM json_each(?) j JOIN rollout r ON r.id = j.value "
    "JOIN tree x ON x.id = r.tree_id",
    "program_id": "SELECT g.id, g.problem_id, 'program' FROM json_each(?) j JOIN program g ON g.id = j.value",
    "problem_id": "SELECT p.id, p.id, 'problem' FROM json_each(?) j JOIN problem p ON p.id = j.value",
}


def problems_of(connection: Connection, members: Sequence[Member]) -> tuple[Counter[int], Counter[str]]:
    """How many rows come from each problem, and end with each action; one statement a kind of fact."""
    of_problem: Counter[int] = Counter()
    ends: Counter[str] = Counter()
    for field, select in _FACTS.items():
        counted = Counter(found for member in members if (found := getattr(member, field)) is not None)
        for fact, problem, action in _asked(connection, select, list(counted)):
            of_problem[problem] += counted[fact]
            ends[action] += counted[fact]
    return of_problem, ends


def spread(connection: Connection, members: Sequence[Member]) -> Spread:
    """Count the rows by what they rest on."""
    of_problem, ends = problems_of(connection, members)
    about = {
        row[0]: row
        for row in _asked(
            connection,
            "SELECT p.id, p.title, p.split, p.source, p.difficulty FROM json_each(?) j JOIN problem p ON p.id = j.value",
            list(of_problem),
        )
    }
    said = {
        row[0]: row
        for row in _asked(
            connection,
            "SELECT l.id, l.source, l.author FROM json_each(?) j JOIN label l ON l.id = j.value",
            list({label for member in members for label in member.label_ids}),
        )
    }
    voices = Counter("+".join(sorted({said[label][1] for label in m.label_ids})) or "none" for m in members)

    def by(column: Callable[[Any], str | None]) -> dict[str, int]:
        found: Counter[str] = Counter()
        for problem, rows in of_problem.items():
            found[column(about[problem]) or "none"] += rows
        return dict(found.most_common())

    return Spread(
        len(of_problem),
        by(lambda row: row[2]),
        by(lambda row: row[3]),
        by(lambda row: row[4]),
        dict(ends.most_common()),
        dict(voices.most_common()),
        dict(Counter(row[2] for row in said.values() if row[2] is not None).most_common()),
        [Share(problem, about[problem][1], rows) for problem, rows in of_problem.most_common(TOP)],
    )


def _asked(connection: Connection, select: str, ids: Sequence[int]) -> list[Any]:
    return list(connection.exec_driver_sql(select, (json.dumps(ids),)).all()) if ids else []
