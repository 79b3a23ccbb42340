"""How a command's value is printed: one JSON value, or lines for people. Model text is made harmless on the way."""

from __future__ import annotations

import json
import math
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from o1coder.cli import home_of
from o1coder.commands import plain
from o1coder.errors import LabError

if TYPE_CHECKING:
    from o1coder.lab import Lab


def open_lab(options: Namespace, *, write: bool = False) -> Lab:
    """The lab a command works on. LabError when it needs to write and may not."""
    readonly = getattr(options, "readonly", False)
    if write and readonly:
        raise LabError("the lab is open read-only", "leave --readonly away to write")
    from o1coder.lab import Lab

    return Lab(home_of(options), readonly=readonly)


def as_json(options: Namespace) -> bool:
    """Was --json given?"""
    return bool(getattr(options, "json", False))


def value(options: Namespace, found: Any, lines: Sequence[str] | None = None) -> None:
    """Print `found` as JSON with --json, else `lines` (or the value's own fields, a line each)."""
    if as_json(options):
        _print_json(found)
        return
    for line in lines if lines is not None else plain.fields(found):
        print(plain.harmless(line))


def table(
    options: Namespace, rows: Sequence[Mapping[str, Any]], columns: Sequence[str], empty: str = "nothing"
) -> None:
    """Print rows as a JSON array, or as aligned columns."""
    if as_json(options):
        _print_json([dict(row) for row in rows])
        return
    for line in plain.aligned(rows, columns) if rows else [empty]:
        print(line)


def note(text: str) -> None:
    """Progress and remarks: stderr, so that stdout stays one value."""
    print(plain.harmless(text), file=sys.stderr, flush=True)


def text_of(word: str | Path) -> str:
    """The text of a file, or of standard input for `-`. LabError when it cannot be read or is not UTF-8."""
    try:
        raw = sys.stdin.buffer.read() if str(word) == "-" else Path(word).read_bytes()
        return raw.decode("utf-8")
    except OSError as error:
        raise LabError(
            f"{word} cannot be read: {error.strerror}", "name a text file, or - for standard input"
        ) from error
    except UnicodeDecodeError as error:
        raise LabError(f"{word} cannot be read: it is not UTF-8 (byte {error.start})", "name a text file") from error


def _print_json(found: Any) -> None:
    try:
        text = json.dumps(found, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):
        text = json.dumps(_jsonable(found), ensure_ascii=False, allow_nan=False)
    print(text)


def _jsonable(item: Any) -> Any:
    """What JSON has no word for: infinities and NaN are null, bytes their hexadecimal digits, paths and others their text."""
    if isinstance(item, Mapping):
        return {str(name): _jsonable(one) for name, one in item.items()}
    if isinstance(item, (list, tuple)):
        return [_jsonable(one) for one in item]
    if isinstance(item, float):
        return item if math.isfinite(item) else None
    if isinstance(item, bytes):
        return item.hex()
    return item if item is None or isinstance(item, (str, int)) else str(item)
