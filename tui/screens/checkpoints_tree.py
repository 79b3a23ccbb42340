"""The lineage of one thing as a tree that is asked for node by node, as it is opened.

A closed node that may hold something has one unseen child, so that it can be opened like any other; opening it tells the
source, which asks for what it really holds. What has been opened is asked for anew at every reload, pages and all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

from textual.message import Message

from tui.screens.checkpoints_source import stale_cell
from tui.text import GLYPHS, Cell, inert, state
from tui.widgets.virtual_table import Column, Order, Row
from tui.widgets.virtual_tree import Outline, VirtualTree

if TYPE_CHECKING:
    from o1coder.lab import Lab
    from o1coder.queries.nodes import Node

COLUMNS = (Column("lineage", 0), Column("stale", 9))
PAGE = 100
_IDS = count(1)  # of lines, never one for two trees: what was open in one says nothing of another


class Root(NamedTuple):
    """Whose lineage: a checkpoint's, downwards; or the way back from anything."""

    kind: str
    id: int

    @property
    def back(self) -> bool:
        return self.kind != "checkpoint"


class LazyOutline(Outline):
    """An outline in which nodes that nobody has opened yet are closed."""

    def __init__(self, nodes: Iterable[tuple[int, int | None]], unopened: Iterable[int]) -> None:
        super().__init__(nodes)
        self._unopened = list(unopened)
        self._shut(self._unopened)

    def _shut(self, nodes: Iterable[int]) -> None:
        for node in nodes:
            if (here := self.shape.find(node)) is not None:
                self.opened[here] = 0
        self._recount()

    def adopt(self, old: Order) -> None:
        """Take over what was open and closed; what is new and unopened stays closed."""
        if isinstance(old, Outline) and self._adopted != old.folds:
            super().adopt(old)
            self._shut([node for node in self._unopened if old.shape.find(node) is None])

    def fold_all(self, opened: bool) -> None:
        """Close every node below the root or, where all are closed, open what has been opened before: what nobody has looked
        into is not asked for all at once."""
        shape = self.shape
        some = any(self.opened[at] and shape.size[at] > 1 and shape.depth[at] for at in range(len(shape)))
        super().fold_all(not some)
        self._shut(self._unopened)


class LineageTree(VirtualTree, can_focus=True):
    """The tree widget: it says which node was opened."""

    class Opened(Message):
        """A node was opened, perhaps for the first time."""

        def __init__(self, row_id: int) -> None:
            super().__init__()
            self.row_id = row_id

    def _fold(self, index: int) -> None:
        super()._fold(index)
        order = self.order
        if isinstance(order, Outline) and order.is_open(index):
            self.post_message(self.Opened(order.id_at(index)))

    def toggle(self) -> None:
        """Open or close the node under the cursor."""
        order = self.order
        if isinstance(order, Outline) and len(order) and not order.is_leaf(self.index):
            self._fold(self.index)


class LineageSource:
    """The nodes of one root. `open` is called in the app's thread, `order` and `rows` in a worker's."""

    def __init__(self, lab: Lab, root: Root) -> None:
        self.lab = lab
        self.root = root
        self.top = next(_IDS)
        self._ids: dict[tuple[Any, ...], int] = {}
        self._nodes: dict[int, Node | None] = {}  # None: the line that asks for more
        self._pages: dict[int, int] = {self.top: 1}  # by opened node: how many pages of it are wanted

    def node(self, row_id: int | None) -> Node | None:
        """The node on a line; None for one that is still unknown, and for the line that asks for more."""
        return None if row_id is None else self._nodes.get(row_id)

    def open(self, row_id: int) -> bool:
        """Ask for what a node holds from now on; for the line that asks for more, one page more. Whether that is news."""
        if row_id < 0:
            return False
        above = self._more_of(row_id)
        if above is not None:
            self._pages[above] += 1
            return True
        if row_id in self._pages:
            return False
        self._pages[row_id] = 1
        return True

    def _more_of(self, row_id: int) -> int | None:
        return next((int(path[0]) for path, one in self._ids.items() if one == row_id and path[1:] == ("more",)), None)

    def _id(self, above: int, key: tuple[Any, ...]) -> int:
        path = (above, *key)
        if path not in self._ids:
            self._ids[path] = next(_IDS)
        return self._ids[path]

    def order(self) -> Order:
        from o1coder.queries import lineage

        pairs: list[tuple[int, int | None]] = [(self.top, None)]
        unopened: list[int] = []
        nodes: dict[int, Node | None] = {}
        pages = dict(self._pages)
        with self.lab.reading() as connection:
            kind, one = self.root
            make = lineage.way_back if self.root.back else lineage.node
            nodes[self.top] = make(connection, kind, one)
            waiting = [self.top]
            while waiting:
                above = waiting.pop()
                node = nodes[above]
                if node is None:
                    continue
                after, found = 0, []
                for _ in range(pages[above]):
                    page = lineage.children(connection, node.key, after, PAGE)
                    found += page.nodes
                    if page.next is None:
                        break
                    after = page.next
                for child in found:
                    here = self._id(above, (child.relation, *child.key))
                    nodes[here] = child
                    pairs.append((here, above))
                    if child.more and here in pages:
                        waiting.append(here)
                    elif child.more:
                        pairs.append((-here, here))
                        unopened.append(here)
                if page.next is not None:
                    more = self._id(above, ("more",))
                    nodes[more] = None
                    pairs.append((more, above))
        self._nodes = nodes
        return LazyOutline(pairs, unopened)

    def rows(self, ids: Sequence[int]) -> Mapping[int, Row]:
        return {one: cells(self._nodes.get(one), one) for one in ids}


def cells(node: Node | None, row_id: int) -> Row:
    """A line of the tree: what it is to the line above, what it is, its figures, what is stale in it."""
    if node is None:
        return (
            Cell(GLYPHS.ellipsis if row_id < 0 else "more: enter asks for the next page", "dim"),
            Cell(""),
            Cell(""),
        )
    relation = f"{node.relation} " if node.relation else ""
    word = node.title if node.kind == "decision" else ""
    title = state(word) if word else Cell(inert(node.title), STYLES.get(node.kind, ""))
    stale = stale_cell(node.stale)
    figures = f"  {inert(node.figures)}" if node.figures else ""
    return (Cell(inert(relation) + title.text + figures, title.style), stale)


STYLES = {
    "checkpoint": "bold bright_blue",
    "job": "bold",
    "dataset": "bold cyan",
    "reach": "bold",
    "query": "dim",
    "as_of": "dim",
}
