"""A question that only the right word answers with yes: for what cost hours. Everything else that closes it says no."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from tui.text import Cell, inert
from tui.widgets.line import Line
from tui.widgets.typed import Typed


class TypedConfirm(ModalScreen[bool]):
    """Asks for `word`; answers True only when it was typed."""

    CSS = """
    TypedConfirm { align: center middle; }
    TypedConfirm Vertical { width: 76; max-width: 100%; height: 4; background: ansi_default; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "no")]

    def __init__(self, question: str, word: str) -> None:
        super().__init__()
        self.question = question
        self.word = word

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Line(style="reverse", id="question")
            yield Line(id="told")
            yield Typed(compact=True, placeholder=self.word, id="word")
            yield Line(id="answers")

    def on_mount(self) -> None:
        self.query_one("#question", Line).say([Cell(" " + inert(self.question), "bold")])
        self.query_one("#told", Line).say([Cell(f" type {inert(self.word)} and press enter to do it")])
        self.query_one("#answers", Line).say([Cell(" esc ", "bold bright_blue"), Cell("leave it as it is")])
        self.query_one(Input).focus()

    def on_input_submitted(self, message: Input.Submitted) -> None:
        if message.value.strip() == self.word:
            self.dismiss(True)
        else:
            self.query_one("#told", Line).say(
                [Cell(f" that is not {inert(self.word)}: nothing was done", "bold yellow")]
            )

    def action_leave(self) -> None:
        self.dismiss(False)
