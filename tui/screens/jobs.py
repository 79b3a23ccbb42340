"""Jobs: what waits, runs and ended, what the machine does meanwhile; the log as it grows; launch, cancel, retry.

It starts jobs only by the same verb as the command line, and shows that command. It never signals a process. The machine
is read every other second while something runs and this screen is seen, else once: what rests costs nothing.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.timer import Timer
from textual.widgets import Input

from tui.screens.frame import Frame, position, tab_cells
from tui.screens.jobs_asking import JobAsking
from tui.screens.jobs_keys import KEYS
from tui.screens.jobs_pane import TABS, strip, told
from tui.screens.jobs_source import COLUMNS, JobSource
from tui.screens.jobs_verbs import JobVerbs, language
from tui.text import GLYPHS, Cell, inert
from tui.widgets.line import Line
from tui.widgets.log_view import LogView
from tui.widgets.pane import Pane, RichLine
from tui.widgets.typed import Typed
from tui.widgets.virtual_table import VirtualTable

if TYPE_CHECKING:
    from o1coder.queries.jobs import JobView
    from o1coder.queries.usage import Meter, Usage

REFRESH_S = 5.0  # so that the age of a silent job's last sign grows on the screen
METER_S = 2.0
SLOW_METER_S = 10.0


class JobsScreen(JobAsking, JobVerbs, Frame):
    """The first screen."""

    TITLE = "Jobs"
    CSS = """
    JobsScreen.-wide #body { layout: vertical; }
    JobsScreen #jobs { height: 2fr; }
    JobsScreen #log, JobsScreen #about { height: 3fr; }
    JobsScreen.-short #log, JobsScreen.-short #about, JobsScreen.-short #tabs, JobsScreen.-short #strip { display: none; }
    JobsScreen.zoomed #jobs, JobsScreen.zoomed #strip { display: none; }
    JobsScreen.zoomed #log, JobsScreen.zoomed #tabs { display: block; }
    JobsScreen.abouts #log { display: none; }
    JobsScreen #about { display: none; }
    JobsScreen.abouts #about { display: block; }
    JobsScreen #asked { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = KEYS

    def __init__(self) -> None:
        super().__init__()
        self.source: JobSource | None = None
        self.meter: Meter | None = None
        self.tab = 0
        self.begin_asking()
        self._metering: Timer | None = None
        self._readings = 0

    def body(self) -> ComposeResult:
        yield Line(id="strip")
        yield VirtualTable(COLUMNS, empty="no jobs here: n launches a stage", id="jobs")
        yield Line(style="reverse dim", id="tabs")
        yield LogView(id="log")
        yield Pane(id="about")

    def below(self) -> ComposeResult:
        yield Typed(compact=True, id="asked")

    def on_mount(self) -> None:
        super().on_mount()
        self.set_focus(self.table)
        self.set_interval(REFRESH_S, self._tick)

    @property
    def table(self) -> VirtualTable:
        return self.query_one("#jobs", VirtualTable)

    @property
    def log_view(self) -> LogView:
        return self.query_one(LogView)

    @property
    def view(self) -> JobView | None:
        """The job under the cursor, once fetched."""
        row_id = self.table.row_id
        return None if row_id is None or self.source is None else self.source.views.get(row_id)

    # what is shown -------------------------------------------------------------------------------------------------
    def reload(self) -> None:
        if self.lab is None:
            return
        if self.source is None or self.source.query != self.query_text:
            self.source = JobSource(self.lab, self.query_text)
        if self.meter is None:
            from o1coder.queries.usage import Meter

            self.meter = Meter(self.lab)
            self._measure()
        self.table.show(self.source)

    def launched(self, job_id: int) -> None:
        """Put the cursor on the job that was enqueued."""
        self.query_text = ""
        self.table.go_to(job_id)
        self.reload()

    def _tick(self) -> None:
        if self.source is not None and self.source.running and self.is_current:
            self.reload()
            if self._metering is None:  # a job began on a lab where nothing ran
                self._measure()

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self._readings = 0
        self._measure()

    def _measure(self) -> None:
        """Read the machine; again soon while jobs run, or while there is nothing yet to compare with."""
        if self._metering is not None:
            self._metering.stop()
            self._metering = None
        if self.meter is not None and self.is_current:
            self.ask("usage", self.meter.read, self._measured)

    def _measured(self, found: Usage) -> None:
        import time

        live = self.source is not None and self.source.running > 0
        self._readings += 1
        if found.machine.cpu_percent is not None:
            self.query_one("#strip", Line).say(strip(found, live, time.strftime("%H:%M:%S")))
        if TABS[self.tab] == "usage":
            self._tell()
        if live or self._readings < 2:
            rest = SLOW_METER_S if self.lab_app.slow and live else METER_S
            self._metering = self.set_timer(rest, self._measure)

    def draw_title(self, *extra: Cell) -> None:
        found = self.source
        if not extra and found is not None:
            shown = len(self.table.order)
            counts = f" {shown} of {found.total} jobs " if self.query_text else f" {shown} jobs "
            extra = (Cell(counts, "bold"),)
            if self.table.marks:
                extra += (Cell(f"{len(self.table.marks)} marked ", "bold"),)
        super().draw_title(*extra)

    def on_virtual_table_moved(self) -> None:
        self.draw_title()
        self.rested(self._tell)

    def _tell(self) -> None:
        """Show the open tab of the job under the cursor."""
        view, log, lab = self.view, self.log_view, self.lab
        self.set_class(self.tab > 0, "abouts")
        log.show(None if view is None else Path(view.log), self.keep_word)
        self._draw_tabs()
        if view is None or lab is None or self.meter is None:
            self.query_one("#about", Pane).show([])
            return
        if self.tab:
            work = partial(told, lab, self.meter, view.id, TABS[self.tab])
            self.ask("pane", work, partial(self._told, view.id, self.tab))

    def _told(self, job_id: int, tab: int, lines: Sequence[RichLine]) -> None:
        pane, view = self.query_one("#about", Pane), self.view
        if view is not None and (job_id, tab) == (view.id, self.tab):
            pane.show(lines, keep=pane.about == (job_id, tab))
            pane.about = (job_id, tab)

    def _draw_tabs(self, note: str = "") -> None:
        view, title = self.view, self.query_one("#tabs", Line)
        cells, right = [Cell(" "), *tab_cells(TABS, self.tab)], [Cell(f" {position(self.table)} ")]
        if view is not None:
            cells.append(Cell(f" job {view.id} {inert(view.stage)}", "bold"))
            if self.tab == 0 and self.keep_word:
                cells.append(Cell(inert(f" {GLYPHS.dot} lines with {self.keep_word!r}")))
            note = note or (self.log_view.note if self.tab == 0 else "")
            if note:
                cells.append(Cell(f" {GLYPHS.dot} {inert(note)}", "bold"))
            elif view.error:
                kind, message = inert(view.error_kind or "error"), inert(view.error.split("\n")[0])
                cells.append(Cell(f" {GLYPHS.dot} {kind}: {message}"))
            if self.tab == 0:
                right.insert(0, Cell(f" {inert(self.log_view.status)}"))
        title.say(cells, right)

    def on_log_view_looked(self) -> None:
        self._draw_tabs()

    def on_virtual_table_chosen(self) -> None:
        self.action_zoom()

    # where it stands -----------------------------------------------------------------------------------------------
    def goto(self, target: str) -> None:
        if target.isdecimal():
            self.query_text = ""
            self.table.go_to(int(target))
        else:
            self.query_text = target

    def where(self) -> str:
        row_id = self.table.row_id
        return self.query_text or ("" if row_id is None else str(row_id))

    def keep(self) -> dict[str, Any]:
        return {"tab": TABS[self.tab], "zoomed": self.has_class("zoomed")}

    def recall(self, kept: dict[str, Any]) -> None:
        if kept.get("tab") in TABS:
            self.tab = TABS.index(kept["tab"])
            self.set_class(self.tab > 0, "abouts")

    def copied(self) -> str:
        view = self.view
        if view is None:
            return ""
        return self.log_view.text() if self.has_class("zoomed") and self.tab == 0 else str(view.id)

    def twin(self) -> str:
        view = self.view
        if self.query_text and not self.has_class("zoomed"):
            return shlex.join(["o1coder", "jobs", "list", "--newest", "--query", self.query_text])
        if view is None:
            return "o1coder jobs list --newest"
        return f"o1coder jobs {('log', 'show', 'usage', 'show')[self.tab]} {view.id}"

    def outside(self) -> tuple[str, str] | None:
        view = self.view
        if view is None:
            return None
        if self.tab:
            lines = self.query_one("#about", Pane)._lines
            return f"job-{view.id}.txt", "\n".join("".join(cell.text for cell in line) for line in lines)
        from o1coder.jobs.log import tail

        return f"job-{view.id}.log", tail(Path(view.log), lines=20_000, limit=4 << 20).text

    def language(self) -> list[tuple[str, str]]:
        return language()

    # keys ----------------------------------------------------------------------------------------------------------
    def _unfocus(self) -> None:
        zoomed = self.has_class("zoomed") and self.tab == 0
        self.set_focus(self.log_view if zoomed else self.table)

    def action_zoom(self) -> None:
        if self.view is not None:
            self.toggle_class("zoomed")
            self._unfocus()

    def action_tab(self, delta: int) -> None:
        self.tab = (self.tab + delta) % len(TABS)
        self._unfocus()
        self._tell()

    def action_back(self) -> None:
        """One step: the input, a search, the log's filter, the zoom, the marks, the jobs' filter."""
        box = self.query_one("#asked", Input)
        if box.display:
            box.display = False
        elif self.log_view.stop_search():
            self._draw_tabs("the search was given up")
        elif self.keep_word:
            self.keep_word = ""
            self._tell()
        elif self.has_class("zoomed"):
            self.remove_class("zoomed")
        elif self.table.clear_marks():
            self.draw_title()
        elif self.query_text:
            self.query_text = ""
            self.reload()
        self._unfocus()

    def action_pane(self, delta: int) -> None:
        if self.tab:
            self.query_one("#about", Pane).scroll_lines(delta)
        else:
            self.log_view.action_scroll_by(delta)

    def action_error(self, direction: int) -> None:
        if self.tab:
            self.action_tab(-self.tab)
        self.log_view.action_error(direction)

    def action_follow(self) -> None:
        self.log_view.action_follow()

    def action_refresh(self) -> None:
        self._readings = 0
        self._measure()
        self.reload()

    def did(self, verb: Callable[[], object], message: str) -> None:
        """Queue a verb and say that it was done."""

        def then(_: object) -> None:
            self.say(message)
            self.reload()

        self.act(lambda: (verb, then))
