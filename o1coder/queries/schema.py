"""Questions about the tables themselves, for people who write SQL: what each holds, its columns, how many rows."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy.engine import Connection

HIDDEN = ("sqlite_", "alembic_", "problem_fts_")  # SQLite's own, the migrations', the insides of the text index


class Column(NamedTuple):
    """A column: `refers` is the table that it points into."""

    name: str
    type: str
    required: bool
    key: bool
    refers: str | None


class Table(NamedTuple):
    """A table. `rows` is the number of rows ever added: facts are never removed; null where that is not counted."""

    name: str
    about: str
    rows: int | None
    columns: list[Column]


def tables(connection: Connection) -> list[Table]:
    """Every table with its columns, by name."""
    names = [
        row[0]
        for row in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        if not row[0].startswith(HIDDEN)
    ]
    counted = {row[0]: row[1] for row in connection.exec_driver_sql("SELECT name, seq FROM sqlite_sequence")}
    told = _told()
    return [Table(name, told.get(name, ""), counted.get(name), _columns(connection, name)) for name in names]


def _columns(connection: Connection, table: str) -> list[Column]:
    refers = {
        row[0]: row[1]
        for row in connection.exec_driver_sql('SELECT "from", "table" FROM pragma_foreign_key_list(?)', (table,))
    }
    return [
        Column(row[0], row[1].lower(), bool(row[2]), bool(row[3]), refers.get(row[0]))
        for row in connection.exec_driver_sql(
            'SELECT name, type, "notnull", pk FROM pragma_table_info(?) ORDER BY cid', (table,)
        )
    ]


def _told() -> dict[str, str]:
    """What the model of a table says of it, in one line."""
    from sqlmodel import SQLModel

    from o1coder import models

    found = {"problem_fts": "Titles and statements of problems by their words: `WHERE problem_fts MATCH 'sum'`."}
    for word in models.__all__:
        kind = getattr(models, word)
        if isinstance(kind, type) and issubclass(kind, SQLModel) and kind.__doc__:
            found[str(kind.__tablename__)] = " ".join(kind.__doc__.split("\n\n")[0].split())
    return found
