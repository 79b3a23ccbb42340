"""`judge --batch`: JSON lines in, one dictionary a line out, in the same order, each as soon as it is known.

    {"id", "code", "stdin" + "expected" | "fn_name" + "args" + "expected" | "check" or "asserts" + "entry_point",
     optional "comparator" (a name, or {"name", "args"}), "cpu_s", "memory_mb"}

Every line is read and checked before the first is judged, and read again when its turn comes: lines that can be gone
through twice are never all in memory here. Nothing is written here, and nothing is remembered: cache.py
does that where it is wanted.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from functools import lru_cache
from typing import Any

from ..errors import LabError
from ..task import Case, Comparator, Kind, Limits
from .compare import comparator_for
from .inside.values import Unpassable, decode
from .pool import Judge
from .question import Question, Verdict
from .typed import check
from .typed import read as read_typed

FIELDS = {
    "id", "code", "stdin", "expected", "fn_name", "args", "check", "asserts", "entry_point", "comparator", "cpu_s",
    "memory_mb",
}  # fmt: skip
HINT = (
    'a line has "id" and "code", and "stdin" + "expected", "fn_name" + "args" + "expected", '
    'or "check" / "asserts" + "entry_point"'
)
CPU_S, MEMORY_MB = 3600, 1 << 20  # the most that a line may ask for


class Wrong(ValueError):
    """What is wrong with one line, and what to do."""

    def __init__(self, message: str, hint: str = HINT) -> None:
        super().__init__(message)
        self.hint = hint


def batch(
    lines: Iterable[str], judge: Judge | None = None, stop_early: bool = False, unsafe: bool = False
) -> Generator[dict[str, Any], None, None]:
    """Verdicts as {"id", "verdict", "cpu_ms", "wall_ms", "memory_kb", "detail", "layer"}. LabError names the line that is
    wrong.

    Without `judge` one is started for the purpose, after all lines were found to be right; `unsafe` is for that one.
    `stop_early`: after a program's first case that is not accepted, its later ones are SK."""
    again = list(lines) if iter(lines) is lines else lines
    for number, line in enumerate(again, 1):
        if line.strip():
            read(number, line)
    if judge is not None:
        yield from run(again, judge, stop_early)
        return
    with Judge(unsafe=unsafe) as own:
        yield from run(again, own, stop_early)


def run(lines: Iterable[str], judge: Judge, stop_early: bool) -> Generator[dict[str, Any], None, None]:
    """Judge lines as they are drawn."""
    names: deque[Any] = deque()

    def questions() -> Iterator[Question]:
        for number, line in enumerate(lines, 1):
            if line.strip():
                name, question = read(number, line)
                names.append(name)
                yield question

    for verdict in judge.stream(questions(), stop_early=stop_early):
        yield answer(names.popleft(), verdict)


def answer(name: Any, verdict: Verdict) -> dict[str, Any]:
    """A verdict as `judge` writes it."""
    return {
        "id": name,
        "verdict": verdict.code,
        "cpu_ms": verdict.cpu_ms,
        "wall_ms": verdict.wall_ms,
        "memory_kb": verdict.memory_kb,
        "detail": verdict.detail,
        "layer": verdict.layer,
    }


def read(number: int, line: str) -> tuple[Any, Question]:
    """(id, question) of one line. LabError names the line."""
    try:
        row = json.loads(line, parse_constant=_no_constant)
        if type(row) is not dict:
            raise Wrong("not a JSON object")
        return row.get("id"), question_of(row)
    except RecursionError:
        raise LabError(f"line {number}: nested too deeply", HINT) from None
    except ValueError as error:
        raise LabError(f"line {number}: {error}", getattr(error, "hint", HINT)) from None


def _no_constant(name: str) -> None:
    raise Wrong(f"{name} is not JSON", 'write {"~float": "nan"}, "inf" or "-inf" in args and expected')


