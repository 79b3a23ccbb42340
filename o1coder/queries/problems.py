"""Questions about problems: list with key-set paging, one problem with its tests and programs, what a stage works on.

The filter language is problem_filter.py's, pass rates are pass_rates.py's, what a screen's tabs show of one problem is
problem_parts.py's.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from sqlalchemy.engine import Connection

from o1coder.errors import LabError
from o1coder.queries import problem_filter
from o1coder.queries.pass_rates import pass_rates
from o1coder.rownames import names_row
from o1coder.withdrawn import withdrawn

_TESTS = f"(SELECT COUNT(*) FROM test_case t WHERE t.problem_id = p.id AND NOT {withdrawn('t.id')})"
_PROGRAMS = "(SELECT COUNT(*) FROM program g WHERE g.problem_id = p.id)"
_TREES = "(SELECT COUNT(*) FROM tree x WHERE x.problem_id = p.id AND x.kind IN ('search', 'group', 'draws'))"
_ROW = (
    "SELECT p.id, p.source, p.source_key, p.split, p.difficulty, p.title, p.kind, "
    f"{_TESTS}, {_PROGRAMS}, {_TREES} FROM problem p WHERE p.id IN "
)


class ProblemRow(NamedTuple):
    """One line of the list. `pass_rate` is over all `judged` rollouts of the problem, by the newest re-score where there is
    one; null where there are none."""

    id: int
    source: str
    key: str
    split: str
    difficulty: str | None
    title: str
    kind: str
    tests: int
    programs: int
    trees: int
    pass_rate: float | None
    judged: int


class CaseRow(NamedTuple):
    """A test case with its origin, the purposes of the sets it is in, and whether it was withdrawn."""

    id: int
    digest: str
    input: str
    expected: str
    origin: str
    purposes: str | None
    withdrawn: bool


class ProgramRow(NamedTuple):
    """A program with where it came from, what is claimed of it, and how many of its stored verdicts are AC. `layers`: the
    isolation levels that they were got at, "L3 L4"; empty without any."""

    id: int
    digest: str
    code: str
    origins: str
    claim: str | None
    accepted: int
    judged: int
    layers: str


class ProblemDetail(NamedTuple):
    """Everything a screen shows of one problem."""

    row: ProblemRow
    statement: str
    family: str
    slice: str | None
    entry_point: str | None
    signature: str | None
    comparator: str
    cpu_s: float
    memory_mb: int
    digest: str


def ids(connection: Connection, query: str = "") -> list[int]:
    """The ids of all matching problems, in the order that the filter asks for (by id unless it says)."""
    return list(problem_filter.matching(connection, problem_filter.parse(query)))


def rows(connection: Connection, wanted: list[int]) -> list[ProblemRow]:
    """The rows of these ids, in this order; an unknown id is left out."""
    if not wanted:
        return []
    rates = pass_rates(connection, wanted)
    found: dict[int, ProblemRow] = {}
    for row in connection.exec_driver_sql(f"{_ROW} ({','.join('?' * len(wanted))})", tuple(wanted)):
        told = rates.get(row[0])
        passing = (None, 0) if told is None else (told.rate, told.judged)
        found[row[0]] = ProblemRow._make((*row, *passing))
    return [found[i] for i in wanted if i in found]


def statements(connection: Connection, wanted: Sequence[int]) -> dict[int, str]:
    """The statements of these ids."""
    found = connection.exec_driver_sql(
        f"SELECT id, statement FROM problem WHERE id IN ({','.join('?' * len(wanted))})", tuple(wanted)
    )
    return {int(row[0]): str(row[1]) for row in found}


def page(
    connection: Connection, *, query: str = "", split: str | None = None, after: int = 0, limit: int = 100
) -> list[ProblemRow]:
    """`limit` problems with ids above `after`; with `sort:`, those that stand behind the problem `after`."""
    asked = problem_filter.parse(query)
    if asked.sort != "id" or asked.down:
        narrowed = asked if split is None else problem_filter.parse(f"{query} split:{split}")
        order = iter(problem_filter.matching(connection, narrowed))
        if after:
            for one in order:
                if one == after:
                    break
        return rows(connection, list(islice(order, limit)))
    condition, values = problem_filter.condition(connection, asked)
    if split is not None:
        condition += " AND p.split = ?"
        values.append(split)
    sql = f"SELECT p.id FROM problem p WHERE p.id > ? AND {condition} ORDER BY p.id LIMIT ?"
    return rows(connection, [row[0] for row in connection.exec_driver_sql(sql, (after, *values, limit))])


def show(connection: Connection, problem_id: int) -> ProblemDetail:
    """One problem. LabError when there is none."""
    row = rows(connection, [problem_id])
    if not row:
        raise LabError(f"there is no problem {problem_id}", "`o1coder problems list` shows them")
    more = connection.exec_driver_sql(
        "SELECT statement, family, slice, entry_point, signature, comparator, cpu_s, memory_mb, digest FROM problem "
        "WHERE id = ?",
        (problem_id,),
    ).one()
    return ProblemDetail(row[0], *more)


def find(connection: Connection, name: str) -> int:
    """A problem's id from an id, a source key, or `source/key`. LabError when there is none, or several."""
    if names_row(name):
        return show(connection, int(name)).row.id
    found = connection.exec_driver_sql(
        "SELECT id FROM problem WHERE source_key = ?1 OR source || '/' || source_key = ?1 LIMIT 2", (name,)
    ).all()
    if not found:
        raise LabError(f"there is no problem {name!r}", "`o1coder problems list` shows them")
    if len(found) > 1:
        raise LabError(f"several problems have the key {name!r}", "name one as SOURCE/KEY or by its id")
    return int(found[0][0])


