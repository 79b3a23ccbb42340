"""Trees: their list, one tree with values, PRM scores, labels and verdicts, and two trees of one problem beside each other.

A correction is on disk before the next step is shown, and says which checkpoints it makes stale; `R` retrains the PRM on the
corrected labels, scores this tree with it and shows the scores before and after. Steps themselves never change. What is
drawn comes from tree_source.py, tree_list.py, tree_beside.py and, round the tables, tree_drawing.py; what is new in a tree from
tree_following.py. Verbs are tree_labels.py's, tree_retrain.py's, tree_going.py's and tree_two.py's, targets tree_where.py's.
"""

from __future__ import annotations

import time
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical

from tui.screens import tree_list, tree_pane, tree_where
from tui.screens.frame import Frame
from tui.screens.tree_beside import TABS as BESIDE_TABS
from tui.screens.tree_beside import BesideSource
from tui.screens.tree_cells import columns
from tui.screens.tree_drawing import draw_detail, draw_head
from tui.screens.tree_find import FindLine
from tui.screens.tree_following import Following
from tui.screens.tree_going import Going
from tui.screens.tree_keys import CSS, KEYS, in_bar
from tui.screens.tree_labels import Corrections, Value
from tui.screens.tree_list import TreeListSource
from tui.screens.tree_retrain import Retraining
from tui.screens.tree_source import TreeSource
from tui.screens.tree_two import beside
from tui.screens.tree_where import LIST
from tui.widgets.detail import Detail
from tui.widgets.line import Line
from tui.widgets.pane import RichLine
from tui.widgets.virtual_table import VirtualTable
from tui.widgets.virtual_tree import VirtualTree


