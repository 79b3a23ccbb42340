"""Jobs: what waits, runs and ended; progress, time left, loss; the log as it grows; launch, cancel, retry.

It starts jobs only by the same verb as the command line, and shows that command. It never signals a process.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from tui.highlight import plain
from tui.screens.ask import Choose, Confirm, Option
from tui.screens.frame import Frame, position
from tui.text import GLYPHS, Cell, bar, duration, inert, state
from tui.widgets.line import Line
from tui.widgets.log_view import LogView
from tui.widgets.pane import Pane, RichLine
from tui.widgets.sparkline import sparkline
from tui.widgets.virtual_table import Column, FlatOrder, Order, Row, VirtualTable

if TYPE_CHECKING:
    from o1coder.lab import Lab
    from o1coder.queries.jobs import JobView
    from o1coder.stage import Stage

COLUMNS = (
    Column("job", 5, right=True),
    Column("state", 12),
    Column("stage", 14),
    Column("run", 0, at=76),
    Column("progress", 17),
    Column("left", 7, right=True),
    Column("loss", 8),
    Column("seen", 6, right=True, at=90),
    Column("by", 8, at=110),
)
SPARK = 8
CURVES = ("loss", "reward", "accuracy")  # what the sparkline draws: the first of these that a job reports
REFRESH_S = 5.0  # so that the age of a silent job's last sign grows on the screen


class JobSource:
    """Jobs, newest first; keeps the views of the rows it fetched and the curves of jobs that have ended."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.views: dict[int, JobView] = {}
        self._curves: dict[int, str] = {}

    def order(self) -> Order:
        from o1coder.queries.ids import job_ids

        return FlatOrder(job_ids(self.lab))

    def rows(self, ids: Sequence[int]) -> Mapping[int, Row]:
        from o1coder.queries.jobs import jobs

        found = {view.id: view for view in jobs(self.lab, ids=ids)} if ids else {}
        self.views |= found
        return {number: self._row(view) for number, view in found.items()}

    def _curve(self, view: JobView) -> str:
        from o1coder.queries.jobs import metrics

        if view.id in self._curves or view.attempts == 0:
            return self._curves.get(view.id, "")
        points = metrics(self.lab, view.id)
        name = next((name for name in CURVES if any(point.name == name for point in points)), None)
        drawn = sparkline([point.value for point in points if point.name == name], SPARK)
        if view.state not in ("queued", "running"):
            self._curves[view.id] = drawn
        return drawn

    def _row(self, view: JobView) -> Row:
        shown = "cancelling" if view.cancel_requested and view.state == "running" else view.state
        return (
            Cell(str(view.id)),
            state(shown),
            Cell(inert(view.stage), "bold" if view.state == "running" else ""),
            Cell(run_of(view)),
            progress(view),
            Cell(duration(left_s(view)) if view.state == "running" else ""),
            Cell(self._curve(view), "bright_blue"),
            Cell(duration(view.heartbeat_age_s), "bold yellow" if (view.heartbeat_age_s or 0) > 15 else "dim"),
            Cell(inert(view.author), "dim"),
        )


def run_of(view: JobView) -> str:
    """The run and round a job belongs to, as one word."""
    if view.run is None:
        return ""
    return inert(view.run) + ("" if view.round is None else f"/{view.round}")


def progress(view: JobView) -> Cell:
    """A bar and counts while there is a total; of a job that is done the counts alone, because it may have needed less
    than it was allowed; what a queued job waits for."""
    if view.waiting_for:
        return Cell("for " + inert(view.waiting_for), "dim")
    if view.total <= 0:
        return Cell("")
    counts = f"{view.done}/{view.total}"
    return Cell(counts if view.state == "done" else f"{bar(view.done, view.total, 8)} {counts}")


def left_s(view: JobView) -> float | None:
    """Seconds a running job still needs at the pace of its attempt; None before it has got anywhere."""
    from o1coder.clock import age_s

    if view.attempt_started_at is None or view.done <= 0 or view.total <= view.done:
        return None
    return age_s(view.attempt_started_at) * (view.total - view.done) / view.done


