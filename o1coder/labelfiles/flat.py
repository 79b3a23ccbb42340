"""One label a row, as JSON lines or CSV with the same columns: step, value, author, reason, category, taken_ms, at; and for
people to read problem, action and text, which are not read back.

A row whose value is empty is a task that nobody answered: it says nothing, and is no fault.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from o1coder.errors import LabError
from o1coder.labelfiles.record import Chain, Rejected, Said
from o1coder.problems.lines import json_rows

COLUMNS = ("step", "value", "author", "reason", "category", "taken_ms", "at", "problem", "action", "text")
VALUES = ("valid", "invalid", "unsure")


def write(chains: Iterable[Chain]) -> Iterator[dict[str, Any]]:
    """A row a label; of a chain that nobody labelled, a row a step. A step stands in one row, however many chains share it."""
    seen: set[tuple[str | None, str]] = set()
    for chain in chains:
        for link in chain.links:
            if (chain.author, link.name) in seen or (chain.author is not None and link.value is None):
                continue
            seen.add((chain.author, link.name))
            said = (link.value, chain.author, link.reason, link.category, link.taken_ms, chain.at)
            about = (chain.statement, link.action, link.text)
            yield dict(zip(COLUMNS, (link.name, *said, *about), strict=True))


def read(path: Path) -> Iterator[Said | Rejected]:
    """The labels of JSON lines."""
    for row in json_rows(path):
        if isinstance(row, Rejected):
            yield row
        elif (said := _said(row.number, row.value)) is not None:
            yield said


def read_csv(path: Path) -> Iterator[Said | Rejected]:
    """The labels of a CSV file with a header. LabError when it cannot be read, or has no such columns."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            table = csv.DictReader(handle)
            if not {"step", "value"} <= set(table.fieldnames or ()):
                raise LabError(f"{path} has no columns step and value", f"columns: {', '.join(COLUMNS)}")
            for row in table:
                said = _said(table.line_num, {name: text for name, text in row.items() if text})
                if said is not None:
                    yield said
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LabError(f"{path} cannot be read: {error}", "name a CSV file in UTF-8") from error


def _said(number: int, row: dict[str, Any]) -> Said | Rejected | None:
    step, value, taken = row.get("step"), row.get("value"), row.get("taken_ms")
    if value in (None, ""):
        return None
    if value not in VALUES:
        return Rejected(number, str(step or ""), f"the value {value!r} is none of {', '.join(VALUES)}")
    if isinstance(step, bool) or not isinstance(step, (str, int)) or step == "":
        return Rejected(number, "", "it names no step")
    if taken is not None and not (str(taken).isascii() and str(taken).isdecimal()):
        return Rejected(number, str(step), f"taken_ms {taken!r} is no number of milliseconds")
    for name in ("author", "reason", "category", "at"):
        if row.get(name) is not None and not isinstance(row[name], str):
            return Rejected(number, str(step), f"{name} is no text")
    author, reason, category, at = (row.get(name) or None for name in ("author", "reason", "category", "at"))
    milliseconds = None if taken is None else int(taken)
    return Said(number, value, str(step), author=author, reason=reason, category=category, taken_ms=milliseconds, at=at)
