"""The keys of the checkpoints screen, how its parts are laid out, and the line in which it asks for a word: a reason, a folder, a
filter, a thing."""

from __future__ import annotations

from typing import Literal, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input

from tui.screens.checkpoints_panes import TABS
from tui.text import Cell
from tui.widgets.line import Line
from tui.widgets.typed import Typed

CSS = """
CheckpointsScreen #checkpoints, CheckpointsScreen #lineage { height: 1fr; }
CheckpointsScreen.-wide #checkpoints, CheckpointsScreen.-wide #lineage { width: 3fr; }
CheckpointsScreen.-wide #detail { width: 2fr; }
CheckpointsScreen #lineage { display: none; }
CheckpointsScreen.exploring #lineage { display: block; }
CheckpointsScreen.exploring #checkpoints { display: none; }
CheckpointsScreen.-short #detail { display: none; }
CheckpointsScreen.zoomed #checkpoints, CheckpointsScreen.zoomed #lineage { display: none; }
CheckpointsScreen.zoomed #detail { display: block; }
"""
KEYS: list[BindingType] = [
    Binding("t", "tab(1)", "tab", id="checkpoints.tab", tooltip=", ".join(TABS)),
    Binding("T", "tab(-1)", "tab back", show=False, id="checkpoints.tab_back", tooltip="the tab before"),
    Binding("a", "decide('accept')", "accept", id="checkpoints.accept", tooltip="decide that it is used, and say why"),
    Binding("x", "decide('reject')", "reject", id="checkpoints.reject", tooltip="decide that it is not, and say why"),
    Binding(
        "R",
        "retrain",
        "retrain",
        id="checkpoints.retrain",
        tooltip="train anew what is stale: the same job, prefilled",
    ),
    Binding(
        "b",
        "back_from",
        "way back",
        id="checkpoints.back",
        tooltip="from a problem, label, step, tree ... to what it reached",
    ),
    Binding(
        "equals_sign",
        "compare",
        "compare",
        show=False,
        id="checkpoints.compare",
        tooltip="with the marked one, else its parent",
    ),
    Binding(
        "w",
        "write",
        "write out",
        show=False,
        id="checkpoints.write",
        tooltip="into a folder: weights, card, lineage",
    ),
    Binding(
        "slash",
        "filter",
        "filter",
        id="checkpoints.filter",
        tooltip="role:prm run:NAME stage:rl decision:accepted stale",
    ),
    Binding("s", "order", "order", show=False, id="checkpoints.order", tooltip="family, newest first, stale first"),
    Binding("plus", "zoom", "zoom", show=False, id="checkpoints.zoom", tooltip="the pane alone; esc goes back"),
    Binding("J,shift+down", "pane(3)", "scroll", show=False, id="checkpoints.pane_down", tooltip="scroll the pane"),
    Binding(
        "K,shift+up",
        "pane(-3)",
        "scroll back",
        show=False,
        id="checkpoints.pane_up",
        tooltip="scroll the pane back",
    ),
    Binding("r", "refresh", "refresh", show=False, id="checkpoints.refresh", tooltip="ask the lab again"),
    Binding("escape", "back", "back", show=False, id="checkpoints.esc", tooltip="one step back"),
]


class Asked(NamedTuple):
    """What the line is open for, and of which checkpoint."""

    verb: Literal["filter", "accept", "reject", "write", "back"]
    checkpoint: int | None
    label: str
    value: str = ""


class AskLine(Horizontal):
    """A label and an input, hidden until something is asked."""

    DEFAULT_CSS = """
    AskLine { height: 1; display: none; }
    AskLine Line { width: auto; }
    """

    class Answered(Message):
        """Enter was pressed; the line is closed."""

        def __init__(self, asked: Asked, text: str) -> None:
            super().__init__()
            self.asked = asked
            self.text = text

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.asked: Asked | None = None

    def compose(self) -> ComposeResult:
        yield Line(style="bold")
        yield Typed(compact=True, select_on_focus=False)

    def open(self, asked: Asked) -> None:
        """Ask."""
        self.asked = asked
        label = f" {asked.label} "
        line, box = self.query_one(Line), self.query_one(Input)
        line.styles.width = len(label)
        line.say([Cell(label)])
        box.value = asked.value
        box.cursor_position = len(asked.value)
        self.display = True
        box.focus()

    def shut(self) -> bool:
        """Ask no more; whether anything was asked."""
        was, self.asked, self.display = self.asked, None, False
        return was is not None

    def on_input_submitted(self, message: Input.Submitted) -> None:
        message.stop()
        asked = self.asked
        self.shut()
        if asked is not None:
            self.post_message(self.Answered(asked, message.value.strip()))
