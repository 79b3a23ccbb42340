"""SQL that a person writes: asked of the lab read-only, in a process of its own, with a time limit that may be cut short.

`Asking(home, text).answer()` waits in the caller's thread; `cancel()` from another ends it at once. What went wrong is said
in plain words, with its line and column and what was perhaps meant. What may pass at all is sqlroom.py's to say.
"""

from __future__ import annotations

import difflib
import json
import marshal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from o1coder import db
from o1coder.errors import LabError
from o1coder.lab import DATABASE

LIMIT_S = 20.0
ROWS = 10_000
MOST_ROWS = 1_000_000
GRACE_S = 2.0  # for a process to start and to say so itself
ROOM = Path(__file__).with_name("sqlroom.py")
HINT = f"one statement that reads; it may take {LIMIT_S:.0f} s and gives {ROWS} rows at most"


class Result(NamedTuple):
    """What came of a query. `types`: integer, real, text, blob, null or mixed, by what each column holds. `cut`: rows or
    bytes, where there was more than is given."""

    columns: list[str]
    types: list[str]
    rows: list[tuple[Any, ...]]
    cut: str | None
    took_ms: float


class Asking:
    """One query under way."""

    def __init__(self, home: Path, text: str, *, timeout_s: float = LIMIT_S, most: int = ROWS) -> None:
        self.text = text
        self.timeout_s = timeout_s
        self._asked = {
            "file": str(home.resolve() / DATABASE),
            "driver": db.driver()[0].__name__,
            "query": text,
            "timeout_s": timeout_s,
            "most": most,
        }
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self.cancelled = False

    def answer(self) -> Result:
        """The rows. LabError says what is wrong with the query, or that it was stopped."""
        began = time.monotonic()
        with self._lock:
            if self.cancelled:
                raise LabError("the query was stopped")
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(ROOM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
        try:
            out, err = self._process.communicate(_sent(self._asked), self.timeout_s + GRACE_S)
        except subprocess.TimeoutExpired as error:
            self._end()
            raise self._late() from error
        except BaseException:
            self._end()
            raise
        if self.cancelled:
            raise LabError("the query was stopped")
        if self._process.returncode != 0:
            if self._process.returncode < 0 or b"MemoryError" in err:
                raise LabError("the query failed: it took more memory or time than it may have", HINT)
            raise RuntimeError(err.decode("utf-8", "replace"))
        found = marshal.loads(out)
        if "error" in found:
            raise self._late() if found["error"] == "late" else explained(self.text, found)
        rows = found["rows"]
        types = [_type(row[n] for row in rows) for n in range(len(found["columns"]))]
        return Result(_distinct(found["columns"]), types, rows, found["cut"], (time.monotonic() - began) * 1000)

    def cancel(self) -> None:
        """Stop it; `answer` says so."""
        with self._lock:
            self.cancelled = True
            if self._process is not None:
                self._process.kill()

    def _end(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.communicate()

    def _late(self) -> LabError:
        return LabError(
            f"the query failed: it took too long (more than {self.timeout_s:g} s)",
            "ask for less, or give it more time with --timeout",
        )


def _sent(asked: Mapping[str, Any]) -> bytes:
    return json.dumps(asked).encode("utf-8", "surrogatepass")


def explained(text: str, found: Mapping[str, Any]) -> LabError:
    """An error of SQLite in plain words: where it lies, what was perhaps meant."""
    said, at = str(found["error"]), found.get("at")
    names: Mapping[str, Sequence[str]] = found.get("names") or {}
    functions, names = names.get("", ()), {table: columns for table, columns in names.items() if table}
    where = "" if at is None else f"{_line_and_column(text, at)}: "
    if said == "empty":
        return LabError("the query failed: there is no statement in it", HINT)
    if said == "memory" or "out of memory" in said or "too big" in said:
        return LabError(
            "the query failed: a value or a sort needs more memory than it may have", "take substr(…) of it"
        )
    if any(word in said for word in ("not authorized", "authorization denied", "prohibited", "readonly")):
        return LabError("the query failed: only reading is allowed here", HINT)
    if "one statement" in said:
        return LabError("the query failed: these are several statements", HINT)
    if "locked" in said:
        return LabError("the query failed: another process keeps the database locked", "try again in a moment")
    if said.startswith("unrecognized token"):
        return LabError(f"the query failed: {where}{said}", "texts stand between single quotation marks: 'so'")
    if said == "incomplete input":
        return LabError(f"the query failed: {where}it ends in the midst of a statement", "close what is open")
    missing, _, name = said.partition(": ")
    if missing in ("no such table", "no such column", "no such function"):
        name = name.split(" - ")[0]
        known: Sequence[str] = {
            "no such table": list(names),
            "no such column": _columns(text, names),
            "no such function": functions,
        }[missing]
        word = name.rpartition(".")[2].lower()
        near = difflib.get_close_matches(word, known, 3, 0.6) or [one for one in known if one.startswith(word)][:3]
        meant = f"did you mean {' or '.join(near)}?" if near else _listed(missing, known)
        return LabError(f"the query failed: {where}there is {missing.replace('no such', 'no')} {name}", meant)
    return LabError(f"the query failed: {where}{said}", HINT)


def _columns(text: str, names: Mapping[str, Sequence[str]]) -> list[str]:
    """The columns of the tables that a query speaks of; of all, where it names none."""
    words = {word.lower() for word in text.replace(",", " ").replace("(", " ").replace(")", " ").split()}
    spoken = [table for table in names if table in words] or list(names)
    return list(dict.fromkeys(column for table in spoken for column in names[table]))


def _listed(missing: str, known: Sequence[str]) -> str:
    return f"{missing.rpartition(' ')[2]}s: {', '.join(known[:40])}" if known else HINT


def _line_and_column(text: str, at: int) -> str:
    before = text[:at]
    line = before.count("\n") + 1
    column = at - (before.rfind("\n") + 1) + 1
    return f"column {column}" if "\n" not in text.strip() and line == 1 else f"line {line}, column {column}"


_KINDS = {int: "integer", float: "real", str: "text", bytes: "blob"}


def _type(values: Any) -> str:
    kinds = {_KINDS[type(value)] for value in values if value is not None}
    if kinds == {"integer", "real"}:
        return "real"
    return "null" if not kinds else kinds.pop() if len(kinds) == 1 else "mixed"


def _distinct(names: Sequence[str]) -> list[str]:
    """Column names as keys of an object: the second `n` is `n_2`."""
    out: list[str] = []
    for name in names:
        number, key = 1, name
        while key in out:
            number += 1
            key = f"{name}_{number}"
        out.append(key)
    return out
