"""The jobs that the Runs screen lists, and the curves of those that are compared: asked for in worker threads, kept, and
read on from where they ended. Rewards are in runs_xray.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from tui.text import Cell, inert, state
from tui.widgets.virtual_table import Column, FlatOrder, Order, Row

if TYPE_CHECKING:
    from o1coder.lab import Lab
    from o1coder.queries.curves import Curve
    from o1coder.queries.runs import Compared, RunJob

COLUMNS = (
    Column("", 1),
    Column("job", 5, right=True),
    Column("state", 11),
    Column("stage", 12),
    Column("run", 0),
    Column("metric", 11),
    Column("n", 6, right=True),
    Column("final", 8, right=True),
    Column("best", 8, right=True),
    Column("at", 6, right=True, at=86),
)
KEPT = 16  # curves: each is two numbers a point


def share(value: float | None) -> str:
    """A share in percent; nothing where there is none."""
    return "" if value is None else f"{value:.0%}"


def figure(value: float | None) -> str:
    """A metric's value in at most eight characters."""
    return "" if value is None else f"{value:.4g}"


def run_of(run: str | None, round_: int | None) -> str:
    """The run and round of a job as one word."""
    return "" if run is None else inert(run) + ("" if round_ is None else f"/{round_}")


class Ask(NamedTuple):
    """How curves are to be drawn."""

    time: bool
    smoothing: float
    columns: int


class Picture(NamedTuple):
    """What is drawn: the metric, those on offer, a curve a job, and what could not be had."""

    metric: str
    offered: list[str]
    curves: list[Compared]
    notes: list[str]


class JobSource:
    """Jobs that report metrics, newest first. `chosen` says which digit a compared job has."""

    def __init__(self, lab: Lab, query: str) -> None:
        self.lab = lab
        self.query = query
        self.jobs: dict[int, RunJob] = {}
        self.chosen: dict[int, str] = {}

    def order(self) -> Order:
        from o1coder.queries import runs

        with self.lab.reading() as connection:
            return FlatOrder(runs.job_ids(connection, self.query))

    def rows(self, ids: Sequence[int]) -> Mapping[int, Row]:
        from o1coder.queries import runs

        found = {one.job.id: one for one in runs.rows(self.lab, list(ids), self.jobs)}
        self.jobs |= found
        return {job_id: self.row(job_id) for job_id in found}

    def row(self, job_id: int) -> Row:
        """The cells of a job that has been fetched."""
        one = self.jobs[job_id]
        job, told = one.job, one.figure
        return (
            Cell(self.chosen.get(job_id, ""), "bold"),
            Cell(str(job.id)),
            state(job.state),
            Cell(inert(job.stage), "bold" if job.state == "running" else ""),
            Cell(run_of(job.run, job.round)),
            Cell(inert(one.metric or ""), "dim"),
            Cell("" if told is None else str(told.n)),
            Cell("" if told is None else figure(told.final)),
            Cell("" if told is None else figure(told.best)),
            Cell("" if told is None or told.best_at is None else str(told.best_at), "dim"),
        )

    def choose(self, jobs: Sequence[int]) -> list[int]:
        """Give these jobs the digits from 1 and the others none; the fetched ones whose digit is another now."""
        digits = {job: str(n) for n, job in enumerate(jobs, 1)}
        changed = [job for job in self.chosen | digits if digits.get(job) != self.chosen.get(job)]
        self.chosen = digits
        return [job for job in changed if job in self.jobs]


class Curves:
    """The curves of compared jobs; each is read once, then only what came since."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self._known: dict[tuple[int, str], Curve] = {}

    def of(self, jobs: Sequence[int], metric: str | None, ask: Ask) -> Picture:
        """In a thread: what is drawn of these jobs."""
        from o1coder.queries import curves, runs

        with self.lab.reading() as connection:
            named = [curves.names(connection, job) for job in jobs]
            offered = runs.shared_first(named)
            if metric not in offered:
                stages = [row.job.stage for row in runs.rows(self.lab, jobs[:1])]
                metric = curves.main_of(stages[0] if stages else "", offered)
            if metric is None:
                return Picture("", [], [], [])
            lines = [self._read(connection, job, metric) for job in jobs]
            timed = ask.time and all(curves.CLOCK in one for one in named)
            clocks = [self._read(connection, job, curves.CLOCK) for job in jobs] if timed else []
        drawn = runs.drawn(lines, clocks, ask.smoothing, ask.columns)
        return Picture(metric, offered, drawn, [] if timed or not ask.time else ["no wall_s: over iterations"])

    def _read(self, connection: Any, job: int, name: str) -> Curve:
        from o1coder.queries import curves

        known = self._known.get((job, name))
        found = curves.curve(connection, job, name) if known is None else curves.extended(connection, known)
        self._known.pop((job, name), None)
        self._known[job, name] = found
        while len(self._known) > KEPT:
            del self._known[next(iter(self._known))]
        return found
