"""What the checkpoints screen lists: every checkpoint as a family tree or by a filter and an order, with its one figure.

Asked in worker threads. The rows are asked for again only when something that they tell has changed in the lab; an evaluation
never changes, so its figure and interval are kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tui.text import Cell, duration, inert, state
from tui.widgets.virtual_table import Column, Order, Row
from tui.widgets.virtual_tree import Outline

if TYPE_CHECKING:
    from o1coder.lab import Lab
    from o1coder.queries.checkpoints import CheckpointRow
    from o1coder.queries.gains import Figure

COLUMNS = (
    Column("checkpoint", 11),
    Column("role", 6),
    Column("made in", 15, at=70),
    Column("decision", 11),
    Column("measured [95 %]", 0),
    Column("stale", 9),
    Column("size", 8, right=True, at=104),
    Column("age", 7, right=True, at=112),
)
DEEPEST = 4  # levels of indentation
ORDERS = ("family", "newest", "stale")


class Family(Outline):
    """An outline that indents little, since a line of policies may be as long as its run, and every id must be seen."""

    def prefix(self, index: int) -> str:
        depth, told = self.depth[self.visible[index]], super().prefix(index)
        return " " * min(depth, DEEPEST) + told[-2:]


class CheckpointSource:
    """Checkpoints that match the words of a filter, in one of ORDERS."""

    def __init__(self, lab: Lab, query: str, order: str) -> None:
        self.lab = lab
        self.query = query
        self.how = order
        self._marks: tuple[int, ...] = ()
        self._rows: dict[int, CheckpointRow] = {}
        self._figures: dict[int, tuple[int, Figure | None]] = {}

    def adopt(self, known: CheckpointSource) -> None:
        """Take over what another source of the same lab has asked for."""
        self._marks, self._rows, self._figures = known._marks, dict(known._rows), dict(known._figures)

    def order(self) -> Order:
        from o1coder.queries import checkpoints

        with self.lab.reading() as connection:
            marks = checkpoints.marks(connection)
            if marks != self._marks:
                self._rows = {row.id: row for row in checkpoints.page(connection, limit=-1)}
                self._marks = marks
        shown = {row.id: row for row in self._rows.values() if fits(row, self.query.split())}
        if self.how == "family":
            return Family([(row.id, self._above(row, shown)) for row in shown.values()])
        key = (lambda row: -row.id) if self.how == "newest" else (lambda row: (-row.stale, -row.id))
        return Outline([(row.id, None) for row in sorted(shown.values(), key=key)])

    def _above(self, row: CheckpointRow, shown: Mapping[int, CheckpointRow]) -> int | None:
        """What a checkpoint is drawn under: its parent, else its base; the nearest of them that the filter leaves."""
        seen = {row.id}
        while True:
            above = row.parent if row.parent is not None else row.base
            if above is None or above in seen or above in shown:
                return None if above in seen else above
            seen.add(above)
            row = self._rows[above]

    def rows(self, ids: Sequence[int]) -> Mapping[int, Row]:
        from o1coder.queries import gains

        out: dict[int, Row] = {}
        with self.lab.reading() as connection:
            for one in ids:
                row = self._rows.get(one)
                if row is None:
                    continue
                newest = gains.newest(connection, one)
                known = self._figures.get(one)
                if known is None or known[0] != newest:
                    known = self._figures[one] = (newest, gains.figure(connection, one, row.role))
                out[one] = cells(row, known[1])
        return out

    def row(self, checkpoint_id: int) -> CheckpointRow | None:
        """What was listed of a checkpoint."""
        return self._rows.get(checkpoint_id)


def fits(row: CheckpointRow, words: Sequence[str]) -> bool:
    """Do all words hold of a checkpoint: role:prm, run:NAME, stage:rl, decision:accepted, stale, an id, or part of a name?"""
    told = {"role": row.role, "run": row.run, "stage": row.stage, "decision": row.decision, "format": row.format}
    text = " ".join(
        str(item) for item in (row.id, row.name, row.run, row.stage, row.role, row.note) if item is not None
    )
    for word in words:
        name, colon, wanted = word.partition(":")
        if colon and name in told:
            if (told[name] or "none") != wanted:
                return False
        elif word == "stale":
            if not row.stale:
                return False
        elif word.lower() not in text.lower():
            return False
    return True


def cells(row: CheckpointRow, figure: Figure | None) -> Row:
    """A line of the list."""
    from o1coder.clock import age_s

    return (
        Cell(str(row.id), "bold"),
        Cell(inert(row.role)),
        Cell(inert(made_in(row)), "" if row.job is not None else "dim"),
        state(row.decision or ""),
        Cell(inert(told(figure)), "" if figure is not None else "dim"),
        stale_cell(row.stale),
        Cell(size(row.bytes), "dim"),
        Cell(duration(age_s(row.created_at)), "dim"),
    )


def stale_cell(count: int) -> Cell:
    """How many labels stand against something, in at most nine letters; nothing for none."""
    return Cell(f"{count if count < 1000 else f'{count // 1000}k'} stale" if count else "", "bold yellow")


def made_in(row: CheckpointRow) -> str:
    """Run, round and stage in short; a base model's name."""
    if row.job is None:
        return row.name or "added by hand"
    where = "" if row.run is None else row.run if row.round is None else f"{row.run}/{row.round}"
    return f"{where} {row.stage}".strip()


def told(figure: Figure | None) -> str:
    """A figure with its interval and what it is of; the figure first, since a narrow table cuts the end."""
    if figure is None or figure.value is None:
        return "-"
    return f"{interval(figure.value, figure.low, figure.high)} {figure.about}".replace("0.", ".")


def interval(value: float | None, low: float | None, high: float | None, *, sign: bool = False) -> str:
    """0.38 [0.12, 0.62]; without an interval the value alone."""
    if value is None:
        return "n/a"
    form = "+.2f" if sign else ".2f"
    return f"{value:{form}}" + ("" if low is None or high is None else f" [{low:{form}}, {high:{form}}]")


def size(count: int) -> str:
    """Bytes as people read them."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= scale:
            return f"{count / scale:.1f} {unit}"
    return f"{count} B"
