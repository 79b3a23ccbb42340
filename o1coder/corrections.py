"""A person's corrections: a preview of what they touch, one durable transaction for all of them, one undo.

What follows from a word is propagation.py's; what became stale is labels.py's. Values are derived and never written.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from o1coder import standing
from o1coder.clock import now
from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.propagation import STEPS, TAINTED, Change, checked, first_error, propagate, propagate_all
from o1coder.revaluing import REVALUED, Outline, extent, outline
from o1coder.rows import add_many, next_id

__all__ = [
    "REVALUED",
    "TAINTED",
    "Applied",
    "Change",
    "Preview",
    "apply",
    "first_error",
    "preview",
    "propagate",
    "propagate_all",
    "told",
    "undo_batch",
]


NAMED = 3  # people who are told by their names
MOST_LOOKED = 10_000  # steps below and beside those that are spoken of: what a preview re-values in less than a second


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
    unvalued: int = 0  # trees of which `values` says nothing: so many steps are in them that nobody waits for it
    overruled: int = 0  # steps of which somebody else said the word that turns
    people: tuple[str, ...] = ()  # who said it, the one most overruled first


class Applied(NamedTuple):
    """Labels (or retractions) as they were written, each with its step; `batch` names them all."""

    batch: str
    labels: list[tuple[int, int]]
    stale_checkpoints: list[int]


def told(changes: Sequence[Change], found: Preview) -> list[str]:
    """A preview in words, a line each: what would be written, what it turns, what would be stale."""
    kinds = Counter(change.category for change in dict.fromkeys(changes))
    words = Counter(change.value for change in dict.fromkeys(changes))
    lines = [f"{_many(found.steps, 'label')}: {', '.join(f'{n} {word}' for word, n in words.items())}"]
    if kinds[TAINTED]:
        lines.append(f"  {kinds[TAINTED]} of them tainted: after the first error")
    if kinds[REVALUED]:
        lines.append(f"  {kinds[REVALUED]} of them re-valued: the word of a step above turns with its programs")
    lines.append(f"{found.changed} of {found.steps} turn the word that counts")
    if found.overruled:
        turn = "turns" if found.overruled == 1 else "turn"
        lines.append(f"  {found.overruled} of them {turn} what somebody else said: {_people(found.people)}")
    more = f", in {_many(found.unvalued, 'more tree')} not looked at" if found.unvalued else ""
    if found.unvalued and not found.values:
        lines.append(f"values not looked at, {_many(found.unvalued, 'tree')} too large: derived, never written")
    else:
        lines.append(f"{_many(len(found.values), 'value')} of steps change{more}: derived, never written")
    rows = (
        f"{_many(found.dataset_rows, 'row')} of {_named('dataset', found.datasets)}"
        if found.datasets
        else "no dataset row"
    )
    lines.append(f"{rows} would rest on a word that no longer counts")
    lines.append(
        f"stale would be {_named('checkpoint', found.checkpoints)}"
        if found.checkpoints
        else "no checkpoint would be stale"
    )
    return lines


def _many(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"


def _people(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _named(noun: str, ids: Sequence[int]) -> str:
    more = f" and {len(ids) - 8} more" if len(ids) > 8 else ""
    return f"{noun}{'' if len(ids) == 1 else 's'} {' '.join(map(str, ids[:8]))}{more}"


def preview(connection: Connection, changes: Sequence[Change], author: str) -> Preview:
    """Count what `apply` would do in this person's name; nothing is written. LabError as `apply`."""
    trees = checked(connection, changes)
    said = {change.step: change.value for change in changes}
    rows = connection.exec_driver_sql(
        "SELECT s.id, l.value, CASE WHEN l.source = 'human' THEN l.author END FROM step s "
        f"JOIN label l ON l.id = {standing.current_label('s.id')} WHERE s.id IN {STEPS}",
        (json.dumps(list(said)),),
    ).all()
    now_said = {row[0]: row[1] for row in rows}
    others = Counter(who for step, word, who in rows if word != said[step] and who not in (None, author))
    touched = standing.stale_if(connection, said)
    values, unvalued = _values(connection, changes, trees)
    turned = sum(now_said.get(step) != value for step, value in said.items())
    people = tuple(sorted(others, key=lambda who: (-others[who], who)))
    return Preview(len(said), turned, values, *touched, unvalued, others.total(), people)


def apply(
    lab: Lab,
    changes: Sequence[Change],
    author: str,
    *,
    picked: str | None = "tree",
    named: Mapping[int, str] | None = None,
    reason: str | None = None,
    seen: Mapping[str, Any] | None = None,
    taken_ms: int | None = None,
) -> Applied:
    """Write the changes as one person's labels in one durable transaction, under one batch. The time taken was taken once:
    it stands with the first. `named`: steps that were picked otherwise than `picked`. LabError for no changes, an unknown
    step, a root, a word that is none, or two words about one step; then nothing is written."""
    batch, stamp = _batch(), now()
    view = None if seen is None else json.dumps(dict(seen), sort_keys=True)
    with lab.writing(durable=True) as connection:
        checked(connection, changes)
        changes = list(dict.fromkeys(changes))
        first = next_id(connection, "label")
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
                "picked": (named or {}).get(change.step, picked),
                "created_at": stamp,
            }
            for n, change in enumerate(changes)
        ]
        add_many(connection, "label", written)
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
        first = next_id(connection, "label")
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
        add_many(connection, "label", written)
        return _applied(connection, new, [(first + n, step) for n, (_, step) in enumerate(standing)])


def _batch() -> str:
    return uuid.uuid4().hex[:12]


def _applied(connection: Connection, batch: str, written: list[tuple[int, int]]) -> Applied:
    return Applied(batch, written, standing.stale_for_steps(connection, [step for _, step in written]))


def _values(
    connection: Connection, changes: Sequence[Change], trees: Mapping[int, int]
) -> tuple[list[tuple[int, float | None, float | None]], int]:
    """The steps spoken of and those above them whose value is another, tree by tree; and how many trees were too much."""
    by_tree: dict[int, dict[int, str]] = {}
    for change in changes:
        if change.category != REVALUED:
            by_tree.setdefault(trees[change.step], {})[change.step] = change.value
    out: list[tuple[int, float | None, float | None]] = []
    room, unvalued = MOST_LOOKED, 0
    for tree_id, said in by_tree.items():
        size = extent(connection, tree_id, said) if room > 0 else 0
        if size > room or room <= 0:
            unvalued += 1
            continue
        room -= size
        tree = outline(connection, tree_id, said)
        if all(word != "invalid" and tree.actions[step] != "code" for step, word in said.items()):
            continue
        words = tree.words()
        before, after = tree.values(words), tree.values(words | said)
        for step in _upwards(tree, said):
            was, will = before.get(step), after.get(step)
            if (was and was.v_pass) != (will and will.v_pass):
                out.append((step, None if was is None else was.v_pass, None if will is None else will.v_pass))
    return out, unvalued


def _upwards(tree: Outline, said: Mapping[int, str]) -> list[int]:
    """These steps and all above them but the root, in preorder."""
    wanted = {tree.paths[step][:depth] for step in said for depth in range(1, len(tree.paths[step]) + 1)}
    return sorted((step for step, path in tree.paths.items() if path in wanted), key=lambda step: tree.paths[step])