def cases(connection: Connection, problem_id: int) -> list[CaseRow]:
    """All test cases of a problem."""
    rows = connection.exec_driver_sql(
        "SELECT t.id, t.digest, t.input, t.expected, t.origin, "
        "(SELECT GROUP_CONCAT(DISTINCT s.purpose) FROM test_set_item i JOIN test_set s ON s.id = i.test_set_id "
        " WHERE i.test_case_id = t.id), "
        f"{withdrawn('t.id')} FROM test_case t WHERE t.problem_id = ? ORDER BY t.id",
        (problem_id,),
    )
    return [CaseRow._make((*row[:6], bool(row[6]))) for row in rows]


def programs(connection: Connection, problem_id: int, limit: int = 500) -> list[ProgramRow]:
    """The programs of a problem, references first."""
    rows = connection.exec_driver_sql(
        "SELECT g.id, g.digest, g.code, (SELECT GROUP_CONCAT(DISTINCT o.origin) FROM program_origin o "
        "WHERE o.program_id = g.id), (SELECT MAX(o.claim) FROM program_origin o WHERE o.program_id = g.id), "
        "(SELECT COUNT(*) FROM verdict v WHERE v.program_id = g.id AND v.code = 'AC'), "
        "(SELECT COUNT(*) FROM verdict v WHERE v.program_id = g.id), "
        "(SELECT GROUP_CONCAT(layer, ' ') FROM (SELECT DISTINCT v.layer FROM verdict v WHERE v.program_id = g.id "
        " ORDER BY v.layer)) "
        "FROM program g WHERE g.problem_id = ? ORDER BY (SELECT MIN(o.origin <> 'reference') FROM program_origin o "
        "WHERE o.program_id = g.id), g.id LIMIT ?",
        (problem_id, limit),
    )
    return [ProgramRow(row[0], row[1], row[2], row[3] or "", row[4], row[5], row[6], row[7] or "") for row in rows]


def test_set(connection: Connection, problem_id: int) -> int | None:
    """The frozen test set that steers and judges work on a problem: `reward` for train problems, else `held-out`."""
    row = connection.exec_driver_sql(
        "SELECT s.id FROM test_set s JOIN problem p ON p.id = s.problem_id WHERE p.id = ? AND s.purpose = "
        "CASE p.split WHEN 'train' THEN 'reward' ELSE 'held-out' END ORDER BY s.id DESC LIMIT 1",
        (problem_id,),
    ).first()
    return None if row is None else int(row[0])


def unseen_set(connection: Connection, problem_id: int) -> int | None:
    """The frozen test set that an evaluation judges with, which no search, reward or filter saw: `audit` for train
    problems, else `held-out`."""
    row = connection.exec_driver_sql(
        "SELECT s.id FROM test_set s JOIN problem p ON p.id = s.problem_id WHERE p.id = ? AND s.purpose = "
        "CASE p.split WHEN 'train' THEN 'audit' ELSE 'held-out' END ORDER BY s.id DESC LIMIT 1",
        (problem_id,),
    ).first()
    return None if row is None else int(row[0])


class Reference(NamedTuple):
    """A problem's reference program."""

    id: int
    code: str


def reference(connection: Connection, problem_id: int) -> Reference | None:
    """A problem's reference program, or None."""
    row = connection.exec_driver_sql(
        "SELECT g.id, g.code FROM program g JOIN program_origin o ON o.program_id = g.id WHERE g.problem_id = ? "
        "AND o.origin = 'reference' ORDER BY g.id LIMIT 1",
        (problem_id,),
    ).first()
    return None if row is None else Reference(*row)


def require_split(connection: Connection, problem_id: int, split: str | None) -> None:
    """LabError when there is no such problem, or it is of another split (None: any will do)."""
    own = show(connection, problem_id).row.split
    if split not in (None, own):
        raise LabError(
            f"problem {problem_id} is of split {own}, not {split}",
            f"leave it away, or mean that split: --split {own}",
        )


def select(
    connection: Connection, *, split: str | None, slice: str | None, limit: int | None, ids: tuple[int, ...] = ()
) -> list[int]:
    """Problem ids for a stage: by split and slice, or exactly `ids`. LabError when nothing matches, or one of
    `ids` is of another split."""
    if ids:
        for one in ids:
            require_split(connection, one, split)
        return list(ids)
    parts, values = ["source <> 'solve'"], []  # a statement typed in has no tests and belongs to no split's measure
    for column, value in (("split", split), ("slice", slice)):
        if value is not None:
            parts.append(f"{column} = ?")
            values.append(value)
    found = [
        row[0]
        for row in connection.exec_driver_sql(
            f"SELECT id FROM problem WHERE {' AND '.join(parts)} ORDER BY id LIMIT {int(limit or -1)}", tuple(values)
        )
    ]
    if not found:
        asked = ", ".join(f"{n} {v}" for n, v in (("split", split), ("slice", slice)) if v is not None)
        raise LabError(
            f"no problems ({asked or 'the lab has none'})", "`o1coder import starter` brings the starter problems"
        )
    return found
