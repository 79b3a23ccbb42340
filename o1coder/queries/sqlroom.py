"""The program in which one query of a person's runs, in a process of its own: `python -P sqlroom.py < asked > answer`.

It stands alone (standard library, and the driver it is told to use), so that it starts at once, can be killed in the
midst of a function that no handler interrupts, and can take neither the caller's memory nor its interpreter lock. The
database is opened read-only and `query_only`, an authorizer lets nothing pass but reading, memory, file sizes, time, rows
and bytes of the answer are bounded. `asked` is a JSON object, the answer marshalled: {"columns", "rows", "cut"} or
{"error", …}. What an error means in plain words is sqltext.py's to say.
"""

from __future__ import annotations

import importlib
import json
import marshal
import re
import resource
import sys
import time
from pathlib import Path
from typing import Any

MEMORY = 1 << 30
FILES = 1 << 31  # of one temporary file: a sort of what does not end
BYTES = 64 << 20  # of an answer
EVERY = 10_000  # instructions between two looks at the clock
LOCKED_MS = 5_000

READS = ("SQLITE_SELECT", "SQLITE_READ", "SQLITE_FUNCTION", "SQLITE_RECURSIVE")
PRAGMAS = {"data_version", "foreign_key_list", "index_info", "index_list", "table_info", "table_list", "table_xinfo"}
FORBIDDEN = {"load_extension", "fts3_tokenizer"}
_NEAR = re.compile(r'near "(.*)": syntax error', re.S)
_TOKEN = re.compile(r'unrecognized token: "(.*)"', re.S)
_NAMED = re.compile(r"no such (?:column|table|function): (.*)|ambiguous column name: (.*)", re.S)


def main() -> None:
    """Read what is asked, answer it."""
    asked = json.loads(sys.stdin.buffer.read())
    for what, most in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, FILES),
        (resource.RLIMIT_CPU, int(asked["timeout_s"]) + 5),
    ):
        hard = resource.getrlimit(what)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))
    module = importlib.import_module(asked["driver"])
    found = answer(module, asked["file"], asked["query"], asked["timeout_s"], asked["most"])
    sys.stdout.buffer.write(marshal.dumps(found))


def answer(module: Any, file: str, query: str, timeout_s: float, most: int) -> dict[str, Any]:
    """The rows of a query over a database file, or why there are none."""
    connection: Any = None
    late = False

    def clock() -> int:
        nonlocal late
        late = time.monotonic() > end
        return int(late)

    end = time.monotonic() + timeout_s
    try:
        connection = opened(module, file)
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        connection.execute("PRAGMA query_only=ON")
        connection.set_progress_handler(clock, EVERY)
        connection.set_authorizer(_only_reads(module))
        cursor = connection.execute(query)
        if cursor.description is None:
            return {"error": "empty"}
        rows, cut = _fetched(cursor, most)
        return {"columns": [column[0] for column in cursor.description], "rows": rows, "cut": cut}
    except MemoryError:
        return {"error": "memory"}
    except (module.Error, module.Warning) as error:
        said = str(error)
        if late or said == "interrupted":
            return {"error": "late"}
        if connection is None:
            return {"error": said}
        connection.set_progress_handler(None, 0)
        return {"error": said, "at": _place(module, connection, query, said), "names": _names(module, connection)}
    except (UnicodeEncodeError, ValueError, OverflowError) as error:  # a zero byte, half of a surrogate pair, too long
        return {"error": str(error)}


def opened(module: Any, file: str) -> Any:
    """A read-only connection; a file whose folder cannot be written, and that nobody has open, is read as it lies."""
    quoted = file.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    options = {"uri": True, "isolation_level": None, "timeout": LOCKED_MS / 1000}
    connection = module.connect(f"file:{quoted}?mode=ro", **options)
    try:
        connection.execute("PRAGMA schema_version").fetchone()
    except module.OperationalError:
        if Path(f"{file}-wal").exists():
            raise
        connection.close()
        connection = module.connect(f"file:{quoted}?mode=ro&immutable=1", **options)
    return connection


def _only_reads(module: Any) -> Any:
    reads = {getattr(module, name) for name in READS}

    def allow(action: int, first: str | None, second: str | None, *_: str | None) -> int:
        if action == module.SQLITE_FUNCTION and (second or "").lower() in FORBIDDEN:
            return int(module.SQLITE_DENY)
        if action in reads or (action == module.SQLITE_PRAGMA and first in PRAGMAS):
            return int(module.SQLITE_OK)
        return int(module.SQLITE_DENY)

    return allow


def _fetched(cursor: Any, most: int) -> tuple[list[tuple[Any, ...]], str | None]:
    rows: list[tuple[Any, ...]] = []
    held = 0
    for row in cursor:
        held += sum(len(value) if isinstance(value, (str, bytes)) else 8 for value in row)
        if len(rows) == most:
            return rows, "rows"
        if held > BYTES:
            return rows, "bytes"
        rows.append(row)
    return rows, None


def _place(module: Any, connection: Any, query: str, said: str) -> int | None:
    """Where in the query an error lies, as an offset; None where it cannot be told."""
    if said == "incomplete input":
        return len(query.rstrip())
    near = _NEAR.fullmatch(said)
    if near is not None:  # the parser looks one word ahead: the shortest beginning that fails alike ends with that word
        for found in re.finditer(re.escape(near[1]), query):
            if _complains(module, connection, query[: found.end()]) == said:
                return found.start()
        return None
    token = _TOKEN.fullmatch(said)
    if token is not None:
        return max(0, query.find(token[1]))
    named = _NAMED.fullmatch(said)
    if named is not None:
        name = (named[1] or named[2]).split(" - ")[0]
        word = re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", query, re.I)
        return None if word is None else word.start()
    return None


def _complains(module: Any, connection: Any, text: str) -> str:
    try:
        connection.execute("EXPLAIN " + text)
    except (module.Error, module.Warning) as error:
        return str(error)
    return ""


def _names(module: Any, connection: Any) -> dict[str, list[str]]:
    """The tables and their columns, and under the name "" the functions, for saying what was perhaps meant."""
    connection.set_authorizer(None)
    try:
        found = connection.execute(
            "SELECT m.name, i.name FROM sqlite_master m JOIN pragma_table_info(m.name) i WHERE m.type = 'table' "
            "AND m.name NOT LIKE 'sqlite%' AND m.name NOT LIKE '%\\_fts\\_%' ESCAPE '\\' ORDER BY 1, i.cid"
        )
        out: dict[str, list[str]] = {}
        for table, column in found:
            out.setdefault(table, []).append(column)
        out[""] = [row[0] for row in connection.execute("SELECT DISTINCT name FROM pragma_function_list ORDER BY 1")]
        return out
    except module.Error:
        return {}


if __name__ == "__main__":
    main()
