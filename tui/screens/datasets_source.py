"""The list of the datasets screen: a wish that was just typed, wishes kept by name, and all datasets, the newest first.

Ids of rows: a dataset's own; 0 for the typed wish; below 0 for kept ones. What is asked anew when the lab changes is asked
only if one of these lists can have changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from tui.text import Cell, inert
from tui.widgets.virtual_table import Column, FlatOrder, Order, Row

if TYPE_CHECKING:
    from o1coder.lab import Lab
    from o1coder.previewing import Preview
    from o1coder.queries.datasets import DatasetRow

COLUMNS = (
    Column("dataset", 12),
    Column("kind", 17),
    Column("rows", 8, right=True),
    Column("stale", 6, right=True),
    Column("used by", 9, at=90),
    Column("asked", 0),
    Column("made", 16, at=110),
)
DRAFT = 0


class Wish(NamedTuple):
    """A kind and the words of a query and its options, as one line; `name` where it is kept."""

    kind: str
    text: str
    name: str = ""

    @property
    def line(self) -> str:
        return f"{self.kind} {self.text}".strip()


WRITTEN_AS = {"policy-sft": "prompt-completion", "prm-point": "o1coder-prm", "prm-pair": "preference"}
"""The format of an export that selects the rows that a stage trains on."""


def wish_of(row: DatasetRow) -> Wish:
    """What a dataset was asked for, as a wish: of one that a stage trained on, in the format that takes the same rows."""
    options = {name: row.query.get(name) for name in ("per_problem", "pairs", "margin", "edit")}
    if row.kind != "preference" and row.kind != "prm-pair":
        options["margin"] = None
    words = [str(row.query.get("query", ""))]
    if row.target == "value":
        words.append("target:value")
    words += [f"{name}:{value}" for name, value in options.items() if value is not None]
    return Wish(WRITTEN_AS.get(row.kind, row.kind), " ".join(word for word in words if word))


def stale_since(lab: Lab, seen: int) -> tuple[int, dict[int, int]] | None:
    """In a thread: the newest label and how many rows of each dataset are stale; None where that label is the one seen."""
    from o1coder.queries import datasets

    with lab.reading() as connection:
        newest = datasets.newest_label(connection)
        return None if newest == seen else (newest, datasets.stale(connection))


class DatasetSource:
    """The rows of the list. `draft`, `stale` and `previews` are set by the screen."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.draft: Wish | None = None
        self.stale: dict[int, int] = {}
        self.previews: dict[str, Preview] = {}
        self.frozen: dict[int, DatasetRow] = {}
        self.wishes: dict[int, Wish] = {}
        self._ids: dict[str, int] = {}
        self._marks: tuple[int, ...] = ()

    def order(self) -> Order:
        from o1coder.previewing import KINDS
        from o1coder.queries import datasets, saved

        with self.lab.reading() as connection:
            marks = datasets.marks(connection)
            if marks != self._marks:
                self.frozen = {row.id: row for row in datasets.newest(connection)}
                self._marks = marks
            kept = [Wish(row.kind, row.text, row.name) for row in saved.listed(connection, KINDS)]
        wishes = {self._ids.setdefault(wish.name, -1 - len(self._ids)): wish for wish in kept}
        if self.draft is not None:
            wishes = {DRAFT: self.draft, **wishes}
        self.wishes = wishes
        return FlatOrder([*wishes, *self.frozen])

    def rows(self, ids: Sequence[int]) -> Mapping[int, Row]:
        return {row_id: self.row(row_id) for row_id in ids if row_id in self.wishes or row_id in self.frozen}

    def row(self, row_id: int) -> Row:
        """The cells of a row."""
        if row_id > 0:
            return self._frozen(self.frozen[row_id])
        wish = self.wishes[row_id]
        found = self.previews.get(wish.line)
        rows = "" if found is None else f"{found.rows:,}"
        name = Cell(inert(wish.name), "bold") if wish.name else Cell("not written", "bold")
        return name, Cell(inert(wish.kind)), Cell(rows), Cell(""), Cell(""), Cell(inert(wish.text)), Cell("")

    def _frozen(self, row: DatasetRow) -> Row:
        stale = self.stale.get(row.id, 0)
        used = " ".join(map(str, row.used_by[-3:]))
        return (
            Cell(str(row.id)),
            Cell(inert(row.kind)),
            Cell(f"{row.rows:,}"),
            Cell(str(stale) if stale else "", "bold yellow"),
            Cell(used),
            Cell(inert(wish_of(row).text), "dim"),
            Cell(row.created_at[:16].replace("T", " "), "dim"),
        )
