"""Rows of a file that others wrote: JSONL or one JSON array, plain or gzip, read strictly and one at a time.

Whatever is wrong with a row makes it a `Rejected` with its number and the reason, and reading goes on: not UTF-8, not
JSON, no object, a key twice, NaN, integers of thousands of digits, lone surrogates (no database can store them), too
long, cut off. Only a file that cannot be opened, or an array that cannot be parsed, is an error. What a row means is
for the importer of its format; Parquet, Arrow and zst files are not read.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple, NoReturn

from o1coder.errors import LabError
from o1coder.problems.record import NewProblem, Rejected

MAX_ROW_BYTES = 64 << 20
MAX_DIGITS = 4300  # of an integer: beyond it Python itself refuses to print the number
_BOM = b"\xef\xbb\xbf"


class Unfit(ValueError):
    """Why a row cannot be a problem."""


class Row(NamedTuple):
    """One JSON object with its number: the line in a JSONL file, the place in an array; both from 1."""

    number: int
    value: dict[str, Any]


def problems(
    path: Path, key: str, problem_of: Callable[[dict[str, Any]], NewProblem]
) -> Iterator[NewProblem | Rejected]:
    """Each row as the problem that `problem_of` makes of it; Unfit, or a `key` seen before, rejects the row."""
    seen: dict[str, int] = {}
    for item in json_rows(path):
        if isinstance(item, Rejected):
            yield item
            continue
        name = str(item.value.get(key, ""))
        if not _storable(item.value):
            yield Rejected(item.number, ascii(name)[1:-1], "a lone surrogate, which is no text that can be stored")
        elif name in seen:
            yield Rejected(item.number, name, f"the {key} of row {seen[name]} again")
        else:
            if name:
                seen[name] = item.number
            try:
                yield problem_of(item.value)
            except Unfit as error:
                yield Rejected(item.number, name, str(error))


def json_rows(path: Path) -> Iterator[Row | Rejected]:
    """The objects of a file in order. LabError when it cannot be opened, or is an array that is not JSON."""
    with _opened(path) as handle:
        head = handle.peek(64).removeprefix(_BOM).lstrip()[:1]  # type: ignore[attr-defined]
        if head == b"[":
            yield from _array(path, handle)
        else:
            yield from _lines(handle)


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        plain = path.open("rb")
    except OSError as error:
        raise LabError(
            f"{path} cannot be read: {error.strerror}", "name a file that is there and that you may read"
        ) from error
    with plain:
        if plain.peek(2)[:2] != b"\x1f\x8b":
            yield plain
            return
        with gzip.open(plain, "rb") as unpacked:
            try:
                unpacked.peek(1)
            except (OSError, EOFError, zlib.error) as error:
                raise LabError(f"{path} cannot be unpacked: {error}", "fetch the file again") from error
            yield unpacked  # type: ignore[misc]


def _array(path: Path, handle: IO[bytes]) -> Iterator[Row | Rejected]:
    try:
        found = _parse(handle.read().removeprefix(_BOM))
    except (Unfit, OSError, EOFError, zlib.error) as error:
        raise LabError(f"{path} is no JSON array: {error}", "mend the file, or write one object a line") from error
    for number, value in enumerate(found, start=1):
        yield Row(number, value) if isinstance(value, dict) else Rejected(number, "", "not a JSON object")


def _lines(handle: IO[bytes]) -> Iterator[Row | Rejected]:
    number = 0
    while True:
        number += 1
        try:
            line = handle.readline(MAX_ROW_BYTES)
            whole = len(line) < MAX_ROW_BYTES or line.endswith(b"\n")
            while not whole and not (rest := handle.readline(MAX_ROW_BYTES)).endswith(b"\n") and rest:
                continue
        except (OSError, EOFError, zlib.error) as error:
            yield Rejected(number, "", f"the file is damaged or cut off from here on: {error}")
            return
        if not line:
            return
        if not whole:
            yield Rejected(number, "", f"longer than {MAX_ROW_BYTES >> 20} MB")
            continue
        text = line.removeprefix(_BOM) if number == 1 else line
        if not text.strip():
            continue
        try:
            value = _parse(text)
        except Unfit as error:
            end = "" if line.endswith(b"\n") else "; the file ends within this row"
            yield Rejected(number, "", f"{error}{end}")
            continue
        yield Row(number, value) if isinstance(value, dict) else Rejected(number, "", "not a JSON object")


def _parse(data: bytes) -> Any:
    try:
        return json.loads(
            data.decode("utf-8"), object_pairs_hook=_no_repeats, parse_constant=_no_constant, parse_int=_integer
        )
    except UnicodeDecodeError as error:
        raise Unfit(f"not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise Unfit(f"not JSON: {error.msg} at character {error.pos}") from error
    except RecursionError as error:
        raise Unfit("nested too deeply") from error


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        again = next(name for name in names if names.count(name) > 1)
        raise Unfit(f"the field {again!r} stands there twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise Unfit(f"{name} is no JSON value")


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise Unfit(f"an integer of {len(digits)} digits")
    return int(digits)


def _storable(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