def about(view: JobView) -> list[RichLine]:
    """Everything that is known of a job, for the pane."""
    lines: list[RichLine] = []
    if view.error:
        lines.append([Cell(f"{inert(view.error_kind or 'error')}: ", "bold yellow")])
        lines += plain(view.error, "yellow")
    if view.stuck_trees:
        lines.append([Cell(f"{view.stuck_trees} trees are silent for too long: stuck", "bold yellow")])
    if view.hint:
        lines.append([Cell("what to do: ", "bold"), Cell(inert(view.hint))])
    if view.stopped:
        lines.append([Cell("stopped: ", "bold"), Cell(inert(view.stopped))])
    facts = [
        ("created", view.created_at),
        ("started", view.started_at),
        ("ended", view.ended_at),
        ("attempts", str(view.attempts)),
        ("host", view.host and f"{view.host} pid {view.pid}"),
        ("gpus", " ".join(view.gpus)),
        ("exit", None if view.exit_status is None else str(view.exit_status)),
        ("inputs", ", ".join(f"{name} {value}" for name, value in view.inputs.items())),
        ("outputs", ", ".join(f"{name} {short(ids)}" for name, ids in view.outputs.items() if ids)),
    ]
    lines += [[Cell(f"{name:<10}", "dim"), Cell(inert(value))] for name, value in facts if value]
    lines.append([Cell("config", "dim")])
    return lines + [[Cell(f"  {name:<22}"), Cell(inert(json.dumps(value)))] for name, value in view.config.items()]


def short(ids: Sequence[int]) -> str:
    """A list of ids that may be long."""
    return " ".join(map(str, ids)) if len(ids) <= 8 else f"{ids[0]} … {ids[-1]} ({len(ids)})"


