"""Generated test cases: from a model's text to (input, expected) pairs and back.

A case is one line, `assert name(args) == value`: of the forms tried on the embedded model (also `name(args) -> value`
and `Input: … Output: …`) it gave the most right cases. A stdin/stdout case is the same line about an imagined
function, `assert run("3\\n4\\n") == "7\\n"`. Values are literals read from the syntax tree; nothing is ever
evaluated. Lines that are no case are passed over.
"""

from __future__ import annotations

import ast
import json
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

from o1coder.task import Task

STDIO_NAME = "run"


def parse_cases(text: str, task: Task) -> list[tuple[str, str]]:
    """The cases in a text, in order, without repetitions.

    Call: (JSON array of arguments, JSON value). Stdio: (stdin text, stdout text). `text` starts with the driver's
    opening. Tuples become lists; a line with keywords, names, sets, bytes, nan or keys that are not strings is
    passed over, as it has no JSON form; so is a last line that was cut off. `assert f(x)`, `assert not f(x)` and
    `f(x) is None` are read as comparisons with True, False and None.
    """
    found: dict[tuple[str, str], None] = {}
    for line in text.replace("\r\n", "\n").split("\n"):
        case = _parse_line(line, task)
        if case is not None:
            found.setdefault(case)
    return list(found)


def case_completion(task: Task, cases: Sequence[tuple[str, str]]) -> str:
    """The text that `parse_cases` reads as these cases: a line each, with the first opening word included.

    It is what a test case generator is trained to say after the heading; `case_prompt` without its opening joins it.
    """
    return "\n".join(_line(task, given, expected) for given, expected in cases)


def case_name(task: Task) -> str:
    """The name called in a case's line: the entry point, or `run` for a stdin/stdout program."""
    return task.entry_point or STDIO_NAME


def _line(task: Task, given: str, expected: str) -> str:
    if task.entry_point is None:
        return f"assert {STDIO_NAME}({_quoted(given)}) == {_quoted(expected)}"
    arguments = ", ".join(_literal(value) for value in json.loads(given))
    return f"assert {task.entry_point}({arguments}) == {_literal(json.loads(expected))}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _literal(value: Any) -> str:
    """Python source of a JSON value, with double-quoted strings as in most assertions."""
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_literal(key)}: {_literal(item)}" for key, item in value.items()) + "}"
    return repr(value)


def _parse_line(line: str, task: Task) -> tuple[str, str] | None:
    source = line.strip().rstrip(";,").strip()
    if source.startswith("assert"):
        source = source.removeprefix("assert").strip()
    expression = _expression(source)
    if isinstance(expression, ast.Tuple) and len(expression.elts) == 2:  # assert f(x) == 1, "message"
        expression = expression.elts[0]
    call_and_value = _call_and_value(expression)
    if call_and_value is None:
        return None
    call, value = call_and_value
    if not isinstance(call.func, ast.Name) or call.func.id != case_name(task) or call.keywords:
        return None
    try:
        arguments = [ast.literal_eval(argument) for argument in call.args]
        expected = ast.literal_eval(value)
        if task.entry_point is None:
            return _stdio_case(arguments, expected)
        return _json(arguments), _json(expected)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None


def _expression(source: str) -> ast.expr | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _call_and_value(expression: ast.expr | None) -> tuple[ast.Call, ast.expr] | None:
    match expression:
        case ast.Call():
            return expression, ast.Constant(True)
        case ast.UnaryOp(op=ast.Not(), operand=ast.Call() as call):
            return call, ast.Constant(False)
        case ast.Compare(left=ast.Call() as call, ops=[ast.Eq() | ast.Is()], comparators=[value]):
            return call, value
        case _:
            return None


def _stdio_case(arguments: Iterable[object], expected: object) -> tuple[str, str] | None:
    match list(arguments), expected:
        case [str() as given], str():
            return given, expected
        case _:
            return None


def _json(value: object) -> str:
    _refuse_what_json_cannot_say(value)
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _refuse_what_json_cannot_say(value: object) -> None:
    """Raise ValueError where `json.dumps` would change a value silently: it turns a key 1 into "1"."""
    match value:
        case dict():
            if not all(isinstance(key, str) for key in value):
                raise ValueError("a key that is not a string")
            for item in value.values():
                _refuse_what_json_cannot_say(item)
        case list() | tuple():
            for item in value:
                _refuse_what_json_cannot_say(item)
        case str():
            value.encode("utf-8")  # a lone surrogate cannot be stored
        case _:
            pass
