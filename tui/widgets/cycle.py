"""A one-line choice: left and right go round the options, enter asks the screen for the whole list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from tui.text import fit, inert


class CycleOption(NamedTuple):
    """What is entered, and what is shown for it."""

    value: str
    shown: str


class Cycle(Widget, can_focus=True):
    """The choice widget; its options may arrive after it is shown."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "Cycle { height: 1; width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "turn(-1)", "previous", show=False, id="cycle.previous"),
        Binding("right,l,space", "turn(1)", "next", show=False, id="cycle.next"),
        Binding("enter", "list", "all options", show=False, id="cycle.list"),
    ]

    class Changed(Message):
        """Another option is shown."""

        def __init__(self, cycle: Cycle) -> None:
            super().__init__()
            self.cycle = cycle

    class Listed(Message):
        """The whole list is wanted."""

        def __init__(self, cycle: Cycle) -> None:
            super().__init__()
            self.cycle = cycle

    def __init__(self, options: Sequence[CycleOption], value: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.options = list(options)
        self._index = 0
        self.choose(value)

    @property
    def value(self) -> str:
        """What is entered; empty where there are no options."""
        return self.options[self._index].value if self.options else ""

    def offer(self, options: Sequence[CycleOption]) -> None:
        """Take other options; the value stays if it is among them."""
        value = self.value
        self.options = list(options)
        self._index = 0
        self.choose(value)

    def choose(self, value: str) -> None:
        """Show the option with this value, if there is one."""
        for index, option in enumerate(self.options):
            if option.value == value:
                self._index = index
        self.refresh()
        if self.is_mounted:
            self.post_message(self.Changed(self))

    def action_turn(self, delta: int) -> None:
        if self.options:
            self._index = (self._index + delta) % len(self.options)
            self.refresh()
            self.post_message(self.Changed(self))

    def action_list(self) -> None:
        self.post_message(self.Listed(self))

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def render_line(self, y: int) -> Strip:
        shown = inert(self.options[self._index].shown) if self.options else "none in this lab yet"
        style = "reverse" if self.has_focus else ("" if self.options else "dim")
        width = self.size.width
        return Strip([Segment(fit(f"< {shown} >", width), Style.parse(style))], width)
