"""Which steps go into a file: chains of the trees that a query names, as tasks to hand out, or with the labels of one person.

A task is a whole path down to a step with nothing below it, `unlabelled` one on which some step has no person's label. Of a
person's labels, each stands in one chain: that of the deepest labelled step below it which no other chain has taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from sqlalchemy.engine import Connection

from o1coder.labelfiles.record import Chain, Link, mark
from o1coder.treequery import Query


class _Step(NamedTuple):
    id: int
    parent: int | None
    ordinal: int
    action: str
    text: str


class _Word(NamedTuple):
    step: int
    value: str
    author: str
    reason: str | None
    category: str | None
    taken_ms: int | None
    at: str


def tasks(
    connection: Connection, query: Query, *, unlabelled: bool = False, limit: int | None = None
) -> Iterator[Chain]:
    """Chains without anybody's labels, tree by tree."""
    return islice(_tasks(connection, query, unlabelled), limit)


def _tasks(connection: Connection, query: Query, unlabelled: bool) -> Iterator[Chain]:
    for tree, problem, statement in _trees(connection, query):
        steps = _steps(connection, tree)
        spoken = {word.step for word in _words(connection, tree)} if unlabelled else set()
        inner = {step.parent for step in steps.values()}
        for step in steps.values():
            path = _path(steps, step.id)
            if step.id not in inner and path and not (unlabelled and all(one.id in spoken for one in path)):
                yield _chain(tree, problem, statement, path, {})


def labelled(
    connection: Connection, query: Query, *, author: str | None = None, limit: int | None = None
) -> Iterator[Chain]:
    """Chains with people's newest labels, author by author within a tree; of `author` alone where one is named."""
    return islice(_labelled(connection, query, author), limit)


def _labelled(connection: Connection, query: Query, author: str | None) -> Iterator[Chain]:
    for tree, problem, statement in _trees(connection, query):
        words: dict[str, dict[int, _Word]] = {}
        for word in _words(connection, tree):
            words.setdefault(word.author, {})[word.step] = word
        if not words:
            continue
        steps = _steps(connection, tree)
        paths = {step: _path(steps, step) for of_one in words.values() for step in of_one}
        for name in sorted(words):
            left = dict(words[name]) if author in (None, name) else {}
            for step in sorted(left, key=lambda one: (-len(paths[one]), one)):
                if step in left:
                    mine = {one.id: left.pop(one.id) for one in paths[step] if one.id in left}
                    yield _chain(tree, problem, statement, paths[step], mine)._replace(
                        author=name, at=max(word.at for word in mine.values())
                    )


def _chain(tree: int, problem: str, statement: str, path: tuple[_Step, ...], words: dict[int, _Word]) -> Chain:
    links = []
    for depth, step in enumerate(path, start=1):
        place = ".".join(str(one.ordinal) for one in path[:depth])
        name = f"{tree}:{place}@{mark(problem, [one.text for one in path[:depth]])}"
        said = words.get(step.id)
        link = Link(name, step.action, step.text)
        links.append(link if said is None else link._replace(**{n: getattr(said, n) for n in _COPIED}))
    return Chain(problem, statement, tuple(links))


_COPIED = ("value", "reason", "category", "taken_ms")


def _trees(connection: Connection, query: Query) -> list[tuple[int, str, str]]:
    where, values = query.where()
    kinds = "1" if query.kind else "x.kind IN ('search', 'group', 'draws')"
    rows = connection.exec_driver_sql(
        "SELECT x.id, pr.digest, pr.statement FROM tree x JOIN problem pr ON pr.id = x.problem_id "
        f"JOIN job j ON j.id = x.job_id LEFT JOIN run rn ON rn.id = j.run_id WHERE {kinds} AND {where} ORDER BY x.id",
        values,
    )
    return [(row[0], row[1], row[2]) for row in rows]


def _steps(connection: Connection, tree: int) -> dict[int, _Step]:
    rows = connection.exec_driver_sql(
        "SELECT id, parent_id, ordinal, action, text FROM step WHERE tree_id = ? ORDER BY depth, id", (tree,)
    )
    return {row[0]: _Step(*row) for row in rows}


def _path(steps: dict[int, _Step], step: int) -> tuple[_Step, ...]:
    """From the first step down to this one, without the root."""
    out: list[_Step] = []
    here: int | None = step
    while here is not None and steps[here].parent is not None:
        out.append(steps[here])
        here = steps[here].parent
    return tuple(reversed(out))


def _words(connection: Connection, tree: int) -> list[_Word]:
    """What people say of a tree's steps, the newest standing label of each person last."""
    rows = connection.exec_driver_sql(
        "SELECT l.step_id, l.value, l.author, l.reason, l.category, l.taken_ms, l.created_at FROM step s "
        "JOIN label l ON l.step_id = s.id AND l.source = 'human' WHERE s.tree_id = ? AND l.retracts IS NULL "
        "AND NOT EXISTS (SELECT 1 FROM label r WHERE r.retracts = l.id) ORDER BY l.id",
        (tree,),
    )
    return [_Word(*row) for row in rows]
