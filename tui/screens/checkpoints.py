"""Checkpoints & lineage: the family of every checkpoint with what it measured, is worth and is stale by; from one down to
what it comes from, and from anything of the lab back to what it reached.

Enter opens the tree of one (checkpoints_tree.py); there enter goes to the screen of the thing under the cursor. Decisions are
appended, weights are written out, and what is stale is trained again by the same verbs as on the command line. Nothing is
counted in the app's thread.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from textual.app import ComposeResult

from tui.screens import checkpoints_told
from tui.screens.checkpoints_keys import CSS, KEYS, Asked, AskLine
from tui.screens.checkpoints_nodes import place_of
from tui.screens.checkpoints_panes import TABS
from tui.screens.checkpoints_source import COLUMNS, ORDERS, CheckpointSource
from tui.screens.checkpoints_tree import COLUMNS as NODE_COLUMNS
from tui.screens.checkpoints_tree import LineageSource, LineageTree, Root
from tui.screens.checkpoints_verbs import decide, retrain, write
from tui.screens.frame import Frame
from tui.widgets.detail import Detail
from tui.widgets.pane import RichLine
from tui.widgets.virtual_table import VirtualTable
from tui.widgets.virtual_tree import VirtualTree

THINGS = ("problem", "label", "step", "tree", "dataset", "job", "checkpoint")


class CheckpointsScreen(Frame):
    """The fifth screen."""

    TITLE = "Checkpoints"
    CSS = CSS
    BINDINGS = KEYS

    def __init__(self) -> None:
        super().__init__()
        self.source: CheckpointSource | None = None
        self.how = ORDERS[0]
        self.query_text = ""
        self.roots: list[Root] = []
        self.tree_source: LineageSource | None = None
        self.shown: list[RichLine] = []

    def body(self) -> ComposeResult:
        yield VirtualTree(
            COLUMNS, empty="no checkpoints match; `o1coder models fetch smollm2-135m` brings one", id="checkpoints"
        )
        yield LineageTree(NODE_COLUMNS, id="lineage")
        yield Detail(TABS, id="detail")

    def below(self) -> ComposeResult:
        yield AskLine(id="asked")

    def on_mount(self) -> None:
        super().on_mount()
        self.table.focus()

    @property
    def listing(self) -> VirtualTree:
        return self.query_one("#checkpoints", VirtualTree)

    @property
    def lineage(self) -> LineageTree:
        return self.query_one("#lineage", LineageTree)

    @property
    def table(self) -> VirtualTree:
        """The one that is shown and has the cursor."""
        return self.lineage if self.roots else self.listing

    @property
    def detail(self) -> Detail:
        return self.query_one("#detail", Detail)

    @property
    def asking(self) -> AskLine:
        return self.query_one("#asked", AskLine)

    @property
    def checkpoint(self) -> int | None:
        """The checkpoint under the cursor; in a tree also the one whose tree it is, where the cursor is on something else."""
        if not self.roots:
            return self.listing.row_id
        node = None if self.tree_source is None else self.tree_source.node(self.lineage.row_id)
        if node is not None and node.kind == "checkpoint":
            return node.id
        return None if self.roots[-1].back else self.roots[-1].id

    # asking --------------------------------------------------------------------------------------------------------
    def reload(self) -> None:
        if self.lab is None or not self.query(Detail):
            return
        if self.roots:
            root = self.roots[-1]
            if self.tree_source is None or self.tree_source.root != root:
                self.tree_source = LineageSource(self.lab, root)
                self.lineage.go_to(self.tree_source.top)
            self.lineage.show(self.tree_source)
            return
        if self.source is None or (self.source.query, self.source.how) != (self.query_text, self.how):
            known, self.source = self.source, CheckpointSource(self.lab, self.query_text, self.how)
            if known is not None:
                self.source.adopt(known)
        self.listing.show(self.source)

    def on_virtual_table_moved(self, message: VirtualTable.Moved) -> None:
        if message.table is self.table:
            self._fit()
            self.rested(self.draw_detail)

    def _fit(self) -> None:
        """A short list leaves its room to the pane below it."""
        lines = len(self.table.order) + 2
        short = not self.has_class("-wide") and lines < self.size.height // 2
        self.table.styles.height = lines if short else "1fr"

    def on_resize(self) -> None:
        super().on_resize()
        self._fit()

    def on_detail_turned(self) -> None:
        self.draw_detail()

    def draw_detail(self) -> None:
        """The pane, of the thing under the cursor."""
        checkpoints_told.draw(self)

    # going about ---------------------------------------------------------------------------------------------------
    def goto(self, target: str) -> None:
        kind, _, name = target.partition(":")
        if target.isdecimal():
            self._leave_tree()
            self.listing.go_to(int(target))
        elif kind in THINGS and name.isdecimal():
            self._explore(Root(kind, int(name)), anew=True)
        elif kind in THINGS and name and self.lab is not None:
            self._find(target)
        elif target:
            self._filtered(target)

    def where(self) -> str:
        if self.roots:
            return f"{self.roots[-1].kind}:{self.roots[-1].id}"
        row_id = self.listing.row_id
        return "" if row_id is None else str(row_id)

    def _explore(self, root: Root, *, anew: bool = False) -> None:
        self.roots = [root] if anew else [*self.roots, root]
        self.set_class(True, "exploring")
        self.lineage.focus()
        self.reload()

    def _leave_tree(self) -> None:
        self.roots = []
        self.set_class(False, "exploring")
        self.listing.focus()

    def _find(self, words: str) -> None:
        """Open the way back from what was typed."""
        lab = self.lab
        if lab is None:
            return

        def parse() -> Root:
            from o1coder.queries import reach

            with lab.reading() as connection:
                return Root(*reach.parse(connection, words))

        self.ask("thing", parse, self._explore)

    def on_virtual_table_chosen(self, message: VirtualTable.Chosen) -> None:
        if not self.roots:
            self._explore(Root("checkpoint", message.row_id))
            return
        node = None if self.tree_source is None else self.tree_source.node(message.row_id)
        place = None if node is None else place_of(node)
        if node is None:
            self._opened(message.row_id)
        elif node.kind == "checkpoint" and node.id is not None:
            if Root("checkpoint", node.id) != self.roots[-1]:
                self._explore(Root("checkpoint", node.id))
        elif place is not None:
            self.lab_app.go(*place)
        else:
            self.lineage.toggle()

    def on_lineage_tree_opened(self, message: LineageTree.Opened) -> None:
        self._opened(message.row_id)

    def _opened(self, row_id: int) -> None:
        if self.tree_source is not None and self.tree_source.open(row_id):
            self.lineage.reload()

    # keys ----------------------------------------------------------------------------------------------------------
    def action_tab(self, delta: int) -> None:
        self.detail.turn(delta)
        self.draw_detail()

    def action_compare(self) -> None:
        self.detail.open("compare")
        self.draw_detail()

    def action_zoom(self) -> None:
        self.toggle_class("zoomed")

    def action_pane(self, delta: int) -> None:
        self.detail.scroll_lines(delta)

    def action_refresh(self) -> None:
        self.reload()

    def action_order(self) -> None:
        self.how = ORDERS[(ORDERS.index(self.how) + 1) % len(ORDERS)]
        self.say(f"order: {self.how}")
        self._leave_tree()
        self.reload()

    def action_filter(self) -> None:
        if self.roots:
            self.say("the filter is the list's: esc goes back to it")
        else:
            self.asking.open(Asked("filter", None, "filter", self.query_text))

    def action_back_from(self) -> None:
        node = self.tree_source.node(self.lineage.row_id) if self.roots and self.tree_source is not None else None
        value = f"{node.kind}:{node.id}" if node is not None and node.kind in THINGS and node.id is not None else ""
        self.asking.open(Asked("back", None, "way back from", value))

    def action_decide(self, verb: Literal["accept", "reject"]) -> None:
        one = self.checkpoint
        if one is not None and not self.refused(f"{verb} checkpoints"):
            self.asking.open(Asked(verb, one, f"{verb} checkpoint {one} because"))

    def action_write(self) -> None:
        one = self.checkpoint
        if one is not None:
            folder = str(Path.cwd() / f"checkpoint-{one}")
            self.asking.open(Asked("write", one, f"write {one} into DIR [own|with-base|merged]", folder))

    def action_retrain(self) -> None:
        if self.checkpoint is not None and not self.refused("launch jobs"):
            retrain(self, self.checkpoint)

    def action_back(self) -> None:
        if self.asking.shut():
            self.table.focus()
        elif self.has_class("zoomed"):
            self.remove_class("zoomed")
        elif self.table.clear_marks():
            self.draw_detail()
        elif len(self.roots) > 1:
            self.roots.pop()
            self.reload()
        elif self.roots:
            root = self.roots[0]
            self._leave_tree()
            if not root.back:
                self.listing.go_to(root.id)
            self.reload()
            self.draw_detail()
        elif self.query_text:
            self._filtered("")

    def on_ask_line_answered(self, message: AskLine.Answered) -> None:
        asked, text = message.asked, message.text
        self.table.focus()
        if asked.verb == "filter":
            self._filtered(text)
        elif asked.verb == "back":
            if text:
                self._find(text)
        elif asked.checkpoint is None:
            return
        elif asked.verb == "write":
            write(self, asked.checkpoint, text)
        else:
            decide(self, asked.checkpoint, "accepted" if asked.verb == "accept" else "rejected", text)

    def _filtered(self, text: str) -> None:
        self.query_text = text
        self._leave_tree()
        self.reload()

    # what it says of itself ----------------------------------------------------------------------------------------
    def keep(self) -> dict[str, Any]:
        return {"tab": self.detail.tab, "order": self.how, "filter": self.query_text}

    def recall(self, kept: dict[str, Any]) -> None:
        self.detail.open(str(kept.get("tab", "")))
        if kept.get("order") in ORDERS:
            self.how = kept["order"]
        self.query_text = kept["filter"] if isinstance(kept.get("filter"), str) else ""

    def copied(self) -> str:
        return checkpoints_told.copied(self)

    def twin(self) -> str:
        return checkpoints_told.twin(self)

    def outside(self) -> tuple[str, str] | None:
        return checkpoints_told.outside(self)
