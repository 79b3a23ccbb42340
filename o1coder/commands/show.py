"""How a command's value is printed: one JSON value, or lines for people. Model text is made harmless on the way."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any

from o1coder.cli import home_of
from o1coder.errors import LabError
from o1coder.lab import Lab


def open_lab(options: Namespace, *, write: bool = False) -> Lab:
    """The lab a command works on. LabError when it needs to write and may not."""
    readonly = getattr(options, "readonly", False)
    if write and readonly:
        raise LabError("the lab is open read-only", "leave --readonly away to write")
    return Lab(home_of(options), readonly=readonly)


def as_json(options: Namespace) -> bool:
    return bool(getattr(options, "json", False))


def harmless(text: str) -> str:
    """Text without control bytes that a terminal would obey; they are shown as ␛-like pictures."""
    return "".join(
        c if c == "\n" or c.isprintable() else (chr(0x2400 + ord(c)) if ord(c) < 32 else f"\\u{ord(c):04x}")
        for c in text
    )


def value(options: Namespace, found: Any, lines: Sequence[str] | None = None) -> None:
    """Print `found` as JSON with --json, else `lines` (or the value's own fields, a line each)."""
    if as_json(options):
        json.dump(found, sys.stdout, ensure_ascii=False)
        print()
    elif lines is not None:
        for line in lines:
            print(harmless(line))
    elif isinstance(found, Mapping):
        for name, item in found.items():
            print(harmless(f"{name}: {cell(item)}"))
    else:
        print(harmless(str(found)))


def table(
    options: Namespace, rows: Sequence[Mapping[str, Any]], columns: Sequence[str], empty: str = "nothing"
) -> None:
    """Print rows as a JSON array, or as aligned columns."""
    if as_json(options):
        json.dump([dict(row) for row in rows], sys.stdout, ensure_ascii=False)
        print()
        return
    if not rows:
        print(empty)
        return
    cells = [[harmless(cell(row[c])).replace("\n", " ") for c in columns] for row in rows]
    widths = [max(len(c), *(len(line[i]) for line in cells)) for i, c in enumerate(columns)]
    for line in [list(columns), *cells]:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def cell(item: Any) -> str:
    """One value as a person reads it."""
    if item is None:
        return "-"
    if isinstance(item, bool):
        return "yes" if item else "no"
    if isinstance(item, float):
        return f"{item:.3g}"
    if isinstance(item, (Mapping, list, tuple)):
        return json.dumps(item, ensure_ascii=False)
    return str(item)


def note(text: str) -> None:
    """Progress and remarks: stderr, so that stdout stays one value."""
    print(harmless(text), file=sys.stderr, flush=True)
