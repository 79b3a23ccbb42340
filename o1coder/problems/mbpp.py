"""MBPP: `mbpp.jsonl` (the full set) and `sanitized-mbpp.json` (one array; rows with `prompt` and `test_imports`).

Each assertion is a case. Where every assertion of a problem is `assert f(values) == value` over values that JSON can
say, the problem is of kind `call`; else of kind `assert`. A call is compared by type, which is stricter than `==` on
one side (8.0 is not 8, 1 is not True) and wider on the other (a tuple equals a list); so a problem stays `assert`
where tuples, sets or floats are written, or where the reference's source suggests a float for a whole number or a 0 or
1 for a truth value. (Nothing is executed here; of the full set's call problems every reference passes.)

The two sets share numbers, and so families, but not names and signatures: they are two sources. Splits follow the paper:
1–10 prompt (rejected: they are shown to models), 11–510 test, 511–600 validation, 601–974 train. The challenge tests
are left out, as in the original evaluation. 28 problems of the full set are in two splits, by statement or reference: the
lab takes the first of each (see leaks.py).
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from o1coder.problems.lines import Unfit, problems
from o1coder.problems.purposes import Split, purposed
from o1coder.problems.record import NewProblem, NewProgram, Rejected
from o1coder.problems.source import functions, parsed, signature

CPU_S = 3.0
SLOW_CPU_S = {123: 10.0}  # its reference needs 2.7 s; no other needs 0.1 s
FLOATS = frozenset("float sqrt pow log log2 log10 exp sin cos tan atan atan2 radians degrees fsum hypot pi e".split())
SPLITS: tuple[tuple[range, Split], ...] = (
    (range(11, 511), "test"),
    (range(511, 601), "validation"),
    (range(601, 975), "train"),
)


def read(path: Path) -> Iterator[NewProblem | Rejected]:
    """The problems of a file, in its order. LabError when it cannot be read."""
    return problems(path, "task_id", new_problem)


def new_problem(row: dict[str, Any]) -> NewProblem:
    """The problem of one row; Unfit says which field is missing, or why there is nothing to judge with."""
    number = row.get("task_id")
    if type(number) is not int:
        raise Unfit("no task_id, or one that is no integer")
    sanitized = "prompt" in row
    statement, code = _text(row, "prompt" if sanitized else "text"), _text(row, "code")
    program = parsed(code, "code")
    asserts = [_lines(one) for one in _strings(row, "test_list")]
    if not asserts:
        raise Unfit("no tests")
    set_up = _set_up(row, sanitized)
    trees = [parsed(set_up + one, "a test") for one in asserts]
    entry = entry_point(program, trees)
    split = split_of(number)
    calls = None if set_up else call_cases(program, entry, trees)
    source = "mbpp-sanitized" if sanitized else "mbpp"
    return NewProblem(
        source=source,
        source_key=str(number),
        split=split,
        family=f"mbpp/{number}",
        kind="assert" if calls is None else "call",
        title=entry,
        statement=statement,
        cases=purposed(split, [(set_up + one + "\n", "") for one in asserts] if calls is None else calls),
        programs=(NewProgram(code + "\n", "correct", "reference"),),
        entry_point=entry,
        signature=signature(program, entry),
        comparator="typed",
        cpu_s=SLOW_CPU_S.get(number, CPU_S),
    )


def split_of(number: int) -> Split:
    """The split of a task; Unfit for those of the few-shot prompt and for numbers that MBPP does not have."""
    for numbers, split in SPLITS:
        if number in numbers:
            return split
    raise Unfit("tasks 1-10 are the few-shot prompt's" if 1 <= number <= 10 else f"MBPP has no task {number}")


def entry_point(program: ast.Module, tests: Sequence[ast.Module]) -> str:
    """The program's function that every test calls, the outermost where several are; Unfit when there is none."""
    own = functions(program)
    called = [
        list(
            dict.fromkeys(
                node.func.id
                for node in ast.walk(test)  # breadth first: what is called from outside comes first
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in own
            )
        )
        for test in tests
    ]
    everywhere = [name for name in called[0] if all(name in names for names in called)]
    if not everywhere:
        raise Unfit("no function of the program is called by every test")
    return everywhere[0]


def call_cases(program: ast.Module, entry: str, tests: Sequence[ast.Module]) -> list[tuple[str, str]] | None:
    """The tests as (JSON array of arguments, JSON value), or None when one of them has no exact JSON form."""
    found = []
    for test in tests:
        match test.body:
            case [ast.Assert(ast.Compare(ast.Call(ast.Name(name), arguments, []), [ast.Eq()], [value]), None)]:
                pass
            case _:
                return None
        if name != entry:
            return None
        try:
            values = [ast.literal_eval(one) for one in [*arguments, value]]
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return None
        if not all(map(_plain, values)) or (_has(values[-1], int) and _may_return_float(program)):
            return None
        if _has(values[-1], bool) and _mentions_bits(program):
            return None
        found.append((json.dumps(values[:-1]), json.dumps(values[-1])))
    return found


def _plain(value: object) -> bool:
    """Whether JSON says the value with its type, and comparison by type means what `==` means."""
    match value:
        case list():
            return all(map(_plain, value))
        case dict():
            return all(type(key) is str and not key.startswith("~") and _plain(item) for key, item in value.items())
        case _:
            return value is None or type(value) in (bool, int, str)


def _has(value: object, kind: type) -> bool:
    """Whether a value of exactly this type stands anywhere in it."""
    match value:
        case list():
            return any(_has(item, kind) for item in value)
        case dict():
            return any(_has(item, kind) for item in value.values())
        case _:
            return type(value) is kind


def _may_return_float(program: ast.Module) -> bool:
    """Whether anything in the source makes floats: true division, a float written, a function that returns one."""
    for node in ast.walk(program):
        match node:
            case ast.Div() | ast.Constant(value=float()):
                return True
            case ast.Name(id=name) | ast.Attribute(attr=name) if name in FLOATS:
                return True
    return False


def _mentions_bits(program: ast.Module) -> bool:
    """Whether 0 or 1 is assigned or returned somewhere: it may stand for a truth value."""
    return any(
        isinstance(node, ast.Assign | ast.Return)
        and isinstance(node.value, ast.Constant)
        and type(node.value.value) is int
        and node.value.value in (0, 1)
        for node in ast.walk(program)
    )


def _text(row: dict[str, Any], field: str) -> str:
    value = row.get(field)
    if not isinstance(value, str) or not value.strip():
        raise Unfit(f"no {field}" if field not in row else f"{field} is no text, or empty")
    return _lines(value)


def _strings(row: dict[str, Any], field: str) -> list[str]:
    value = row.get(field, [])
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Unfit(f"{field} is no list of texts")
    return value


def _set_up(row: dict[str, Any], sanitized: bool) -> str:
    text = "\n".join(_strings(row, "test_imports")) if sanitized else row.get("test_setup_code") or ""
    if not isinstance(text, str):
        raise Unfit("test_setup_code is no text")
    return _lines(text) + "\n" if text.strip() else ""


def _lines(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").split("\n")).strip("\n")
