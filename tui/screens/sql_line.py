"""The line in which SQL is typed: tab completes tables and columns, up and down give what was typed before. It runs nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tui.widgets.entry import Entry

_BEFORE = re.compile(r"(?:(\w+)\.)?(\w*)$")
_NAMED = re.compile(r"\b(?:from|join)\s+(\w+)(?:\s+(?:as\s+)?(\w+))?", re.I)


def candidates(before: str, whole: str, tables: Mapping[str, Sequence[str]]) -> tuple[str, list[str]]:
    """(the beginning of the word at the end of `before`, what it may become): columns of the table or alias before a dot
    (of all, where it is not known yet); else tables after from and join; else columns of the tables that the query names,
    and all tables."""
    found = _BEFORE.search(before)
    owner, start = (found[1], found[2]) if found else (None, "")
    named = {alias.lower(): table.lower() for table, name in _NAMED.findall(whole) for alias in (table, name) if alias}
    every = list(dict.fromkeys(column for columns in tables.values() for column in columns))
    if owner:
        words = list(tables.get(named.get(owner.lower(), owner.lower()), every))
    elif re.search(r"\b(?:from|join)\s+\w*$", before, re.I):
        words = list(tables)
    else:
        spoken = dict.fromkeys(table for table in named.values() if table in tables)
        words = [*dict.fromkeys(column for table in spoken for column in tables[table]), *tables]
    return start, [word for word in words if word.lower().startswith(start.lower())]


class SqlLine(Entry):
    """The line; `tables`: the columns of each table."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.tables: Mapping[str, Sequence[str]] = {}

    def completions(self) -> tuple[str, Sequence[str]]:
        return candidates(self.value[: self.cursor_position], self.value, self.tables)
