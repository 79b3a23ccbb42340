"""Questions about the queries that people keep by name (saved.py keeps and forgets them)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy.engine import Connection


class SavedRow(NamedTuple):
    """A query with a name; `kind` is its language: sql, problems, or a kind of dataset."""

    name: str
    kind: str
    text: str
    author: str
    created_at: str


def listed(connection: Connection, kinds: Sequence[str]) -> list[SavedRow]:
    """The saved queries of these kinds, by name."""
    return [
        SavedRow._make(row)
        for row in connection.exec_driver_sql(
            f"SELECT name, kind, text, author, created_at FROM saved_query WHERE kind IN ({','.join('?' * len(kinds))}) "
            "ORDER BY name, kind",
            tuple(kinds),
        )
    ]


def named(connection: Connection, name: str, kinds: Sequence[str]) -> SavedRow | None:
    """The query of one of these kinds that is kept under a name; None where none is."""
    return next((row for row in listed(connection, kinds) if row.name == name), None)
