"""What the checkpoints screen tells of the thing under its cursor: in the pane, as a command, as what `y` copies and `o` opens.
The pane's lines are asked for in worker threads."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from tui.screens.checkpoints_nodes import node_lines
from tui.screens.checkpoints_panes import lines_of
from tui.screens.frame import position
from tui.text import Cell, inert
from tui.widgets.detail import Detail
from tui.widgets.pane import RichLine

if TYPE_CHECKING:
    from tui.screens.checkpoints import CheckpointsScreen


def draw(screen: CheckpointsScreen) -> None:
    """Ask for what the pane shows of the thing under the cursor."""
    if not screen.query(Detail):  # the program is ending, and a timer or an answer comes late
        return
    lab, row_id = screen.lab, screen.table.row_id
    if lab is None:
        return
    about: tuple[Any, ...] = (*(screen.roots[-1:]), row_id, screen.detail.tab)
    node = screen.tree_source.node(row_id) if screen.roots and screen.tree_source is not None else None
    if screen.roots and node is not None and node.kind != "checkpoint":
        screen.ask("pane", partial(node_lines, lab, node), partial(_show, screen, about, inert(node.title[:40])))
    elif (one := screen.checkpoint) is not None and row_id is not None:
        other = other_of(screen) if screen.detail.tab == "compare" else None
        question = partial(lines_of, lab, screen.detail.tab, one, other)
        screen.ask("pane", question, partial(_show, screen, (*about, other), f"checkpoint {one}"))
    else:
        _show(screen, about, "", [])


def _show(screen: CheckpointsScreen, about: tuple[Any, ...], title: str, lines: list[RichLine]) -> None:
    if not screen.query(Detail):
        return
    screen.shown = lines
    screen.detail.show(about, lines, [Cell(f"{title} " if title else ""), Cell(position(screen.table) + " ")])


def other_of(screen: CheckpointsScreen) -> int | None:
    """What the one under the cursor is compared with: the marked one, else its parent, else its base."""
    one = screen.checkpoint
    marked = sorted(screen.listing.marks - {one})
    if marked:
        return marked[-1]
    row = None if screen.source is None or one is None else screen.source.row(one)
    return None if row is None else row.parent if row.parent is not None else row.base


def copied(screen: CheckpointsScreen) -> str:
    """The thing under the cursor; of what is stale, the command that mends it."""
    node = screen.tree_source.node(screen.lineage.row_id) if screen.roots and screen.tree_source is not None else None
    if node is not None:
        return node.title if node.id is None else str(node.id)
    if screen.detail.tab == "stale":
        command = next((line[1].text for line in screen.shown if line and line[0].text.strip() == "$"), "")
        if command:
            return command
    return "" if screen.checkpoint is None else str(screen.checkpoint)


def twin(screen: CheckpointsScreen) -> str:
    """The command that says the same."""
    if screen.roots:
        root = screen.roots[-1]
        return f"o1coder checkpoints lineage {f'--back {root.kind}:{root.id}' if root.back else root.id}"
    one = screen.checkpoint
    if one is None:
        return "o1coder checkpoints list"
    other = other_of(screen)
    told = {"measured": f"show {one}", "stale": f"stale {one}", "config": f"show {one}"}
    told |= {"compare": f"compare {other} {one}"} if other is not None else {}
    return f"o1coder checkpoints {told.get(screen.detail.tab, f'lineage {one}')}"


def outside(screen: CheckpointsScreen) -> tuple[str, str] | None:
    """What the pane says."""
    text = "\n".join("".join(cell.text for cell in line) for line in screen.shown)
    return (f"checkpoint-{screen.checkpoint or 0}-{screen.detail.tab}.txt", text) if text else None
