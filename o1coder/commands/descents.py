"""checkpoints lineage|compare|stale: what a checkpoint comes from and what it reached, in lines and as one JSON value."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from typing import Any

from sqlalchemy.engine import Connection

from o1coder.cli import NO, OK
from o1coder.commands import plain, show
from o1coder.errors import LabError
from o1coder.queries import checkpoints, descent, prmchange, reach, remedy
from o1coder.queries import lineage as questions
from o1coder.queries import stale as staleness
from o1coder.queries.gains import Gain
from o1coder.queries.nodes import Key, Node, many
from o1coder.queries.versus import versus

THINGS = "problem:ID, label:ID, step:ID or step:TREE:PATH, tree:ID, dataset:ID, job:ID, checkpoint:ID"
SHOWN = 8  # things of one kind that are printed below a line
REACHED = ("checkpoint", "role", "way", "via", "steps", "stage", "run", "round")
STALE = ("checkpoint", "role", "run", "round", "stage", "labels", "direct", "rows", "datasets", "mended_by")


def lineage(options: Namespace) -> int:
    """What a checkpoint comes from; with --back, what a thing reached (and, with both, whether it reached this one)."""
    if options.back is not None:
        return _back(options)
    if options.id is None:
        raise LabError(
            "lineage needs a checkpoint, or a thing to go back from", f"a checkpoint's id, or --back with {THINGS}"
        )
    with show.open_lab(options).reading() as connection:
        found = descent.descent(connection, options.id)
        top = questions.node(connection, "checkpoint", options.id)
        lines = [] if show.as_json(options) else [_line(top, 0), *_below(connection, top.key, 1, options.depth)]
    show.value(options, found, lines)
    return OK


def _line(node: Node, depth: int) -> str:
    relation = f"{node.relation}: " if node.relation else ""
    figures = f"  ({node.figures})" if node.figures else ""
    return f"{'  ' * depth}{relation}{node.title}{figures}{f'  STALE {node.stale}' if node.stale else ''}"


def _below(connection: Connection, key: Key, depth: int, most: int) -> Iterator[str]:
    if depth > most:
        return
    found = questions.children(connection, key, limit=SHOWN)
    for node in found.nodes:
        yield _line(node, depth)
        if node.more:
            yield from _below(connection, node.key, depth + 1, most)
    if found.next is not None:
        yield "  " * depth + "and more"


def _back(options: Namespace) -> int:
    with show.open_lab(options).reading() as connection:
        if options.id is not None:
            checkpoints.show(connection, options.id)
        thing = reach.parse(connection, options.back)
        rested = reach.rested(connection, thing)
        reached = [one for one in reach.reached(connection, thing) if options.id in (None, one.checkpoint)]
    found = {
        "kind": thing.kind,
        "id": thing.id,
        "datasets": [one._asdict() for one in rested],
        "checkpoints": [one._asdict() for one in reached],
    }
    lines = [f"dataset {one.dataset} {one.kind}: {one.rows} of {one.of} rows rest on it" for one in rested]
    lines += plain.aligned([one._asdict() for one in reached], REACHED) if reached else ["it reached no checkpoint"]
    show.value(options, found, lines)
    return NO if options.id is not None and not reached else OK


def compare(options: Namespace) -> int:
    """B over A."""
    with show.open_lab(options).reading() as connection:
        found = versus(connection, options.old, options.new)
    value = {
        "old": found.old._asdict(),
        "new": found.new._asdict(),
        "line": found.line,
        "config": [{"field": name, "old": old, "new": new} for name, old, new in found.config],
        "rows": dict(zip(("old", "new", "both"), found.rows, strict=True)),
        "labels": dict(zip(("old", "new", "both"), found.labels, strict=True)),
        "gains": [gain._asdict() for gain in found.gains],
        "prm": [pair._asdict() for pair in found.prm],
        "prm_change": None if found.change is None else prmchange.as_json(found.change),
        "unscored": found.unscored or None,
    }
    lines = [f"checkpoint {options.new} over checkpoint {options.old}: {found.line}", ""]
    lines += [gain_line(gain) for gain in found.gains] or [
        "no evaluation of one split, slice and mode is there of both"
    ]
    lines += [f"{pair.name}: {pair.old:.3f} to {pair.new:.3f} (draws of job {pair.draws})" for pair in found.prm]
    lines += [found.unscored] if found.unscored else []
    lines += [] if found.change is None else _prm_lines(found.change)
    lines += ["", f"distinct rows trained on: {found.rows[0]} and {found.rows[1]}, {found.rows[2]} in both"]
    lines += [f"labels: {found.labels[0]} and {found.labels[1]}, {found.labels[2]} in both", ""]
    lines += [f"{name}: {plain.cell(old)} and {plain.cell(new)}" for name, old, new in found.config]
    show.value(options, value, lines)
    return OK


def _prm_lines(change: prmchange.PrmChange) -> list[str]:
    people = change.people
    before, after = plain.cell(people.agreement_before), plain.cell(people.agreement_after)
    lines = [f"agrees with people: {before} to {after} on {people.steps} steps of {people.problems} problems"]
    for name, one in (("prefix", change.prefix), ("code", change.code)):
        for which in ("pooled", "within"):
            moved = getattr(one.change, which)
            paired = "" if moved is None else f", paired {moved.value:+.2f} [{moved.low:+.2f}, {moved.high:+.2f}]"
            old, new = getattr(one.before, f"{which}_value"), getattr(one.after, f"{which}_value")
            steps = f"{one.steps} fresh steps of {one.problems} problems"
            lines.append(f"AUC {name} {which}: {plain.cell(old)} to {plain.cell(new)}{paired}, {steps}")
    return lines


def gain_line(gain: Gain) -> str:
    """A gain for people: the split that gates is named, since it cannot be the one that reports."""
    bounds = "" if gain.low is None or gain.high is None else f" [{gain.low:+.2f}, {gain.high:+.2f}]"
    bounds += "" if gain.told else " not told apart"
    power = "" if gain.detectable is None else f"; this size shows gains above {100 * gain.detectable:.0f} points"
    over = "" if gain.mode == gain.old_mode else f" over {gain.old_mode}"
    gates = " (the gate's split)" if gain.split == "validation" else ""
    note = f"; not alike: {gain.differs}" if gain.differs else ""
    return (
        f"{gain.split} {gain.mode}{over}{gates}: {gain.old:.2f} to {gain.new:.2f}, paired difference {gain.difference:+.2f}"
        f"{bounds}, {gain.problems} problems, {gain.differ} differ{power}{note}"
    )


def stale(options: Namespace) -> int:
    """Every stale checkpoint with what would mend it; or one with every label that makes it so."""
    with show.open_lab(options).reading() as connection:
        if options.id is not None:
            return _why(options, connection)
        found = [one for one in staleness.listing(connection) if one.checkpoint > options.after][: options.limit]
        rows = []
        for one in found:
            mend = remedy.remedies(connection, one.checkpoint)
            commands = [step.command for step in mend if step.mended_by is None]
            rows.append({**one._asdict(), "mended_by": mend[-1].mended_by, "commands": commands})
    show.table(options, rows, STALE, empty="no checkpoint is stale")
    return OK


def _why(options: Namespace, connection: Connection) -> int:
    row = checkpoints.show(connection, options.id)
    why = staleness.why(connection, options.id, after=options.after, limit=options.limit)
    mend = remedy.remedies(connection, options.id)
    found: dict[str, Any] = {
        "checkpoint": row.id,
        "labels": row.stale,
        "direct": staleness.own_labels(connection, row.id),
        "why": [one._asdict() for one in why],
        "rows": [{"dataset": d, "rows": n, "of": of} for d, n, of in staleness.rows_of(connection, row.id)],
        "followers": [one._asdict() for one in staleness.followers(connection, row.id)],
        "remedies": [one._asdict() for one in mend],
    }
    lines = [f"checkpoint {row.id} is stale: {many(row.stale, 'label')} against what it learned"]
    for one in why:
        who = one.now_author or f"the newest {one.now_source}"
        reason = f": {one.reason}" if one.reason else ""
        lines.append(
            f"  label {one.label}, step {one.tree}:{one.path}: {one.was or 'no word'} to {one.now_says} by {who}{reason}"
        )
    lines += [f"  {n} of {of} rows of dataset {d} do not stand" for d, n, of in staleness.rows_of(connection, row.id)]
    lines += ["what would mend it:"] if mend else []
    for step in mend:
        lines.append(f"  {step.command}" if step.mended_by is None else f"  done: checkpoint {step.mended_by}")
    show.value(options, found, lines if row.stale else [f"checkpoint {row.id} is not stale"])
    return OK
