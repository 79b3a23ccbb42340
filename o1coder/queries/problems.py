"""Questions about problems: list with key-set paging, one problem with its tests and programs, pass rates.

Filter language (one expression for CLI and TUI): bare words search title and statement through FTS5; `field:value` words
ask split, difficulty, kind, source, family, slice, key; `tests>5`, `trees>0`, `pass<0.3` compare.
"""

from __future__ import annotations

import re
import shlex
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from o1coder.errors import LabError
from o1coder.problems.withdrawals import withdrawn
from o1coder.queries.trees import NOT_REPEATED
from o1coder.rows import names_row

_FIELDS = {
    "split": "p.split",
    "difficulty": "p.difficulty",
    "kind": "p.kind",
    "source": "p.source",
    "family": "p.family",
    "slice": "p.slice",
    "key": "p.source_key",
}
_TESTS = f"(SELECT COUNT(*) FROM test_case t WHERE t.problem_id = p.id AND NOT {withdrawn('t.id')})"
_PROGRAMS = "(SELECT COUNT(*) FROM program g WHERE g.problem_id = p.id)"
_TREES = "(SELECT COUNT(*) FROM tree x WHERE x.problem_id = p.id AND x.kind IN ('search', 'group', 'draws'))"
_PASS = (
    "(SELECT AVG(r.passed = r.total AND r.total > 0) FROM tree x JOIN rollout r ON r.tree_id = x.id "
    "JOIN test_set ts ON ts.id = x.test_set_id AND ts.purpose <> 'verify' "
    f"WHERE x.problem_id = p.id AND r.reward IS NOT NULL AND {NOT_REPEATED})"
)
_NUMBERS = {"tests": _TESTS, "programs": _PROGRAMS, "trees": _TREES, "pass": _PASS}
_COMPARE = re.compile(r"^(tests|programs|trees|pass)(<=|>=|<|>|=)(-?(?:\d+\.?\d*|\.\d+))$", re.ASCII)


class ProblemRow(NamedTuple):
    """One line of the list. `pass_rate` is over all judged rollouts of the problem; null where there are none."""

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


def where(text: str) -> tuple[str, list[Any]]:
    """SQL and values for a filter text. LabError names the word that is not understood."""
    parts: list[str] = []
    values: list[Any] = []
    words: list[str] = []
    try:
        tokens = shlex.split(text)
    except ValueError as error:
        raise LabError(f"the filter cannot be read: {error}", "close the quotation mark") from error
    for token in tokens:
        compare = _COMPARE.match(token)
        name, colon, value = token.partition(":")
        if compare:
            parts.append(f"{_NUMBERS[compare[1]]} {compare[2]} ?")
            values.append(float(compare[3]))
        elif re.match(r"(tests|programs|trees|pass)[<>=]", token):
            raise LabError(f"{token!r} compares with no number", "write tests>5 or pass<0.3")
        elif colon and name in _FIELDS:
            parts.append(f"{_FIELDS[name]} = ?")
            values.append(value)
        elif colon and value and re.fullmatch(r"[a-z_]+", name):
            raise LabError(f"problems have no field {name!r}", f"fields: {', '.join([*_FIELDS, *_NUMBERS])}")
        else:
            words.append('"' + token.replace('"', '""') + '"*')
    if words:
        parts.append("p.id IN (SELECT rowid FROM problem_fts WHERE problem_fts MATCH ?)")
        values.append(" ".join(words))
    return " AND ".join(parts) or "1", values


def _select(condition: str, *, tail: str = "") -> str:
    return (
        "SELECT p.id, p.source, p.source_key, p.split, p.difficulty, p.title, p.kind, "
        f"{_TESTS}, {_PROGRAMS}, {_TREES}, {_PASS} FROM problem p WHERE {condition} {tail}"
    )


def ids(connection: Connection, query: str = "") -> list[int]:
    """The ids of all matching problems, in id order: what a virtual table pages over."""
    condition, values = where(query)
    return [
        row[0]
        for row in connection.exec_driver_sql(
            f"SELECT p.id FROM problem p WHERE {condition} ORDER BY p.id", tuple(values)
        )
    ]


def rows(connection: Connection, wanted: list[int]) -> list[ProblemRow]:
    """The rows of these ids, in this order; an unknown id is left out."""
    if not wanted:
        return []
    found = {
        row[0]: ProblemRow(*row)
        for row in connection.exec_driver_sql(_select(f"p.id IN ({','.join('?' * len(wanted))})"), tuple(wanted))
    }
    return [found[i] for i in wanted if i in found]


def page(
    connection: Connection, *, query: str = "", split: str | None = None, after: int = 0, limit: int = 100
) -> list[ProblemRow]:
    """`limit` problems with ids above `after`."""
    condition, values = where(query)
    if split is not None:
        condition += " AND p.split = ?"
        values.append(split)
    sql = _select(f"p.id > ? AND {condition}", tail="ORDER BY p.id LIMIT ?")
    return [ProblemRow(*row) for row in connection.exec_driver_sql(sql, (after, *values, limit))]


def show(connection: Connection, problem_id: int) -> ProblemDetail:
    """One problem. LabError when there is none."""
    row = connection.exec_driver_sql(_select("p.id = ?"), (problem_id,)).first()
    if row is None:
        raise LabError(f"there is no problem {problem_id}", "`o1coder problems list` shows them")
    more = connection.exec_driver_sql(
        "SELECT statement, family, slice, entry_point, signature, comparator, cpu_s, memory_mb, digest FROM problem "
        "WHERE id = ?",
        (problem_id,),
    ).one()
    return ProblemDetail(ProblemRow(*row), *more)


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
