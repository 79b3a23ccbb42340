"""SQL: queries that have a name, a line to write others in, and the rows that come of them. Nothing can be changed by it.

A query runs in a process of its own (o1coder/queries/sqltext.py), is stopped by esc, and its rows stay as they were when it
was asked: `r` asks again. What is typed is remembered; multi-line queries are written in $EDITOR.
"""

from __future__ import annotations

import shlex
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.geometry import Region

from o1coder.errors import LabError
from tui.screens import sql_source, sql_verbs
from tui.screens.frame import Frame, position
from tui.screens.sql_asking import OneAtATime, ask_tables
from tui.screens.sql_keys import CSS, KEYS
from tui.screens.sql_line import SqlLine
from tui.screens.sql_source import Query, QuerySource, ResultSource
from tui.screens.sql_state import State
from tui.text import GLYPHS, Cell
from tui.widgets.detail import Detail
from tui.widgets.entry import Entry
from tui.widgets.line import Line
from tui.widgets.virtual_table import VirtualTable

if TYPE_CHECKING:
    from o1coder.queries.sqltext import Result

LIST_TABS = ("query", "tables")
ROW_TABS = ("cell", "row", "query", "tables")
LONGEST = 4000  # characters of a query that is remembered


class SQLScreen(Frame):
    """The ninth screen."""

    TITLE = "SQL"
    CSS = CSS
    BINDINGS: ClassVar[list[BindingType]] = [*KEYS]

    def __init__(self) -> None:
        super().__init__()
        self.source: QuerySource | None = None
        self.state = State()
        self.asking = OneAtATime(self)
        self.pending = ""
        self.failed_at: int | None = None  # the line of the list when a query failed

    def body(self) -> ComposeResult:
        yield Line(id="asked")
        yield SqlLine(id="line")
        with Vertical(id="parts"):
            yield VirtualTable(sql_source.QUERIES, empty="no queries", id="queries")
            yield VirtualTable((), empty="no rows", id="rows")
            yield Detail(LIST_TABS, id="detail")

    def below(self) -> ComposeResult:
        yield Entry(id="entry")

    def on_mount(self) -> None:
        super().on_mount()
        self.table.focus()
        self.draw_asked()

    @property
    def table(self) -> VirtualTable:
        """The table that is shown: of queries, or of rows."""
        return self.query_one("#rows" if self.state.result is not None else "#queries", VirtualTable)

    @property
    def line(self) -> SqlLine:
        return self.query_one(SqlLine)

    # where it stands -----------------------------------------------------------------------------------------------
    def reload(self) -> None:
        lab = self.lab
        if lab is None:
            return
        if self.source is None or self.source.lab is not lab:
            self.source = QuerySource(lab)
        self.query_one("#queries", VirtualTable).show(self.source)
        if self.pending:
            asked, self.pending = self.pending, ""
            self.ask("named", partial(sql_source.queries, lab), partial(self._named, asked))

    def _named(self, asked: str, found: list[Query]) -> None:
        self.asking.run(next((query for query in found if query.name == asked), Query("", asked)))

    def goto(self, target: str) -> None:
        if target and target != self.where():
            self.pending = target

    def where(self) -> str:
        state = self.state
        return "" if state.result is None else state.query.name or state.query.text

    def twin(self) -> str:
        query = self.chosen()
        return shlex.join(["o1coder", "sql", query.name or query.text]) if query.text else "o1coder sql --list"

    def copied(self) -> str:
        value = self.state.value(self.table.row_id)
        return self.chosen().text if value is None else value

    def outside(self) -> tuple[str, str] | None:
        value = self.state.value(self.table.row_id)
        return ("query.sql", self.chosen().text) if value is None else ("cell.txt", value)

    def chosen(self) -> Query:
        """The query that was asked last, or the one under the cursor of the list."""
        if self.state.result is not None or self.state.error is not None or self.source is None:
            return self.state.query
        row = self.table.row_id
        return self.source.found[row] if row is not None and row < len(self.source.found) else Query("", "")

    # drawing -------------------------------------------------------------------------------------------------------
    def draw_asked(self) -> None:
        """The line above."""
        running_s = self.asking.running_s
        shown = self.chosen() if running_s is None else self.state.query
        self.query_one("#asked", Line).say(*self.state.headline(shown, running_s, self.size.width))

    def draw_detail(self) -> None:
        """The pane: of the cell or row under the cursor, the query, the tables."""
        detail = self.query_one(Detail)
        if detail.tab == "tables" and not self.state.tables:
            ask_tables(self)
        about, lines = self.state.lines(detail.tab, self.table.row_id, self.chosen())
        detail.show(about, lines, [Cell(position(self.table) + " ")])

    def draw_columns(self) -> None:
        """Lay the columns out anew, the current one in sight."""
        if self.state.result is None:
            return
        rows = self.query_one("#rows", VirtualTable)
        before = [(column.width, column.at) for column in rows.columns]
        rows.columns = self.state.columns(self.size.width)
        if [(column.width, column.at) for column in rows.columns] == before:
            rows.refresh(Region(0, 0, rows.size.width, 1))
        else:
            rows.refresh()

    def on_resize(self) -> None:
        super().on_resize()
        self.draw_asked()
        self.draw_columns()

    def on_detail_turned(self) -> None:
        self.draw_detail()

    def on_virtual_table_moved(self, message: VirtualTable.Moved) -> None:
        if message.table is not self.table:
            return
        if self.state.error is not None and message.row_id != self.failed_at:
            self.state.error = None  # somebody looks at another query now
            self.draw_asked()
        self.rested(self.draw_detail)

    # what came of a query -----------------------------------------------------------------------------------------
    def answered(self, answer: Result | LabError, *, cancelled: bool) -> None:
        """What came of a query: its rows, or what was wrong with it; of one that was stopped only that it was."""
        if not isinstance(answer, LabError):
            self.state.column = min(self.state.column, max(0, len(answer.columns) - 1))
            self._swap(answer, None)
            self.draw_columns()
            self.query_one("#rows", VirtualTable).show(ResultSource(answer))
        elif cancelled:
            self.say(answer.message)
        else:
            self._swap(None, answer)
            self.say(answer.message + (f" {GLYPHS.dot} {answer.hint}" if answer.hint else ""))
        self.draw_asked()

    def _swap(self, result: Result | None, error: LabError | None) -> None:
        """Show the rows of a result, or the list of queries."""
        self.state.result, self.state.error = result, error
        self.query_one("#queries", VirtualTable).display = result is None
        self.query_one("#rows", VirtualTable).display = result is not None
        detail, tabs = self.query_one(Detail), LIST_TABS if result is None else ROW_TABS
        if detail.tabs != tabs:
            detail.tabs, detail.at = tabs, 0
        if not isinstance(self.focused, Entry):
            self.table.focus()
        self.failed_at = self.table.row_id
        self.draw_detail()

    def on_unmount(self) -> None:
        self.asking.cancel()

    # keys ----------------------------------------------------------------------------------------------------------
    def on_virtual_table_chosen(self) -> None:
        if self.state.result is None:
            self.state.error = None
            self.asking.run(self.chosen())
        else:
            self.action_zoom()

    def action_write(self) -> None:
        text = self.chosen().text if self.state.result is not None or self.state.error is not None else ""
        if "--" in text and "\n" in text:
            self.say("this query has comments: e opens it in $EDITOR")
            return
        ask_tables(self)
        self.query_one("#asked", Line).display = False
        at = self.state.begins_at()
        shown = text if "\n" not in text else sql_source.one_line(text)
        self.line.begin("query", shown, "select ... from ...", before=self.lab_app.memory.lines("sql"))
        if at is not None:
            self.line.cursor_position = at

    def action_edit(self) -> None:
        from tui.outside import edit

        try:
            text = edit(self.app, "query.sql", self.chosen().text)
        except LabError as error:
            self.say(f"{error.message}: {error.hint}")
            return
        if text is not None:
            self._typed(text)

    def _typed(self, text: str) -> None:
        if 0 < len(text) <= LONGEST:
            self.lab_app.memory.typed("sql", text)
        self.asking.run(Query("", text))

    def action_again(self) -> None:
        if self.state.result is not None or self.state.error is not None:
            self.asking.run(self.state.query)
        else:
            self.reload()

    def action_tab(self, delta: int) -> None:
        self.query_one(Detail).turn(delta)
        self.draw_detail()

    def action_column(self, delta: int) -> None:
        result = self.state.result
        if result is not None and result.columns:
            self.state.column = max(0, min(self.state.column + delta, len(result.columns) - 1))
            self.draw_columns()
            self.draw_detail()

    def action_zoom(self) -> None:
        self.toggle_class("zoomed")

    def action_pane(self, delta: int) -> None:
        self.query_one(Detail).scroll_lines(delta)

    def action_file(self) -> None:
        if self.state.result is None:
            self.say("ask a query first: its rows are written")
        else:
            name = f"{self.state.query.name or 'rows'}.csv"
            self.query_one("#entry", Entry).begin("file", name, "a new file: .csv, .tsv, .json or .jsonl")

    def action_save(self) -> None:
        if not self.chosen().text:
            self.say("there is no query to keep")
        elif not self.refused("keep a query"):
            self.query_one("#entry", Entry).begin("name", self.chosen().name, "a name for the query")

    def action_forget(self) -> None:
        sql_verbs.forget(self, self.chosen())

    def action_copy_rows(self) -> None:
        if self.state.result is None:
            self.say("ask a query first: its rows are copied")
            return
        from o1coder.queries.sqlresult import written

        self.lab_app.copy_text("".join(written(self.state.result, "csv")))

    def on_entry_several(self, message: Entry.Several) -> None:
        self.say(" ".join(message.words))

    def on_entry_left(self) -> None:
        self.query_one("#asked", Line).display = True
        self.table.focus()

    def on_entry_given(self, message: Entry.Given) -> None:
        self.on_entry_left()
        if message.what == "query" and message.text:
            self._typed(message.text)
        elif message.what == "file" and message.text and self.state.result is not None:
            sql_verbs.write_file(self, self.state.result, message.text)
        elif message.what == "name" and message.text:
            sql_verbs.keep(self, self.chosen(), message.text, self._kept)

    def _kept(self, query: Query) -> None:
        if self.state.query.text == query.text:
            self.state.query = query
        self.draw_asked()

    def action_back(self) -> None:
        if self.asking.running is not None:
            self.asking.cancel()
        elif self.has_class("zoomed"):
            self.remove_class("zoomed")
        elif self.table.clear_marks():
            return
        elif self.state.result is not None or self.state.error is not None:
            self._swap(None, None)
            self.draw_asked()
