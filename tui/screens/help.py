"""All keys of the screen below, in an overlay; any of esc, ? and q closes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from tui.keymap import keys_of
from tui.screens.frame import key_name
from tui.text import Cell, inert
from tui.widgets.line import Line
from tui.widgets.pane import Pane, RichLine


class HelpScreen(ModalScreen[None]):
    """The overlay that `?` opens."""

    CSS = """
    HelpScreen { align: center middle; }
    HelpScreen Vertical { width: 78; max-width: 100%; height: 100%; max-height: 40; background: ansi_default; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q", "dismiss", "close"),
        Binding("down,j", "scroll(1)", "down", show=False),
        Binding("up,k", "scroll(-1)", "up", show=False),
        Binding("pagedown", "scroll(10)", "page down", show=False),
        Binding("pageup", "scroll(-10)", "page up", show=False),
    ]

    def __init__(
        self,
        parts: Sequence[tuple[str, Sequence[Binding]]],
        keymap: Mapping[str, str],
        twin: str = "",
        language: Sequence[tuple[str, str]] = (),
    ) -> None:
        """`language`: the words of the screen's filter with what they mean."""
        super().__init__()
        self.language = language
        self.parts = parts
        self.keymap = keymap
        self.twin = twin

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Line(style="reverse", id="help-title")
            yield Pane(id="help-keys")

    def on_mount(self) -> None:
        self.query_one("#help-title", Line).say([Cell(" Keys", "bold")], [Cell("esc closes ")])
        lines: list[RichLine] = []
        for title, bindings in self.parts:
            lines += [[], [Cell(title, "bold")]] if lines else [[Cell(title, "bold")]]
            for binding in bindings:
                keys = " ".join(key_name(key) for key in keys_of(binding, self.keymap).split(","))
                lines.append([Cell(f"  {keys:<18}", "bright_blue"), Cell(binding.tooltip or binding.description)])
            if self.language and title == self.parts[0][0]:
                lines += [[], [Cell("the filter", "bold")]]
                lines += [
                    [Cell(f"  {inert(word):<18}", "bright_blue"), Cell(inert(told))] for word, told in self.language
                ]
        if self.twin:
            lines += [[], [Cell("the same from a script", "bold")], [Cell("  " + inert(self.twin))]]
        self.query_one(Pane).show(lines)

    def action_scroll(self, delta: int) -> None:
        self.query_one(Pane).scroll_lines(delta)
