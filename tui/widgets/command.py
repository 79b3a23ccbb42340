"""The command bar: `:` and a line, with what was typed before (up, down) and a completion (right). It runs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.suggester import SuggestFromList
from textual.widgets import Input

from tui.widgets.typed import Typed


class CommandBar(Typed):
    """A one-line input that opens in the place of the key bar. Set `before` and `offers` before it is begun."""

    DEFAULT_CSS = "CommandBar { height: 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "older(-1)", "older", show=False, id="command.older"),
        Binding("down", "older(1)", "newer", show=False, id="command.newer"),
        Binding("escape,ctrl+c", "leave", "leave", show=False, id="command.leave"),
        Binding("tab", "cursor_right", "complete", show=False, id="command.complete"),
    ]

    class Given(Message):
        """Enter: the line."""

        def __init__(self, line: str) -> None:
            super().__init__()
            self.line = line

    class Left(Message):
        """It was closed without a line."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(compact=True, placeholder="jobs 12, tree 42:0.2.1, launch prm, help", id=id)
        self.before: Sequence[str] = ()
        self._at = 0

    def offer(self, before: Sequence[str], offers: Sequence[str]) -> None:
        """Take the lines typed before, oldest first, and the words to complete."""
        self.before = before
        self.suggester = SuggestFromList([*reversed(before), *offers], case_sensitive=False)

    def begin(self) -> None:
        """Start with an empty line."""
        self.value = ""
        self._at = len(self.before)
        self.screen.set_focus(self)  # now: the next key may be on its way

    def action_older(self, delta: int) -> None:
        self._at = max(0, min(self._at + delta, len(self.before)))
        self.value = self.before[self._at] if self._at < len(self.before) else ""
        self.cursor_position = len(self.value)

    def action_leave(self) -> None:
        self.post_message(self.Left())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Given(self.value.strip()) if self.value.strip() else self.Left())

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()

    def on_blur(self, event: events.Blur) -> None:
        if self.display:
            self.post_message(self.Left())
