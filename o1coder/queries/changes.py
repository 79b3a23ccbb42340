"""Whether anything was committed to the lab since the last look: SQLite's own counter, which costs no read of any table."""

from __future__ import annotations

from types import TracebackType

from o1coder.lab import Lab


class Changes:
    """A connection of its own, held outside any transaction; close it, or use it as a context manager.

    SQLite counts for each connection the commits of all others, so the counter must be asked on one connection.
    """

    def __init__(self, lab: Lab) -> None:
        self._connection = lab.engine.raw_connection()
        self._seen = self._version()

    def __enter__(self) -> Changes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _version(self) -> int:
        cursor = self._connection.cursor()
        try:
            cursor.execute("PRAGMA data_version")
            row = cursor.fetchone()
            return 0 if row is None else int(row[0])
        finally:
            cursor.close()

    def any(self) -> bool:
        """Was anything committed since this was asked last (or since it was made)?"""
        before, self._seen = self._seen, self._version()
        return before != self._seen

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()
