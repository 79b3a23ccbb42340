"""Everything that can be done from here, searched by a few letters: ctrl+p. It runs nothing itself; it answers the action.

Lines are told by name, key and what they do; matching is fuzzy, best first. No body of the lab is searched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.fuzzy import Matcher
from textual.screen import ModalScreen
from textual.widgets import Input

from tui.text import Cell, inert
from tui.widgets.line import Line
from tui.widgets.typed import Typed
from tui.widgets.virtual_table import Column, FlatOrder, Order, Row, VirtualTable


class Deed(NamedTuple):
    """One line: what it is called, its key, what it does, and the line of the command bar or the action that does it."""

    name: str
    key: str
    about: str
    action: str


class _Deeds:
    def __init__(self, deeds: Sequence[Deed], wanted: str) -> None:
        self.deeds = deeds
        self.wanted = wanted

    def order(self) -> Order:
        if not self.wanted:
            return FlatOrder(range(len(self.deeds)))
        matcher = Matcher(self.wanted)
        told = [(3 * matcher.match(d.name) + matcher.match(d.about), number) for number, d in enumerate(self.deeds)]
        return FlatOrder([number for score, number in sorted(told, key=lambda one: (-one[0], one[1])) if score > 0])

    def rows(self, ids: Sequence[int]) -> Mapping[int, Row]:
        return {
            n: (
                Cell(inert(self.deeds[n].name), "bold bright_blue"),
                Cell(inert(self.deeds[n].key)),
                Cell(inert(self.deeds[n].about), "dim"),
            )
            for n in ids
        }


class Palette(ModalScreen[Deed | None]):
    """The overlay; answers the chosen line, None when it is closed."""

    CSS = """
    Palette { align: center top; }
    Palette Vertical { width: 90%; max-width: 100; height: 16; max-height: 90%; background: ansi_default; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+c,ctrl+p", "leave", "back", id="palette.leave"),
        Binding("down", "move(1)", "down", show=False, id="palette.down"),
        Binding("up", "move(-1)", "up", show=False, id="palette.up"),
        Binding("pagedown", "page(1)", "page down", show=False, id="palette.page_down"),
        Binding("pageup", "page(-1)", "page up", show=False, id="palette.page_up"),
    ]

    def __init__(self, deeds: Sequence[Deed]) -> None:
        super().__init__()
        self.deeds = deeds
        self._early = ""  # typed before the input was there
        self._searched = ""
        self._moved = False  # by hand, off the best line

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Line(style="reverse")
            yield Typed(compact=True, placeholder="a few letters of what you want")
            yield VirtualTable((Column("", 24), Column("", 10), Column("", 0)), empty="nothing is called like that")

    def on_mount(self) -> None:
        self.query_one(Line).say([Cell(" Commands", "bold")], [Cell("enter does it, esc goes back ")])
        box = self.query_one(Input)
        self.set_focus(box)
        box.value = self._early
        box.cursor_position = len(box.value)
        self._search(self._early)

    def on_key(self, event: events.Key) -> None:
        if self.focused is None and event.is_printable and event.character:
            self._early += event.character
            event.stop()

    def _search(self, wanted: str) -> None:
        self._searched, self._moved = wanted, False
        table = self.query_one(VirtualTable)
        table.show(_Deeds(self.deeds, wanted))
        table.action_edge(-1)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._search(event.value.strip())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        table, wanted = self.query_one(VirtualTable), event.value.strip()
        if self._moved and wanted == self._searched and table.row_id is not None:
            self.dismiss(self.deeds[table.row_id])
            return
        found = _Deeds(self.deeds, wanted).order()  # the list on the screen may be one letter behind
        self.dismiss(self.deeds[found.id_at(0)] if len(found) else None)

    def on_virtual_table_chosen(self, message: VirtualTable.Chosen) -> None:
        self.dismiss(self.deeds[message.row_id])

    def action_move(self, delta: int) -> None:
        self._moved = True
        self.query_one(VirtualTable).action_move(delta)

    def action_page(self, direction: int) -> None:
        self._moved = True
        self.query_one(VirtualTable).action_page(direction)

    def action_leave(self) -> None:
        self.dismiss(None)
