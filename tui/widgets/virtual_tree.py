"""A tree of 100 000 nodes drawn as a virtual table whose first column is indented.

The tree is flat arrays in preorder (o1coder/search/preorder.py) and a bitmap of open nodes; folding splices the array of
visible lines, so its cost is that of copying slices, never a walk over nodes. The arrays are not changed in place: a grown
tree is a new outline that adopts the folds of the old one.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType

from o1coder.search.preorder import Preorder, preorder
from tui.text import GLYPHS
from tui.widgets.virtual_table import Order, VirtualTable

DEEPEST = 24  # levels of indentation drawn


class Outline:
    """Which nodes are visible, in preorder; an `Order` for a virtual table."""

    def __init__(self, nodes: Preorder | Iterable[tuple[int, int | None]]) -> None:
        """`nodes`: arrays, or (id, parent id or None) with siblings in order; parents may come after their children.

        A node whose parent is not among the nodes is a root.
        """
        if not isinstance(nodes, Preorder):
            nodes = preorder([(node, parent, place) for place, (node, parent) in enumerate(nodes)])
        self.shape = nodes
        self.opened = bytearray(b"\1") * len(nodes)
        self.folds = 0  # how often a fold has changed: an outline built meanwhile adopts once more
        self._adopted = -1
        self.visible = array("i", range(len(nodes)))

    @property
    def depth(self) -> array[int]:
        return self.shape.depth

    def __len__(self) -> int:
        return len(self.visible)

    def id_at(self, index: int) -> int:
        return self.shape.ids[self.visible[index]]

    def line_of(self, position: int) -> int:
        """The line of a position; a hidden one's is that of its nearest visible ancestor."""
        return bisect_right(self.visible, position) - 1

    def find(self, row_id: int) -> int | None:
        """The line of a node; a hidden one is found by its nearest visible ancestor, an unknown one not at all."""
        position = self.shape.find(row_id)
        return None if position is None else self.line_of(position)

    def prefix(self, index: int) -> str:
        position = self.visible[index]
        indent = "  " * min(self.shape.depth[position], DEEPEST)
        if self.shape.size[position] == 1:
            return indent + "  "
        return indent + (GLYPHS.open if self.opened[position] else GLYPHS.closed) + " "

    def adopt(self, old: Order) -> None:
        """Take over what was open and closed in an older outline of the same tree."""
        if not isinstance(old, Outline) or self._adopted == old.folds:
            return
        if old.shape is self.shape:
            self.opened = old.opened[:]
        else:
            self.opened = bytearray(b"\1") * len(self.shape)
            at = old.opened.find(0)
            while at >= 0:
                if (here := self.shape.find(old.shape.ids[at])) is not None:
                    self.opened[here] = 0
                at = old.opened.find(0, at + 1)
        self.folds = self._adopted = old.folds
        self._recount()

    def parent(self, index: int) -> int | None:
        """The line of the parent of a line."""
        above = self.shape.parent(self.visible[index])
        return None if above is None else self.line_of(above)

    def is_open(self, index: int) -> bool:
        return bool(self.opened[self.visible[index]])

    def is_leaf(self, index: int) -> bool:
        return self.shape.size[self.visible[index]] == 1

    def fold(self, index: int) -> None:
        """Open a closed node or close an open one."""
        position = self.visible[index]
        end = position + self.shape.size[position]
        self.folds += 1
        if self.opened[position]:
            self.opened[position] = 0
            del self.visible[index + 1 : bisect_left(self.visible, end)]
        else:
            self.opened[position] = 1
            self.visible[index + 1 : index + 1] = self._shown_in(position + 1, end)

    def fold_all(self, opened: bool) -> None:
        """Open every node, or close every node below the roots."""
        if opened:
            self.opened = bytearray(b"\1") * len(self.shape)
        else:
            self.opened = bytearray(size == 1 for size in self.shape.size)
        root = 0
        while root < len(self.shape):
            self.opened[root] = 1
            root += self.shape.size[root]
        self.folds += 1
        self._recount()

    def reveal(self, row_id: int) -> None:
        """Open every ancestor of a node."""
        position = self.shape.find(row_id)
        if position is None or self.visible[self.line_of(position)] == position:
            return
        self.folds += 1
        for above in self.shape.above(position):
            self.opened[above] = 1
        self._recount()

    def _recount(self) -> None:
        self.visible = self._shown_in(0, len(self.shape))

    def _shown_in(self, start: int, end: int) -> array[int]:
        """The visible positions of a stretch of whole subtrees; what lies between two closed nodes is one copy."""
        shown = array("i")
        while start < end:
            closed = self.opened.find(0, start, end)
            if closed < 0:
                closed = end - 1
            shown.extend(range(start, closed + 1))
            start = closed + self.shape.size[closed] if not self.opened[closed] else end
        return shown


class VirtualTree(VirtualTable, can_focus=True):
    """A virtual table over an `Outline`, with the keys that fold."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "shut", "fold or go to the parent", show=False, id="table.shut"),
        Binding("right,l", "unfold", "unfold or go down", show=False, id="table.unfold"),
        Binding("P", "parent", "parent", show=False, id="table.parent"),
        Binding("O", "fold_all", "fold or unfold all", show=False, id="table.fold_all"),
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
