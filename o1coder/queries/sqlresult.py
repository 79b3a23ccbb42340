"""The rows of a query as text for other programs: CSV, tab-separated, JSON or JSON lines, by the name of the file.

The values are as they are in the database: what is made harmless for a terminal is not changed here. Blobs are hexadecimal
digits, what JSON has no word for (infinity, NaN) is null.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from o1coder.errors import LabError
from o1coder.queries.sqltext import Result

FORMATS = ("csv", "tsv", "json", "jsonl")


def written(result: Result, form: str) -> Iterator[str]:
    """The pieces of a text in one of FORMATS. LabError when there is no such form."""
    if form in ("csv", "tsv"):
        yield from _separated(result, "," if form == "csv" else "\t")
    elif form == "jsonl":
        for row in result.rows:
            yield _object(result, row) + "\n"
    elif form == "json":
        for number, row in enumerate(result.rows):
            yield ("[\n" if number == 0 else ",\n") + _object(result, row)
        yield "\n]\n" if result.rows else "[]\n"
    else:
        raise LabError(f"no way of writing rows is named {form!r}", f"end the file's name in .{', .'.join(FORMATS)}")


def write(result: Result, file: Path) -> None:
    """Write the rows to a new file in the form that its name ends in. LabError when it exists or cannot be written."""
    form = file.suffix.removeprefix(".").lower()
    pieces = written(result, form if form in FORMATS else file.name)
    first = next(pieces, "")
    try:
        with file.open("x", encoding="utf-8", newline="") as handle:
            handle.write(first)
            handle.writelines(pieces)
    except FileExistsError as error:
        raise LabError(f"{file} exists already", "name a file that does not exist yet") from error
    except OSError as error:
        raise LabError(
            f"{file} cannot be written: {error.strerror}", "name a file in a folder you may write"
        ) from error


def plain_value(value: Any) -> Any:
    """A value as JSON takes it."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _object(result: Result, row: tuple[Any, ...]) -> str:
    return json.dumps(dict(zip(result.columns, map(plain_value, row), strict=True)), ensure_ascii=False)


def _separated(result: Result, mark: str) -> Iterator[str]:
    for row in (result.columns, *result.rows):
        line = io.StringIO()
        csv.writer(line, delimiter=mark, lineterminator="\n").writerow([_word(value) for value in row])
        yield line.getvalue()


def _word(value: Any) -> Any:
    return "" if value is None else value.hex() if isinstance(value, bytes) else value