class TreeScreen(Frame):
    """The third screen."""

    TITLE = "Tree"
    CSS = CSS
    BINDINGS: ClassVar[list[BindingType]] = [*KEYS]

    def __init__(self) -> None:
        super().__init__()
        self.asked = ""  # of the list
        self.sort = 0
        self.tree_id: int | None = None
        self.source: TreeSource | None = None
        self.listed: TreeListSource | None = None
        self.compared: BesideSource | None = None
        self.pair: tuple[int, int] | None = None
        self.corrections = Corrections(self)
        self.retraining = Retraining(self)
        self.going = Going(self)
        self.following = Following(self)
        self.shown: list[RichLine] = []  # in the pane
        self._since = time.monotonic()

    def body(self) -> ComposeResult:
        with Vertical():
            yield Line(id="head")
            with Container(id="main"):
                empty = "no trees match; n on the jobs screen (1) launches synthesize"
                yield VirtualTable(tree_list.COLUMNS, empty=empty, id="trees")
                fixed = columns(before=False, fresh=False, rescored=False)
                yield VirtualTree(fixed, empty="this tree has no steps yet", id="tree")
                yield VirtualTree((), empty="no steps to show", id="beside")
                yield Detail(tree_pane.TABS, id="right")
            yield Line(style="dim", id="crumb")

    def below(self) -> ComposeResult:
        yield FindLine(compact=True, id="find")

    def on_mount(self) -> None:
        super().on_mount()
        self.show_view()

    # what is shown -----------------------------------------------------------------------------------------------------
    @property
    def outline(self) -> VirtualTree:
        return self.query_one("#tree", VirtualTree)

    @property
    def table(self) -> VirtualTable:
        """The table of what is shown: the list, the tree, or two trees."""
        name = "#beside" if self.pair is not None else "#trees" if self.tree_id is None else "#tree"
        return self.query_one(name, VirtualTable)

    @property
    def detail(self) -> Detail:
        return self.query_one(Detail)

    @property
    def box(self) -> FindLine:
        return self.query_one(FindLine)

    def looked_ms(self) -> int:
        """How long the step under the cursor has been looked at."""
        return round((time.monotonic() - self._since) * 1000)

    def path_of(self, step_id: int) -> str:
        """A step's path for people."""
        return str(step_id) if self.source is None else self.source.path_of(step_id)

    def show_view(self) -> None:
        """Lay out the list, a tree, or two, and give the shown table the keys."""
        self.set_class(self.pair is None and self.tree_id is None, "listing")
        self.set_class(self.pair is not None, "comparing")
        tabs = tree_pane.TABS if self.pair is None else BESIDE_TABS
        if self.detail.tabs != tabs:
            self.detail.tabs, self.detail.at = tabs, 0
            if self.detail.is_mounted:
                self.detail.show(None, [])
        if not self.box.has_focus:
            self.table.focus()

    def goto(self, target: str) -> None:
        tree_where.goto(self, target)

    def show_tree(self, tree_id: int | None) -> None:
        """Show this tree, or while it is None the list (until a step's tree is found)."""
        if tree_id is not None and tree_id != self.tree_id:
            self.going.forget()
            self.corrections.forget()
            self.following.forget()
        self.tree_id = tree_id

    def where(self) -> str:
        return tree_where.where(self)

    def keep(self) -> dict[str, Any]:
        return {"tab": self.detail.tab, "sort": self.sort, "zoomed": self.has_class("zoomed")}

    def recall(self, kept: dict[str, Any]) -> None:
        self.detail.open(str(kept.get("tab")))
        sort = kept.get("sort")
        self.sort = sort if isinstance(sort, int) and 0 <= sort < len(tree_list.SORTS) else 0
        self.set_class(kept.get("zoomed") is True, "zoomed")

    def copied(self) -> str:
        return tree_where.copied(self)

    def twin(self) -> str:
        return tree_where.twin(self)

    def outside(self) -> tuple[str, str] | None:
        shown = ["".join(cell.text for cell in line) for line in self.shown]
        return (f"{self.detail.tab}-{self.table.row_id}.txt", "\n".join(shown)) if shown else None

    # following the lab ---------------------------------------------------------------------------------------------------
    def reload(self) -> None:
        lab = self.lab
        if lab is None:
            return
        if self.pair is not None:
            if self.compared is None or (self.compared.a, self.compared.b) != self.pair:
                self.compared = BesideSource(lab, *self.pair)
                self.table.columns = self.compared.columns()
                self.table.show(self.compared)
                self.draw_head()
        elif self.tree_id is None and isinstance(self.following.wanted, int):
            self.following.find_tree(lab, self.following.wanted)
        elif self.tree_id is None:
            query = " ".join(word for word in (self.asked, tree_list.SORTS[self.sort]) if word)
            if self.listed is None or self.listed.query != query:
                self.listed = TreeListSource(lab, query)
            self.table.show(self.listed)
            self.draw_head()
        elif self.source is None or self.source.tree_id != self.tree_id:
            self.source = TreeSource(lab, self.tree_id)
            self.table.show(self.source)
            self.draw_head()
        else:
            self.following.look()
        self.retraining.look()

    def on_virtual_table_moved(self, message: VirtualTable.Moved) -> None:
        if message.table is not self.table:
            return
        self._since = time.monotonic()
        if message.table.id == "tree":
            self.following.moved()
        self.rested(self._rest)

    def _rest(self) -> None:
        self.draw_head()
        self.draw_detail()

    def on_virtual_table_chosen(self, message: VirtualTable.Chosen) -> None:
        if message.table.id != "trees":
            self.action_zoom()
        elif len(self.table.marks) == 2:
            self.action_beside()
        else:
            self.lab_app.go("tree", str(message.row_id))

    def draw_head(self) -> None:
        """The line over the body, the path under it, the keys."""
        self.draw_keys()
        draw_head(self)

    def draw_detail(self) -> None:
        """The pane, of the row under the cursor."""
        draw_detail(self)

    def in_bar(self) -> list[Binding]:
        return in_bar("two" if self.pair is not None else "list" if self.tree_id is None else "tree")

    # verbs -----------------------------------------------------------------------------------------------------------------
    @property
    def in_tree(self) -> bool:
        """Is one tree shown? Else it says that the verb wants one."""
        shown = self.pair is None and self.tree_id is not None and self.source is not None
        if not shown:
            self.say("open a tree first: enter")
        return shown

    def action_label(self, value: Value) -> None:
        if self.in_tree:
            self.corrections.label(value)

    def action_unsure(self) -> None:
        if self.pair is None and self.tree_id is None:
            self.sort = (self.sort + 1) % len(tree_list.SORTS)
            self.reload()
        elif self.in_tree:
            self.corrections.label("unsure")

    def action_first_error(self) -> None:
        if self.in_tree:
            self.corrections.first_error()

    def action_follow(self) -> None:
        if self.in_tree:
            self.corrections.follow()

    def action_undo(self, go: bool) -> None:
        if self.in_tree:
            self.corrections.undo(go=go)

    def action_redo(self) -> None:
        if self.in_tree:
            self.corrections.redo()

    def action_retrain(self) -> None:
        if self.in_tree:
            self.retraining.begin()

    def launched(self, job_id: int) -> None:
        self.retraining.launched(job_id)

    def action_jump(self, where: str) -> None:
        if self.in_tree:
            {
                "best": self.going.best,
                "principal": self.going.principal,
                "gap": self.going.gap,
                "people": self.going.people,
            }[where]()

    def action_failing(self, by: int) -> None:
        if self.in_tree:
            self.going.failing(by)

    def action_match(self, by: int) -> None:
        if self.pair is not None and self.compared is not None:
            found = self.compared.next_differing(self.table.row_id or 0, by)
            if found is not None and isinstance(self.table, VirtualTree):
                self.table.reveal(found)
        elif self.in_tree:
            self.going.match(by)

    def action_find(self) -> None:
        if self.pair is not None:
            return
        self.remove_class("zoomed")
        listing, found = self.tree_id is None, self.going.found
        self.box.begin(self.asked if listing else "" if found is None else found.what, listing=listing)

    def on_input_submitted(self) -> None:
        value = self.box.value.strip()
        self._close_box()
        if self.tree_id is None:
            self.lab_app.go("tree", value or LIST)
        else:
            self.going.search(value)

    def _close_box(self) -> None:
        self.box.display = False
        self.table.focus()

    def action_beside(self) -> None:
        beside(self)

    def action_only(self) -> None:
        if self.compared is not None and self.pair is not None:
            self.compared.only = not self.compared.only
            self.table.reload()

    def action_follow_growth(self) -> None:
        if self.in_tree:
            self.following.toggle()

    def action_refresh(self) -> None:
        self.compared = self.listed = None
        if self.tree_id is not None:
            self.source = None
        self.reload()

    def action_tab(self, by: int) -> None:
        if not self.has_class("listing"):
            self.detail.turn(by)
            self.draw_detail()

    def on_detail_turned(self) -> None:
        self.draw_detail()

    def action_pane(self, delta: int) -> None:
        self.detail.scroll_lines(delta)

    def action_zoom(self) -> None:
        if not self.has_class("listing"):
            self.toggle_class("zoomed")

    def action_back(self) -> None:
        if self.box.display:
            self._close_box()
        elif self.has_class("zoomed"):
            self.remove_class("zoomed")
        elif self.table.clear_marks():
            return
        elif self.pair is not None:
            self.lab_app.go("tree", self.asked or LIST if self.tree_id is None else str(self.tree_id))
        elif self.tree_id is not None and self.going.found is not None:
            self.going.search("")
        elif self.tree_id is not None:
            self.lab_app.go("tree", self.asked or LIST)
        elif self.asked:
            self.lab_app.go("tree", LIST)
