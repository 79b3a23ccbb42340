"""One line made of cells: titles, breadcrumbs, the key bar. It repaints only when what it says has changed.

A cell may carry an action that a click on it runs; nothing needs the mouse, so nothing else of a line can be reached by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from tui.text import GLYPHS, Cell


class Line(Widget):
    """A row of cells from the left and, where there is room, cells that end at the right edge: the last are left out first."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "Line { height: 1; width: 1fr; }"

    def __init__(self, *, style: str = "", id: str | None = None) -> None:
        super().__init__(id=id)
        self.base = style
        self._said: tuple[tuple[Cell, ...], tuple[Cell, ...]] = ((), ())
        self._acts: Mapping[int, str] = {}

    def say(self, left: Sequence[Cell], right: Sequence[Cell] = (), *, acts: Mapping[int, str] | None = None) -> None:
        """Show these cells; their text must be inert already. `acts`: by its place among the left ones, the action of the
        screen or the app that a click on a cell runs."""
        said = (tuple(left), tuple(right))
        self._acts = acts or {}
        if said != self._said:
            before = self.render_line(0)
            self._said = said
            changed = span(before, self.render_line(0))
            if changed is not None:
                self.refresh(Region(changed.start, 0, len(changed), 1))

    async def on_click(self, event: events.Click) -> None:
        x = 0
        for place, cell in enumerate(self._said[0]):
            x += cell_len(cell.text)
            if event.x < x:
                if place in self._acts:
                    await self.app.run_action(self._acts[place], self.screen)
                return

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, Style.parse(self.base)
        left, *right = (
            Strip([Segment(c.text, base + Style.parse(c.style)) for c in part])
            for part in (self._said[0], *([cell] for cell in self._said[1]))
        )
        while right and left.cell_length and left.cell_length + sum(one.cell_length for one in right) >= width:
            right.pop()
        if right:
            left = left.adjust_cell_length(width - sum(one.cell_length for one in right), base)
            return Strip([*left, *(segment for one in right for segment in one)], width).simplify()
        return clipped(left, width, base).simplify()


def span(old: Strip, new: Strip) -> range | None:
    """The columns in which two strips differ, from the first to the last; None where they do not. A blank that one of them
    lacks at its end counts as one without a style."""
    before, after = _columns(old), _columns(new)
    width = max(len(before), len(after))
    blank = (" ", Style.null())
    before += [blank] * (width - len(before))
    after += [blank] * (width - len(after))
    differing = [column for column in range(width) if before[column] != after[column]]
    if not differing:
        return None
    first, end = differing[0], differing[-1] + 1
    while first and "" in (before[first][0], after[first][0]):  # never half of a wide character
        first -= 1
    while end < width and "" in (before[end][0], after[end][0]):
        end += 1
    return range(first, end)


def _columns(strip: Strip) -> list[tuple[str, Style]]:
    """A strip column by column; a wide character stands in its first one, whoever follows it stays empty."""
    found: list[tuple[str, Style]] = []
    for text, style, _ in strip:
        for character in text:
            size = 1 if character.isascii() else cell_len(character)
            if size == 0 and found:  # a mark on the character before it
                found[-1] = (found[-1][0] + character, found[-1][1])
            else:
                found += [(character, style or Style.null()), ("", style or Style.null())][:size]
    return found


def clipped(strip: Strip, width: int, style: Style) -> Strip:
    """`strip` at exactly `width` cells; where something had to go, an ellipsis says so."""
    if strip.cell_length <= width:
        return strip.adjust_cell_length(width, style)
    mark = Strip([Segment(GLYPHS.ellipsis, style)])
    return Strip([*strip.crop(0, max(0, width - mark.cell_length)), *mark]).crop(0, width)
