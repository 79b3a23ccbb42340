"""The keys of the SQL screen and how its parts are laid out."""

from __future__ import annotations

from textual.binding import Binding

CSS = """
SQLScreen #parts { height: 1fr; layout: vertical; }
SQLScreen.-wide #body { layout: vertical; }
SQLScreen #queries, SQLScreen #rows { height: 3fr; }
SQLScreen #detail { height: 2fr; }
SQLScreen.-short #detail { display: none; }
SQLScreen #rows { display: none; }
SQLScreen.zoomed #queries, SQLScreen.zoomed #rows { display: none; }
SQLScreen.zoomed #detail { display: block; }
"""

KEYS: list[Binding] = [
    Binding("slash", "write", "query", id="sql.write", tooltip="write a query: tab completes, up gives older ones"),
    Binding("e", "edit", "$EDITOR", id="sql.edit", tooltip="write it in $EDITOR, on as many lines as you like"),
    Binding("r", "again", "again", id="sql.again", tooltip="ask it again"),
    Binding("t", "tab(1)", "next tab", id="sql.tab", tooltip="cell, row, query, tables"),
    Binding("T", "tab(-1)", "previous tab", show=False, id="sql.tab_back", tooltip="the tab before"),
    Binding("w", "file", "write", id="sql.file", tooltip="the rows to a file: .csv, .tsv, .json, .jsonl"),
    Binding("S", "save", "save", show=False, id="sql.save", tooltip="keep the query under a name"),
    Binding("x", "forget", "forget", show=False, id="sql.forget", tooltip="let the name of a query go"),
    Binding("c", "copy_rows", "copy rows", show=False, id="sql.copy_rows", tooltip="copy all rows as CSV"),
    Binding("left,h", "column(-1)", "column", show=False, id="sql.left", tooltip="the column before"),
    Binding("right,l", "column(1)", "column", show=False, id="sql.right", tooltip="the next column"),
    Binding("plus", "zoom", "zoom", show=False, id="sql.zoom", tooltip="the lower pane alone"),
    Binding("J,shift+down", "pane(3)", "scroll", show=False, id="sql.pane_down", tooltip="scroll the pane"),
    Binding("K,shift+up", "pane(-3)", "scroll", show=False, id="sql.pane_up", tooltip="scroll the pane back"),
    Binding("escape", "back", "back", show=False, id="sql.back", tooltip="stop, or one step back"),
]
