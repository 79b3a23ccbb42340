"""What the problems' table draws: the order that a filter asks for, rows with what matched, and where a match lies in a text.

An order that is no longer wanted is interrupted in the middle of its query. It is asked again only when rows came that may
change it, and not more often than a tenth of the time: a filter over a million problems beside running jobs costs little.
"""

from __future__ import annotations

import re
import time
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from tui.screens.frame import key_name
from tui.text import GLYPHS, Cell, bar, first_line, inert
from tui.widgets.virtual_table import Column, FlatOrder, Order, Row

if TYPE_CHECKING:
    from o1coder.lab import Lab
    from o1coder.queries.interrupt import Interrupt
    from o1coder.queries.words import Term

COLUMNS = (
    Column("id", 7, right=True),
    Column("title", 0),
    Column("split", 10),
    Column("difficulty", 10, at=96),
    Column("kind", 6, at=92),
    Column("tests", 5, right=True),
    Column("progs", 5, right=True, at=86),
    Column("trees", 5, right=True),
    Column("pass of k", 15),
    Column("source", 12, at=100),
)
AROUND = 24  # characters of a text beside what matches in it
REST = 10.0  # an order is asked again after so many times the time that it took


class SortedOrder:
    """Ids that ascend, found by halving; a range of a million costs nothing."""

    def __init__(self, ids: Sequence[int]) -> None:
        self.ids = ids

    def __len__(self) -> int:
        return len(self.ids)

    def id_at(self, index: int) -> int:
        return int(self.ids[index])

    def find(self, row_id: int) -> int | None:
        at = bisect_left(self.ids, row_id)
        return at if at < len(self.ids) and self.ids[at] == row_id else None

    def prefix(self, index: int) -> str:
        return ""

    def adopt(self, old: Order) -> None:
        """Nothing of an older order lives on in a newer one."""


class Found(NamedTuple):
    """The order, how many problems there are in all, and when and for how long it was asked."""

    order: Order
    total: int
    marks: tuple[int, ...]
    at: float
    took: float


class ProblemSource:
    """The problems that match a filter; `stop` ends the question that is under way."""

    def __init__(self, lab: Lab, query: str) -> None:
        self.lab = lab
        self.query = query
        self.found: Found | None = None
        self.words: tuple[Term, ...] = ()
        self._interrupt: Interrupt | None = None
        self._stopped = False

    def stop(self) -> None:
        """Nobody waits for this filter any more."""
        self._stopped = True
        if self._interrupt is not None:
            self._interrupt.stop()

    def order(self) -> Order:
        from o1coder.queries import problem_filter
        from o1coder.queries.interrupt import Interrupt, Interrupted

        asked = problem_filter.parse(self.query, typing=True)
        self.words = asked.words
        self._interrupt = Interrupt()
        if self._stopped:
            self._interrupt.stop()
        began = time.monotonic()
        try:
            with self._interrupt.reading(self.lab) as connection:
                marks = problem_filter.marks(connection, asked)
                old = self.found
                if old is not None and (old.marks == marks or began - old.at < old.took * REST):
                    return old.order
                ids = problem_filter.matching(connection, asked)
                total = problem_filter.total(connection)
        except Interrupted:
            return FlatOrder(())
        ascending = asked.sort == "id" and not asked.down
        order: Order = SortedOrder(ids) if ascending else FlatOrder(ids)
        now = time.monotonic()
        self.found = Found(order, total, marks, now, now - began)
        return order

    def rows(self, ids: Sequence[int]) -> Mapping[int, Row]:
        from o1coder.queries import problems

        with self.lab.reading() as connection:
            found = problems.rows(connection, list(ids))
            texts = problems.statements(connection, ids) if wanted(self.words) else {}
        return {
            row.id: (
                Cell(str(row.id)),
                Cell(titled(row.title, texts.get(row.id, ""), self.words), "bold"),
                Cell(inert(row.split)),
                Cell(inert(row.difficulty or "")),
                Cell(inert(row.kind)),
                Cell(str(row.tests)),
                Cell(str(row.programs)),
                Cell(str(row.trees or "")),
                passing(row.pass_rate, row.judged),
                Cell(inert(row.source), "dim"),
            )
            for row in found
        }


def passing(rate: float | None, judged: int) -> Cell:
    """A pass rate as a bar, a figure and over how many rollouts; nothing where nothing was judged."""
    if rate is None:
        return Cell("")
    return Cell(f"{bar(rate, 1.0, 4)} {rate:4.0%} {short(judged):>5}", "bright_blue" if rate > 0 else "yellow")


def short(number: int) -> str:
    """A count in five cells."""
    return (
        str(number) if number < 100_000 else f"{number // 1000}k" if number < 10_000_000 else f"{number // 1_000_000}M"
    )


def wanted(words: Sequence[Term]) -> re.Pattern[str] | None:
    """What finds the words of a filter in a text as the index found them; None where it looks for none."""
    parts = []
    for word in words:
        pieces = re.findall(r"\w+", word.value)
        if pieces and not word.negated:
            parts.append(r"\b" + r"\W+".join(map(re.escape, pieces)) + (r"\b" if word.quoted else ""))
    return re.compile("|".join(parts), re.IGNORECASE) if parts else None


def titled(title: str, statement: str, words: Sequence[Term]) -> str:
    """A title; where the words are only in the statement, what stands around the first of them."""
    pattern = wanted(words)
    shown = first_line(title)
    found = None if pattern is None or pattern.search(title) else pattern.search(statement)
    if found is None:
        return shown
    before = statement.find(" ", max(0, found.start() - AROUND)) + 1 if found.start() > AROUND else 0
    before = min(before, found.start())  # whole words, where there are spaces
    after = min(len(statement), found.end() + AROUND)
    after = max(found.end(), statement.rfind(" ", 0, after) if after < len(statement) else after)
    piece = inert(" ".join(statement[before:after].split()))
    return f"{shown} {GLYPHS.dot} {GLYPHS.ellipsis if before else ''}{piece}{GLYPHS.ellipsis if after < len(statement) else ''}"


def marked(line: Sequence[Cell], pattern: re.Pattern[str] | None) -> list[Cell]:
    """A line with what matches shown in reverse."""
    if pattern is None:
        return list(line)
    out: list[Cell] = []
    for cell in line:
        at = 0
        for found in pattern.finditer(cell.text):
            out += [Cell(cell.text[at : found.start()], cell.style), Cell(found[0], "reverse")]
            at = found.end()
        out.append(Cell(cell.text[at:], cell.style))
    return [cell for cell in out if cell.text]


def language() -> list[tuple[str, str]]:
    """The filter's words with what they mean, for the overlay of keys."""
    from o1coder.queries.problem_filter import ALLOWED, SORTS

    return [
        ("graph tree", "both words, by their beginnings, in title or statement"),
        ('"shortest path"', "exactly this phrase"),
        ("-word  !field:x", "not this"),
        ("split:train", "also difficulty, kind, source, family, slice, key"),
        ("split:train,test", "either; key:mbpp* stands for any beginning"),
        ("pass<0.3 tests>5", "also trees programs judged withdrawn id; < <= = != >= >"),
        ("sort:-pass", "downwards; " + " ".join(SORTS)),
        ("all fields", " ".join(ALLOWED)),
        (key_name("escape"), "takes the filter away"),
    ]