class JobsScreen(Frame):
    """The first screen."""

    TITLE = "Jobs"
    CSS = """
    JobsScreen.-wide #body { layout: vertical; }
    JobsScreen #jobs { height: 2fr; }
    JobsScreen #log, JobsScreen #about { height: 3fr; }
    JobsScreen.-short #log, JobsScreen.-short #about, JobsScreen.-short #log-title { display: none; }
    JobsScreen.zoomed #jobs { display: none; }
    JobsScreen.zoomed #log, JobsScreen.zoomed #log-title { display: block; }
    JobsScreen.abouts #log { display: none; }
    JobsScreen #about { display: none; }
    JobsScreen.abouts #about { display: block; }
    JobsScreen #filter { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", "new", tooltip="launch a stage: choose it, fill in its form"),
        Binding("x", "cancel", "cancel", tooltip="ask the job to end (it saves what it has)"),
        Binding("R", "retry", "retry", tooltip="one more attempt of a job that failed, was cancelled or lost"),
        Binding("t", "about", "about", tooltip="switch between its log and all that is known of it"),
        Binding("slash", "filter", "filter log", tooltip="only log lines that hold a word; esc clears"),
        Binding("enter", "zoom", "log", show=False, tooltip="the log alone; esc goes back"),
        Binding("T", "trees", "trees", show=False, tooltip="open a tree that the job made"),
        Binding("J,shift+down", "pane(3)", "scroll", show=False, tooltip="scroll the lower pane"),
        Binding("K,shift+up", "pane(-3)", "scroll", show=False, tooltip="scroll the lower pane back"),
        Binding("escape", "back", "back", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.source: JobSource | None = None

    def body(self) -> ComposeResult:
        yield VirtualTable(COLUMNS, empty="no jobs yet: n launches a stage", id="jobs")
        yield Line(style="reverse dim", id="log-title")
        yield LogView(id="log")
        yield Pane(id="about")

    def below(self) -> ComposeResult:
        yield Input(placeholder="show only lines with …", compact=True, id="filter")

    def on_mount(self) -> None:
        super().on_mount()
        self.table.focus()
        self.set_interval(REFRESH_S, self._tick)

    @property
    def table(self) -> VirtualTable:
        return self.query_one("#jobs", VirtualTable)

    @property
    def view(self) -> JobView | None:
        """The job under the cursor, once fetched."""
        row_id = self.table.row_id
        return None if row_id is None or self.source is None else self.source.views.get(row_id)

    def reload(self) -> None:
        if self.lab is None:
            return
        if self.source is None:
            self.source = JobSource(self.lab)
        self.table.show(self.source)

    def launched(self, job_id: int) -> None:
        """Put the cursor on the job that was enqueued."""
        self.table.go_to(job_id)
        self.reload()

    def _tick(self) -> None:
        running = self.source is not None and any(view.state == "running" for view in self.source.views.values())
        if running and self.is_current:
            self.reload()

    def on_virtual_table_moved(self) -> None:
        view = self.view
        title = self.query_one("#log-title", Line)
        if view is None:
            title.say([])
            self.query_one("#log", LogView).show(None)
            self.query_one("#about", Pane).show([])
            return
        log = self.query_one("#log", LogView)
        word = self.query_one("#filter", Input).value
        what = "about" if self.has_class("abouts") else f"log, lines with {word!r}" if word else "log"
        cells = [Cell(f" job {view.id} {GLYPHS.dot} {inert(view.stage)} {GLYPHS.dot} {inert(what)}", "bold")]
        if view.error:
            kind, message = inert(view.error_kind or "error"), inert(view.error.split("\n")[0])
            cells.append(Cell(f" {GLYPHS.dot} {kind}: {message}"))
        title.say(cells, [Cell(f"{position(self.table)} ")])
        log.show(Path(view.log), word)
        self.query_one("#about", Pane).show(about(view), keep=True)

    def on_virtual_table_chosen(self) -> None:
        self.action_zoom()

    # keys ----------------------------------------------------------------------------------------------------------
    def action_zoom(self) -> None:
        if self.view is not None:
            self.remove_class("abouts")
            self.add_class("zoomed")
            self.query_one("#log", LogView).focus()

    def action_back(self) -> None:
        box = self.query_one("#filter", Input)
        if box.display or box.value:
            box.value = ""
            box.display = False
        else:
            self.remove_class("zoomed")
        (self.query_one("#log", LogView) if self.has_class("zoomed") else self.table).focus()
        self.on_virtual_table_moved()

    def action_about(self) -> None:
        if not self.has_class("zoomed"):
            self.toggle_class("abouts")
            self.on_virtual_table_moved()

    def action_pane(self, delta: int) -> None:
        if self.has_class("abouts"):
            self.query_one("#about", Pane).scroll_lines(delta)
        else:
            self.query_one("#log", LogView).action_scroll_by(delta)

    def action_filter(self) -> None:
        self.remove_class("abouts")
        box = self.query_one("#filter", Input)
        box.display = True
        self.set_focus(box)

    def on_input_changed(self) -> None:
        self.on_virtual_table_moved()

    def on_input_submitted(self) -> None:
        self.query_one("#filter", Input).display = False
        (self.query_one("#log", LogView) if self.has_class("zoomed") else self.table).focus()

    def action_cancel(self) -> None:
        view, lab = self.view, self.lab
        if view is None or lab is None:
            return
        if lab.readonly:
            self.say("the lab is open read-only: leave --readonly away to cancel jobs")
            return
        if view.state not in ("queued", "running"):
            self.say(f"job {view.id} is {view.state}: there is nothing to cancel")
            return

        def answered(yes: bool | None) -> None:
            if yes:
                from o1coder.jobs.verbs import cancel

                self.act(
                    lambda: (partial(cancel, lab, view.id), lambda _: self._did(f"job {view.id} was asked to end"))
                )

        self.app.push_screen(Confirm(f"cancel job {view.id} ({view.stage}, {view.state})?"), answered)

    def action_retry(self) -> None:
        view, lab = self.view, self.lab
        if view is not None and lab is not None:
            from o1coder.jobs.verbs import retry

            self.act(lambda: (partial(retry, lab, view.id), lambda _: self._did(f"job {view.id} is queued again")))

    def _did(self, message: str) -> None:
        self.say(message)
        self.reload()

    def action_trees(self) -> None:
        view = self.view
        trees = [] if view is None else view.outputs.get("trees", [])
        if not trees:
            self.say("this job has made no trees")
            return
        self.lab_app.open_trees(job=view.id if view is not None else None)

    def action_new(self) -> None:
        if self.lab is None or self.lab.readonly:
            self.say("the lab is open read-only: leave --readonly away to launch jobs")
            return
        from o1coder.stage import all_stages

        self.ask("stages", all_stages, self._choose_stage)

    def _choose_stage(self, stages: list[Stage]) -> None:
        from tui.screens.launch import launch_form

        def chosen(index: int | None) -> None:
            if index is not None:
                launch_form(self, stages[index], {})

        self.app.push_screen(Choose("launch which stage?", [Option(s.name, s.about) for s in stages]), chosen)
