"""A tree of 100 000 nodes drawn as a virtual table whose first column is indented.

The tree is three arrays in preorder (id, depth, subtree size) and a bitmap of open nodes; folding splices the array of
visible lines, so its cost is that of the lines it shows or hides, never that of the tree. Nodes are not objects, and the
arrays are not changed in place: a grown tree is a new outline that adopts the folds of the old one.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType

from tui.text import GLYPHS
from tui.widgets.virtual_table import Order, VirtualTable

DEEPEST = 24  # levels of indentation drawn


class Outline:
    """Which nodes are visible, in preorder; an `Order` for a virtual table."""

    def __init__(self, nodes: Iterable[tuple[int, int | None]]) -> None:
        """`nodes`: (id, parent id or None), siblings in order; parents may come after their children.

        A node whose parent is not among the nodes is a root.
        """
        children: dict[int | None, list[int]] = {}
        pairs = list(nodes)
        known = {node for node, _ in pairs}
        for node, parent in pairs:
            children.setdefault(parent if parent in known else None, []).append(node)
        self.ids = array("q")
        self.depth = array("i")
        stack = [(node, 0) for node in reversed(children.get(None, []))]
        while stack:
            node, depth = stack.pop()
            self.ids.append(node)
            self.depth.append(depth)
            stack.extend((child, depth + 1) for child in reversed(children.get(node, ())))
        total = len(self.ids)
        self.size = array("i", [1]) * total
        last: list[int] = []  # positions on the path to the current node
        for position in range(total):
            while last and self.depth[last[-1]] >= self.depth[position]:
                done = last.pop()
                self.size[done] = position - done
            last.append(position)
        for done in last:
            self.size[done] = total - done
        self.position = {int(node): position for position, node in enumerate(self.ids)}
        self.opened = bytearray(b"\1") * total
        self.folds = 0  # how often a fold has changed: an outline built meanwhile adopts once more
        self._adopted = -1
        self.visible = array("i", range(total))

    def __len__(self) -> int:
        return len(self.visible)

    def id_at(self, index: int) -> int:
        return int(self.ids[self.visible[index]])

    def find(self, row_id: int) -> int | None:
        """The line of a node; a hidden one is found by its nearest visible ancestor, an unknown one not at all."""
        position = self.position.get(row_id)
        if position is None:
            return None
        low, high = 0, len(self.visible)
        while low < high:
            middle = (low + high) // 2
            if self.visible[middle] <= position:
                low = middle + 1
            else:
                high = middle
        return low - 1

    def prefix(self, index: int) -> str:
        position = self.visible[index]
        indent = "  " * min(self.depth[position], DEEPEST)
        if self.size[position] == 1:
            return indent + "  "
        return indent + (GLYPHS.open if self.opened[position] else GLYPHS.closed) + " "

    def adopt(self, old: Order) -> None:
        """Take over what was open and closed in an older outline of the same tree."""
        if isinstance(old, Outline) and self._adopted != old.folds:
            self.opened = bytearray(b"\1") * len(self.ids)
            for position, opened in enumerate(old.opened):
                if not opened and (here := self.position.get(int(old.ids[position]))) is not None:
                    self.opened[here] = 0
            self.folds = self._adopted = old.folds
            self._recount()

    def parent(self, index: int) -> int | None:
        """The line of the parent of a line."""
        depth = self.depth[self.visible[index]]
        for line in range(index - 1, -1, -1):
            if self.depth[self.visible[line]] < depth:
                return line
        return None

    def is_open(self, index: int) -> bool:
        return bool(self.opened[self.visible[index]])

    def is_leaf(self, index: int) -> bool:
        return bool(self.size[self.visible[index]] == 1)

    def fold(self, index: int) -> None:
        """Open a closed node or close an open one."""
        position = self.visible[index]
        end = position + self.size[position]
        self.folds += 1
        if self.opened[position]:
            self.opened[position] = 0
            stop = index + 1
            while stop < len(self.visible) and self.visible[stop] < end:
                stop += 1
            del self.visible[index + 1 : stop]
        else:
            self.opened[position] = 1
            self.visible[index + 1 : index + 1] = self._shown_in(position + 1, end)

    def fold_all(self, opened: bool) -> None:
        """Open every node, or close every node below the roots."""
        for position in range(len(self.opened)):
            self.opened[position] = 1 if opened or self.depth[position] == 0 else 0
        self.folds += 1
        self._recount()

    def reveal(self, row_id: int) -> None:
        """Open every ancestor of a node."""
        position, line = self.position.get(row_id), self.find(row_id)
        if position is None or line is None or self.id_at(line) == row_id:
            return
        self.folds += 1
        depth = self.depth[position]
        for above in range(position - 1, -1, -1):
            if self.depth[above] < depth:
                self.opened[above] = 1
                depth = self.depth[above]
        self._recount()

    def _recount(self) -> None:
        self.visible = self._shown_in(0, len(self.ids))

    def _shown_in(self, start: int, end: int) -> array[int]:
        shown = array("i")
        position = start
        while position < end:
            shown.append(position)
            position += 1 if self.opened[position] else self.size[position]
        return shown


class VirtualTree(VirtualTable, can_focus=True):
    """A virtual table over an `Outline`, with the keys that fold."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "shut", "fold or go to the parent", show=False),
        Binding("right,l", "unfold", "unfold or go down", show=False),
        Binding("P", "parent", "parent", show=False),
        Binding("O", "fold_all", "fold or unfold all", show=False),
    ]

    def _fold(self, index: int) -> None:
        if isinstance(self.order, Outline):
            self.order.fold(index)
            self.refresh()
            self._fetch()

    def action_shut(self) -> None:
        order = self.order
        if isinstance(order, Outline) and len(order):
            if order.is_leaf(self.index) or not order.is_open(self.index):
                self.action_parent()
            else:
                self._fold(self.index)

    def action_unfold(self) -> None:
        order = self.order
        if isinstance(order, Outline) and len(order):
            if order.is_leaf(self.index) or order.is_open(self.index):
                self.action_move(1)
            else:
                self._fold(self.index)

    def action_parent(self) -> None:
        if isinstance(self.order, Outline) and len(self.order):
            above = self.order.parent(self.index)
            if above is not None:
                self._set_index(above)

    def action_fold_all(self) -> None:
        order, row_id = self.order, self.row_id
        if isinstance(order, Outline) and row_id is not None:
            opened = all(order.opened)
            order.fold_all(not opened)
            self._index = order.find(row_id) or 0
            self._top = self._clamped(self._top)
            self.refresh()
            self._fetch()
            self.post_message(self.Moved(self, self.row_id))

    def reveal(self, row_id: int) -> None:
        """Open what hides a node and put the cursor on it."""
        if isinstance(self.order, Outline):
            self.order.reveal(row_id)
            self.refresh()
        self.go_to(row_id)
