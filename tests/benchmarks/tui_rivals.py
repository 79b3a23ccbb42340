"""What the screens are measured beside: Textual's own DataTable and Tree, and apps with nothing in them, for memory.

Run: `python -P -m tests.benchmarks.tui_rivals table|tree|empty|sqlmodel [N]`. Both are filled before they are shown, as their
documentation has it, and imported late, so that the empty app is one; the tree has the shape of tui_tree.py's. They read no
database: of what a key costs, less is measured.
"""

from __future__ import annotations

import random
import sys
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType

if TYPE_CHECKING:
    from textual.widgets import DataTable, Tree

COLUMNS = ("id", "title", "split", "difficulty", "tests", "programs", "trees", "pass")


class TableApp(App[None]):
    """N rows of eight columns in a DataTable."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+q,q", "quit", "quit")]

    def __init__(self, total: int) -> None:
        super().__init__()
        self.total = total

    def compose(self) -> ComposeResult:
        from textual.widgets import DataTable

        yield DataTable(cursor_type="row")

    def on_mount(self) -> None:
        table: DataTable[Any] = self.query_one("DataTable")  # type: ignore[assignment]
        table.add_columns(*COLUMNS)
        table.add_rows(
            (str(n), f"sum the path of a tree {n}", "train", "hard", str(n % 9), "1", "0", "")
            for n in range(self.total)
        )
        table.focus()


class TreeApp(App[None]):
    """N nodes in a Tree, all open: what our screen shows when it opens one."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+q,q", "quit", "quit")]

    def __init__(self, total: int) -> None:
        super().__init__()
        self.total = total

    def compose(self) -> ComposeResult:
        from textual.widgets import Tree

        yield Tree("the root of all steps")

    def on_mount(self) -> None:
        from tests.benchmarks.tui_tree import grow

        tree: Tree[Any] = self.query_one("Tree")  # type: ignore[assignment]
        grown = grow(self.total, random.Random(5))
        parents = {node.parent for node in grown[1:]}
        made = [tree.root]
        tree.root.expand()
        for number, node in enumerate(grown[1:], 1):
            label = f"{node.action} keep a heap of every edge ({number})"
            above = made[node.parent]
            made.append(above.add(label, expand=True) if number in parents else above.add_leaf(label))
        tree.focus()


class EmptyApp(App[None]):
    """Nothing."""


def main(kind: str, total: int) -> None:
    """Run one of them."""
    if kind == "sqlmodel":
        import sqlmodel  # noqa: F401
    apps: dict[str, Any] = {"table": lambda: TableApp(total), "tree": lambda: TreeApp(total)}
    apps.get(kind, EmptyApp)().run()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0)
