"""What one word of a person brings with it: propagation along the tree, a preview of what it touches, one batch, one undo.

Labels are statements, values are derived (DESIGN §4), so a propagation writes *words* alone, each a label of its own:
    after      a first error taints what follows: every step below an `invalid` one becomes `invalid`, category `tainted`.
               Below `valid` and `unsure` nothing is said.
    ancestors  a corrected program re-values the steps above it: the tree's own estimate (the sample-weighted recursion)
               is asked again with people's words in place of the judge's (revaluing.py). Where an ancestor's *hard* word
               turns ([c ≥ 1], measurement.md §2) and nobody has spoken of that step itself, the new word is written,
               category `revalued`. The value is shown by the preview, and never written: a person has none.
    first_error  before the step `valid`, the step `invalid`, everything below it `invalid`, category `tainted`.
Nothing is judged or sampled. What became stale is labels.py's; agreement should leave out both categories: they are no
second opinion.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from o1coder import labels
from o1coder.clock import now
from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.models import Label
from o1coder.revaluing import REVALUED, Outline, outline
from o1coder.rows import add_many, next_id

TAINTED = "tainted"
STEPS = "(SELECT value FROM json_each(?))"


class Change(NamedTuple):
    """A word about a step that is to be said. `category`: of which kind the reason is; `tainted` and `revalued` follow."""

    step: int
    value: str
    category: str | None = None


class Preview(NamedTuple):
    """What changes would do, before they are applied. `steps` get a label, of `changed` the word that counts turns.
    `values` are derived: (step, v before, v after) of every step said or re-valued, v the share of draws that pass.
    `dataset_rows` of `datasets` would rest on a word that no longer counts, and `checkpoints` be stale for it."""

    steps: int
    changed: int
    values: list[tuple[int, float | None, float | None]]
    dataset_rows: int
    datasets: list[int]
    checkpoints: list[int]


class Applied(NamedTuple):
    """Labels (or retractions) as they were written, each with its step; `batch` names them all."""

    batch: str
    labels: list[tuple[int, int]]
    stale_checkpoints: list[int]


def propagate(connection: Connection, step_id: int, value: str, *, after: bool, ancestors: bool) -> list[Change]:
    """The word about a step with what follows from it (head of this file), the step first. LabError when there is no such
    step, it is a root, or the value is none."""
    tree_id = _checked(connection, [Change(step_id, value)])[step_id]
    changes = [Change(step_id, value)]
    if after and value == "invalid":
        changes += [Change(step, value, TAINTED) for step in _below(connection, step_id)]
    return changes + (_revalued(connection, tree_id, changes) if ancestors else [])


def first_error(connection: Connection, step_id: int) -> list[Change]:
    """This step is the first that is wrong: those before it valid, it and everything below it invalid; in that order."""
    _checked(connection, [Change(step_id, "invalid")])
    before = [Change(step, "valid") for step in _above(connection, step_id)]
    tainted = [Change(step, "invalid", TAINTED) for step in _below(connection, step_id)]
    return [*before, Change(step_id, "invalid"), *tainted]


def preview(connection: Connection, changes: Sequence[Change]) -> Preview:
    """Count what `apply` would do; nothing is written. LabError as `apply`."""
    trees = _checked(connection, changes)
    said = {change.step: change.value for change in changes}
    rows = connection.exec_driver_sql(
        f"SELECT s.id, l.value FROM step s JOIN label l ON l.id = {labels.current_label('s.id')} WHERE s.id IN {STEPS}",
        (json.dumps(list(said)),),
    )
    now_said = {row[0]: row[1] for row in rows}
    touched = labels.stale_if(connection, said)
    return Preview(
        len(said),
        sum(now_said.get(step) != value for step, value in said.items()),
        _values(connection, changes, trees),
        touched.rows,
        touched.datasets,
        touched.checkpoints,
    )


def apply(
    lab: Lab,
    changes: Sequence[Change],
    author: str,
    *,
    picked: str | None = "tree",
    reason: str | None = None,
    seen: Mapping[str, Any] | None = None,
    taken_ms: int | None = None,
) -> Applied:
    """Write the changes as one person's labels in one durable transaction, under one batch. The time taken was taken once:
    it stands with the first. LabError for no changes, an unknown step, a root, a word that is none, or two words about
    one step; then nothing is written."""
    batch, stamp = _batch(), now()
    view = None if seen is None else json.dumps(dict(seen), sort_keys=True)
    with lab.writing(durable=True) as connection:
        _checked(connection, changes)
        changes = list(dict.fromkeys(changes))
        first = next_id(connection, Label)
        written = [
            {
                "id": first + n,
                "step_id": change.step,
                "value": change.value,
                "source": "human",
                "author": author,
                "reason": reason,
                "seen": view,
                "taken_ms": taken_ms if n == 0 else None,
                "batch": batch,
                "category": change.category,
                "picked": picked,
                "created_at": stamp,
            }
            for n, change in enumerate(changes)
        ]
        add_many(connection, Label, written)
        return _applied(connection, batch, [(first + n, change.step) for n, change in enumerate(changes)])


def undo_batch(lab: Lab, batch: str, author: str) -> Applied:
    """Take back every label of a batch that is not taken back yet, in one durable transaction; the retractions are a batch
    of their own. LabError when there is none."""
    new, stamp = _batch(), now()
    with lab.writing(durable=True) as connection:
        rows = connection.exec_driver_sql(
            "SELECT l.id, l.step_id, EXISTS (SELECT 1 FROM label r WHERE r.retracts = l.id) FROM label l "
            "WHERE l.batch = ? AND l.source = 'human' AND l.retracts IS NULL ORDER BY l.id",
            (batch,),
        ).all()
        if not rows:
            raise LabError(f"no labels were given in a batch {batch!r}", "`o1coder labels list --json` names batches")
        standing = [(row[0], row[1]) for row in rows if not row[2]]
        if not standing:
            raise LabError(f"batch {batch} was taken back already", "label the steps again instead")
        first = next_id(connection, Label)
        written = [
            {
                "id": first + n,
                "step_id": step,
                "source": "human",
                "author": author,
                "retracts": label,
                "batch": new,
                "created_at": stamp,
            }
            for n, (label, step) in enumerate(standing)
        ]
        add_many(connection, Label, written)
        return _applied(connection, new, [(first + n, step) for n, (_, step) in enumerate(standing)])


def _batch() -> str:
    return uuid.uuid4().hex[:12]


def _applied(connection: Connection, batch: str, written: list[tuple[int, int]]) -> Applied:
    return Applied(batch, written, labels.stale_for_steps(connection, [step for _, step in written]))


def _checked(connection: Connection, changes: Sequence[Change]) -> dict[int, int]:
    """The tree of every step that is spoken of. LabError as `apply`."""
    if not changes:
        raise LabError("there is nothing to label", "name a step")
    said: dict[int, str] = {}
    for change in changes:
        if change.value not in labels.VALUES:
            raise LabError(f"{change.value!r} is no label", f"one of {', '.join(labels.VALUES)}")
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


def _revalued(connection: Connection, tree_id: int, changes: Sequence[Change]) -> list[Change]:
    """The words of ancestors that turn with these changes."""
    tree = outline(connection, tree_id)
    words = tree.words()
    before, after = tree.values(words), tree.values(words | {change.step: change.value for change in changes})
    said = {change.step for change in changes}
    out = []
    for step in reversed(_above(connection, changes[0].step)):
        known, word = tree.labels.get(step), tree.hard(step, after)
        if step in said or (known is not None and known.stated):
            continue
        if tree.hard(step, before) != word and (known is None or known.value != word):
            out.append(Change(step, word, REVALUED))
    return out


def _values(
    connection: Connection, changes: Sequence[Change], trees: Mapping[int, int]
) -> list[tuple[int, float | None, float | None]]:
    """The steps spoken of and those above them whose value is another, tree by tree."""
    by_tree: dict[int, dict[int, str]] = {}
    for change in changes:
        if change.category != REVALUED:
            by_tree.setdefault(trees[change.step], {})[change.step] = change.value
    out = []
    for tree_id, said in by_tree.items():
        tree = outline(connection, tree_id)
        if all(word != "invalid" and tree.actions[step] != "code" for step, word in said.items()):
            continue
        words = tree.words()
        before, after = tree.values(words), tree.values(words | said)
        for step in _upwards(tree, said):
            was, will = before.get(step), after.get(step)
            if (was and was.v_pass) != (will and will.v_pass):
                out.append((step, None if was is None else was.v_pass, None if will is None else will.v_pass))
    return out


def _upwards(tree: Outline, said: Mapping[int, str]) -> list[int]:
    """These steps and all above them but the root, in preorder."""
    wanted = {tree.paths[step][:depth] for step in said for depth in range(1, len(tree.paths[step]) + 1)}
    return sorted((step for step, path in tree.paths.items() if path in wanted), key=lambda step: tree.paths[step])
