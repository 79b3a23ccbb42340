"""sql: a read-only query with a time limit and a row cap."""

from __future__ import annotations

import time
from argparse import ArgumentParser

from sqlalchemy.exc import DBAPIError

from o1coder.cli import OK, home_of
from o1coder.commands import show
from o1coder.errors import LabError
from o1coder.lab import Lab

LIMIT_S = 20.0
ROWS = 10_000


def run(name: str, parser: ArgumentParser, words: list[str]) -> int:
    """Run the query and print its rows as objects."""
    parser.add_argument("query")
    options = parser.parse_args(words)
    lab = Lab(home_of(options), readonly=True)
    with lab.reading() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        end = time.monotonic() + LIMIT_S
        raw.set_progress_handler(lambda: int(time.monotonic() > end), 10_000)
        try:
            result = connection.exec_driver_sql(options.query)
            columns = list(result.keys()) if result.returns_rows else []
            rows = [dict(zip(columns, row, strict=True)) for row in result.fetchmany(ROWS)] if columns else []
        except (DBAPIError, LabError) as error:
            reason = str(error.orig) if isinstance(error, DBAPIError) else error.message
            raise LabError(f"the query failed: {reason}", f"it is read-only and may take {LIMIT_S:.0f} s") from error
        finally:
            raw.set_progress_handler(None, 0)
    show.table(options, rows, columns, empty="no rows")
    return OK
