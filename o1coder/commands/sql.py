"""sql: one read-only query with a time limit and a row cap."""

from __future__ import annotations

import sqlite3
import time
from argparse import ArgumentParser
from typing import Any

from sqlalchemy.engine import Connection

from o1coder import db
from o1coder.cli import OK, home_of
from o1coder.commands import show
from o1coder.errors import LabError
from o1coder.lab import Lab

LIMIT_S = 20.0
ROWS = 10_000
HINT = f"one statement that reads; it may take {LIMIT_S:.0f} s and gives {ROWS} rows at most"

_READS = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
_PRAGMAS = {"data_version", "foreign_key_list", "index_info", "index_list", "table_info", "table_list", "table_xinfo"}


def run(name: str, parser: ArgumentParser, words: list[str]) -> int:
    """Run the query and print its rows as objects."""
    parser.add_argument("query", metavar="SELECT", help=HINT)
    options = parser.parse_args(words)
    with Lab(home_of(options), readonly=True).reading() as connection:
        columns, rows = _rows(connection, options.query)
    if len(rows) > ROWS:
        show.note(f"only the first {ROWS} rows are shown")
    show.table(options, [dict(zip(columns, row, strict=True)) for row in rows[:ROWS]], columns, empty="no rows")
    return OK


def _rows(connection: Connection, query: str) -> tuple[list[str], list[Any]]:
    """(columns, rows), one row more than are shown. Through the driver itself: a colon or a per cent sign is text."""
    raw: Any = connection.connection.driver_connection
    module = db.driver()[0]
    end = time.monotonic() + LIMIT_S
    raw.set_progress_handler(lambda: int(time.monotonic() > end), 10_000)
    raw.set_authorizer(_authorize)
    try:
        cursor = raw.execute(query)
        return _distinct([column[0] for column in cursor.description or ()]), cursor.fetchmany(ROWS + 1)
    except (module.Error, module.Warning) as error:
        late = "it took too long" if str(error) == "interrupted" else str(error)
        raise LabError(f"the query failed: {late}", HINT) from error
    finally:
        raw.set_authorizer(None)
        raw.set_progress_handler(None, 0)


def _authorize(action: int, first: str | None, *_: str | None) -> int:
    allowed = action in _READS or (action == sqlite3.SQLITE_PRAGMA and first in _PRAGMAS)
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def _distinct(names: list[str]) -> list[str]:
    """Column names as keys of an object: the second `n` is `n_2`."""
    out: list[str] = []
    for name in names:
        number, key = 1, name
        while key in out:
            number += 1
            key = f"{name}_{number}"
        out.append(key)
    return out
