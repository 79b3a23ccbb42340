"""Problems: a filter that works while it is typed, a list of any length, and everything about the one under the cursor.

The filter's language is that of the command line (o1coder/queries/problem_filter.py). Nothing is changed from here; a
search of what is marked is launched by the same form as everywhere.
"""

from __future__ import annotations

import shlex
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.timer import Timer
from textual.widgets import Input

from tui.screens.ask import Choose, Option
from tui.screens.frame import Frame
from tui.screens.problems_pane import TABS, Told, told
from tui.screens.problems_source import COLUMNS, ProblemSource, language
from tui.text import Cell
from tui.widgets.detail import Detail
from tui.widgets.typed import Typed
from tui.widgets.virtual_table import VirtualTable

if TYPE_CHECKING:
    from o1coder.stage import Stage

TYPED_S = 0.15  # how long nothing is typed before the filter is asked
SLOW_TYPED_S = 0.6


class ProblemsScreen(Frame):
    """The second screen."""

    TITLE = "Problems"
    CSS = """
    ProblemsScreen #problems { height: 1fr; }
    ProblemsScreen.-wide #problems { width: 3fr; }
    ProblemsScreen.-wide #about { width: 2fr; }
    ProblemsScreen.-short #about { display: none; }
    ProblemsScreen.zoomed #problems { display: none; }
    ProblemsScreen.zoomed #about { display: block; }
    ProblemsScreen #filter { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "slash", "filter", "filter", id="problems.filter", tooltip="words, split:train, pass<0.3; ? shows them all"
        ),
        Binding("t", "tab(1)", "next tab", id="problems.tab", tooltip="statement, tests, programs, trees, used"),
        Binding("T", "tab(-1)", "tab before", show=False, id="problems.tab_back", tooltip="the tab before"),
        Binding("enter", "trees", "its trees", id="problems.trees", tooltip="open the trees of the problem"),
        Binding("n", "search", "search", id="problems.search", tooltip="launch a search of it, or of what is marked"),
        Binding("plus", "zoom", "zoom", id="problems.zoom", tooltip="the pane alone; esc goes back"),
        Binding(
            "C", "checkpoints", "checkpoints", show=False, id="problems.checkpoints", tooltip="what learned from it"
        ),
        Binding(
            "D", "datasets", "datasets", show=False, id="problems.datasets", tooltip="a dataset that holds rows of it"
        ),
        Binding("J,shift+down", "pane(3)", "scroll", show=False, id="problems.down", tooltip="scroll the pane"),
        Binding("K,shift+up", "pane(-3)", "scroll", show=False, id="problems.up", tooltip="scroll the pane back"),
        Binding("r", "refresh", "refresh", show=False, id="problems.refresh", tooltip="ask the lab again"),
        Binding("escape", "back", "back", show=False, id="problems.back", tooltip="one step back"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.source: ProblemSource | None = None
        self.told: Told | None = None
        self._typing: Timer | None = None
        self._total: int | None = None

    def body(self) -> ComposeResult:
        yield VirtualTable(COLUMNS, empty="no problems match; `o1coder import starter` brings some", id="problems")
        yield Detail(TABS, id="about")

    def below(self) -> ComposeResult:
        yield Typed(placeholder="words split:train difficulty:hard pass<0.3 tests>5", compact=True, id="filter")

    def on_mount(self) -> None:
        super().on_mount()
        self.set_focus(self.table)
        if self.lab is not None:
            self.reload()

    @property
    def table(self) -> VirtualTable:
        return self.query_one("#problems", VirtualTable)

    @property
    def detail(self) -> Detail:
        return self.query_one(Detail)

    @property
    def filter(self) -> Input:
        return self.query_one("#filter", Input)

    def reload(self) -> None:
        if self.lab is None:
            return
        query = self.filter.value.strip()
        if self.source is None or self.source.query != query:
            if self.source is not None:
                self.source.stop()
            self.source = ProblemSource(self.lab, query)
        self.table.show(self.source)

    def on_virtual_table_moved(self) -> None:
        self.draw_title()
        self.rested(self._ask)

    def draw_title(self, *extra: Cell) -> None:
        super().draw_title(*(extra or self._count()))

    def _count(self) -> list[Cell]:
        """How many of how many, what is marked."""
        if self.source is not None and self.source.found is not None:
            self._total = self.source.found.total  # an older one stands until a new filter has its answer
        if self._total is None:
            return []
        shown, total = len(self.table.order), self._total
        cells = [Cell(f" {shown:,} of {total:,} " if self.filter.value.strip() else f" {total:,} problems ", "bold")]
        return [*cells, Cell(f"{len(self.table.marks)} marked ", "bold")] if self.table.marks else cells

    def _ask(self) -> None:
        row_id, lab = self.table.row_id, self.lab
        if row_id is None or lab is None or self.source is None:
            self.told = None
            self.detail.show(None, [], [Cell("0/0 ")])
        else:
            tab, words = self.detail.tab, self.source.words
            self.ask("details", partial(told, lab, row_id, tab, words), partial(self._show, row_id, tab))

    def _show(self, row_id: int, tab: str, found: Told) -> None:
        if (row_id, tab) == (self.table.row_id, self.detail.tab):
            self.told = found
            at = f"{self.table.index + 1:,}/{len(self.table.order):,} "
            self.detail.show(row_id, found.lines, [Cell(f"problem {row_id} ", "bold"), Cell(at)])

    def on_detail_turned(self) -> None:
        self._ask()

    def on_virtual_table_chosen(self) -> None:
        self.action_trees()

    # where it stands -----------------------------------------------------------------------------------------------
    def goto(self, target: str) -> None:
        box = self.filter
        if target.isdecimal():
            box.value, box.display = "", False
            self.table.go_to(int(target))
        else:
            box.value, box.display = target, True

    def where(self) -> str:
        row_id = self.table.row_id
        return self.filter.value.strip() or ("" if row_id is None else str(row_id))

    def keep(self) -> dict[str, Any]:
        return {"tab": self.detail.tab, "zoomed": self.has_class("zoomed")}

    def recall(self, kept: dict[str, Any]) -> None:
        self.detail.open(str(kept.get("tab", "")))
        self.set_class(kept.get("zoomed") is True, "zoomed")

    def copied(self) -> str:
        row = None if self.table.row_id is None else self.table.row_id
        if self.told is not None and self.detail.tab != "trees" and self.has_class("zoomed"):
            return self.told.text
        return "" if row is None else str(row)

    def twin(self) -> str:
        query, row_id = self.filter.value.strip(), self.table.row_id
        if query and not self.has_class("zoomed"):
            return shlex.join(["o1coder", "problems", "list", "--query", query])
        return "o1coder problems list" if row_id is None else f"o1coder problems show {row_id}"

    def outside(self) -> tuple[str, str] | None:
        return None if self.told is None else (self.told.name, self.told.text)

    def language(self) -> list[tuple[str, str]]:
        return language()

    # keys ----------------------------------------------------------------------------------------------------------
    def action_trees(self) -> None:
        row_id = self.table.row_id
        if row_id is not None:
            self.lab_app.go("tree", f"problem:{row_id}")

    def action_checkpoints(self) -> None:
        if self.table.row_id is not None:
            self.lab_app.go("checkpoints", f"problem:{self.table.row_id}")

    def action_datasets(self) -> None:
        row_id, lab = self.table.row_id, self.lab
        if row_id is None or lab is None:
            return

        def found() -> list[Option]:
            from o1coder.queries.problem_parts import uses

            with lab.reading() as connection:
                held = [use for use in uses(connection, row_id) if use.kind == "dataset"]
            return [Option(str(use.id), f"{use.about}, {use.rows} rows of it") for use in held]

        def offered(options: list[Option]) -> None:
            def chosen(index: int | None) -> None:
                if index is not None:
                    self.lab_app.go("datasets", options[index].name)

            if len(options) == 1:
                chosen(0)
            elif options:
                self.app.push_screen(Choose(f"datasets with rows of problem {row_id}", options), chosen)
            else:
                self.say("no dataset holds rows of this problem")

        self.ask("datasets", found, offered)

    def action_search(self) -> None:
        wanted = sorted(self.table.marks) or ([self.table.row_id] if self.table.row_id is not None else [])
        if not wanted or self.refused("launch jobs") or self.lab is None:
            return
        lab = self.lab

        def found() -> tuple[Stage, str]:
            from o1coder.queries import problems
            from o1coder.stage import find

            with lab.reading() as connection:
                return find("synthesize"), problems.rows(connection, wanted[:1])[0].split

        def opened(answer: tuple[Stage, str]) -> None:
            from tui.screens.launch import launch_form

            launch_form(self, answer[0], {"problems": ",".join(map(str, wanted)), "split": answer[1]})

        self.ask("stages", found, opened)

    def action_tab(self, delta: int) -> None:
        self.detail.turn(delta)
        self._ask()

    def action_zoom(self) -> None:
        self.toggle_class("zoomed")

    def action_pane(self, delta: int) -> None:
        self.detail.scroll_lines(delta)

    def action_refresh(self) -> None:
        if self.source is not None:
            self.source.found = None
        self.reload()

    def action_filter(self) -> None:
        self.remove_class("zoomed")
        self.filter.display = True
        self.set_focus(self.filter)

    def on_input_changed(self) -> None:
        """Ask while it is typed: what is under way for an older filter ends at once."""
        if self._typing is not None:
            self._typing.stop()
        self._typing = self.set_timer(SLOW_TYPED_S if self.lab_app.slow else TYPED_S, self.reload)

    def on_input_submitted(self) -> None:
        self.filter.display = bool(self.filter.value.strip())
        self.set_focus(self.table)
        self.reload()

    def action_back(self) -> None:
        box = self.filter
        if self.focused is box:
            box.display = bool(box.value.strip())
        elif self.has_class("zoomed"):
            self.remove_class("zoomed")
        elif self.table.clear_marks():
            self.draw_title()
        elif box.display:
            box.value, box.display = "", False
            self.reload()
        self.set_focus(self.table)
