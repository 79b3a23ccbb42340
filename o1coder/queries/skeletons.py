"""A tree's skeleton: its steps in preorder as arrays, with the judged rollouts that end at each, and what grew since.

A hundred thousand steps are some megabytes and a fifth of a second; visits and reward of any subtree are differences of
prefix sums. Texts, values, scores and labels are asked for by page (steprows.py) or by a search (stepfind.py).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import Connection

from o1coder.queries.trees import show
from o1coder.search.preorder import Preorder, grown, preorder, spliced

if TYPE_CHECKING:
    from o1coder.rescores import Told

NOTHING, SOLVED, FAILED = 0, 1, 2
UNREAD = -1  # instead of the largest rollout: none is taken in yet
MOST_NEW = 2000  # steps spliced in; more are read anew


@dataclass(frozen=True, slots=True)
class Skeleton:
    """`own`, `earned`: judged rollouts that end at a position, and the sum of their rewards; `outcome`: how the program there
    fared by the word that counts. `step`, `rollout`, `rescore`: the largest ids that are taken in."""

    tree_id: int
    shape: Preorder
    own: array[int]
    earned: array[float]
    outcome: bytearray
    step: int
    rollout: int
    rescore: int
    below: array[int]
    gained: array[float]

    def __len__(self) -> int:
        return len(self.shape)

    @property
    def whole(self) -> bool:
        """Whether its rollouts are taken in."""
        return self.rollout != UNREAD

    def visits(self, position: int) -> int:
        """Judged rollouts at or below a position: n."""
        return self.below[position + self.shape.size[position]] - self.below[position]

    def reward(self, position: int) -> float:
        """The sum of their rewards: q."""
        return self.gained[position + self.shape.size[position]] - self.gained[position]


def read(connection: Connection, tree_id: int, at_once: int | None = None) -> Skeleton:
    """The skeleton as it is now; of a tree of more than `at_once` steps without its rollouts, which `renewed` then takes in:
    its shape is there in half the time. LabError when there is no such tree."""
    rows = connection.exec_driver_sql(
        "SELECT id, parent_id, ordinal FROM step WHERE tree_id = ? ORDER BY parent_id, ordinal", (tree_id,)
    )
    shape = preorder(_plain(rows))
    if not len(shape):
        show(connection, tree_id)
    step, rollout = _largest(connection)
    kept = _blank(shape)
    if at_once is not None and len(shape) > at_once:
        return _made(tree_id, shape, kept, step, UNREAD, _rescore(connection, tree_id))
    _take_all(connection, tree_id, shape, kept)
    return _made(tree_id, shape, kept, step, rollout, _rescore(connection, tree_id))


def _blank(shape: Preorder) -> Kept:
    return array("i", bytes(4 * len(shape))), array("d", bytes(8 * len(shape))), bytearray(len(shape))


def _take_all(connection: Connection, tree_id: int, shape: Preorder, kept: Kept) -> None:
    found = connection.exec_driver_sql(
        "SELECT leaf_id, reward, passed, total, program_id FROM rollout WHERE tree_id = ? ORDER BY leaf_id, ordinal",
        (tree_id,),
    )
    _take(connection, tree_id, shape, kept, _plain(found))


def renewed(connection: Connection, old: Skeleton) -> Skeleton:
    """The skeleton with what was written since; the same object where that is nothing."""
    tree_id = old.tree_id
    step, rollout = _largest(connection)
    if _rescore(connection, tree_id) != old.rescore:
        return read(connection, tree_id)
    if old.rollout == UNREAD:
        if step != old.step:
            return read(connection, tree_id)
        kept = _blank(old.shape)
        _take_all(connection, tree_id, old.shape, kept)
        return _made(tree_id, old.shape, kept, step, rollout, old.rescore)
    if (step, rollout) == (old.step, old.rollout):
        return old
    # The plus keeps SQLite from walking the whole tree's index for the few rows that are new.
    nodes = connection.exec_driver_sql(
        "SELECT id, parent_id, ordinal FROM step WHERE id > ? AND +tree_id = ?", (old.step, tree_id)
    ).all()
    leaves = connection.exec_driver_sql(
        "SELECT leaf_id, reward, passed, total, program_id FROM rollout WHERE id > ? AND +tree_id = ? "
        "ORDER BY leaf_id, ordinal",
        (old.rollout, tree_id),
    ).all()
    if not nodes and not leaves:
        return old
    growth = grown(old.shape, [(row[0], row[1], row[2]) for row in nodes]) if len(nodes) <= MOST_NEW else None
    if growth is None or old.rescore:
        return read(connection, tree_id)
    blank = [0] * len(growth.cuts)
    own, earned = spliced(old.own, growth.cuts, blank), spliced(old.earned, growth.cuts, blank)
    kept = own, earned, spliced(old.outcome, growth.cuts, blank)
    _take(connection, tree_id, growth.shape, kept, leaves)
    return _made(tree_id, growth.shape, kept, step, rollout, old.rescore)


Kept = tuple["array[int]", "array[float]", bytearray]  # own, earned, outcome


def _made(tree_id: int, shape: Preorder, kept: Kept, step: int, rollout: int, rescore: int) -> Skeleton:
    below = array("i", accumulate(kept[0], initial=0))
    gained = array("d", accumulate(kept[1], initial=0.0))
    return Skeleton(tree_id, shape, *kept, step, rollout, rescore, below, gained)


def _take(connection: Connection, tree_id: int, shape: Preorder, kept: Kept, rollouts: Iterable[Any]) -> None:
    """Add rollouts, by their leaves, to the arrays. A masked one says nothing but what its stored verdicts say."""
    own, earned, outcome = kept
    told = _told(connection, tree_id)
    masked: list[tuple[int, int, int, int]] = []
    for at, (_, reward, passed, total, program) in shape.placed(rollouts):
        if reward is not None:
            own[at] += 1
            earned[at] += reward
            if program is not None:
                outcome[at] = SOLVED if passed == total else FAILED
        elif program is not None:
            masked.append((at, passed, total, program))
        if program in told:
            outcome[at] = SOLVED if told[program].solved else FAILED
    if masked:
        from o1coder.queries.steprows import first_verdicts

        known = first_verdicts(connection, tree_id, {program for *_, program in masked})
        for at, passed, total, program in masked:
            if program not in told and known.get(program, ("", 0))[1] >= total:
                outcome[at] = SOLVED if passed == total else FAILED


def _told(connection: Connection, tree_id: int) -> dict[int, Told]:
    """What the newest re-score says of the programs; loaded only for a tree that has one."""
    if not _rescore(connection, tree_id):
        return {}
    from o1coder import rescores

    return rescores.told(connection, tree_id) or {}


def _plain(rows: Any) -> Iterable[Any]:
    """Rows as SQLite gives them: there may be a hundred thousand."""
    return rows.cursor if rows.cursor is not None else ()


def _largest(connection: Connection) -> tuple[int, int]:
    row = connection.exec_driver_sql(
        "SELECT (SELECT coalesce(max(id), 0) FROM step), (SELECT coalesce(max(id), 0) FROM rollout)"
    ).one()
    return row[0], row[1]


def _rescore(connection: Connection, tree_id: int) -> int:
    row = connection.exec_driver_sql("SELECT coalesce(max(id), 0) FROM rescore WHERE tree_id = ?", (tree_id,)).one()
    return int(row[0])
