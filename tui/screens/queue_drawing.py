"""The label queue drawn: the step that is before the person, what was said last, the pace. Lines are made in queue_lines.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.screens.queue_lines import Pace, Ready, about, grounds, pace, strip, word
from tui.text import GLYPHS, Cell, inert
from tui.widgets.line import Line
from tui.widgets.pane import Pane, RichLine

if TYPE_CHECKING:
    from tui.screens.queue import QueueScreen


def draw(screen: QueueScreen) -> None:
    """Everything but the title."""
    ready = screen.now
    head, above = screen.query_one("#about", Line), screen.query_one("#above", Pane)
    if ready is None:
        empty = (
            "no step is left to label here: / filters, O changes the order"
            if screen.supply.ended
            else "looking for steps"
        )
        head.say([Cell(f" {empty}")])
        above.show([])
    else:
        cells = about(ready, _at(screen, ready), screen.walking)
        if screen.note:
            cells.append(Cell(f"{GLYPHS.pipe} note: {inert(screen.note)} ", "bold"))
        head.say(cells)
        above.show(ready.above[_at(screen, ready)])
    draw_step(screen)
    screen.query_one("#last", Line).say(strip(screen.said.decisions))
    draw_pace(screen)


def _at(screen: QueueScreen, ready: Ready) -> int:
    return min(screen.place, len(ready.step) - 1) if screen.walking else len(ready.step) - 1


def draw_step(screen: QueueScreen) -> None:
    """The pane: the step, its tests or its siblings; the word on it only where that is to be seen."""
    ready, detail = screen.now, screen.saying
    if detail.tab == "agree":
        return
    if ready is None:
        detail.show(None, [])
        return
    ending = _at(screen, ready) == len(ready.step) - 1  # of the steps above it nothing is told
    lines: list[RichLine]
    if detail.tab == "step":
        lines = list(ready.step[_at(screen, ready)])
        lines += grounds(ready) if screen.shown and ending else []
    elif detail.tab == "tests":
        lines = ready.tests
    else:
        lines = ready.siblings_told if screen.shown else ready.siblings
    detail.show((ready.held.step, _at(screen, ready), detail.tab), lines, word(ready, screen.shown and ending))


def draw_pace(screen: QueueScreen) -> None:
    """How far this sitting is, and how much is left."""
    far = screen.supply.far
    left = None if far is None else max(0, far.progress.left - screen.supply.since_far)
    told = Pace(len(screen.said.taken), screen.skipped, left, tuple(screen.said.taken), screen.supply.gold)
    screen.query_one("#pace", Line).say(pace(told))


def told(screen: QueueScreen) -> Cell:
    """Who labels, in which order, by which filter."""
    desk = screen.supply.desk
    words = [desk.author] if desk is not None and desk.author else []
    words += [f"by {screen.order}", *([screen.filtered] if screen.filtered else [])]
    return Cell(inert(f" {GLYPHS.pipe} " + f" {GLYPHS.dot} ".join(words)))
