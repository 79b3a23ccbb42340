"""A question that another thread may end: the newest filter that is typed need not wait for the one before.

SQLite looks at the flag every so many steps of its machine and gives up in the middle of a query; nothing is written
through this.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from sqlalchemy import exc
from sqlalchemy.engine import Connection

from o1coder.lab import Lab

STEPS = 20_000  # of SQLite's machine between two looks: some tenths of a millisecond


class Interrupted(Exception):
    """The question was ended before it was answered: nobody waits for it any more."""


class Interrupt:
    """A switch for one question; once thrown, what is asked under it ends."""

    def __init__(self) -> None:
        self.stopped = False
        self._raw: Any = None
        self._guard = Lock()

    def stop(self) -> None:
        """End what runs under this switch, and what would begin."""
        with self._guard:
            self.stopped = True
            if self._raw is not None:
                self._raw.interrupt()

    @contextmanager
    def reading(self, lab: Lab) -> Iterator[Connection]:
        """A short read transaction that `stop` ends. Interrupted when it did."""
        try:
            with lab.reading() as connection:
                raw: Any = connection.connection.driver_connection
                raw.set_progress_handler(lambda: self.stopped, STEPS)
                with self._guard:
                    self._raw = raw
                try:
                    if self.stopped:
                        raise Interrupted
                    yield connection
                finally:
                    with self._guard:
                        self._raw = None
                    raw.set_progress_handler(None, 0)
        except exc.DatabaseError as error:
            if self.stopped:
                raise Interrupted from error
            raise
