"""The language in which problems are asked for, and the ids that answer: one for the command line, the screen and exports.

`difficulty:hard pass<0.3 tests>5 trees>0 split:train source:mbpp words "exact phrase" -word !field:value sort:-pass`.
Each field is declared once; a count is one aggregate over its table, never a question per problem. Rows are problems.py's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, get_args

from sqlalchemy.engine import Connection

from o1coder.errors import LabError
from o1coder.problems.purposes import Split
from o1coder.queries.ids import ids_of
from o1coder.queries.pass_rates import pass_rates_sql
from o1coder.queries.words import Term, among, equals, match_expression, number_of, terms, unknown
from o1coder.task import Kind

FIELDS = {
    "split": "p.split",
    "difficulty": "p.difficulty",
    "kind": "p.kind",
    "source": "p.source",
    "family": "p.family",
    "slice": "p.slice",
    "key": "p.source_key",
}
_FOUND = "p.id IN (SELECT rowid FROM problem_fts WHERE problem_fts MATCH ?)"
_KNOWN = {"split": get_args(Split), "kind": get_args(Kind)}
# What is counted of a problem: SQL of (problem_id, value), one row a problem that has any.
_STANDING = (
    "SELECT w.test_case_id FROM test_withdrawal w WHERE w.retracts IS NULL "
    "AND NOT EXISTS (SELECT 1 FROM test_withdrawal b WHERE b.retracts = w.id)"
)
_COUNTS = {
    "tests": f"SELECT t.problem_id, COUNT(*) AS value FROM test_case t WHERE t.id NOT IN ({_STANDING}) GROUP BY t.problem_id",
    "withdrawn": f"SELECT t.problem_id, COUNT(*) AS value FROM test_case t WHERE t.id IN ({_STANDING}) GROUP BY t.problem_id",
    "programs": "SELECT g.problem_id, COUNT(*) AS value FROM program g GROUP BY g.problem_id",
    "trees": "SELECT x.problem_id, COUNT(*) AS value FROM tree x WHERE x.kind IN ('search', 'group', 'draws') "
    "GROUP BY x.problem_id",
}
_COUNTED = (*_COUNTS, "judged", "pass")
NUMBERS = ("id", *_COUNTED)
SORTS = ("id", "title", "key", "source", "split", "difficulty", *_COUNTED)
ALLOWED = (*FIELDS, *NUMBERS, "sort")
_TABLES = {"tests": "test_case test_withdrawal", "withdrawn": "test_case test_withdrawal", "programs": "program"}
_TABLES |= {"trees": "tree", "judged": "rollout rescore attempt", "pass": "rollout rescore attempt"}


class Filter(NamedTuple):
    """A filter that was understood."""

    terms: tuple[Term, ...]
    sort: str
    down: bool

    @property
    def words(self) -> tuple[Term, ...]:
        """What is looked for in titles and statements."""
        return tuple(term for term in self.terms if not term.field)

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables whose new rows may change what matches, or its order."""
        asked = {term.field for term in self.terms} | {self.sort}
        return tuple(dict.fromkeys(["problem", *" ".join(_TABLES.get(name, "") for name in sorted(asked)).split()]))


def parse(text: str, *, typing: bool = False) -> Filter:
    """Read a filter. LabError names the word that is not understood and what it could be."""
    found: list[Term] = []
    sort, down = "id", False
    for term in terms(text, typing=typing):
        if term.field == "sort":
            sort, down = term.value.lstrip("-"), term.value.startswith("-") != term.negated
            if sort not in SORTS:
                raise LabError(
                    f"problems are not sorted by {sort!r}", f"sort: {', '.join(SORTS)}; sort:-pass is downwards"
                )
            continue
        if term.field in NUMBERS:
            number_of(term, "tests>5 or pass<0.3")
        elif term.field in FIELDS and term.op in (":", "=", "!="):
            if term.field in _KNOWN and not (typing and not term.quoted):
                among("problem", term, _KNOWN[term.field])
        elif term.field in FIELDS:
            raise LabError(f"{term.field} is no number", f"write {term.field}:value")
        elif term.field and term.op == ":" and not term.value:
            term = term._replace(field="", op="", value=term.raw)  # a colon in prose
        elif term.field:
            raise unknown("problems", term, ALLOWED)
        found.append(term)
    return Filter(tuple(found), sort, down)


