"""What one word of a person brings with it along its tree. Labels are statements, values are derived (DESIGN §4), so what
is written is *words* alone, each a label of its own:

    after      a first error taints what follows: every step below an `invalid` one becomes `invalid`, category `tainted`.
               Below `valid` and `unsure` nothing is said.
    ancestors  a corrected program re-values the steps above it: the tree's own estimate (the sample-weighted recursion)
               is asked again with people's words in place of the judge's (revaluing.py). Where an ancestor's *hard* word
               turns ([c ≥ 1], measurement.md §2) and nobody has spoken of that step itself, the new word is written,
               category `revalued`. The value is shown by the preview, and never written: a person has none.
    first_error  before the step `valid`, the step `invalid`, everything below it `invalid`, category `tainted`.

Nothing is written here (corrections.py), judged or sampled. Agreement leaves both categories out: they are no second
opinion.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy.engine import Connection

from o1coder.errors import LabError
from o1coder.labels import VALUES
from o1coder.revaluing import REVALUED, outline

TAINTED = "tainted"
STEPS = "(SELECT value FROM json_each(?))"


class Change(NamedTuple):
    """A word about a step that is to be said. `category`: of which kind the reason is; `tainted` and `revalued` follow."""

    step: int
    value: str
    category: str | None = None


def propagate(connection: Connection, step_id: int, value: str, *, after: bool, ancestors: bool) -> list[Change]:
    """The word about a step with what follows from it (head of this file), the step first. LabError when there is no such
    step, it is a root, or the value is none."""
    return propagate_all(connection, [step_id], value, after=after, ancestors=ancestors)


def propagate_all(
    connection: Connection, step_ids: Sequence[int], value: str, *, after: bool, ancestors: bool
) -> list[Change]:
    """The same word about several steps, with what follows from all of them together; the steps first, in their order."""
    changes = [Change(step_id, value) for step_id in dict.fromkeys(step_ids)]
    trees = checked(connection, changes)
    said = {change.step for change in changes}
    if after and value == "invalid":
        below = dict.fromkeys(step for step_id in said for step in _below(connection, step_id))
        changes += [Change(step, value, TAINTED) for step in below if step not in said]
    if ancestors:
        for tree_id in dict.fromkeys(trees.values()):
            of_tree = [step for step in trees if trees[step] == tree_id]
            changes += _revalued(connection, tree_id, of_tree, changes)
    return changes


def first_error(connection: Connection, step_id: int) -> list[Change]:
    """This step is the first that is wrong: those before it valid, it and everything below it invalid; in that order."""
    checked(connection, [Change(step_id, "invalid")])
    before = [Change(step, "valid") for step in _above(connection, step_id)]
    tainted = [Change(step, "invalid", TAINTED) for step in _below(connection, step_id)]
    return [*before, Change(step_id, "invalid"), *tainted]


def checked(connection: Connection, changes: Sequence[Change]) -> dict[int, int]:
    """The tree of every step that is spoken of. LabError for no changes, an unknown step, a root, a word that is none,
    or two words about one step."""
    if not changes:
        raise LabError("there is nothing to label", "name a step")
    said: dict[int, str] = {}
    for change in changes:
        if change.value not in VALUES:
            raise LabError(f"{change.value!r} is no label", f"one of {', '.join(VALUES)}")
        if said.setdefault(change.step, change.value) != change.value:
            raise LabError(f"step {change.step} is called {said[change.step]} and {change.value} at once", "say one")
    rows = connection.exec_driver_sql(
        f"SELECT id, tree_id, action FROM step WHERE id IN {STEPS}", (json.dumps(list(said)),)
    ).all()
    found = {row[0]: row[1] for row in rows}
    for step in said.keys() - found.keys():
        raise LabError(f"there is no step {step}", "`o1coder trees show ID` lists a tree's steps")
    if any(row[2] == "root" for row in rows):
        raise LabError("the root is the problem itself and takes no label", "label one of its steps")
    return found


def _above(connection: Connection, step_id: int) -> list[int]:
    """The steps above a step, the first of them first, without the root."""
    rows = connection.exec_driver_sql(
        "WITH RECURSIVE up(id, parent_id, depth) AS (SELECT id, parent_id, depth FROM step WHERE id = ? UNION ALL "
        "SELECT s.id, s.parent_id, s.depth FROM up JOIN step s ON s.id = up.parent_id) "
        "SELECT id FROM up WHERE parent_id IS NOT NULL AND id <> ? ORDER BY depth",
        (step_id, step_id),
    )
    return [row[0] for row in rows]


def _below(connection: Connection, step_id: int) -> list[int]:
    """Every step below a step, parents before children."""
    rows = connection.exec_driver_sql(
        "WITH RECURSIVE down(id, depth) AS (SELECT id, depth FROM step WHERE parent_id = ? UNION ALL "
        "SELECT s.id, s.depth FROM down JOIN step s ON s.parent_id = down.id) SELECT id FROM down ORDER BY depth, id",
        (step_id,),
    )
    return [row[0] for row in rows]


def _revalued(connection: Connection, tree_id: int, steps: Sequence[int], changes: Sequence[Change]) -> list[Change]:
    """The words of steps above these that turn with the changes, the deepest first."""
    tree = outline(connection, tree_id, steps)
    words = tree.words()
    here = {change.step: change.value for change in changes if change.step in tree.paths}
    before, after = tree.values(words), tree.values(words | here)
    above = {step for one in steps for step in _above(connection, one)} - {change.step for change in changes}
    out = []
    for step in sorted(above, key=lambda one: (-len(tree.paths[one]), tree.paths[one])):
        known, word = tree.labels.get(step), tree.hard(step, after)
        if known is not None and known.stated:
            continue
        if tree.hard(step, before) != word and (known is None or known.value != word):
            out.append(Change(step, word, REVALUED))
    return out
