"""A titled pane with tabs: what is known of the thing under the cursor, one side of it at a time. It takes no focus."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message

from tui.text import Cell
from tui.widgets.line import Line
from tui.widgets.pane import Pane, RichLine


class Detail(Vertical):
    """See the module's head. The screen that turns the tab asks for its lines and shows them."""

    DEFAULT_CSS = "Detail { height: 1fr; width: 1fr; }"

    class Turned(Message):
        """A tab was clicked: the screen shows what belongs to it."""

        def __init__(self, detail: Detail) -> None:
            super().__init__()
            self.detail = detail

    def __init__(self, tabs: Sequence[str], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.tabs = tuple(tabs)
        self.at = 0

    def compose(self) -> ComposeResult:
        yield Line(style="reverse dim")
        yield Pane()

    @property
    def tab(self) -> str:
        """The name of the open tab."""
        return self.tabs[self.at]

    @property
    def pane(self) -> Pane:
        return self.query_one(Pane)

    def turn(self, delta: int = 1) -> str:
        """Go to another tab, round the end; its name."""
        self.at = (self.at + delta) % len(self.tabs)
        return self.tab

    def open(self, tab: str) -> None:
        """Go to the tab of that name; an unknown one changes nothing."""
        if tab in self.tabs:
            self.at = self.tabs.index(tab)

    def show(self, about: object, lines: Sequence[RichLine], right: Sequence[Cell] = ()) -> None:
        """Show lines under the open tab; scrolled as it was where `about` (and the tab) is what it showed before."""
        pane, told = self.pane, (about, self.at)
        cells = [Cell(f"[{name}]" if index == self.at else f" {name} ") for index, name in enumerate(self.tabs)]
        self.query_one(Line).say([Cell(" "), *cells], right)
        pane.show(lines, keep=pane.about == told)
        pane.about = told

    def scroll_lines(self, delta: int) -> None:
        """Scroll by wrapped lines."""
        self.pane.scroll_lines(delta)

    def on_click(self, event: events.Click) -> None:
        if event.y != 0:
            return
        x = 1
        for index, name in enumerate(self.tabs):
            if x <= event.x < x + len(name) + 2:
                self.at = index
                self.post_message(self.Turned(self))
            x += len(name) + 2
