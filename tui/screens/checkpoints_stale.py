"""Why a checkpoint is stale and what would mend it, as lines: the commands first, then every word that turned."""

from __future__ import annotations

from typing import Any

from tui.screens.checkpoints_gains import DIM, head
from tui.screens.checkpoints_source import interval
from tui.text import GLYPHS, Cell, first_line, inert, state
from tui.widgets.pane import RichLine

SHOWN = 40  # labels that are named one by one
WARNS = "bold yellow"


def stale(connection: Any, checkpoint_id: int) -> list[RichLine]:
    """Which words turned against what it learned, what rests on them, what follows, and what would mend it."""
    from o1coder.queries import checkpoints, remedy
    from o1coder.queries import stale as questions
    from o1coder.queries.nodes import many

    row = checkpoints.show(connection, checkpoint_id)
    if not row.stale:
        lines: list[RichLine] = [
            [Cell("not stale: every label that its weights learned from still counts", "bright_blue")]
        ]
    else:
        own = questions.own_labels(connection, checkpoint_id)
        came = f"{own} in its own data" + (
            f", {row.stale - own} with the weights it started from" if row.stale > own else ""
        )
        lines = [[Cell(f"{many(row.stale, 'label')} against what it learned: ", WARNS), Cell(came)]]
        for one, count, of in questions.rows_of(connection, checkpoint_id):
            lines.append([Cell(f"  {count} of {of} rows of dataset {one} no longer stand")])
        lines += [[], head("what would mend it")]
        steps = remedy.remedies(connection, checkpoint_id)
        for step in steps:
            if step.mended_by is not None:
                lines.append([Cell(f"  done: checkpoint {step.mended_by} replaces {step.replaces}", "bright_blue")])
                continue
            waits = "" if step.waits_for is None else f"  (NEW: what replaces {step.waits_for})"
            lines.append([Cell("  $ ", DIM), Cell(inert(step.command), "bold"), Cell(waits, DIM)])
        if any(step.mended_by is None for step in steps):
            lines.append([Cell("  R launches the first of these that can be", DIM)])
        lines += [[], head("because")]
        for why in questions.why(connection, checkpoint_id, limit=SHOWN):
            lines += why_lines(why)
        if row.stale > SHOWN:
            rest = row.stale - SHOWN
            lines.append([Cell(f"  and {rest} more: o1coder checkpoints stale {checkpoint_id} --after ID", DIM)])
    follows = questions.followers(connection, checkpoint_id)
    words = {"weights": "went on from its weights", "reward": "was rewarded by it"}
    if follows:
        lines += [[], head("what follows from it" if row.stale else "what would be stale with it")]
    for follower in follows:
        counted = "" if follower.way == "weights" else " (not counted as stale)"
        lines.append(
            [Cell(f"  checkpoint {follower.checkpoint} {follower.role} "), Cell(words[follower.way] + counted, DIM)]
        )
    return lines


def why_lines(one: Any) -> list[RichLine]:
    """One label that turned: what was said, what is said, by whom and when, where, and why."""
    who = one.now_author or f"the newest {one.now_source}"
    taken = f", after {one.taken_back_by} took a word back" if one.taken_back_by else ""
    was = state(one.was) if one.was is not None else Cell("nobody's word", DIM)
    now = state(one.now_says)
    value = ""
    if one.was == one.now_says:
        value = f" {interval(one.was_value, None, None)} {GLYPHS.arrow} {interval(one.now_value, None, None)}"
    reason = ": ".join(word for word in (one.category, one.reason) if word)
    return [
        [
            Cell("  "),
            was,
            Cell(f" {GLYPHS.arrow} ", DIM),
            now,
            Cell(inert(f"{value}  by {who}{taken}, {one.at[:16].replace('T', ' ')}"), DIM),
        ],
        [Cell(inert(f"    step {one.tree}:{one.path} {one.action}: {first_line(one.text)}"[:200]))],
        [
            Cell(
                inert(f"    problem {one.problem} {one.title}; {one.rows} rows; learned by checkpoint {one.trained}"),
                DIM,
            )
        ],
        *([[Cell(inert(f"    why: {reason}"))]] if reason else []),
    ]
