"""A line of the lineage tree, and the pages of what a dataset or a job holds: labels, trees, problems, rows.

What a checkpoint, a job or a dataset opens into as a whole is lineage.py's, which is what is asked.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from o1coder.queries import ingredients

Key = tuple[Any, ...]


class Node(NamedTuple):
    """One line of the tree. `relation` says what it is to the node above; `id` is the row's, where it is one thing, and `step`
    the step that a label speaks of; `stale` counts what is overruled in it; `more` says that it can be opened."""

    key: Key
    kind: str
    relation: str
    id: int | None
    title: str
    figures: str
    stale: int
    more: bool
    step: int | None = None


class Children(NamedTuple):
    """A page of nodes; `next` is what to ask for after the last one, None when there is no more."""

    nodes: list[Node]
    next: int | None


def leaf(key: Key, kind: str, relation: str, title: str, figures: str = "", row_id: int | None = None) -> Node:
    """A node that holds nothing more."""
    return Node(key, kind, relation, row_id, title, figures, 0, False)


def many(count: int, word: str) -> str:
    """1 row, 2 rows."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def _label_page(connection: Connection, key: Key, after: int, limit: int) -> list[Node]:
    group = None if key[0] == "overruled" else (key[2], key[3], key[4])
    found = ingredients.labels(connection, key[1], group=group, after=after, limit=limit)
    out = []
    for one in found:
        figures = f"step {one.step} of tree {one.tree}, {one.action}" + (
            "" if one.k is None else f", k {one.k} c {one.c}"
        )
        who = one.now_author or one.now_source
        says = f"{one.value}, now {one.now_value} by {who}" if one.overruled else one.value
        if one.now == one.id:
            says = f"{one.value} by {who}, the first word on its step"
        title = f"label {one.id} {says}"
        out.append(Node(("label", one.id), "label", "", one.id, title, figures, int(one.overruled), False, one.step))
    return out


def _tree_page(connection: Connection, key: Key, after: int, limit: int) -> list[Node]:
    return [
        leaf(
            ("tree", one.id),
            "tree",
            "",
            f"tree {one.id} {one.title}",
            f"{many(one.rows, 'row')}, job {one.job} {one.kind}",
            one.id,
        )
        for one in ingredients.trees(connection, key[1], after=after, limit=limit)
    ]


def _grown_page(connection: Connection, key: Key, after: int, limit: int) -> list[Node]:
    rows = connection.exec_driver_sql(
        "SELECT x.id, p.title, x.kind, x.preset FROM tree x JOIN problem p ON p.id = x.problem_id WHERE x.job_id = ? "
        "AND x.id > ? ORDER BY x.id LIMIT ?",
        (key[1], after, limit),
    )
    return [leaf(("tree", row[0]), "tree", "", f"tree {row[0]} {row[1]}", f"{row[2]} {row[3]}", row[0]) for row in rows]


def _problem_page(connection: Connection, key: Key, after: int, limit: int) -> list[Node]:
    return [
        leaf(
            ("problem", one.id),
            "problem",
            "",
            f"problem {one.id} {one.title}",
            f"{many(one.rows, 'row')}, {one.source}",
            one.id,
        )
        for one in ingredients.problems(connection, key[1], key[2], after=after, limit=limit)
    ]


def _row_page(connection: Connection, key: Key, after: int, limit: int) -> list[Node]:
    return [
        Node(
            ("row", key[1], one.ordinal),
            one.kind,
            f"row {one.ordinal}",
            one.fact,
            f"{one.kind} {one.fact}",
            f"rests on {many(one.labels, 'label')}" if one.labels else "",
            0,
            False,
            one.fact if one.kind == "step" else None,
        )
        for one in ingredients.members(connection, key[1], after=after or -1, limit=limit)
    ]


PAGED = {
    "overruled": _label_page,
    "labels": _label_page,
    "trees": _tree_page,
    "grown": _grown_page,
    "problems": _problem_page,
    "rows": _row_page,
}
