"""The keys of the datasets screen and how its parts are laid out."""

from __future__ import annotations

from textual.binding import Binding

CSS = """
DatasetsScreen #datasets { height: 2fr; }
DatasetsScreen #detail { height: 3fr; }
DatasetsScreen.-wide #datasets { width: 1fr; height: 1fr; }
DatasetsScreen.-wide #detail { width: 1fr; height: 1fr; }
DatasetsScreen.-short #detail { display: none; }
DatasetsScreen.zoomed #datasets { display: none; }
DatasetsScreen.zoomed #detail { display: block; }
"""

KEYS: list[Binding] = [
    Binding("slash", "wish", "query", id="datasets.wish", tooltip="write a wish: a kind, and words of a query"),
    Binding("enter", "open", "preview, open", id="datasets.open", tooltip="preview a wish; of a row, its step"),
    Binding("t", "tab(1)", "next tab", id="datasets.tab", tooltip="about, counts, rows, card, diff"),
    Binding("T", "tab(-1)", "previous tab", show=False, id="datasets.tab_back", tooltip="the tab before"),
    Binding("w", "export", "export", id="datasets.export", tooltip="the export's form with this wish in it"),
    Binding("d", "diff", "diff", id="datasets.diff", tooltip="compare: marked ones, or with the one before it"),
    Binding("left,h", "row(-1)", "row before", show=False, id="datasets.left", tooltip="the row before"),
    Binding("right,l", "row(1)", "next row", show=False, id="datasets.right", tooltip="the next row"),
    Binding("S", "save", "save", show=False, id="datasets.save", tooltip="keep the wish under a name"),
    Binding("x", "forget", "forget", show=False, id="datasets.forget", tooltip="let the name of a wish go"),
    Binding("u", "used", "used by", show=False, id="datasets.used", tooltip="the checkpoint trained on it"),
    Binding("p", "job", "its job", show=False, id="datasets.job", tooltip="the job that made it"),
    Binding("r", "again", "again", show=False, id="datasets.again", tooltip="preview it again, ask all anew"),
    Binding("plus", "zoom", "zoom", show=False, id="datasets.zoom", tooltip="the pane alone"),
    Binding("J,shift+down", "pane(3)", "scroll", show=False, id="datasets.pane_down", tooltip="scroll the pane"),
    Binding("K,shift+up", "pane(-3)", "scroll", show=False, id="datasets.pane_up", tooltip="scroll it back"),
    Binding("escape", "back", "back", show=False, id="datasets.back", tooltip="stop, or one step back"),
]
