"""Column shapes that the tables share: keys, times, provenance and closed word lists.

Ids are AUTOINCREMENT, so an id is never used twice and, since every write is BEGIN IMMEDIATE, ids follow commit order.
Times are UTC text, ISO-8601 with milliseconds and a Z, so they sort and read as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import CheckConstraint
from sqlmodel import Field


def key() -> Any:
    """The primary key column: an integer, AUTOINCREMENT through the table's `sqlite_autoincrement`."""
    return Field(default=None, primary_key=True)


def ref(target: str, *, index: bool = True, default: Any = ...) -> Any:
    """A foreign key to `target` ("table.column"); nullable when a default of None is given."""
    if default is ...:
        return Field(foreign_key=target, index=index)
    return Field(default=default, foreign_key=target, index=index)


def one_of(column: str, words: Iterable[str]) -> CheckConstraint:
    """A CHECK that `column` holds one of `words` (or is null where the column allows it)."""
    listed = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_word")


def provenance() -> CheckConstraint:
    """A CHECK that a row was made by exactly one of a job and a person (DESIGN §4)."""
    return CheckConstraint("(job_id IS NULL) <> (author IS NULL)", name="provenance")


AUTO = {"sqlite_autoincrement": True}
