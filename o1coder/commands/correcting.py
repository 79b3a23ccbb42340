"""What `labels add`, `preview` and `undo` do: one label, or several with what follows, counted before they are written."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import Any

from sqlalchemy.engine import Connection

from o1coder import corrections, labels
from o1coder.cli import NO, OK
from o1coder.commands import show
from o1coder.errors import LabError
from o1coder.home import author
from o1coder.queries import trees


def add(options: Namespace) -> int:
    """One step alone is labelled at once; several, or what follows, are counted first and written with --yes."""
    lab = show.open_lab(options, write=True)
    name = options.author or author()
    if len(options.step) == 1 and not (options.after or options.ancestors or options.first_error):
        with lab.reading() as connection:
            step = trees.find_step(connection, options.step[0])
        show.value(options, labels.add_human(lab, step, options.value, name, reason=options.reason)._asdict())
        return OK
    with lab.reading() as connection:
        changes = _changes(connection, options)
        found = corrections.preview(connection, changes, name)
    told = corrections.told(changes, found)
    if not options.yes:
        if show.as_json(options) or not sys.stdin.isatty():
            raise LabError(
                f"{len(changes)} labels would be written", "say --yes, or look at them with `labels preview`"
            )
        for line in told:
            show.note(line)
        if input("write them? [y/N] ").strip().lower() not in ("y", "yes"):
            return NO
        told = []
    done = corrections.apply(lab, changes, name, picked=None, reason=options.reason)
    show.value(
        options,
        {
            "batch": done.batch,
            "author": name,
            "labels": [{"id": label, "step": step} for label, step in done.labels],
            "changed": found.changed,
            "overruled": found.overruled,
            "people": list(found.people),
            "dataset_rows": found.dataset_rows,
            "datasets": found.datasets,
            "stale_checkpoints": done.stale_checkpoints,
        },
        [
            *told,
            f"written as batch {done.batch} (`o1coder labels undo --batch {done.batch}`)",
        ],
    )
    return OK


def preview(options: Namespace) -> int:
    """Count what `add` would do."""
    with show.open_lab(options).reading() as connection:
        changes = _changes(connection, options)
        found = corrections.preview(connection, changes, options.author or author())
    counts: dict[str, Any] = found._asdict() | {
        "changes": [change._asdict() for change in changes],
        "values": [{"step": step, "before": was, "after": will} for step, was, will in found.values],
    }
    lines = corrections.told(changes, found)
    lines += [f"  v of step {step}: {_figure(was)} -> {_figure(will)}" for step, was, will in found.values]
    show.value(options, counts, lines)
    return OK


def undo(options: Namespace) -> int:
    """Take back one label, or all of a batch."""
    if (options.id is None) == (options.batch is None):
        raise LabError("name a label, or a batch with --batch", "`o1coder labels list` shows them")
    lab, name = show.open_lab(options, write=True), options.author or author()
    if options.id is not None:
        show.value(options, labels.undo(lab, options.id, name)._asdict())
        return OK
    done = corrections.undo_batch(lab, options.batch, name)
    taken_back = [{"id": label, "step": step} for label, step in done.labels]
    told = {"batch": done.batch, "author": name, "labels": taken_back, "stale_checkpoints": done.stale_checkpoints}
    show.value(options, told, [f"{len(taken_back)} labels of batch {options.batch} are taken back"])
    return OK


def _changes(connection: Connection, options: Namespace) -> list[corrections.Change]:
    steps = [trees.find_step(connection, name) for name in options.step]
    if not options.first_error:
        return corrections.propagate_all(
            connection, steps, options.value, after=options.after, ancestors=options.ancestors
        )
    if options.value != "invalid" or len(steps) != 1 or options.after or options.ancestors:
        raise LabError(
            "--first-error speaks of one step that is invalid, and of its whole path",
            "e.g. `o1coder labels add 12:0.2.1 invalid --first-error`",
        )
    return corrections.first_error(connection, steps[0])


def _figure(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"
