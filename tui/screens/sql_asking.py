"""What the SQL screen asks: one query at a time, in a process of its own that the next one or esc stops; and the lab's tables.

What came of a query is shown by the screen. While one runs, the line above tells for how long.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from textual.timer import Timer

from o1coder.errors import LabError

if TYPE_CHECKING:
    from o1coder.queries.schema import Table
    from o1coder.queries.sqltext import Asking, Result
    from tui.screens.sql import SQLScreen
    from tui.screens.sql_source import Query


class OneAtATime:
    """The query that runs, for one screen."""

    def __init__(self, screen: SQLScreen) -> None:
        self.screen = screen
        self.running: Asking | None = None
        self._began = 0.0
        self._ticks: Timer | None = None

    @property
    def running_s(self) -> float | None:
        """For how long a query has been running; None where none is."""
        return None if self.running is None else time.monotonic() - self._began

    def run(self, query: Query) -> None:
        """Ask a query; one that is still running is stopped."""
        screen, lab = self.screen, self.screen.lab
        if lab is None or not query.text.strip():
            return
        from o1coder.queries.sqltext import Asking

        self.cancel()
        asking = Asking(lab.home, query.text)

        def question() -> Result | LabError:
            try:
                return asking.answer()
            except LabError as error:
                return error

        self.running, self._began, screen.state.query = asking, time.monotonic(), query
        if self._ticks is None:
            self._ticks = screen.set_interval(5.0 if screen.lab_app.slow else 1.0, screen.draw_asked)
        screen.draw_asked()
        screen.ask("query", question, partial(self._answered, asking))

    def _answered(self, asking: Asking, answer: Result | LabError) -> None:
        if asking is not self.running:
            return
        self.running = None
        if self._ticks is not None:
            self._ticks.stop()
            self._ticks = None
        self.screen.answered(answer, cancelled=asking.cancelled)

    def cancel(self) -> None:
        """Stop what runs."""
        if self.running is not None:
            self.running.cancel()


def ask_tables(screen: SQLScreen) -> None:
    """Ask which tables and columns there are, for the pane and for what tab completes."""
    lab = screen.lab
    if lab is None:
        return

    def question() -> list[Table]:
        from o1coder.queries import schema

        with lab.reading() as connection:
            return schema.tables(connection)

    def told(found: list[Table]) -> None:
        screen.state.tables = found
        screen.line.tables = {table.name: [column.name for column in table.columns] for table in found}
        screen.draw_detail()

    screen.ask("tables", question, told)
