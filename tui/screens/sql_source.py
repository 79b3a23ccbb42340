"""What the SQL screen draws: the list of queries with a name, the rows of a result, a cell, a row, the tables.

Columns get the room that their values need, and share what is left when it is not enough; those that do not fit at all lie
to the right of the screen. It asks nothing by itself but the list of saved queries.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from tui.highlight import plain
from tui.text import GLYPHS, Cell, first_line, inert
from tui.widgets.pane import RichLine
from tui.widgets.virtual_table import Column, FlatOrder, Order, Row

if TYPE_CHECKING:
    from o1coder.errors import LabError
    from o1coder.lab import Lab
    from o1coder.queries.schema import Table
    from o1coder.queries.sqltext import Result

KIND = "sql"
QUERIES = (Column("name", 18), Column("by", 10, at=70), Column("what it asks", 0))
LEAST = 12  # cells of a column that has to give way
MEASURED = 200  # rows that say how wide a column is
LONGEST = 400  # characters of a value that a table's cell is cut from
FAR = 1 << 30  # no screen is that wide: a column that lies to the left of what is shown


class Query(NamedTuple):
    """A query that has a name, or was just typed (name "")."""

    name: str
    text: str
    about: str = ""
    author: str = ""


def queries(lab: Lab) -> list[Query]:
    """The saved queries and, after them, the examples whose names are free."""
    from o1coder.queries import saved
    from o1coder.queries.sqlexamples import EXAMPLES

    with lab.reading() as connection:
        kept = saved.listed(connection, [KIND])
    names = {row.name for row in kept}
    found = [Query(row.name, row.text, "", row.author) for row in kept]
    return found + [Query(one.name, one.text, one.about) for one in EXAMPLES if one.name not in names]


class QuerySource:
    """Queries by their place in the list."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.found: list[Query] = []

    def order(self) -> Order:
        self.found = queries(self.lab)
        return FlatOrder(range(len(self.found)))

    def rows(self, ids: Sequence[int]) -> Mapping[int, Row]:
        return {n: self._row(self.found[n]) for n in ids if n < len(self.found)}

    def _row(self, query: Query) -> Row:
        name = Cell(inert(query.name), "bold" if query.author else "")
        by = Cell(inert(query.author), "") if query.author else Cell("example", "dim")
        return name, by, Cell(inert(query.about or one_line(query.text)))


class ResultSource:
    """The rows of a result by their place in it."""

    def __init__(self, result: Result) -> None:
        self.result = result

    def order(self) -> Order:
        return FlatOrder(range(len(self.result.rows)))

    def rows(self, ids: Sequence[int]) -> Mapping[int, Row]:
        return {n: tuple(map(cell, self.result.rows[n])) for n in ids}


def cell(value: Any) -> Cell:
    """A value in a table: one line, inert."""
    if value is None:
        return Cell("null", "dim")
    if isinstance(value, bytes):
        return Cell(f"x'{value[:40].hex()}' {len(value)} bytes", "dim")
    if isinstance(value, float):
        return Cell(f"{value:.6g}")
    text = str(value)
    return Cell(inert(" ".join(text[:LONGEST].split("\n"))) + (GLYPHS.ellipsis if len(text) > LONGEST else ""))


def widths(result: Result, room: int) -> list[int]:
    """How wide each column is drawn on a screen of `room` cells."""
    need = [
        max([len(inert(name)) + 1, *(len(cell(row[n]).text) for row in result.rows[:MEASURED])])
        for n, name in enumerate(result.columns)
    ]
    room -= len(need) + 2
    if sum(need) <= room:
        return need
    most = max(need)
    while most > LEAST and sum(min(width, most) for width in need) > room:
        most -= 1
    return [min(width, most) for width in need]


def columns(result: Result, found: Sequence[int], room: int, at: int) -> list[Column]:
    """The columns, of these widths, as a table shows them with the one at `at` marked and in sight; those before the first
    one are far."""
    first = 0
    while first < at and sum(found[first : at + 1]) + (at + 1 - first) > room - 2:
        first += 1
    return [
        Column(
            (GLYPHS.closed if n == at else "") + inert(name),
            found[n],
            right=result.types[n] in ("integer", "real"),
            at=FAR if n < first else 0,
        )
        for n, name in enumerate(result.columns)
    ]


