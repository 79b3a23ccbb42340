"""What the pane says of a node of a lineage tree that is no checkpoint, and which screen shows it whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.highlight import plain
from tui.screens.checkpoints_gains import DIM, head
from tui.text import Cell, inert, number, state
from tui.widgets.pane import RichLine

if TYPE_CHECKING:
    from o1coder.lab import Lab
    from o1coder.queries.nodes import Node

JUMPS = {
    "job": "jobs",
    "evaluation": "jobs",
    "decision": "jobs",
    "dataset": "datasets",
    "problem": "problems",
    "tree": "tree",
}


def place_of(node: Node) -> tuple[str, str] | None:
    """The screen and target that show the thing of a node; None for what has no screen of its own."""
    if node.step is not None:
        return ("tree", f"step:{node.step}")
    if node.kind == "step" and node.id is not None:
        return ("tree", f"step:{node.id}")
    if node.kind == "round":
        return ("rounds", node.title)
    mode = JUMPS.get(node.kind)
    return None if mode is None or node.id is None else (mode, str(node.id))


def node_lines(lab: Lab, node: Node) -> list[RichLine]:
    """In a thread: what a node tells in full, and of a step or a label what was said of it."""
    lines: list[RichLine] = [[Cell(inert(node.title), "bold")]]
    lines += [[Cell(inert(node.figures))]] if node.figures else []
    lines += [[Cell(f"{node.stale} stale", "bold yellow")]] if node.stale else []
    step = node.step if node.step is not None else node.id if node.kind == "step" else None
    if step is not None:
        lines += _step(lab, step)
    if node.kind in ("job", "config") and node.key[1] is not None:
        lines += _job(lab, int(node.key[1]))
    place = place_of(node)
    hint = (
        f"enter goes to it (screen {place[0]})"
        if place is not None
        else "enter opens and folds it"
        if node.more
        else ""
    )
    return [*lines, [], [Cell(hint, DIM)]] if hint else lines


def _step(lab: Lab, step: int) -> list[RichLine]:
    from o1coder.queries import trees
    from o1coder.queries.stale import path_of, text_of

    with lab.reading() as connection:
        history, path, text = trees.labels(connection, step), path_of(connection, step), text_of(connection, step)
    lines: list[RichLine] = [[], head(f"step {path}"), *plain(text), [], head("what was said of it, newest first")]
    for one in history:
        who = one.author or one.source
        word = state(one.value) if one.value is not None else Cell(f"takes {one.retracts} back")
        figures = "" if one.k is None else f", k {one.k} c {one.c} v {number(one.v)}"
        taken = " (taken back)" if one.retracted else ""
        told = f"  {one.id} by {who}{figures}, {one.created_at[:16].replace('T', ' ')}{taken}"
        lines.append([word, Cell(inert(told), DIM), Cell(inert(f"  {one.reason}" if one.reason else ""))])
    return lines


def _job(lab: Lab, job_id: int) -> list[RichLine]:
    from o1coder.queries.descent import job_of

    with lab.reading() as connection:
        job = job_of(connection, job_id)
    return [
        [],
        head("config"),
        *(
            [Cell(inert(f"{name:<16} "), DIM), Cell(inert(str(value)))]
            for name, value in job.config.items()
            if value is not None
        ),
    ]