def _aggregate(connection: Connection, name: str) -> str:
    """SQL of (problem_id, value) for a number."""
    if name in _COUNTS:
        return _COUNTS[name]
    column = {"pass": "value", "judged": "judged"}[name]
    return f"SELECT problem_id, {column} AS value FROM ({pass_rates_sql(connection)})"


_HOLDS = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


def _number(connection: Connection, term: Term) -> tuple[str, list[Any]]:
    op, value = ("=" if term.op == ":" else term.op), float(term.value)
    if term.field == "id":
        return (f"NOT p.id {op} ?" if term.negated else f"p.id {op} ?"), [value]
    counted = _aggregate(connection, term.field)
    # A problem without any is counted as 0 (it has no pass rate), and has no row in the aggregate.
    absent = term.field != "pass" and _HOLDS[op](0.0, value)
    condition = f"NOT (value {op} ?)" if absent else f"value {op} ?"
    outside = absent != term.negated
    return f"p.id {'NOT IN' if outside else 'IN'} (SELECT problem_id FROM ({counted}) WHERE {condition})", [value]


def condition(connection: Connection, asked: Filter) -> tuple[str, list[Any]]:
    """SQL and values of what a filter asks of a problem `p`."""
    parts: list[str] = []
    values: list[Any] = []
    for term in asked.terms:
        if not term.field:
            continue
        if term.field in NUMBERS:
            sql, given = _number(connection, term)
        else:
            flipped = term._replace(negated=term.negated != (term.op == "!="))
            sql, found = equals(FIELDS[term.field], flipped)
            given = list(found)
        parts.append(sql)
        values += given
    wanted = match_expression(asked.words)
    if wanted:
        parts.append(_FOUND)
        values.append(wanted)
    else:
        for term in asked.words:  # only words that are not wanted
            if unwanted := match_expression([term._replace(negated=False)]):
                parts.append("p.id NOT IN (SELECT rowid FROM problem_fts WHERE problem_fts MATCH ?)")
                values.append(unwanted)
    return " AND ".join(parts) or "1", values


def matching(connection: Connection, asked: Filter) -> Sequence[int]:
    """The ids of all problems that match, in order: what a table pages over. All of them in id order are a range."""
    if not asked.terms and asked.sort == "id":
        first, last, number = connection.exec_driver_sql(
            "SELECT (SELECT min(id) FROM problem), (SELECT max(id) FROM problem), (SELECT count(*) FROM problem)"
        ).one()
        if number and last - first + 1 == number:
            return range(last, first - 1, -1) if asked.down else range(first, last + 1)
    return ids_of(connection, *statement(connection, asked))


def statement(connection: Connection, asked: Filter) -> tuple[str, tuple[Any, ...]]:
    """SQL and values of the ids that match, in order."""
    where, values = condition(connection, asked)
    way = "DESC" if asked.down else ""
    if asked.sort in _COUNTED:
        value = "a.value" if asked.sort == "pass" else "coalesce(a.value, 0)"  # without a pass rate: last, both ways
        sql = (
            f"SELECT p.id FROM problem p LEFT JOIN ({_aggregate(connection, asked.sort)}) a ON a.problem_id = p.id "
            f"WHERE {where} ORDER BY {value} IS NULL, {value} {way}, p.id"
        )
    elif asked.sort != "id":
        column = FIELDS.get(asked.sort, "p.title")
        sql = f"SELECT p.id FROM problem p WHERE {where} ORDER BY {column} IS NULL, {column} {way}, p.id"
    elif where == _FOUND:
        sql = f"SELECT rowid FROM problem_fts WHERE problem_fts MATCH ? ORDER BY rowid {way}"
    else:
        # The plus: rather sort what a narrow index gives than read every statement to have it in order.
        key = "+p.id" if any(term.field in FIELDS for term in asked.terms) else "p.id"
        sql = f"SELECT p.id FROM problem p WHERE {where} ORDER BY {key} {way}"
    return sql, tuple(values)


def total(connection: Connection) -> int:
    """How many problems the lab holds."""
    return int(connection.exec_driver_sql("SELECT count(*) FROM problem").scalar() or 0)


def marks(connection: Connection, asked: Filter) -> tuple[int, ...]:
    """Numbers that change whenever other problems may match, or in another order: whether to ask again."""
    return tuple(
        int(connection.exec_driver_sql(f"SELECT coalesce(max(id), 0) FROM {table}").scalar() or 0)
        for table in asked.tables
    )
