"""Queries kept by name: save and forget. Not facts: a name is given anew, and taken back, as one likes.

What a query says is not checked here; whoever saves has asked it first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy import delete, insert
from sqlalchemy.engine import Connection

from o1coder.clock import now
from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.models import SavedQuery
from o1coder.rows import table

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")


def save(lab: Lab, kind: str, name: str, text: str, author: str, *, kinds: Sequence[str] = ()) -> bool:
    """Keep a query under a name that is unique among `kinds`; True when it took the place of another. LabError when the name
    is none, or the lab is read-only."""
    if not NAME.fullmatch(name):
        raise LabError(f"{name!r} is no name for a query", "small letters, digits, dots and dashes; 40 at most")
    with lab.writing() as connection:
        replaced = _remove(connection, name, [kind, *kinds])
        connection.execute(
            insert(table(SavedQuery)).values(kind=kind, name=name, text=text, author=author, created_at=now())
        )
    return replaced


def forget(lab: Lab, name: str, kinds: Sequence[str]) -> None:
    """Let a name go. LabError when no query of these kinds is kept under it."""
    with lab.writing() as connection:
        if not _remove(connection, name, kinds):
            raise LabError(f"no query is kept as {name!r}", "`o1coder sql --list`, `o1coder datasets saved` show them")


def _remove(connection: Connection, name: str, kinds: Sequence[str]) -> bool:
    here = table(SavedQuery)
    done = connection.execute(delete(here).where(here.c.name == name, here.c.kind.in_(list(kinds))))
    return done.rowcount > 0
