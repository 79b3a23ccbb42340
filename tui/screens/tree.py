"""Trees: their list, one tree with values, PRM scores, labels and verdicts, and two trees of one problem beside each other.

A correction is on disk before the next step is shown, and says which checkpoints it makes stale; `R` retrains the PRM on the
corrected labels, scores this tree with it and shows the scores before and after. Steps themselves never change. What is
drawn comes from tree_source.py, tree_list.py, tree_beside.py and tree_pane.py; verbs are tree_labels.py's, tree_retrain.py's
and tree_going.py's.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.widgets import Input

from tui.screens import tree_list, tree_pane
from tui.screens.frame import Frame, position
from tui.screens.tree_beside import TABS as BESIDE_TABS
from tui.screens.tree_beside import BesideSource, beside_lines, choose_other, head_cells
from tui.screens.tree_cells import columns
from tui.screens.tree_going import Going
from tui.screens.tree_head import crumb, list_head, tree_head
from tui.screens.tree_keys import CSS, KEYS, in_bar
from tui.screens.tree_labels import Corrections, Value, warm
from tui.screens.tree_list import TreeListSource
from tui.screens.tree_pane import step_lines
from tui.screens.tree_retrain import Retraining
from tui.screens.tree_source import News, TreeSource
from tui.text import Cell
from tui.widgets.detail import Detail
from tui.widgets.line import Line
from tui.widgets.pane import RichLine
from tui.widgets.virtual_table import VirtualTable
from tui.widgets.virtual_tree import VirtualTree

_TREE = re.compile(r"(\d+)(?::((?:\d+(?:\.\d+)*)?))?")
_TWO = re.compile(r"(\d+)\s+(\d+)")
LIST = "list"
WARM_S = 0.5  # what labels need is loaded once a tree is drawn, so that the first key does not wait for it


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
        self._wanted: str | int | None = None  # a path or a step to go to when the tree is here
        self._since = time.monotonic()
        self._following = False
        self._warm = False

    def body(self) -> ComposeResult:
        with Vertical():
            yield Line(id="head")
            with Container(id="main"):
                empty = "no trees match; n on the jobs screen (1) launches synthesize"
                yield VirtualTable(tree_list.COLUMNS, empty=empty, id="trees")
                fixed = columns(before=False, fresh=False, rescored=False)
                yield VirtualTree(fixed, empty="this tree has no steps yet", id="tree")
                yield VirtualTree((), empty="nothing differs", id="beside")
                yield Detail(tree_pane.TABS, id="right")
            yield Line(style="dim", id="crumb")

    def below(self) -> ComposeResult:
        yield Input(compact=True, id="find")

    def on_mount(self) -> None:
        super().on_mount()
        self._show_view()

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
    def box(self) -> Input:
        return self.query_one("#find", Input)

    def looked_ms(self) -> int:
        """How long the step under the cursor has been looked at."""
        return round((time.monotonic() - self._since) * 1000)

    def path_of(self, step_id: int) -> str:
        """A step's path for people."""
        return str(step_id) if self.source is None else self.source.path_of(step_id)

    def _show_view(self) -> None:
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
        two, one = _TWO.fullmatch(target), _TREE.fullmatch(target)
        self.remove_class("zoomed")
        if two:
            self.pair = int(two[1]), int(two[2])
        elif one:
            self.pair, self._wanted = None, one[2]
            self._open(int(one[1]))
        elif target.startswith("step:") and target[5:].isdecimal():
            self.pair, self._wanted = None, int(target[5:])
            self._open(None)
        elif target:
            self.pair, self.tree_id = None, None
            self.asked = "" if target == LIST else target
        self._show_view()
        self.draw_head()

    def _open(self, tree_id: int | None) -> None:
        if tree_id is not None and tree_id != self.tree_id:
            self.going.forget()
            self.corrections.forget()
            self._following = False
        self.tree_id = tree_id

    def where(self) -> str:
        if self.pair is not None:
            return f"{self.pair[0]} {self.pair[1]}"
        if self.tree_id is None:
            return self.asked or LIST
        row_id = self.outline.row_id
        known = self.source is not None and self.source.tree_id == self.tree_id and self.source.tree is not None
        return f"{self.tree_id}:{self.path_of(row_id)}" if known and row_id is not None else str(self.tree_id)

    def keep(self) -> dict[str, Any]:
        return {"tab": self.detail.tab, "sort": self.sort, "zoomed": self.has_class("zoomed")}

    def recall(self, kept: dict[str, Any]) -> None:
        self.detail.open(str(kept.get("tab")))
        sort = kept.get("sort")
        self.sort = sort if isinstance(sort, int) and 0 <= sort < len(tree_list.SORTS) else 0
        self.set_class(kept.get("zoomed") is True, "zoomed")

    def copied(self) -> str:
        row_id = self.table.row_id
        if self.pair is not None or row_id is None:
            return self.where()
        return str(row_id) if self.tree_id is None else self.where()

    def twin(self) -> str:
        if self.pair is not None:
            return f"o1coder trees diff {self.pair[0]} {self.pair[1]}"
        if self.tree_id is None:
            asked = f" --query '{self.asked}'" if self.asked else ""
            return f"o1coder trees list{asked}"
        found = self.going.found
        return (
            f"o1coder trees show {self.tree_id}"
            if found is None
            else f"o1coder trees find {self.tree_id} '{found.what}'"
        )

    def outside(self) -> tuple[str, str] | None:
        shown = ["".join(cell.text for cell in line) for line in self._lines]
        return (f"{self.detail.tab}-{self.table.row_id}.txt", "\n".join(shown)) if shown else None

    _lines: Sequence[RichLine] = ()

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
        elif self.tree_id is None and isinstance(self._wanted, int):
            self.ask("step's tree", partial(_tree_of, lab, self._wanted), self._found_tree)
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
            self._go_wanted()
            self.ask("news", self.source.news, self._take_news)
        self.retraining.look()

    def _found_tree(self, tree_id: int | None) -> None:
        if tree_id is None:
            self.say(f"there is no step {self._wanted}")
            self._wanted = None
        self._open(tree_id)
        self._show_view()
        self.reload()

    def _go_wanted(self) -> None:
        """To what a target named, once its tree is here."""
        source, wanted = self.source, self._wanted
        if source is None or source.tree is None or source.tree_id != self.tree_id or wanted is None:
            return
        self._wanted = None
        shape = source.tree.shape
        names = [int(name) for name in wanted.split(".") if name] if isinstance(wanted, str) else []
        at = shape.find(wanted) if isinstance(wanted, int) else shape.at_path(names)
        if at is None:
            self.say(f"tree {source.tree_id} has no step {wanted}")
        else:
            self.outline.reveal(shape.ids[at])

    def _take_news(self, news: News) -> None:
        source = self.source
        if source is None or self.tree_id != source.tree_id:
            return
        if news.all:
            self.outline.reload()
        for step_id, row in news.rows.items():
            self.outline.put(step_id, row)
        if news.head:
            self.ask("about", source.about, self._take_about)
        if self.outline.row_id in news.rows:
            self._ask_lines()

    def relabelled(self, steps: Sequence[int]) -> None:
        """A person's labels were just written: what is known already is drawn at once, the rest when the lab has said it."""
        source = self.source
        if source is None:
            return
        for step_id in steps:
            if step_id in source.lines:
                self.outline.put(step_id, source.row(source.lines[step_id]))
        self.draw_head()
        self.ask("news", source.news, self._take_news)

    def _take_about(self, others: bool) -> None:
        source = self.source
        if not self._warm and self.lab is not None and not self.lab.readonly:
            self._warm = True
            self.set_timer(WARM_S, lambda: self.ask("warm", warm, lambda _: None))
        if source is not None and source.columns() != self.outline.columns:
            self.outline.columns = source.columns()
            self.outline.refresh()
        if others:
            self.outline.reload()
        self.draw_head()

    def on_virtual_table_moved(self, message: VirtualTable.Moved) -> None:
        if message.table is not self.table:
            return
        self._since = time.monotonic()
        if message.table.id == "tree" and self.source is not None:
            if self._wanted is not None:
                self._go_wanted()
            if self.source.columns() != self.outline.columns:
                self.outline.columns = self.source.columns()
                self.outline.refresh()
            if not self.source.looked:
                self.source.looked = True
                self.ask("about", self.source.about, self._take_about)
            if self._following and self.source.tree is not None:
                self.outline.reveal(max(self.source.tree.shape.ids))
        self.rested(self._rest)

    def show_now(self) -> None:
        """The next step is what somebody waits for: its pane does not wait for the cursor to rest."""
        self._ask_lines()

    def _rest(self) -> None:
        self.draw_head()
        self._ask_lines()

    def on_virtual_table_chosen(self, message: VirtualTable.Chosen) -> None:
        if message.table.id != "trees":
            self.action_zoom()
        elif len(self.table.marks) == 2:
            self.action_beside()
        else:
            self.lab_app.go("tree", str(message.row_id))

    def _ask_lines(self) -> None:
        row_id, tab = self.table.row_id, self.detail.tab
        if row_id is None or self.has_class("listing"):
            return
        about = self.where(), tab
        if self.pair is not None and self.compared is not None:
            self.ask("lines", partial(beside_lines, self.compared, row_id, tab), partial(self._show, about))
        elif self.source is not None:
            self.ask("lines", partial(step_lines, self.source, row_id, tab), partial(self._show, about))

    def _show(self, about: tuple[str, str], lines: list[RichLine]) -> None:
        if about == (self.where(), self.detail.tab):
            self._lines = lines
            self.detail.show((about[0], self.table.row_id), lines, [Cell(position(self.table) + " ")])

    def draw_head(self) -> None:
        """The line over the body and the path under it."""
        head, source = self.query_one("#head", Line), self.source
        self.draw_keys()
        if self.pair is not None:
            head.say(head_cells(self.compared) if self.compared is not None else [])
        elif self.tree_id is None:
            head.say(list_head(self.asked, self.sort), [Cell(position(self.table) + " ", "dim")])
        elif source is None or source.head is None or source.tree_id != self.tree_id:
            head.say([])
        else:
            head.say(tree_head(source, source.head, self.retraining.note, self.going.told()))
            if source.tree is not None and self.outline.row_id is not None:
                self.query_one("#crumb", Line).say(crumb(source, source.tree, self.outline.row_id))

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
        listing = self.tree_id is None
        self.remove_class("zoomed")
        self.box.placeholder = (
            "words problem:4 job:3 ended:growing stuck:yes human:yes solved>0.5 steps>100"
            if listing
            else "words label:invalid human:yes verdict:WA action:code gap>0.5 prm<0.3 k<8"
        )
        self.box.value = self.asked if listing else "" if self.going.found is None else self.going.found.what
        self.box.display = True
        self.set_focus(self.box)

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
        if self.pair is not None:
            self.lab_app.go("tree", f"{self.pair[1]} {self.pair[0]}")
        elif self.tree_id is None:
            marked = self.table.marks if len(self.table.marks) == 2 else self.table.marks | {self.table.row_id or 0}
            if len(marked) == 2:
                one, other = sorted(marked)
                self.lab_app.go("tree", f"{one} {other}")
            else:
                self.say("mark two trees of one problem (space), then = or enter")
        elif self.source is not None and self.source.head is not None:
            choose_other(self, self.source.head)

    def action_only(self) -> None:
        if self.compared is not None and self.pair is not None:
            self.compared.only = not self.compared.only
            self.table.reload()

    def action_follow_growth(self) -> None:
        if self.in_tree:
            self._following = not self._following
            self.say("following the newest step; F stops" if self._following else "no longer following")

    def action_refresh(self) -> None:
        self.compared = self.listed = None
        if self.tree_id is not None:
            self.source = None
        self.reload()

    def action_tab(self, by: int) -> None:
        if not self.has_class("listing"):
            self.detail.turn(by)
            self._ask_lines()

    def on_detail_turned(self) -> None:
        self._ask_lines()

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


def _tree_of(lab: Any, step_id: int) -> int | None:
    """In a thread: the tree of a step."""
    from o1coder.queries import stepfacts

    with lab.reading() as connection:
        return stepfacts.tree_of(connection, step_id)
