"""Values as lines for people: model text cannot move the cursor, ring or write to the clipboard. It prints nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any


def harmless(text: str) -> str:
    """Text without control bytes that a terminal would obey; they are shown, as ␛ or \\u009b. Tabs and line ends stay."""
    if text.isprintable():
        return text
    return "".join(
        c if c in "\n\t" or c.isprintable() else chr(0x2400 + ord(c)) if ord(c) < 32 else f"\\u{ord(c):04x}"
        for c in text
    )


def cell(item: Any) -> str:
    """One value as a person reads it."""
    if item is None:
        return "-"
    if isinstance(item, bool):
        return "yes" if item else "no"
    if isinstance(item, float):
        return f"{item:.3g}"
    if isinstance(item, bytes):
        return f"0x{item.hex()}"
    if isinstance(item, (Mapping, list, tuple)):
        return json.dumps(item, ensure_ascii=False, default=str)
    return str(item)


def fields(found: Mapping[str, Any]) -> list[str]:
    """An object's fields, a line each."""
    return [f"{name}: {cell(item)}" for name, item in found.items()]


def aligned(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[str]:
    """Rows under their columns' names, a line each."""
    cells = [[harmless(cell(row[c])).replace("\n", " ").replace("\t", " ") for c in columns] for row in rows]
    widths = [max([len(c), *(len(line[i]) for line in cells)]) for i, c in enumerate(columns)]
    return [
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in [list(columns), *cells]
    ]
