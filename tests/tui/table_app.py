"""A table or a tree of N made-up rows in an app of its own: what the widget tests drive in a real terminal.

Run: python -P -m tests.tui.table_app table|tree N
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Mapping, Sequence

from textual.app import App, ComposeResult
from textual.widgets import Static

from tui.text import Cell, inert, state
from tui.widgets.virtual_table import Column, FlatOrder, Order, Row, VirtualTable
from tui.widgets.virtual_tree import Outline, VirtualTree

COLUMNS = (Column("name", 0), Column("value", 7, right=True), Column("state", 11), Column("wide", 20, at=100))
HOSTILE = "\x1b]52;c;aGVsbG8=\x07\x1b[2J\x1b]0;owned\x07\u202egnp.exe [bold]markup[/bold]"


class Rows:
    """Rows whose text tells their id; id 3 carries hostile text."""

    def __init__(self, shape: str, total: int) -> None:
        self.shape = shape
        self.total = total

    def order(self) -> Order:
        if self.shape == "table":
            return FlatOrder(array("q", range(1, self.total + 1)))
        return Outline((node, (node - 2) // 4 + 1 if node > 1 else None) for node in range(1, self.total + 1))

    def rows(self, ids: Sequence[int]) -> Mapping[int, Row]:
        names = {row_id: HOSTILE if row_id == 3 else f"row {row_id}" for row_id in ids}
        return {
            row_id: (Cell(inert(name)), Cell(f"{row_id / 7:.2f}"), state("valid" if row_id % 2 else "invalid"))
            for row_id, name in names.items()
        }


class TableApp(App[None]):
    """One widget and one line under it that says where the cursor is."""

    CSS = "#at { height: 1; }"
    BINDINGS = [("q", "quit", "quit")]

    def __init__(self, shape: str, total: int) -> None:
        super().__init__()
        self.theme = "ansi-dark"
        self.source = Rows(shape, total)

    def compose(self) -> ComposeResult:
        yield VirtualTable(COLUMNS) if self.source.shape == "table" else VirtualTree(COLUMNS)
        yield Static("", id="at", markup=False)

    def on_mount(self) -> None:
        self.query_one(VirtualTable).show(self.source)

    def on_virtual_table_moved(self, message: VirtualTable.Moved) -> None:
        self.query_one("#at", Static).update(f"at {message.row_id} of {len(message.table.order)}")

    def on_virtual_table_chosen(self, message: VirtualTable.Chosen) -> None:
        self.query_one("#at", Static).update(f"chosen {message.row_id}")


if __name__ == "__main__":
    TableApp(sys.argv[1], int(sys.argv[2])).run()
