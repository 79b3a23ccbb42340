"""Small verbs over rows that every noun's file uses: who made a row, and insert-or-find by a unique key.

No questions of the product (queries/) and no meaning of any table. A table is told by its model class, or by its name where
loading the models would cost more than they check: the database holds the constraints either way.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Table, TableClause, column, insert, select
from sqlalchemy import table as named_table
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Connection

from o1coder.rownames import names_row as names_row

if TYPE_CHECKING:
    from sqlmodel import SQLModel


class By(NamedTuple):
    """Who makes a row: a job, or a person. Exactly one is set."""

    job_id: int | None = None
    author: str | None = None


def table(model: type[SQLModel]) -> Table:
    """The Core table of a model class."""
    found: Table = model.__table__  # type: ignore[attr-defined]
    return found


def _named(name: str, columns: Iterable[str]) -> TableClause:
    return named_table(name, *(column(one) for one in columns))


def add(connection: Connection, model: type[SQLModel] | str, **values: Any) -> int:
    """Insert one row and return its id."""
    if isinstance(model, str):
        return int(connection.execute(insert(_named(model, values)).values(**values)).lastrowid)
    row = connection.execute(insert(table(model)).values(**values)).inserted_primary_key
    assert row is not None
    return int(row[0])


def add_many(connection: Connection, model: type[SQLModel] | str, rows: list[dict[str, Any]]) -> None:
    """Insert rows in one statement; all must have the same keys."""
    if rows:
        into = _named(model, rows[0]) if isinstance(model, str) else table(model)
        connection.execute(insert(into), rows)


def add_new(connection: Connection, model: type[SQLModel], rows: list[dict[str, Any]]) -> None:
    """Insert those of the rows whose unique keys are not there yet, in one statement; all must have the same keys."""
    if rows:
        connection.execute(sqlite.insert(table(model)).on_conflict_do_nothing(), rows)


def next_id(connection: Connection, model: type[SQLModel] | str) -> int:
    """The id from which on new rows may be given theirs, so that others can name them in one go. Call it while writing."""
    name = model if isinstance(model, str) else table(model).name
    row = connection.exec_driver_sql("SELECT seq FROM sqlite_sequence WHERE name = ?", (name,)).first()
    return 1 if row is None else int(row[0]) + 1


def find(connection: Connection, model: type[SQLModel], **key: Any) -> int | None:
    """The id of the row with these values, or None."""
    source = table(model)
    query = select(source.c.id)
    for name, value in key.items():
        query = query.where(source.c[name] == value)
    row = connection.execute(query.limit(1)).first()
    return None if row is None else int(row[0])


def add_once(connection: Connection, model: type[SQLModel], key: dict[str, Any], **values: Any) -> int:
    """The id of the row with this unique key, inserted with `values` where there is none. Call it while writing."""
    found = find(connection, model, **key)
    return add(connection, model, **key, **values) if found is None else found
