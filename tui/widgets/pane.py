"""A pane of styled, wrapped, inert lines that scrolls; it takes no focus, so moving into it costs no repaint.

It holds what fits a person's eye (a step, a statement, a config), not logs or tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from tui.text import Cell
from tui.widgets.line import span

RichLine = Sequence[Cell]
_NOTHING = Strip([])


class Pane(Widget):
    """Lines of cells, wrapped at the pane's width (continuations keep the indentation of their line)."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "Pane { height: 1fr; width: 1fr; padding: 0 1; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.about: object = None  # what the lines are of; the caller's own mark
        self._lines: list[RichLine] = []
        self._wrapped: list[Strip] = []
        self._width = 0
        self._top = 0

    @property
    def lines(self) -> list[RichLine]:
        """What it shows, unwrapped."""
        return self._lines

    def show(self, lines: Sequence[RichLine], *, keep: bool = False) -> None:
        """Show other lines, from the top unless `keep`; the same lines again repaint nothing."""
        if list(lines) == self._lines:
            return
        before = self._shown()
        self._lines = list(lines)
        self._width = 0
        self._top = self._top if keep else 0
        self._repaint(before)

    def scroll_lines(self, delta: int) -> None:
        """Scroll by wrapped lines, no further than the last one."""
        self._wrap()
        top = max(0, min(self._top + delta, len(self._wrapped) - self.size.height))
        if top != self._top:
            before = self._shown()
            self._top = top
            self._repaint(before)

    def _shown(self) -> list[Strip]:
        """The strips on the screen."""
        self._wrap()
        return self._wrapped[self._top : self._top + self.size.height]

    def _repaint(self, before: list[Strip]) -> None:
        """Repaint what differs from what was shown: an arrow key must not send blank lines over the wire."""
        for line, (old, new) in enumerate(zip_longest(before, self._shown(), fillvalue=_NOTHING)):
            changed = span(old, new)
            if changed is not None:
                self.refresh(Region(changed.start, line, len(changed), 1))

    def on_resize(self) -> None:
        self.scroll_lines(0)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.scroll_lines(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.scroll_lines(-3)

    def _wrap(self) -> None:
        if self._width == self.size.width:
            return
        self._width = width = max(8, self.size.width)
        self._wrapped = []
        for line in self._lines:
            strip = Strip([Segment(cell.text, Style.parse(cell.style)) for cell in line if cell.text])
            text = strip.text
            indent = min(len(text) - len(text.lstrip(" ")), width // 2)
            cut = _cut(strip, width)
            self._wrapped.append(strip.crop(0, cut))
            rest = strip.crop(cut, strip.cell_length)
            while rest.cell_length:
                cut = _cut(rest, width - indent)
                self._wrapped.append(Strip.join([Strip.blank(indent, Style.null()), rest.crop(0, cut)]))
                rest = rest.crop(cut, rest.cell_length)
        self._width = self.size.width

    def render_line(self, y: int) -> Strip:
        self._wrap()
        index = self._top + y
        if index < len(self._wrapped):
            return self._wrapped[index].adjust_cell_length(self.size.width, Style.null())
        return Strip.blank(self.size.width, Style.null())


def _cut(strip: Strip, width: int) -> int:
    """Where a line is cut to fit: after the last space of its right half, else at the width; in cells."""
    if strip.cell_length <= width:
        return strip.cell_length
    text = strip.crop(0, width).text
    space = text.rfind(" ")
    cells = cell_len(text[: space + 1])
    return cells if space >= 0 and cells > width // 2 else width
