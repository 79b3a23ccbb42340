"""The rows of the jobs' table: state, progress, time left, a curve, and the last sign of life in words.

Rows are made in worker threads. The curve of a job that has ended is drawn once; that of one that runs is read on from
where it was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from tui.text import Cell, bar, duration, first_line, inert, state
from tui.widgets.sparkline import sparkline
from tui.widgets.virtual_table import Column, FlatOrder, Order, Row

if TYPE_CHECKING:
    from o1coder.lab import Lab
    from o1coder.queries.curves import Curve
    from o1coder.queries.jobs import JobView

COLUMNS = (
    Column("job", 5, right=True),
    Column("state", 12),
    Column("stage", 13),
    Column("run", 0, at=90),
    Column("progress", 17),
    Column("left", 6, right=True),
    Column("curve", 8),
    Column("last", 11),
    Column("tries", 5, right=True, at=100),
    Column("by", 8, at=120),
)
SPARK = 8
SILENT_S = 15.0  # a heart beats every second
ENDED = ("done", "failed", "cancelled", "lost")


class JobSource:
    """Jobs that a filter asks for, newest first; keeps the views of the rows it fetched."""

    def __init__(self, lab: Lab, query: str = "") -> None:
        self.lab = lab
        self.query = query
        self.views: dict[int, JobView] = {}
        self.total = 0
        self._drawn: dict[int, str] = {}
        self._curves: dict[int, Curve] = {}

    def order(self) -> Order:
        from o1coder.queries import jobs

        found = jobs.matching(self.lab, self.query)
        self.total = len(jobs.matching(self.lab)) if self.query else len(found)
        return FlatOrder(found)

    def rows(self, ids: Sequence[int]) -> Mapping[int, Row]:
        from o1coder.queries.jobs import jobs

        found = {view.id: view for view in jobs(self.lab, ids=ids, brief=True)} if ids else {}
        drawn = self._draw(found.values())
        self.views = {**self.views, **found}
        return {number: row(view, drawn.get(number, "")) for number, view in found.items()}

    @property
    def running(self) -> int:
        """How many of the jobs that were fetched run."""
        return sum(view.state == "running" for view in self.views.values())

    def _draw(self, views: object) -> dict[int, str]:
        from o1coder.queries import curves

        out: dict[int, str] = {}
        with self.lab.reading() as connection:
            for view in views:  # type: ignore[attr-defined]
                if view.id in self._drawn or view.attempts == 0:
                    out[view.id] = self._drawn.get(view.id, "")
                    continue
                known = self._curves.get(view.id)
                if known is None:
                    name = curves.main_of(view.stage, curves.names(connection, view.id))
                    if name is not None:
                        known = curves.curve(connection, view.id, name)
                else:
                    known = curves.extended(connection, known)
                out[view.id] = "" if known is None else sparkline(known.ys, SPARK)
                if view.state in ENDED:
                    self._drawn[view.id] = out[view.id]
                    self._curves.pop(view.id, None)
                elif known is not None:
                    self._curves[view.id] = known
        return out


def row(view: JobView, curve: str) -> Row:
    """The cells of one job."""
    cancelling = view.cancel_requested and view.state == "running"
    return (
        Cell(str(view.id)),
        state("cancelling" if cancelling else view.state),
        Cell(inert(view.stage), "bold" if view.state == "running" else ""),
        Cell(run_of(view)),
        progress(view),
        Cell(duration(left_s(view)) if view.state == "running" else ""),
        Cell(curve, "bright_blue"),
        last(view),
        Cell(str(view.attempts or "")),
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


def last(view: JobView) -> Cell:
    """The last sign of a job: how long ago it beat, or that it is silent or stuck; how long it took; why it failed."""
    from o1coder.clock import age_s

    if view.state == "running":
        age = view.heartbeat_age_s or 0.0
        if age > SILENT_S:
            return Cell(f"silent {rough(age)}", "bold yellow")
        if view.stuck_trees:
            return Cell(f"stuck {view.stuck_trees}", "bold yellow")
        return Cell(f"{rough(age)} ago", "dim")
    if view.state == "queued":
        return Cell(f"since {rough(age_s(view.created_at))}", "dim")
    if view.error_kind:
        return Cell(first_line(view.error_kind), "yellow")
    took = took_s(view)
    return Cell("" if took is None else f"in {duration(took)}", "dim")


def rough(seconds: float) -> str:
    """Seconds in the largest unit that they fill: 8s, 3m, 2h, 3d."""
    for unit, name in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= unit:
            return f"{int(seconds // unit)}{name}"
    return f"{int(seconds)}s"


def took_s(view: JobView) -> float | None:
    """Seconds from a job's beginning to its end, or until now while it runs; None before it has begun."""
    from o1coder.clock import age_s

    if view.started_at is None:
        return None
    if view.ended_at is None:
        return age_s(view.started_at)
    return (datetime.fromisoformat(view.ended_at) - datetime.fromisoformat(view.started_at)).total_seconds()


FIRST_S = 10.0  # what a job does before this is mostly loading


def left_s(view: JobView) -> float | None:
    """Seconds a running job still needs at the pace of its attempt; None before that pace says anything: it has run for
    FIRST_S, or done a hundredth."""
    from o1coder.clock import age_s

    if view.attempt_started_at is None or view.done <= 0 or view.total <= view.done:
        return None
    if (view.heartbeat_age_s or 0.0) > SILENT_S:  # nobody can say
        return None
    ran = age_s(view.attempt_started_at)
    if ran < FIRST_S and view.done < view.total / 100:
        return None
    return ran * (view.total - view.done) / view.done
