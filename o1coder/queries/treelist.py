"""Which trees a list shows, in which order: a query and a sort, answered by ids.

A query is words (in the problem's title or key) and fields: `problem:ID job:ID run:NAME round:N kind:search preset:lab
ended:growing|REASON stuck:yes human:yes`, and comparisons of `steps rollouts solved` (the share) and `id`.
"""

from __future__ import annotations

import re
import shlex
from array import array
from typing import Any

from sqlalchemy.engine import Connection

from o1coder.errors import LabError
from o1coder.queries import pulses

SORTS = ("newest", "oldest", "steps", "rollouts", "solved", "problem")
_WORDS = {
    "problem": "x.problem_id",
    "job": "x.job_id",
    "round": "j.round",
    "kind": "x.kind",
    "preset": "x.preset",
    "run": "(SELECT name FROM run u WHERE u.id = j.run_id)",
}
_STEPS = "(SELECT COUNT(*) - 1 FROM step s WHERE s.tree_id = x.id)"
_ROLLOUTS = "(SELECT COUNT(*) FROM rollout r WHERE r.tree_id = x.id)"
_SOLVED = "(SELECT avg(r.passed = r.total AND r.total > 0) FROM rollout r WHERE r.tree_id = x.id)"
_NUMBERS = {"steps": _STEPS, "rollouts": _ROLLOUTS, "solved": _SOLVED, "id": "x.id"}
_HUMAN = (
    "EXISTS (SELECT 1 FROM label l JOIN step s ON s.id = l.step_id WHERE l.source = 'human' AND l.retracts IS NULL "
    "AND s.tree_id = x.id AND NOT EXISTS (SELECT 1 FROM label b WHERE b.retracts = l.id))"
)
_ENDED = "(SELECT e.reason FROM tree_end e WHERE e.tree_id = x.id)"
FIELDS = (*_WORDS, "ended", "stuck", "human", *_NUMBERS)
_COMPARE = re.compile(r"([a-z]+)(<=|>=|<|>|=)(-?(?:\d+\.?\d*|\.\d+))", re.ASCII)
_ORDER = {
    "newest": "x.id DESC",
    "oldest": "x.id",
    "steps": f"{_STEPS} DESC, x.id DESC",
    "rollouts": f"{_ROLLOUTS} DESC, x.id DESC",
    "solved": f"{_SOLVED} DESC NULLS LAST, x.id DESC",
    "problem": "x.problem_id, x.id DESC",
}


def ids(connection: Connection, query: str = "", sort: str = "newest") -> array[int]:
    """The ids of the trees with steps to look at that match, in that order. LabError names what is not understood."""
    parts, values, stuck = ["x.kind <> 'cases'"], list[Any](), None
    try:
        tokens = shlex.split(query)
    except ValueError as error:
        raise LabError(f"the filter cannot be read: {error}", "close the quotation mark") from error
    for token in tokens:
        compare = _COMPARE.fullmatch(token)
        name, colon, value = token.partition(":")
        if compare and compare[1] in _NUMBERS:
            parts.append(f"{_NUMBERS[compare[1]]} {compare[2]} ?")
            values.append(float(compare[3]))
        elif colon and name in _WORDS:
            parts.append(f"{_WORDS[name]} = ?")
            values.append(value)
        elif colon and name == "ended":
            parts.append(f"{_ENDED} IS ?")
            values.append(None if value in ("growing", "no") else value)
        elif colon and name in ("stuck", "human"):
            if value not in ("yes", "no"):
                raise LabError(f"{token!r} says neither yes nor no", f"write {name}:yes or {name}:no")
            if name == "human":
                parts.append(_HUMAN if value == "yes" else f"NOT {_HUMAN}")
            else:
                stuck = value == "yes"
        elif colon and re.fullmatch("[a-z_]+", name):
            raise LabError(f"trees have no field {name!r}", f"fields: {' '.join(FIELDS)}")
        else:
            parts.append("(p.title LIKE ? ESCAPE '\\' OR p.source_key LIKE ? ESCAPE '\\')")
            values += ["%" + re.sub(r"([%_\\])", r"\\\1", token) + "%"] * 2
    rows = connection.exec_driver_sql(
        "SELECT x.id FROM tree x JOIN problem p ON p.id = x.problem_id JOIN job j ON j.id = x.job_id "
        f"WHERE {' AND '.join(parts)} ORDER BY {_ORDER[sort]}",
        tuple(values),
    )
    found = array("q", (row[0] for row in rows))
    return found if stuck is None else _stuck(connection, found, stuck)


def _stuck(connection: Connection, found: array[int], wanted: bool) -> array[int]:
    """Those of which the pulses say so; only an open tree of a running job has any."""
    open_ = connection.exec_driver_sql(
        "SELECT p.tree_id FROM tree_pulse p WHERE NOT EXISTS (SELECT 1 FROM tree_end e WHERE e.tree_id = p.tree_id)"
    )
    told = pulses.of_trees(connection, [row[0] for row in open_])
    stuck = {tree_id for tree_id, pulse in told.items() if pulse.stuck}
    return array("q", (tree_id for tree_id in found if (tree_id in stuck) == wanted))