def one_line(text: str) -> str:
    """A query as one line."""
    return " ".join(text.split())


def written(value: Any) -> str:
    """A value in full."""
    if isinstance(value, bytes):
        return value.hex()
    return "" if value is None else str(value)


def cell_lines(result: Result, row: int, column: int) -> list[RichLine]:
    """The cell under the cursor in full."""
    value = result.rows[row][column]
    kind = "null" if value is None else {int: "integer", float: "real", str: "text", bytes: "blob"}[type(value)]
    size = f", {len(value)} {'bytes' if isinstance(value, bytes) else 'characters'}" if kind in ("text", "blob") else ""
    head: RichLine = [Cell(inert(result.columns[column]), "bold"), Cell(f" {kind}{size}", "dim")]
    return [head, *plain(written(value)[:200_000])]


def row_lines(result: Result, row: int) -> list[RichLine]:
    """The row under the cursor, a field a line."""
    width = min(24, max(len(inert(name)) for name in result.columns))
    lines: list[RichLine] = []
    for name, value in zip(result.columns, result.rows[row], strict=True):
        shown = cell(value)
        lines.append([Cell(f"{inert(name):<{width}} ", "dim"), Cell(shown.text, shown.style)])
    return lines


def query_lines(query: Query, error: LabError | None = None) -> list[RichLine]:
    """A query as it is written; above it what is wrong with it."""
    lines: list[RichLine] = []
    if error is not None:
        lines = [[Cell(inert(error.message), "bold yellow")], [Cell(inert(error.hint or ""))], []]
    if query.about:
        lines += [[Cell(inert(query.about), "dim")], []]
    return [*lines, *sql(query.text)]


def sql(text: str) -> list[RichLine]:
    """SQL as styled, inert lines."""
    words = re.compile(r"('(?:[^']|'')*')|(--[^\n]*)|\b([A-Za-z_]+)\b|([^'A-Za-z_-]+|.)", re.S)
    lines: list[RichLine] = []
    line: list[Cell] = []
    for found in words.finditer(text):
        style = "yellow" if found[1] else "dim italic" if found[2] else ""
        if found[3] and found[3].upper() in KEYWORDS:
            style = "bold bright_blue"
        first, *rest = found[0].split("\n")
        line.append(Cell(inert(first), style))
        for part in rest:
            lines.append(line)
            line = [Cell(inert(part), style)]
    return [*lines, line]


KEYWORDS = frozenset(
    "SELECT FROM WHERE JOIN LEFT CROSS ON AND OR NOT IN IS NULL AS GROUP BY ORDER HAVING LIMIT DESC ASC DISTINCT WITH "
    "RECURSIVE UNION ALL EXCEPT INTERSECT CASE WHEN THEN ELSE END LIKE GLOB MATCH BETWEEN EXISTS USING VALUES CAST OVER "
    "PARTITION FILTER EXPLAIN QUERY PLAN".split()
)


def schema_lines(tables: Sequence[Table], text: str) -> list[RichLine]:
    """The tables: those that a query speaks of with their columns, all others by name."""
    words = set(re.findall(r"\w+", text.lower()))
    spoken = [table for table in tables if table.name in words]
    lines: list[RichLine] = []
    for table in spoken:
        lines += [_table_line(table), *_column_lines(table), []]
    for table in tables:
        if table not in spoken:
            names = " ".join(column.name for column in table.columns)
            lines += [_table_line(table), [Cell("  " + inert(names), "dim")]]
    return lines


def _table_line(table: Table) -> RichLine:
    rows = "" if table.rows is None else f" {table.rows:,} rows"
    return [Cell(inert(table.name), "bold bright_blue"), Cell(rows), Cell(" " + first_line(table.about), "dim")]


def _column_lines(table: Table) -> list[RichLine]:
    width = max((len(column.name) for column in table.columns), default=0)
    lines: list[RichLine] = []
    for column in table.columns:
        told = [column.type or "any", *(["key"] if column.key else []), *(["not null"] if column.required else [])]
        points = f" {GLYPHS.arrow} {column.refers}" if column.refers else ""
        lines.append([Cell(f"  {inert(column.name):<{width}} "), Cell(inert(" ".join(told) + points), "dim")])
    return lines
