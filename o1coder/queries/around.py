"""One step with all that a person needs to judge it: the problem, the steps above it, its program, its tests, its siblings.

What search and PRM say of it comes along apart, so that a screen can keep it hidden until the person has answered.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy.engine import Connection

from o1coder.errors import LabError
from o1coder.queries import queue
from o1coder.queries.queue import Ranked
from o1coder.standing import current_label

MOST_SIBLINGS = 40
MOST_TESTS = 60


class Above(NamedTuple):
    """A step on the path from the first step to the one that is asked about, that one last."""

    id: int
    path: str
    action: str
    text: str


class Sibling(NamedTuple):
    """Another step below the same parent, and what counts for it."""

    id: int
    path: str
    action: str
    text: str
    label: str | None
    k: int | None
    v: float | None


class Tested(NamedTuple):
    """A test of the tree's test set, and what the judge said of the step's program on it."""

    input: str
    expected: str
    code: str | None
    detail: str | None


class Around(NamedTuple):
    """See the head of this file. `search` is the search's newest label, `grounds` why the step is worth a look."""

    step: int
    tree: int
    problem: int
    title: str
    statement: str
    signature: str | None
    path: list[Above]
    code: str | None
    siblings: list[Sibling]
    tests: list[Tested]
    search: str | None
    grounds: Ranked

    @property
    def name(self) -> str:
        """TREE:PATH."""
        return f"{self.tree}:{self.path[-1].path}"


def around(connection: Connection, step_id: int) -> Around:
    """A step and what is around it. LabError when there is none, or it is a root."""
    head = connection.exec_driver_sql(
        "SELECT s.tree_id, p.id, p.title, p.statement, COALESCE(p.signature, p.entry_point), g.code, s.parent_id, "
        "(SELECT l.value FROM label l WHERE l.step_id = s.id AND l.source = 'search' ORDER BY l.id DESC LIMIT 1) "
        "FROM step s JOIN tree x ON x.id = s.tree_id JOIN problem p ON p.id = x.problem_id "
        "LEFT JOIN program g ON g.id = s.program_id WHERE s.id = ? AND s.parent_id IS NOT NULL",
        (step_id,),
    ).first()
    if head is None:
        raise LabError(f"there is no step {step_id} to label", "`o1coder trees show ID` lists a tree's steps")
    tree, problem, title, statement, signature, code, parent, search = head
    path = _path(connection, step_id)
    [grounds] = queue.of_steps(connection, [step_id])
    return Around(
        step_id,
        tree,
        problem,
        title,
        statement,
        signature,
        path,
        code,
        _siblings(connection, step_id, parent, path[-1].path.rpartition(".")[0]),
        _tests(connection, step_id) if code is not None else [],
        search,
        grounds,
    )


def _path(connection: Connection, step_id: int) -> list[Above]:
    rows = connection.exec_driver_sql(
        "WITH RECURSIVE up(id, parent_id, ordinal, action, text, n) AS (SELECT id, parent_id, ordinal, action, text, 0 "
        "FROM step WHERE id = ? UNION ALL SELECT s.id, s.parent_id, s.ordinal, s.action, s.text, n + 1 FROM step s "
        "JOIN up ON up.parent_id = s.id) SELECT id, ordinal, action, text FROM up WHERE parent_id IS NOT NULL "
        "ORDER BY n DESC",
        (step_id,),
    )
    out: list[Above] = []
    for step, ordinal, action, text in rows:
        out.append(Above(step, f"{out[-1].path}.{ordinal}" if out else str(ordinal), action, text))
    return out


def _siblings(connection: Connection, step_id: int, parent: int, prefix: str) -> list[Sibling]:
    rows = connection.exec_driver_sql(
        "SELECT s.id, s.ordinal, s.action, s.text, cur.value, m.k, m.v FROM step s "
        f"LEFT JOIN label cur ON cur.id = {current_label('s.id')} LEFT JOIN label m ON m.id = (SELECT MAX(l.id) "
        "FROM label l WHERE l.step_id = s.id AND l.source = 'search') WHERE s.parent_id = ? AND s.id <> ? "
        f"ORDER BY s.ordinal LIMIT {MOST_SIBLINGS}",
        (parent, step_id),
    )
    return [Sibling(row[0], f"{prefix}.{row[1]}".lstrip("."), *row[2:]) for row in rows]


def _tests(connection: Connection, step_id: int) -> list[Tested]:
    rows = connection.exec_driver_sql(
        "SELECT t.input, t.expected, v.code, v.detail FROM step s JOIN tree x ON x.id = s.tree_id "
        "JOIN test_set_item i ON i.test_set_id = x.test_set_id JOIN test_case t ON t.id = i.test_case_id "
        "LEFT JOIN verdict v ON v.program_id = s.program_id AND v.test_case_id = t.id AND v.profile_id = x.profile_id "
        f"WHERE s.id = ? ORDER BY i.ordinal LIMIT {MOST_TESTS}",
        (step_id,),
    )
    return [Tested(*row) for row in rows]
