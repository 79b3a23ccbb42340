"""What corrections would do, shown before they are done: `y` writes them, everything else that closes it leaves them.

It draws a preview that somebody else asked for (o1coder.corrections.preview, in a worker thread) and writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from tui.text import GLYPHS, Cell, inert, number
from tui.widgets.line import Line

if TYPE_CHECKING:
    from o1coder.corrections import Change, Preview

VALUES = 5  # re-valued steps that are shown one by one


def rows(changes: Sequence[Change], found: Preview, names: Mapping[int, str]) -> list[list[Cell]]:
    """The lines of the overlay; `names` are the paths of steps, which else are told by their ids."""
    from o1coder.corrections import told

    out = [[Cell(" " + inert(line), "" if line[0] == " " else "bold")] for line in told(changes, found)]
    shown = [
        [
            Cell("   v of ", "dim"),
            Cell(inert(names.get(step, str(step)))),
            Cell(f"  {number(was) or 'none'} {GLYPHS.arrow} {number(will) or 'none'}"),
        ]
        for step, was, will in found.values[:VALUES]
    ]
    if len(found.values) > VALUES:
        shown.append([Cell(f"   {GLYPHS.ellipsis} and {len(found.values) - VALUES} more", "dim")])
    at = next(n for n, line in enumerate(out) if "never written" in line[0].text)
    return [*out[: at + 1], *shown, *out[at + 1 :]]


class PreviewCorrections(ModalScreen[bool]):
    """The question whether these changes are to be written; answers True for yes."""

    CSS = """
    PreviewCorrections { align: center middle; }
    PreviewCorrections Vertical { width: 76; max-width: 100%; height: auto; background: ansi_default; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "answer(True)", "write"),
        Binding("n,escape,q", "answer(False)", "leave"),
    ]

    def __init__(
        self, what: str, changes: Sequence[Change], found: Preview, names: Mapping[int, str] | None = None
    ) -> None:
        """`what`: what is asked, in a few words: "call 0.2 the first error"."""
        super().__init__()
        self.what = what
        self.lines = rows(changes, found, names or {})

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Line(style="reverse", id="question")
            for n in range(len(self.lines)):
                yield Line(id=f"told-{n}")
            yield Line()
            yield Line(id="answers")

    def on_mount(self) -> None:
        self.query_one("#question", Line).say([Cell(f" {inert(self.what)}?", "bold")])
        for n, cells in enumerate(self.lines):
            self.query_one(f"#told-{n}", Line).say(cells)
        keys = [
            Cell(" y ", "bold bright_blue"),
            Cell("write  "),
            Cell(" n ", "bold bright_blue"),
            Cell("leave as it is"),
        ]
        self.query_one("#answers", Line).say(keys)

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)
