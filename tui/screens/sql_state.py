"""What the SQL screen stands on: the query that was asked, its rows or its error, the current column; and the lines of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tui.screens import sql_source
from tui.screens.sql_source import Query
from tui.text import GLYPHS, Cell, fit, inert
from tui.widgets.pane import RichLine
from tui.widgets.virtual_table import Column

if TYPE_CHECKING:
    from o1coder.errors import LabError
    from o1coder.queries.schema import Table
    from o1coder.queries.sqltext import Result


@dataclass
class State:
    """`query` is what was asked last; `result` its rows while they are shown, `error` what was wrong with it."""

    query: Query = Query("", "")
    result: Result | None = None
    error: LabError | None = None
    column: int = 0
    tables: list[Table] = field(default_factory=list)
    _measured: tuple[int, int, list[int]] | None = None

    def columns(self, room: int) -> tuple[Column, ...]:
        """The columns of the result on a screen of `room` cells; their widths are measured once."""
        if self.result is None:
            return ()
        if self._measured is None or self._measured[:2] != (id(self.result), room):
            self._measured = (id(self.result), room, sql_source.widths(self.result, room))
        return tuple(sql_source.columns(self.result, self._measured[2], room, self.column))

    def value(self, row: int | None) -> str | None:
        """The cell in a row and the current column, in full; None where there is none."""
        if self.result is None or row is None or not self.result.columns:
            return None
        return sql_source.written(self.result.rows[row][self.column])

    def lines(self, tab: str, row: int | None, shown: Query) -> tuple[object, Sequence[RichLine]]:
        """(what they are of, the lines) of a tab of the pane."""
        if tab == "tables":
            return ("tables", shown.text, len(self.tables)), sql_source.schema_lines(self.tables, shown.text)
        if tab == "query" or self.result is None:
            return shown, sql_source.query_lines(shown, self.error)
        if row is None:
            return None, []
        if tab == "row":
            return ("row", row), sql_source.row_lines(self.result, row)
        return (row, self.column), sql_source.cell_lines(self.result, row, self.column)

    def headline(self, shown: Query, running_s: float | None, width: int) -> tuple[list[Cell], list[Cell]]:
        """The line above: what is asked, and at its right what came of it."""
        if running_s is not None:
            right = f" {running_s:.0f} s {GLYPHS.dot} esc stops "
        elif self.result is not None:
            rows = "1 row" if len(self.result.rows) == 1 else f"{len(self.result.rows):,} rows"
            cut = {"rows": "the first ", "bytes": "all that an answer holds: "}.get(self.result.cut or "", "")
            right = f" {cut}{rows} {GLYPHS.dot} {self.result.took_ms:.0f} ms "
        elif self.error is None:
            return [Cell(" queries", "bold"), Cell("  enter asks one, / writes another", "dim")], []
        else:
            right = ""
        name = f" {inert(shown.name)}" if shown.name else ""
        text = fit(inert(sql_source.one_line(shown.text)), width - len(name) - len(right) - 2)
        return [Cell(name, "bold"), Cell(f" {text}", "dim" if name else "")], [Cell(right, "bold")]

    def begins_at(self) -> int | None:
        """Where the cursor is put when a query is mended: where the error lies, on one line."""
        if self.error is None or "\n" in self.query.text.strip():
            return None
        found = re.search(r"\bcolumn (\d+):", self.error.message)
        return None if found is None else int(found[1]) - 1
