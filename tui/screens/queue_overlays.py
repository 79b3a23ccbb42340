"""Two overlays of the label queue: of which kind an error is, and the last decisions, each of which can be changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from tui.screens.queue_lines import Decision
from tui.text import Cell, first_line, inert, number, state
from tui.widgets.line import Line
from tui.widgets.virtual_table import Column, FlatOrder, Order, Row, VirtualTable

#: key → (category as it is stored, what it means)
CATEGORIES: dict[str, tuple[str, str]] = {
    "t": ("structure", "wrong structure: the plan cannot work"),
    "l": ("logic", "wrong logic: right plan, wrong step"),
    "e": ("edge case", "fails at an edge: empty, one, equal, largest"),
    "o": ("complexity", "too slow or too large for the limits"),
    "f": ("format", "syntax or format: it cannot be read or run"),
    "m": ("misread", "misreads the statement"),
}


class Categories(ModalScreen[str | None]):
    """Of which kind the error is: a letter says the step is invalid for that reason."""

    CSS = """
    Categories { align: center middle; }
    Categories Vertical { width: 60; max-width: 100%; height: 9; background: ansi_default; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,c", "leave", "back"),
        *(Binding(key, f"choose('{key}')", name) for key, (name, _) in CATEGORIES.items()),
    ]

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Line(style="reverse", id="categories-title")
            for key in CATEGORIES:
                yield Line(id=f"category-{key}")
            yield Line()
            yield Line(id="category-keys")

    def on_mount(self) -> None:
        self.query_one("#categories-title", Line).say([Cell(" invalid: what is wrong with it?", "bold")])
        for key, (_, meaning) in CATEGORIES.items():
            cells = [Cell(f" {key} ", "bold bright_blue"), Cell(meaning)]
            self.query_one(f"#category-{key}", Line).say(cells, acts=dict.fromkeys((0, 1), f"screen.choose('{key}')"))
        self.query_one("#category-keys", Line).say([Cell(" esc goes back, nothing is said", "dim")])

    def action_choose(self, key: str) -> None:
        self.dismiss(CATEGORIES[key][0])

    def action_leave(self) -> None:
        self.dismiss(None)


class Changed(NamedTuple):
    """What is to be done with a decision, counted from the newest, 0: another value, or `undo`, or `open` in its tree."""

    place: int
    what: str


COLUMNS = (
    Column("step", 14),
    Column("said", 10),
    Column("search", 10),
    Column("PRM", 5, right=True),
    Column("took", 7, right=True),
    Column("about", 0),
)


class _Rows:
    def __init__(self, decisions: Sequence[Decision]) -> None:
        self.newest = list(reversed(decisions))

    def order(self) -> Order:
        return FlatOrder(range(len(self.newest)))

    def rows(self, ids: Sequence[int]) -> Mapping[int, Row]:
        return {place: self._row(self.newest[place]) for place in ids}

    @staticmethod
    def _row(one: Decision) -> Row:
        around = one.ready.around
        told = " ".join(part for part in (one.category, one.reason) if part) or around.path[-1].text
        return (
            Cell(around.name, "bold"),
            state(one.done.value),
            state(around.search or ""),
            Cell(number(around.grounds.prm)),
            Cell(f"{one.taken_s:.1f} s", "dim"),
            Cell(first_line(inert(told)), "dim"),
        )


class Decisions(ModalScreen[Changed | None]):
    """The last decisions: say something else, take one back, or look at it in its tree."""

    CSS = """
    Decisions { align: center middle; }
    Decisions Vertical { width: 96%; max-width: 110; height: 14; background: ansi_default; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "change('valid')", "valid"),
        Binding("x", "change('invalid')", "invalid"),
        Binding("s", "change('unsure')", "unsure"),
        Binding("z,backspace", "change('undo')", "undo"),
        Binding("enter", "change('open')", "open"),
        Binding("escape,q,u", "leave", "back"),
    ]

    def __init__(self, decisions: Sequence[Decision]) -> None:
        super().__init__()
        self.decisions = list(decisions)

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Line(style="reverse", id="decisions-title")
            yield VirtualTable(COLUMNS, empty="no decision yet")
            yield Line(id="decisions-keys")

    def on_mount(self) -> None:
        self.query_one("#decisions-title", Line).say([Cell(f" the last {len(self.decisions)} decisions", "bold")])
        keys = (
            ("a", "valid"),
            ("x", "invalid"),
            ("s", "unsure"),
            ("z", "undo"),
            ("enter", "its tree"),
            ("esc", "back"),
        )
        cells = [cell for key, what in keys for cell in (Cell(f" {key} ", "bold bright_blue"), Cell(what + " "))]
        self.query_one("#decisions-keys", Line).say(cells)
        table = self.query_one(VirtualTable)
        table.show(_Rows(self.decisions))
        table.focus()

    def on_virtual_table_chosen(self) -> None:
        self.action_change("open")

    def action_change(self, what: str) -> None:
        place = self.query_one(VirtualTable).row_id
        if place is not None:
            self.dismiss(Changed(place, what))

    def action_leave(self) -> None:
        self.dismiss(None)
