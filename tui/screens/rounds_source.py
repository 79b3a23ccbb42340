"""What the Rounds screen's table shows, asked for in worker threads: a row a round, or the moves of one round.

A round's row is made of its report, which resamples; it is kept until something that it rests on has changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from tui.text import Cell, bar, duration, inert, state
from tui.widgets.virtual_table import Column, FlatOrder, Order, Row

if TYPE_CHECKING:
    from o1coder.lab import Lab
    from o1coder.roundrows import MoveRow, RoundRow, Share

COLUMNS = (
    Column("round", 0),
    Column("state", 9),
    Column("moves", 5, right=True),
    Column("solved", 7, right=True),
    Column("TCG", 3, right=True),
    Column("PRM", 3, right=True),
    Column("pass@1 test", 13, right=True),
    Column("gate", 11),
    Column("lower", 6, right=True),
    Column("time", 7, right=True, at=92),
    Column("labels", 6, right=True, at=100),
    Column("tokens", 7, right=True, at=140),
    Column("judged", 7, right=True, at=140),
)
MOVE_COLUMNS = (
    Column("move", 12),
    Column("job", 4, right=True),
    Column("state", 10),
    Column("progress", 12),
    Column("time", 6, right=True),
    Column("tokens", 6, right=True),
    Column("judged", 6, right=True),
    Column("left", 0),
)
MOST = 1_000_000  # moves of a round, and far more


class RoundName(NamedTuple):
    """A round of a run."""

    run: str
    round: int

    @property
    def target(self) -> str:
        return f"{self.run}/{self.round}"


class RoundSource:
    """Every round of every run, or of one, the newest first; row ids are run id times MOST plus round."""

    def __init__(self, lab: Lab, run: str = "") -> None:
        self.lab = lab
        self.run = run
        self.names: dict[int, RoundName] = {}
        self.known: dict[int, RoundRow] = {}
        self.reports: dict[int, list[str]] = {}
        self._marks: dict[int, tuple[object, ...]] = {}

    def order(self) -> Order:
        from o1coder.queries import rounds

        with self.lab.reading() as connection:
            found = {
                one.id * MOST + number: RoundName(one.name, number)
                for one in rounds.runs(connection)
                if self.run in ("", one.name)
                for number in rounds.numbers(connection, one.name)
            }
        self.names = found
        return FlatOrder(sorted(found, reverse=True))

    def rows(self, ids: Sequence[int]) -> Mapping[int, Row]:
        return {one: row(self.read(one)) for one in ids if one in self.names}

    def read(self, row_id: int) -> RoundRow:
        """In a thread: a round as it is now."""
        from o1coder import report, roundrows
        from o1coder.queries import rounds

        name = self.names[row_id]
        with self.lab.reading() as connection:
            marks = rounds.marks(connection, *name)
        if self._marks.get(row_id) != marks or row_id not in self.known:
            found = report.round_report(self.lab, *name)
            self.known[row_id] = roundrows.of_report(self.lab, found)
            self.reports[row_id] = report.lines(found)
            self._marks[row_id] = marks
        return self.known[row_id]


def row(one: RoundRow) -> Row:
    """The cells of a round."""
    gate = state(one.decision) if one.decision else Cell("not yet", "dim")
    sure = one.lower is not None and one.lower > 0
    return (
        Cell(f"{inert(one.run)}/{one.round}", "bold"),
        state(one.state),
        Cell(f"{one.done}/{one.moves}"),
        Cell("" if one.solved is None else f"{round(one.solved.value * one.solved.n)}/{one.solved.n}"),
        Cell(value(one.validity)),
        Cell(value(one.within)),
        Cell(share(one.test)),
        gate,
        Cell("" if one.lower is None else f"{one.lower:+.3f}"[:6], "bold bright_blue" if sure else ""),
        Cell(duration(one.seconds)),
        Cell(str(one.labels or "")),
        Cell(count(one.tokens_in + one.tokens_out)),
        Cell(count(one.sandbox_runs)),
    )


def value(one: Share | None) -> str:
    """A share without its interval, as .53; nothing where there is none."""
    return "" if one is None else f"{one.value:.2f}".replace("0.", ".", 1)


def share(one: Share | None) -> str:
    """A share with its interval in few cells: .53 [.28-.78]."""
    if one is None:
        return ""
    bounds = "" if one.low is None or one.high is None else f" [{one.low:.2f}-{one.high:.2f}]"
    return f"{one.value:.2f}{bounds}".replace("0.", ".")


def count(n: int) -> str:
    """A count in at most six cells: 950, 12.3k, 4.1M."""
    if n < 10_000:
        return str(n or "")
    return f"{n / 1e3:.1f}k" if n < 1_000_000 else f"{n / 1e6:.1f}M"


class MoveSource:
    """The moves of one round in their order; row ids are their places, from 1."""

    def __init__(self, lab: Lab, name: RoundName) -> None:
        self.lab = lab
        self.name = name
        self.moves: dict[int, MoveRow] = {}

    def order(self) -> Order:
        from o1coder import roundrows

        roundrows.require(self.lab, *self.name)
        self.moves = dict(enumerate(roundrows.moves(self.lab, *self.name), 1))
        return FlatOrder(list(self.moves))

    def rows(self, ids: Sequence[int]) -> Mapping[int, Row]:
        return {one: move_row(self.moves[one]) for one in ids if one in self.moves}


def move_row(one: MoveRow) -> Row:
    """The cells of a move; one that nobody has asked for yet is dim."""
    if one.job is None:
        return (Cell(inert(one.move), "dim"), Cell(""), Cell("  to come", "dim"), *[Cell("")] * 5)
    left = [
        f"checkpoint {one.checkpoint}" if one.checkpoint is not None else "",
        f"{one.trees} trees" if one.trees else "",
    ]
    if one.error:
        left = [one.error.split("\n")[0]]
    elif one.stopped:
        left.append(f"stopped: {one.stopped}")
    drawn = f"{bar(one.done, one.total, 4)} {one.done}/{one.total}" if one.state == "running" and one.total else ""
    return (
        Cell(inert(one.move), "bold" if one.state == "running" else ""),
        Cell(str(one.job)),
        state(one.state),
        Cell(drawn or (f"{one.done}/{one.total}" if one.total else "")),
        Cell(duration(one.seconds)),
        Cell(count(one.tokens_in + one.tokens_out)),
        Cell(count(one.sandbox_runs)),
        Cell(inert(", ".join(text for text in left if text)), "yellow" if one.error else "dim"),
    )


def place_of(one: MoveRow) -> tuple[str, str]:
    """Where a move's outcome is looked at: what it trained, what it grew, else the job itself. (mode, target)"""
    if one.checkpoint is not None:
        return "checkpoints", f"job:{one.job}"
    if one.trees:
        return "tree", f"job:{one.job}"
    return "jobs", str(one.job)
