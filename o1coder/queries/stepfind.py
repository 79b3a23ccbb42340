"""Where in a tree something is: steps that match a query, the widest gaps between PRM and search, the best child.

A query is words (in the text, case ignored; `text:"a: b"` for what looks like a field) and fields: `label:invalid|none`,
`human:yes`, `by:ann`, `category:tainted`, `action:code`, `verdict:WA`, `discarded:yes`, and comparisons of `v k c prm gap n q
depth`. All answers are positions in the skeleton, so that going from one to the next asks nothing.
"""

from __future__ import annotations

import re
import shlex
from array import array
from typing import Any

from sqlalchemy.engine import Connection

from o1coder import rescores
from o1coder.errors import LabError
from o1coder.labels import current_label
from o1coder.queries.skeletons import Skeleton
from o1coder.queries.steprows import first_verdicts, score_of

MOST_GAPS = 500
YES = {"yes": True, "no": False}
_WORDS = {"label": "cur.value", "by": "cur.author", "category": "cur.category", "action": "s.action"}
_NUMBERS = {"v": "m.v", "k": "m.k", "c": "m.c", "depth": "s.depth", "prm": "score", "gap": "abs(m.v - score)"}
_COUNTED = ("n", "q")
FIELDS = ("text", *_WORDS, "human", "verdict", "discarded", *_NUMBERS, *_COUNTED)
_COMPARE = re.compile(r"([a-z]+)(<=|>=|<|>|=)(-?(?:\d+\.?\d*|\.\d+))", re.ASCII)
_SEARCHED = "(SELECT MAX(l.id) FROM label l WHERE l.step_id = s.id AND l.source = 'search')"


def matching(connection: Connection, tree: Skeleton, query: str, prm: int | None) -> array[int]:
    """The positions of the steps that match, in preorder; the root never does. LabError names what is not understood."""
    parts, values, later = ["s.tree_id = ?", "s.parent_id IS NOT NULL"], [tree.tree_id], list[tuple[str, Any]]()
    for token in _tokens(query):
        compare = _COMPARE.fullmatch(token)
        name, colon, value = token.partition(":")
        if compare and compare[1] in _COUNTED:
            later.append((compare[1], _compared(compare[2], float(compare[3]))))
        elif compare and compare[1] in _NUMBERS:
            parts.append(f"{_NUMBERS[compare[1]]} {compare[2]} ?")
            values.append(float(compare[3]))  # type: ignore[arg-type]
        elif colon and name in _WORDS:
            parts.append(f"{_WORDS[name]} IS ?")
            values.append(None if value == "none" else value)  # type: ignore[arg-type]
        elif colon and name in ("human", "discarded"):
            if value not in YES:
                raise LabError(f"{token!r} says neither yes nor no", f"write {name}:yes or {name}:no")
            there = "EXISTS (SELECT 1 FROM completion d WHERE d.tree_id = s.tree_id AND d.parent_id = s.id AND d.error <> '')"
            asked = "cur.source IS 'human'" if name == "human" else there
            parts.append(asked if YES[value] else f"NOT ({asked})")
        elif colon and name == "verdict":
            later.append((name, value.upper()))
        elif colon and name != "text" and re.fullmatch("[a-z_]+", name):
            raise LabError(f"steps have no field {name!r}", f"fields: {' '.join(FIELDS)}; text:{name}: searches for it")
        else:
            text = value if colon and name == "text" else token
            parts.append("s.text LIKE ? ESCAPE '\\'")
            values.append("%" + re.sub(r"([%_\\])", r"\\\1", text) + "%")  # type: ignore[arg-type]
    rows = connection.exec_driver_sql(*_select(" AND ".join(parts), values, prm)).all()
    found = [(at, row[1]) for row in rows if (at := tree.shape.find(row[0])) is not None]
    for name, asked in later:
        if name == "verdict":
            found = _with_verdict(connection, tree, found, asked)
        else:
            counted = tree.visits if name == "n" else tree.reward
            found = [(at, program) for at, program in found if asked(counted(at))]
    return array("i", sorted(at for at, _ in found))


def _tokens(query: str) -> list[str]:
    try:
        return shlex.split(query)
    except ValueError as error:
        raise LabError(f"the search cannot be read: {error}", "close the quotation mark") from error


def _select(condition: str, values: list[Any], prm: int | None) -> tuple[str, tuple[Any, ...]]:
    """Only what the condition speaks of is joined."""
    sql, before = "SELECT s.id, s.program_id FROM step s ", list[Any]()
    if "score" in condition:
        sql, before = f"SELECT s.id, s.program_id FROM (SELECT y.*, {score_of('y.id')} score FROM step y) s ", [prm]
    if "m." in condition:
        sql += f"LEFT JOIN label m ON m.id = {_SEARCHED} "
    if "cur." in condition:
        sql += f"LEFT JOIN label cur ON cur.id = {current_label('s.id')} "
    return f"{sql}WHERE {condition}", (*before, *values)


def _compared(sign: str, number: float) -> Any:
    return {
        "<": number.__gt__,
        ">": number.__lt__,
        "<=": number.__ge__,
        ">=": number.__le__,
        "=": number.__eq__,
    }[sign]


def _with_verdict(
    connection: Connection, tree: Skeleton, found: list[tuple[int, int | None]], code: str
) -> list[tuple[int, int | None]]:
    """Those whose program got this verdict, by the newest re-score where it says one."""
    programs = {program for at, program in found if program is not None and tree.outcome[at]}
    own = first_verdicts(connection, tree.tree_id, programs)
    told = rescores.told(connection, tree.tree_id) or {} if tree.rescore else {}

    def said(program: int) -> str | None:
        return told[program].verdict if program in told else own.get(program, (None,))[0]

    return [(at, program) for at, program in found if program in programs and said(program) == code]


def gaps(connection: Connection, tree: Skeleton, prm: int) -> array[int]:
    """Positions of the steps whose PRM score is furthest from the search's value, the furthest first."""
    rows = connection.exec_driver_sql(
        f"SELECT s.id FROM step s JOIN label m ON m.id = {_SEARCHED} WHERE s.tree_id = ? AND m.v IS NOT NULL "
        f"AND {score_of('s.id')} IS NOT NULL ORDER BY abs(m.v - {score_of('s.id')}) DESC, s.id LIMIT {MOST_GAPS}",
        (tree.tree_id, prm, prm),
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
