"""Runs: jobs that report metrics, up to six of them in one plot, their figures and what differs between them; and below a
job that made rollouts its reward taken apart, down to one rollout and its place in a tree.

Levels are one table: jobs, iterations, groups, rollouts; enter goes down, esc one up. Nothing is changed from here.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.widgets import Input

from tui.screens import runs_going, runs_pane, runs_plot
from tui.screens.frame import Frame, position
from tui.screens.runs_chart import Chart
from tui.screens.runs_keys import CSS, KEYS
from tui.screens.runs_levels import LEVELS, TABS, Path, RunsTable, above, named, read_target, source_at, target_of, twin
from tui.screens.runs_source import COLUMNS, Curves, JobSource, Picture
from tui.screens.runs_xray import NO_ITERATION, Rewards
from tui.text import GLYPHS, Cell
from tui.widgets.detail import Detail
from tui.widgets.pane import RichLine
from tui.widgets.plot import Plot
from tui.widgets.typed import Typed
from tui.widgets.virtual_table import Source

if TYPE_CHECKING:
    from o1coder.lab import Lab

MOST = 6
LIVE_S = 1.0
SLOW_S = 5.0


class RunsScreen(Frame):
    """The sixth screen."""

    TITLE = "Runs"
    CSS = CSS
    BINDINGS: ClassVar[list[BindingType]] = [*KEYS]

    def __init__(self) -> None:
        super().__init__()
        self.path: Path = ()  # job, iteration, tree: how far down
        self.chart = Chart()
        self.source: Source | None = None
        self.jobs: JobSource | None = None
        self.curves: Curves | None = None
        self.rewards: Rewards | None = None
        self.picture: Picture | None = None
        self._marking: set[int] = set()  # jobs to be marked as soon as the table has them
        self._due = False

    def body(self) -> ComposeResult:
        yield RunsTable(COLUMNS, empty="nothing here yet: training reports metrics, searches have rewards", id="table")
        with Vertical(id="right"):
            yield Detail(TABS[0], id="detail")
            yield Plot(id="plot")

    def below(self) -> ComposeResult:
        yield Typed(placeholder="words stage:rl run:demo", compact=True, id="filter")

    def on_mount(self) -> None:
        super().on_mount()
        self.table.focus()
        self.set_interval(SLOW_S if self.lab_app.slow else LIVE_S, self._tick)

    @property
    def table(self) -> RunsTable:
        return self.query_one("#table", RunsTable)

    @property
    def detail(self) -> Detail:
        return self.query_one(Detail)

    @property
    def level(self) -> int:
        """0 jobs, 1 iterations, 2 groups, 3 rollouts."""
        return len(self.path)

    @property
    def compared(self) -> list[int]:
        """The jobs in the plot: those marked, six at most; else the one under the cursor."""
        if self.level:
            return [self.path[0]]
        marked = sorted(self.table.marks)[:MOST]
        return marked or ([] if self.table.row_id is None else [self.table.row_id])

    # what is shown -------------------------------------------------------------------------------------------------
    def reload(self) -> None:
        """At most once a second; at once where nothing is shown yet."""
        if self.source is None:
            self._fetch()
        else:
            self._due = True

    def _tick(self) -> None:
        if self._due and self.chart.following and self.is_current and self.lab is not None:
            self._fetch()

    def _fetch(self) -> None:
        lab = self.lab
        if lab is None:
            return
        self._due = False
        if self.jobs is None or self.jobs.query != self._query:
            self.jobs = JobSource(lab, self._query)
        if self.curves is None:
            self.curves = Curves(lab)
        if self.path:
            self.rewards_of(lab, self.path[0])
        self.source = source_at(self.path, self.jobs, self.rewards, self.source)
        self.table.show(self.source)
        if self._marking:
            self.table.marks, self._marking = set(self._marking), set()

    @property
    def _query(self) -> str:
        return self.query_one("#filter", Input).value.strip()

    def _go(self, path: Path) -> None:
        """Show another level."""
        level, self.path = self.level, path
        table, detail = self.table, self.detail
        if len(path) != level:
            table.begin()
            table.columns = LEVELS[self.level]
        if detail.tabs != TABS[self.level]:
            detail.tabs, detail.at = TABS[self.level], 0
        self._fetch()

    def on_virtual_table_moved(self) -> None:
        self._digits()
        self._say_where()
        lab, tab, width = self.lab, self.detail.tab, max(40, self.detail.size.width - 2)
        self.set_class(tab == "curve", "plotted")
        if lab is None:
            return
        if tab == "curve":
            runs_plot.draw(self)
            return
        row = self.table.row_id
        about = (self.path, tab, row if self.level else tuple(self.compared))
        if row is None:
            self.detail.show(about, [])
            return
        self.ask("pane", partial(runs_pane.lines(self, lab, tab, row), width), partial(self._show, about))

    def rewards_of(self, lab: Lab, job: int) -> Rewards:
        """The rewards of a job, read once while they are looked at."""
        if self.rewards is None or self.rewards.job != job:
            self.rewards = Rewards(lab, job)
        return self.rewards

    def _show(self, about: object, lines: list[RichLine]) -> None:
        row = self.table.row_id
        if about == (self.path, self.detail.tab, row if self.level else tuple(self.compared)):
            self.detail.show(about, lines, [Cell(position(self.table) + " ")])

    def _digits(self) -> None:
        """Give the compared jobs their digits in the table."""
        if self.level or self.jobs is None:
            return
        marked = sorted(self.table.marks)[:MOST]
        for job in self.jobs.choose(marked):
            self.table.put(job, self.jobs.row(job))
        if len(self.table.marks) > MOST:
            self.say(f"{len(self.table.marks)} are marked; the first {MOST} are compared")

    def _say_where(self) -> None:
        told = f" {GLYPHS.closed} ".join(named(self.path))
        self.draw_title(Cell(f" {GLYPHS.closed} {told}" if told else ""))

    def on_detail_turned(self) -> None:
        self.on_virtual_table_moved()

    def on_resize(self) -> None:
        super().on_resize()
        self.call_after_refresh(self.on_virtual_table_moved)

    def on_virtual_table_chosen(self) -> None:
        self.action_down()

    # keys ----------------------------------------------------------------------------------------------------------
    def action_down(self) -> None:
        row = self.table.row_id
        if row is None:
            return
        if self.level == 3:
            runs_going.to_tree(self)
        elif self.level:
            self._go((*self.path, row))
        elif self.jobs is not None and row in self.jobs.jobs:
            stage = self.jobs.jobs[row].job.stage
            if stage in ("rl", "synthesize"):
                self._go((row,) if stage == "rl" else (row, NO_ITERATION))
            else:
                self.say(f"{stage} has no rewards: rl and synthesize do")

    def action_trees(self) -> None:
        runs_going.to_tree(self)

    def action_checkpoints(self) -> None:
        runs_going.to_checkpoint(self)

    def action_job(self) -> None:
        runs_going.to_job(self)

    def action_tab(self, by: int) -> None:
        detail = self.detail
        detail.turn(by)
        detail.show(None, detail.pane.lines)  # the tab at once, its lines as soon as they are there
        self.on_virtual_table_moved()

    def action_metric(self) -> None:
        runs_plot.choose_metric(self)

    def action_smooth(self) -> None:
        self.chart.smoother()
        self.on_virtual_table_moved()

    def action_axis(self) -> None:
        self.chart.time = not self.chart.time
        self.on_virtual_table_moved()

    def action_log(self) -> None:
        self.chart.log = not self.chart.log
        self.on_virtual_table_moved()

    def action_follow(self) -> None:
        self.chart.following = not self.chart.following
        self.say("following what runs" if self.chart.following else "not following: r asks again")
        self.on_virtual_table_moved()

    def action_refresh(self) -> None:
        self._fetch()

    def action_zoom(self) -> None:
        self.toggle_class("zoomed")
        self.call_after_refresh(self.on_virtual_table_moved)

    def action_pane(self, delta: int) -> None:
        self.detail.scroll_lines(delta)

    def action_filter(self) -> None:
        if not self.level:
            box = self.query_one("#filter", Input)
            box.display = True
            self.set_focus(box)

    def on_input_submitted(self) -> None:
        box = self.query_one("#filter", Input)
        box.display = bool(box.value.strip())
        self.table.focus()
        self._fetch()

    def action_back(self) -> None:
        box = self.query_one("#filter", Input)
        if self.focused is box or (box.display and not self.level and not self.table.marks):
            box.value, box.display = "", False
            self.table.focus()
            self._fetch()
        elif self.has_class("zoomed"):
            self.action_zoom()
        elif not self.table.clear_marks() and self.path:
            left = self.path[len(above(self.path))]
            self._go(above(self.path))
            self.table.go_to(left)

    # where it stands -----------------------------------------------------------------------------------------------
    def goto(self, target: str) -> None:
        """Job ids, which are marked where there are several; JOB/ITERATION/TREE goes down."""
        path, jobs = read_target(target)
        if path or jobs:
            self._marking = set(jobs[:MOST]) if len(jobs) > 1 else set()
            self._go(path)
            if jobs:
                self.table.go_to(jobs[0])

    def where(self) -> str:
        return target_of(self.path, self.compared)

    def keep(self) -> dict[str, Any]:
        return self.chart.keep()

    def recall(self, kept: dict[str, Any]) -> None:
        self.chart.recall(kept)

    def copied(self) -> str:
        row = self.table.row_id
        if self.level == 3 and self.rewards is not None and row in self.rewards.rollouts:
            return f"{self.path[2]}:{self.rewards.rollouts[row].path}"
        return "" if row is None else str(row)

    def twin(self) -> str:
        return twin(self.path, self.compared, self.chart.metric)

    def outside(self) -> tuple[str, str] | None:
        if self.detail.tab == "curve":
            return ("curve.txt", self.query_one(Plot).text())
        lines = self.detail.pane.lines
        return ("runs.txt", "\n".join("".join(cell.text for cell in line) for line in lines)) if lines else None
