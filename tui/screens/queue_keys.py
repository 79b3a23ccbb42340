"""The keys of the label queue, the words of its filter, and how its parts are laid out."""

from __future__ import annotations

from textual.binding import Binding, BindingType

CSS = """
QueueScreen #reading { height: 2fr; }
QueueScreen #saying { height: 3fr; }
QueueScreen.-wide #reading, QueueScreen.-wide #saying { height: 1fr; width: 1fr; }
QueueScreen.zoomed #above, QueueScreen.-short #above { display: none; }
QueueScreen.zoomed #reading, QueueScreen.-short #reading { height: 1; }
QueueScreen.-wide.zoomed #reading { display: none; }
QueueScreen #words { display: none; }
"""
ASKS = {
    "filter": "split:train job:3 action:code gold:0.1 overlap:0.1 seed:7",
    "note": "a note for the next answer",
    "flag": "what is wrong with this question",
}
LANGUAGE = [
    ("split:train job:3 tree:9 problem:4 run:r1 round:2", "which trees"),
    ("action:code", "which steps: structure, refine, code"),
    ("gold:0.1 overlap:0.1", "shares of known answers and of second readings"),
    ("seed:7", "of the random order"),
]
KEYS: list[BindingType] = [
    Binding("a", "label('valid')", "valid", id="queue.valid", tooltip="the step is right; the next one comes"),
    Binding("x", "label('invalid')", "invalid", id="queue.invalid", tooltip="the step is wrong"),
    Binding("s", "label('unsure')", "unsure", id="queue.unsure", tooltip="nobody can tell: kept out of training"),
    Binding("space", "skip", "skip", id="queue.skip", tooltip="say nothing: not asked again in this sitting"),
    Binding("c", "category", "why", id="queue.category", tooltip="invalid, and of which kind the error is"),
    Binding("backspace", "undo(True)", "undo", id="queue.back", tooltip="take the last answer back and go there"),
    Binding("t", "tab(1)", "tab", id="queue.tab", tooltip="step, tests, siblings, agreement"),
    Binding("e", "walk", "first error", show=False, id="queue.walk", tooltip="walk chains: a fine, x first error"),
    Binding("f", "type('flag')", "flag", show=False, id="queue.flag", tooltip="unsure, with a reason: bad question"),
    Binding("m", "type('note')", "note", show=False, id="queue.note", tooltip="a note that goes with the answer"),
    Binding("H", "show", "show or hide", show=False, id="queue.show", tooltip="search and PRM before the answer"),
    Binding("u", "decisions", "last ten", show=False, id="queue.decisions", tooltip="change an earlier answer"),
    Binding("z", "undo(False)", "undo", show=False, id="queue.undo", tooltip="take the last answer back, stay here"),
    Binding("Z", "redo", "redo", show=False, id="queue.redo", tooltip="give the answer that was taken back"),
    Binding("O", "order", "order", show=False, id="queue.order", tooltip="by value, or at random to calibrate"),
    Binding("slash", "type('filter')", "filter", show=False, id="queue.filter", tooltip=ASKS["filter"]),
    Binding("T", "tab(-1)", "tab", show=False, id="queue.tab_back", tooltip="the tab before"),
    Binding("plus", "zoom", "zoom", show=False, id="queue.zoom", tooltip="the step alone; esc goes back"),
    Binding("down,j,J,shift+down", "scroll(1)", "scroll", show=False, id="queue.down", tooltip="scroll the step"),
    Binding("up,k,K,shift+up", "scroll(-1)", "scroll", show=False, id="queue.up", tooltip="scroll the step back"),
    Binding("pagedown,ctrl+d", "scroll(10)", "page", show=False, id="queue.page", tooltip="page through the step"),
    Binding("pageup,ctrl+u", "scroll(-10)", "page", show=False, id="queue.page_up", tooltip="page back"),
    Binding("home,g", "scroll(-99999)", "top", show=False, id="queue.top", tooltip="the top of the step"),
    Binding("end,G", "scroll(99999)", "end", show=False, id="queue.end", tooltip="the end of the step"),
    Binding("right,l", "read(3)", "read", show=False, id="queue.read", tooltip="scroll the problem and the path"),
    Binding("left,h", "read(-3)", "read", show=False, id="queue.read_back", tooltip="scroll the problem back"),
    Binding("enter", "tree", "its tree", show=False, id="queue.tree", tooltip="look at the step in its tree"),
    Binding("r", "refresh", "refresh", show=False, id="queue.refresh", tooltip="rank the queue anew"),
    Binding("escape", "back", "back", show=False, id="queue.escape", tooltip="one step back"),
]
