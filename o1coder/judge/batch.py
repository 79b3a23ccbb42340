"""`judge --batch`: JSON lines in, one dictionary a line out, in the same order.

    {"id", "code", "stdin" + "expected" | "fn_name" + "args" + "expected" | "check" or "asserts" + "entry_point",
     optional "comparator" (a name, or {"name", "args"}), "cpu_s", "memory_mb"}

Every line is read and checked before the first is judged; nothing is written here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from ..errors import LabError
from ..task import Case, Comparator, Limits
from .compare import TEXT, TYPED
from .pool import Judge
from .question import Question

CHUNK = 256
FIELDS = {
    "id", "code", "stdin", "expected", "fn_name", "args", "check", "asserts", "entry_point", "comparator", "cpu_s",
    "memory_mb",
}  # fmt: skip
HINT = (
    'a line has "id" and "code", and "stdin" + "expected", "fn_name" + "args" + "expected", '
    'or "check" / "asserts" + "entry_point"'
)


class Wrong(ValueError):
    """What is wrong with one line."""


def batch(lines: Iterable[str], judge: Judge | None = None) -> Iterator[dict[str, Any]]:
    """Verdicts as {"id", "verdict", "cpu_ms", "wall_ms", "memory_kb", "detail"}. LabError names the line that is wrong.

    Without `judge` one is started for the purpose."""
    questions = [read(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if judge is not None:
        yield from run(questions, judge)
        return
    with Judge() as own:
        yield from run(questions, own)


def run(questions: list[tuple[Any, Question]], judge: Judge) -> Iterator[dict[str, Any]]:
    """Judge in chunks, so that results come while there is more to do."""
    for start in range(0, len(questions), CHUNK):
        chunk = questions[start : start + CHUNK]
        for (name, _), verdict in zip(chunk, judge.judge([question for _, question in chunk]), strict=True):
            yield {
                "id": name,
                "verdict": verdict.code,
                "cpu_ms": verdict.cpu_ms,
                "wall_ms": verdict.wall_ms,
                "memory_kb": verdict.memory_kb,
                "detail": verdict.detail,
            }


def read(number: int, line: str) -> tuple[Any, Question]:
    """(id, question) of one line."""
    try:
        row = json.loads(line)
        if type(row) is not dict:
            raise Wrong("not a JSON object")
        return row.get("id"), question_of(row)
    except ValueError as error:
        raise LabError(f"line {number}: {error}", HINT) from None


def question_of(row: dict[str, Any]) -> Question:
    """The question that a line asks. Wrong says what is missing or of the wrong type."""
    unknown = sorted(set(row) - FIELDS)
    if unknown:
        raise Wrong(f"unknown field {unknown[0]!r}")
    code, limits = text(row, "code"), limits_of(row)
    if "id" not in row:
        raise Wrong('there is no "id"')
    kinds = [kind for kind, field in (("stdio", "stdin"), ("call", "fn_name")) if field in row]
    kinds += ["assert"] if "check" in row or "asserts" in row else []
    if len(kinds) != 1:
        raise Wrong('it needs exactly one of "stdin", "fn_name", "check" / "asserts"')
    if kinds[0] == "stdio":
        case = Case("", text(row, "stdin"), text(row, "expected"))
        return Question(code, "stdio", case, None, comparator_of(row, "tokens", list(TEXT)), limits)
    if kinds[0] == "call":
        if type(row.get("args")) is not list:
            raise Wrong('"args" must be an array')
        if "expected" not in row:
            raise Wrong('there is no "expected"')
        case = Case("", json.dumps(row["args"]), json.dumps(row["expected"]))
        return Question(code, "call", case, text(row, "fn_name"), comparator_of(row, "typed", list(TYPED)), limits)
    return Question(code, "assert", Case("", checks_of(row), ""), text(row, "entry_point"), Comparator("typed"), limits)


def checks_of(row: dict[str, Any]) -> str:
    """The source of the checks."""
    if "check" in row:
        return text(row, "check")
    asserts = row["asserts"]
    if type(asserts) is list and asserts and all(type(one) is str for one in asserts):
        return "\n".join(asserts)
    return text(row, "asserts")


def comparator_of(row: dict[str, Any], default: str, allowed: list[str]) -> Comparator:
    """The comparator that a line names."""
    given = row.get("comparator") or default
    name, args = (given.get("name"), given.get("args") or {}) if type(given) is dict else (given, {})
    if name not in allowed:
        raise Wrong(f"no comparator {name!r} for this kind; there are {', '.join(allowed)}")
    if type(args) is not dict:
        raise Wrong("a comparator's args must be an object")
    return Comparator(name, args)


def limits_of(row: dict[str, Any]) -> Limits:
    """The limits that a line sets, or the usual ones."""
    usual = Limits()
    cpu_s, memory_mb = row.get("cpu_s") or usual.cpu_s, row.get("memory_mb") or usual.memory_mb
    if type(cpu_s) not in (int, float) or not 0 < cpu_s <= 3600:
        raise Wrong('"cpu_s" must be a number of seconds up to 3600')
    if type(memory_mb) is not int or not 16 <= memory_mb <= 1 << 20:
        raise Wrong('"memory_mb" must be a whole number from 16')
    return Limits(float(cpu_s), memory_mb)


def text(row: dict[str, Any], field: str) -> str:
    """A field that must be text."""
    if type(row.get(field)) is not str:
        raise Wrong(f'"{field}" must be text')
    return str(row[field])