def question_of(row: dict[str, Any]) -> Question:
    """The question that a line asks. Wrong says what is missing or of the wrong type."""
    unknown = sorted(set(row) - FIELDS)
    if unknown:
        raise Wrong(f"unknown field {unknown[0]!r}")
    code, limits = text(row, "code"), limits_of(row)
    if "id" not in row:
        raise Wrong('there is no "id"')
    try:
        json.dumps(row["id"], allow_nan=False)
    except ValueError:
        raise Wrong('"id" holds a number that JSON cannot write') from None
    kinds: list[Kind] = ["stdio"] if "stdin" in row else []
    kinds += ["call"] if "fn_name" in row else []
    kinds += ["assert"] * (("check" in row) + ("asserts" in row))
    if len(kinds) != 1:
        raise Wrong('it needs exactly one of "stdin", "fn_name", "check" / "asserts"')
    [kind] = kinds
    comparator = comparator_of(kind, row.get("comparator"))
    if kind == "stdio":
        return Question(code, kind, Case("", text(row, "stdin"), text(row, "expected")), None, comparator, limits)
    if kind == "call":
        return Question(code, kind, call_of(row), name(row, "fn_name"), comparator, limits)
    return Question(code, kind, Case("", checks_of(row), ""), name(row, "entry_point"), comparator, limits)


def call_of(row: dict[str, Any]) -> Case:
    """The arguments and the result that a line expects."""
    if type(row.get("args")) is not list:
        raise Wrong('"args" must be an array')
    if "expected" not in row:
        raise Wrong('there is no "expected"')
    args, expected = json.dumps(row["args"]), json.dumps(row["expected"])
    try:
        decode(args)
        check(read_typed(expected))
    except Unpassable as error:
        raise Wrong(
            f'"args" or "expected": {error}', "what JSON has no word for is tagged: see judge/inside/values.py"
        ) from None
    return Case("", args, expected)


def checks_of(row: dict[str, Any]) -> str:
    """The source of the checks."""
    if "check" in row:
        return text(row, "check")
    asserts = row["asserts"]
    if type(asserts) is list and asserts and all(type(one) is str for one in asserts):
        return "\n".join(asserts)
    return text(row, "asserts")


def comparator_of(kind: Kind, given: Any) -> Comparator:
    """The comparator that a line names; without one, what the kind usually takes."""
    if given is None:
        return comparator_for(kind, Comparator())
    fields = {"name": given} if type(given) is str else given
    if type(fields) is not dict or type(fields.get("name")) is not str or set(fields) - {"name", "args"}:
        raise Wrong('"comparator" must be a name or {"name", "args"}')
    args = {} if fields.get("args") is None else fields["args"]
    if type(args) is not dict or any(type(value) not in (int, float, str) for value in args.values()):
        raise Wrong("a comparator's args must be an object of numbers and texts")
    try:
        return _comparator(kind, fields["name"], json.dumps(args, sort_keys=True))
    except LabError as error:
        raise Wrong(error.message, error.hint) from None


@lru_cache(64)
def _comparator(kind: Kind, name: str, args: str) -> Comparator:
    """Checked once: a checker's source is compiled for it."""
    return comparator_for(kind, Comparator(name, json.loads(args)))


def limits_of(row: dict[str, Any]) -> Limits:
    """The limits that a line sets, or the usual ones."""
    usual = Limits()
    cpu_s = usual.cpu_s if row.get("cpu_s") is None else row["cpu_s"]
    memory_mb = usual.memory_mb if row.get("memory_mb") is None else row["memory_mb"]
    if type(cpu_s) not in (int, float) or not 0 < cpu_s <= CPU_S:
        raise Wrong(f'"cpu_s" must be a number of seconds above 0, up to {CPU_S}')
    if type(memory_mb) is not int or not 16 <= memory_mb <= MEMORY_MB:
        raise Wrong(f'"memory_mb" must be a whole number from 16 to {MEMORY_MB}')
    return Limits(float(cpu_s), memory_mb)


def name(row: dict[str, Any], field: str) -> str:
    """A field that must name a function."""
    found = text(row, field)
    if not found.isidentifier():
        raise Wrong(f'"{field}" must be the name of a function, not {found[:40]!r}')
    return found


def text(row: dict[str, Any], field: str) -> str:
    """A field that must be text."""
    if type(row.get(field)) is not str:
        raise Wrong(f'"{field}" must be text')
    return str(row[field])
