"""Where in a tree something is: steps that match a query, the widest gaps between PRM and search, the best child.

A query is words (in the text, case ignored; quoted, for what looks like a field) and fields: `label:invalid|none human:yes
by:ann category:tainted action:code verdict:WA discarded:yes`, comparisons of `v k c prm gap n q depth`, and `-not`. All
answers are positions in the skeleton, so that going from one to the next asks nothing.
"""

from __future__ import annotations

import operator
from array import array
from collections.abc import Callable
from typing import Any

from sqlalchemy.engine import Connection

from o1coder import rescores
from o1coder.errors import LabError
from o1coder.queries.skeletons import Skeleton
from o1coder.queries.steprows import first_verdicts, score_of
from o1coder.queries.words import Term, equals, number_of, terms, unknown, values_of
from o1coder.standing import current_label

MOST_GAPS = 500
_WORDS = {
    "label": "coalesce(cur.value, 'none')",
    "by": "coalesce(cur.author, 'none')",
    "category": "coalesce(cur.category, 'none')",
    "action": "s.action",
}
_FACTS = {
    "human": "coalesce(cur.source = 'human', 0)",
    "discarded": "EXISTS (SELECT 1 FROM completion d WHERE d.tree_id = s.tree_id AND d.parent_id = s.id AND d.error <> '')",
}
_NUMBERS = {"v": "m.v", "k": "m.k", "c": "m.c", "depth": "s.depth", "prm": "s.score", "gap": "abs(m.v - s.score)"}
_COUNTED = ("n", "q")
FIELDS = (*_WORDS, *_FACTS, "verdict", *_NUMBERS, *_COUNTED)
_SIGNS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
    "=": operator.eq,
    ":": operator.eq,
    "!=": operator.ne,
}
_SEARCHED = "(SELECT MAX(l.id) FROM label l WHERE l.step_id = s.id AND l.source = 'search')"


def containing(column: str) -> str:
    """SQL that holds where a column contains the next parameter, ASCII case ignored, nothing in it a wildcard."""
    return f"instr(lower({column}), lower(?))"


def matching(connection: Connection, tree: Skeleton, query: str, prm: int | None) -> array[int]:
    """The positions of the steps that match, in preorder; the root never does. LabError names what is not understood."""
    parts, values = ["s.tree_id = ?", "s.parent_id IS NOT NULL"], list[Any]([tree.tree_id])
    later: list[Term] = []
    for term in terms(query):
        no = "NOT " if term.negated else ""
        if term.field in _COUNTED or (term.field == "verdict" and term.op == ":"):
            later.append(term)
            if term.field in _COUNTED:
                number_of(term, f"{term.field}>3")
        elif term.field in _NUMBERS:
            sign = "=" if term.op == ":" else term.op
            parts.append(f"{no}coalesce({_NUMBERS[term.field]} {sign} ?, 0)")
            values.append(number_of(term, f"{term.field}<0.3"))
        elif term.field in _FACTS and term.op == ":":
            if term.value not in ("yes", "no"):
                raise LabError(f"{term.raw!r} says neither yes nor no", f"write {term.field}:yes or {term.field}:no")
            parts.append(("" if (term.value == "yes") != term.negated else "NOT ") + _FACTS[term.field])
        elif term.field in _WORDS and term.op == ":":
            sql, given = equals(_WORDS[term.field], term)
            parts.append(sql)
            values += given
        elif term.field:
            raise unknown("steps", term, FIELDS)
        else:
            parts.append(f"{no}{containing('s.text')}")
            values.append(term.value)
    rows = connection.exec_driver_sql(*_select(" AND ".join(parts), values, prm)).all()
    found = [(at, row[1]) for row in rows if (at := tree.shape.find(row[0])) is not None]
    for term in later:
        if term.field == "verdict":
            found = _with_verdict(connection, tree, found, term)
        else:
            counted = tree.visits if term.field == "n" else tree.reward
            holds, number = _SIGNS[term.op], float(term.value)
            found = [one for one in found if holds(counted(one[0]), number) != term.negated]
    return array("i", sorted(at for at, _ in found))


def _select(condition: str, values: list[Any], prm: int | None) -> tuple[str, tuple[Any, ...]]:
    """Only what the condition speaks of is joined."""
    steps, before = "step s", list[Any]()
    if "s.score" in condition:
        steps, before = f"(SELECT y.*, {score_of('y.id')} score FROM step y) s", [prm]
    sql = f"SELECT s.id, s.program_id FROM {steps} "
    if "m." in condition:
        sql += f"LEFT JOIN label m ON m.id = {_SEARCHED} "
    if "cur." in condition:
        sql += f"LEFT JOIN label cur ON cur.id = {current_label('s.id')} "
    return f"{sql}WHERE {condition}", (*before, *values)


def _with_verdict(
    connection: Connection, tree: Skeleton, found: list[tuple[int, int | None]], term: Term
) -> list[tuple[int, int | None]]:
    """Those whose program got such a verdict (or none of them), by the newest re-score where it says one."""
    programs = {program for at, program in found if program is not None and tree.outcome[at]}
    own = first_verdicts(connection, tree.tree_id, programs)
    told = rescores.told(connection, tree.tree_id) or {} if tree.rescore else {}

    def said(program: int) -> str | None:
        return told[program].verdict if program in told else own.get(program, (None,))[0]

    wanted = {code.upper() for code in values_of(term)}

    def holds(at: int, program: int | None) -> bool:
        return program is not None and bool(tree.outcome[at]) and said(program) in wanted

    return [one for one in found if holds(*one) != term.negated]


def gaps(connection: Connection, tree: Skeleton, prm: int) -> array[int]:
    """Positions of the steps whose PRM score is furthest from the search's value, the furthest first."""
    # The newest label and the newest score of a step: SQLite takes the other columns from the row that has the maximum.
    rows = connection.exec_driver_sql(
        "WITH said AS MATERIALIZED (SELECT s.id, MAX(l.id), l.v FROM step s CROSS JOIN label l ON l.step_id = s.id "
        "WHERE s.tree_id = ? AND l.source = 'search' GROUP BY s.id) "
        "SELECT b.id, MAX(sc.id), abs(b.v - sc.value) gap FROM said b CROSS JOIN score sc ON sc.step_id = b.id "
        f"AND sc.checkpoint_id = ? WHERE b.v IS NOT NULL GROUP BY b.id ORDER BY gap DESC, b.id LIMIT {MOST_GAPS}",
        (tree.tree_id, prm),
    )
    return array("i", (at for row in rows if (at := tree.shape.find(row[0])) is not None))


def best_child(connection: Connection, tree: Skeleton, position: int) -> int | None:
    """The child with the highest label value or, where none has one yet, the highest mean reward; then the most visits."""
    rows = connection.exec_driver_sql(
        f"SELECT s.id, m.v FROM step s JOIN label m ON m.id = {_SEARCHED} WHERE s.parent_id = ? AND m.v IS NOT NULL",
        (tree.shape.ids[position],),
    ).all()
    valued = [(row[1], at) for row in rows if (at := tree.shape.find(row[0])) is not None]
    if not valued:
        children = [(at, tree.visits(at)) for at in tree.shape.children(position)]
        valued = [(tree.reward(at) / n, at) for at, n in children if n]
    return max(valued, key=lambda one: (one[0], tree.visits(one[1]), -one[1]))[1] if valued else None


def principal(connection: Connection, tree: Skeleton, position: int) -> int:
    """The leaf at the end of the best children, from a position down."""
    while (best := best_child(connection, tree, position)) is not None:
        position = best
    return position
