"""Which trees a list shows, in which order: a filter, answered by ids.

A filter is words (in the problem's title or key) and fields: `problem:ID job:ID run:NAME round:N kind:search preset:lab
ended:growing|REASON stuck:yes human:yes`, comparisons of `steps rollouts solved` (the share) and `id`, `-not`, and
`sort:steps` (`sort:-id` upwards: the largest comes first elsewhere).
"""

from __future__ import annotations

from array import array
from typing import Any

from sqlalchemy.engine import Connection

from o1coder.errors import LabError
from o1coder.queries import pulses
from o1coder.queries.stepfind import containing
from o1coder.queries.words import Term, among, equals, number_of, terms, unknown

_WORDS = {
    "problem": "CAST(x.problem_id AS TEXT)",
    "job": "CAST(x.job_id AS TEXT)",
    "round": "CAST(j.round AS TEXT)",
    "kind": "x.kind",
    "preset": "x.preset",
    "run": "(SELECT name FROM run u WHERE u.id = j.run_id)",
    "ended": "coalesce((SELECT e.reason FROM tree_end e WHERE e.tree_id = x.id), 'growing')",
}
_NUMBERS = {
    "id": "x.id",
    "steps": "(SELECT COUNT(*) - 1 FROM step s WHERE s.tree_id = x.id)",
    "rollouts": "(SELECT COUNT(*) FROM rollout r WHERE r.tree_id = x.id)",
    "solved": "(SELECT avg(r.passed = r.total AND r.total > 0) FROM rollout r WHERE r.tree_id = x.id)",
}
_HUMAN = (
    "EXISTS (SELECT 1 FROM label l JOIN step s ON s.id = l.step_id WHERE l.source = 'human' AND l.retracts IS NULL "
    "AND s.tree_id = x.id AND NOT EXISTS (SELECT 1 FROM label b WHERE b.retracts = l.id))"
)
SORTS = {**_NUMBERS, "problem": "-x.problem_id"}
FIELDS = (*_WORDS, "stuck", "human", *_NUMBERS, "sort")


def ids(connection: Connection, query: str = "") -> array[int]:
    """The ids of the trees with steps to look at that match, in order. LabError names what is not understood."""
    parts, values, order = ["x.kind <> 'cases'"], list[Any](), "x.id DESC"
    stuck: bool | None = None
    for term in terms(query):
        if term.field == "sort":
            order = _order(term)
        elif term.field == "stuck":
            stuck = said(term) != term.negated
        elif term.field == "human":
            parts.append(_HUMAN if said(term) != term.negated else f"NOT {_HUMAN}")
        elif term.field in _WORDS and term.op == ":":
            sql, given = equals(_WORDS[term.field], term)
            parts.append(sql)
            values += given
        elif term.field in _NUMBERS:
            sign = "=" if term.op == ":" else term.op
            parts.append(f"{'NOT ' if term.negated else ''}coalesce({_NUMBERS[term.field]} {sign} ?, 0)")
            values.append(number_of(term, f"{term.field}>5"))
        elif term.field:
            raise unknown("trees", term, FIELDS)
        else:
            parts.append(
                f"{'NOT ' if term.negated else ''}({' OR '.join(map(containing, ('p.title', 'p.source_key')))})"
            )
            values += [term.value] * 2
    rows = connection.exec_driver_sql(
        "SELECT x.id FROM tree x JOIN problem p ON p.id = x.problem_id JOIN job j ON j.id = x.job_id "
        f"WHERE {' AND '.join(parts)} ORDER BY {order}",
        tuple(values),
    )
    found = array("q", (row[0] for row in rows))
    return found if stuck is None else _stuck(connection, found, stuck)


def said(term: Term) -> bool:
    """What a field that is yes or no says. LabError when it says neither."""
    if term.value not in ("yes", "no"):
        raise LabError(f"{term.raw!r} says neither yes nor no", f"write {term.field}:yes or {term.field}:no")
    return term.value == "yes"


def _order(term: Term) -> str:
    name, up = term.value.lstrip("-"), term.value.startswith("-") != term.negated
    among("order", term._replace(value=name), tuple(SORTS))
    return f"{SORTS[name]} {'ASC' if up else 'DESC'} NULLS LAST, x.id {'ASC' if up else 'DESC'}"


def _stuck(connection: Connection, found: array[int], wanted: bool) -> array[int]:
    """Those of which the pulses say so; only an open tree of a running job has any."""
    open_ = connection.exec_driver_sql(
        "SELECT p.tree_id FROM tree_pulse p WHERE NOT EXISTS (SELECT 1 FROM tree_end e WHERE e.tree_id = p.tree_id)"
    )
    told = pulses.of_trees(connection, [row[0] for row in open_])
    stuck = {tree_id for tree_id, pulse in told.items() if pulse.stuck}
    return array("q", (tree_id for tree_id in found if (tree_id in stuck) == wanted))
