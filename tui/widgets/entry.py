"""A one-line question in a screen's lower edge (a name, a file, a wish): asked for something, answered, gone. It does nothing
with the answer; what was typed before comes back with up, tab takes the one word that fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from tui.widgets.typed import Typed


class Entry(Typed):
    """The line; hidden until something is asked."""

    DEFAULT_CSS = "Entry { height: 1; display: none; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "older(-1)", "older", show=False, id="entry.older"),
        Binding("down", "older(1)", "newer", show=False, id="entry.newer"),
        Binding("tab", "complete", "complete", show=False, id="entry.complete"),
        Binding("escape", "leave", "leave", show=False, id="entry.leave"),
    ]

    class Given(Message):
        """Enter: the answer to `what`, without blanks at its ends."""

        def __init__(self, what: str, text: str) -> None:
            super().__init__()
            self.what = what
            self.text = text

    class Left(Message):
        """It was closed without an answer."""

    class Several(Message):
        """Tab, and more than one word would do."""

        def __init__(self, words: Sequence[str]) -> None:
            super().__init__()
            self.words = words

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(compact=True, select_on_focus=False, id=id)
        self.what = ""
        self.words: Sequence[str] = ()
        self._before: Sequence[str] = ()
        self._at = 0

    def begin(
        self, what: str, text: str, placeholder: str, *, before: Sequence[str] = (), words: Sequence[str] = ()
    ) -> None:
        """Ask for `what`, beginning with a text; `before`: older answers; `words`: what tab completes."""
        self.what, self.words = what, words
        self._before, self._at = before, len(before)
        self.placeholder, self.value, self.display = placeholder, text, True
        self.cursor_position = len(text)
        self.screen.set_focus(self)

    def end(self) -> None:
        """Hide it; the screen gives the focus to what it likes."""
        self.display = False

    def completions(self) -> tuple[str, Sequence[str]]:
        """(the word before the cursor, what it may become)."""
        start = self.value[: self.cursor_position].rpartition(" ")[2]
        return start, [word for word in self.words if word.startswith(start)]

    def action_complete(self) -> None:
        start, found = self.completions()
        if not found:
            return
        common = found[0]
        while not all(word.startswith(common) for word in found):
            common = common[:-1]
        if len(common) > len(start):
            before = self.value[: self.cursor_position - len(start)] + common
            self.value = before + self.value[self.cursor_position :]
            self.cursor_position = len(before)
        elif len(found) > 1:
            self.post_message(self.Several(found))

    def action_older(self, delta: int) -> None:
        self._at = max(0, min(self._at + delta, len(self._before)))
        self.value = " ".join(self._before[self._at].split()) if self._at < len(self._before) else ""
        self.cursor_position = len(self.value)

    def action_leave(self) -> None:
        self.end()
        self.post_message(self.Left())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.end()
        self.post_message(self.Given(self.what, self.value.strip()))

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
