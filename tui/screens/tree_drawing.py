"""What the tree screen draws round its table for the row under the cursor: the line above, the path below, the pane.

What they say is tree_head.py's, tree_pane.py's and tree_beside.py's; the pane's lines are asked for in worker threads.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tui.screens.frame import position
from tui.screens.tree_beside import beside_lines, head_cells
from tui.screens.tree_head import crumb, list_head, tree_head
from tui.screens.tree_pane import step_lines
from tui.text import Cell
from tui.widgets.line import Line
from tui.widgets.pane import RichLine

if TYPE_CHECKING:
    from tui.screens.tree import TreeScreen


def draw_head(screen: TreeScreen) -> None:
    """The line over the body and the path under it."""
    head, source = screen.query_one("#head", Line), screen.source
    if screen.pair is not None:
        head.say(head_cells(screen.compared) if screen.compared is not None else [])
    elif screen.tree_id is None:
        head.say(list_head(screen.asked, screen.sort), [Cell(position(screen.table) + " ", "dim")])
    elif source is None or source.head is None or source.tree_id != screen.tree_id:
        head.say([])
    else:
        head.say(tree_head(source, source.head, screen.retraining.note, screen.going.told()))
        if source.tree is not None and screen.outline.row_id is not None:
            screen.query_one("#crumb", Line).say(crumb(source, source.tree, screen.outline.row_id))


def draw_detail(screen: TreeScreen) -> None:
    """Ask for what the pane says of the row under the cursor, and show it."""
    row_id, tab = screen.table.row_id, screen.detail.tab
    if row_id is None or screen.has_class("listing"):
        return
    show = partial(_show, screen, (screen.where(), tab))
    if screen.pair is not None and screen.compared is not None:
        screen.ask("lines", partial(beside_lines, screen.compared, row_id, tab), show)
    elif screen.source is not None:
        screen.ask("lines", partial(step_lines, screen.source, row_id, tab), show)


def _show(screen: TreeScreen, about: tuple[str, str], lines: list[RichLine]) -> None:
    if about == (screen.where(), screen.detail.tab):
        screen.shown = lines
        screen.detail.show((about[0], screen.table.row_id), lines, [Cell(position(screen.table) + " ")])
