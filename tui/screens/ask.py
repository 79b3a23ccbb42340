"""Two small overlays: a yes-or-no question, and a choice from a short list. They know nothing of what is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from tui.text import Cell, inert
from tui.widgets.line import Line
from tui.widgets.virtual_table import Column, FlatOrder, Order, Row, VirtualTable


class Confirm(ModalScreen[bool]):
    """A question that `y` or enter answers with yes, everything else that closes it with no."""

    CSS = """
    Confirm { align: center middle; }
    Confirm Vertical { width: 70; max-width: 100%; height: 3; background: ansi_default; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "answer(True)", "yes"),
        Binding("n,escape,q", "answer(False)", "no"),
    ]

    def __init__(self, question: str) -> None:
        super().__init__()
        self.question = question

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Line(style="reverse", id="question")
            yield Line()
            yield Line(id="answers")

    def on_mount(self) -> None:
        self.query_one("#question", Line).say([Cell(" " + inert(self.question), "bold")])
        keys = [Cell(" y ", "bold bright_blue"), Cell("yes  "), Cell(" n ", "bold bright_blue"), Cell("no")]
        self.query_one("#answers", Line).say(keys)

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)


class Option(NamedTuple):
    """One line of a choice."""

    name: str
    about: str


class _Options:
    def __init__(self, options: Sequence[Option]) -> None:
        self.options = options

    def order(self) -> Order:
        return FlatOrder(range(len(self.options)))

    def rows(self, ids: Sequence[int]) -> Mapping[int, Row]:
        return {
            n: (Cell(inert(self.options[n].name), "bold bright_blue"), Cell(inert(self.options[n].about))) for n in ids
        }


class Choose(ModalScreen[int | None]):
    """A list from which one line is taken; answers its position, None when it is closed without a choice."""

    CSS = """
    Choose { align: center middle; }
    Choose Vertical { width: 90%; max-width: 110; height: 80%; background: ansi_default; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "leave", "back")]

    def __init__(self, title: str, options: Sequence[Option], *, empty: str = "nothing to choose from") -> None:
        super().__init__()
        self.heading = title
        self.options = options
        width = min(30, max((len(option.name) for option in options), default=8) + 1)
        self.columns = (Column("", width), Column("", 0))
        self.empty = empty

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Line(style="reverse", id="choose-title")
            yield VirtualTable(self.columns, empty=self.empty)

    def on_mount(self) -> None:
        self.query_one(Line).say([Cell(" " + inert(self.heading), "bold")], [Cell("enter takes, esc goes back ")])
        table = self.query_one(VirtualTable)
        table.show(_Options(self.options))
        table.focus()

    def on_virtual_table_chosen(self, message: VirtualTable.Chosen) -> None:
        self.dismiss(message.row_id)

    def action_leave(self) -> None:
        self.dismiss(None)
