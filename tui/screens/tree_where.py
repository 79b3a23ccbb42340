"""Where the tree screen stands: what a target names of it, the target and the command that lead back, what `y` copies."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui.screens.tree import TreeScreen

_TREE = re.compile(r"(\d+)(?::((?:\d+(?:\.\d+)*)?))?")
_TWO = re.compile(r"(\d+)\s+(\d+)")
LIST = "list"


def goto(screen: TreeScreen, target: str) -> None:
    """Show two trees, a tree and a step of it, the tree of a step, or the list by a filter."""
    two, one = _TWO.fullmatch(target), _TREE.fullmatch(target)
    screen.remove_class("zoomed")
    if two:
        screen.pair = int(two[1]), int(two[2])
    elif one:
        screen.pair, screen.following.wanted = None, one[2]
        screen.show_tree(int(one[1]))
    elif target.startswith("step:") and target[5:].isdecimal():
        screen.pair, screen.following.wanted = None, int(target[5:])
        screen.show_tree(None)
    elif target:
        screen.pair, screen.tree_id = None, None
        screen.asked = "" if target == LIST else target
    screen.show_view()
    screen.draw_head()


def where(screen: TreeScreen) -> str:
    """The target that leads back to what is shown."""
    if screen.pair is not None:
        return f"{screen.pair[0]} {screen.pair[1]}"
    if screen.tree_id is None:
        return screen.asked or LIST
    row_id, source = screen.outline.row_id, screen.source
    known = source is not None and source.tree_id == screen.tree_id and source.tree is not None
    return f"{screen.tree_id}:{screen.path_of(row_id)}" if known and row_id is not None else str(screen.tree_id)


def copied(screen: TreeScreen) -> str:
    """The tree under the cursor of the list, else where the screen stands."""
    row_id = screen.table.row_id
    if screen.pair is not None or row_id is None:
        return where(screen)
    return str(row_id) if screen.tree_id is None else where(screen)


def twin(screen: TreeScreen) -> str:
    """The command that says the same."""
    if screen.pair is not None:
        return f"o1coder trees diff {screen.pair[0]} {screen.pair[1]}"
    if screen.tree_id is None:
        asked = f" --query '{screen.asked}'" if screen.asked else ""
        return f"o1coder trees list{asked}"
    found = screen.going.found
    if found is None:
        return f"o1coder trees show {screen.tree_id}"
    return f"o1coder trees find {screen.tree_id} '{found.what}'"
