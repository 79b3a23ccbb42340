"""Comparison of a function's result with the expected value, by type. Runs in the parent, on JSON data that is only read.

Rules: list equals tuple; bool is not int; int equals float only where the expected value is a float; a NaN equals
nothing; a set equals only a set; text is not bytes. With tolerances, floats (and ints given where a float is
expected) may differ by max(abs, rel × |expected|). Members of sets and keys of dicts are compared exactly. Rules with
`python` are those of Python's `==` instead, for the official comparators (official.py).

A result is the program's word. So no set or dict is made of its members: their hashes would be chosen by the program,
and a million numbers of one hash take hours. Members and keys are compared by texts that name them.
"""

from __future__ import annotations

import json
import math
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from .difference import quoted, unlike
from .inside.values import TYPES, Unpassable

NUMBERS = frozenset({"bool", "int", "float", "complex"})
SEQUENCES = frozenset({"list", "tuple"})
SETS = frozenset({"set", "frozenset"})
PLAIN = frozenset({int, str, bool, type(None)})
DIGIT_BITS = 13_000  # integers below this many bits can be written in decimal whatever Python's limit is


@dataclass(frozen=True, slots=True)
class Rules:
    """Tolerances (0: exact), and whether Python's `==` decides instead: True == 1 == 1.0, a list is not a tuple."""

    abs_tol: float = 0.0
    rel_tol: float = 0.0
    python: bool = False


EXACT = Rules()
PYTHON = Rules(python=True)


class EqualsNothing(Exception):
    """A NaN, or what could not pass by value, is a member of a set or a key."""


def read(text: str) -> Any:
    """The JSON data of a typed value. Unpassable when it is not JSON."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise Unpassable("nested too deeply") from None
    except ValueError as error:
        raise Unpassable(f"not JSON: {str(error)[:120]}") from None


def _no_constant(name: str) -> None:
    raise Unpassable(f"{name} is not JSON")


def opened(data: Any) -> tuple[str, Any]:
    """(kind, content) of a value's JSON data, one level deep. Unpassable when it is no encoding (inside/values.py)."""
    if type(data) is not dict:
        return ("None" if data is None else type(data).__name__), data
    if len(data) == 1:
        [(tag, body)] = data.items()
        if tag.startswith("~"):
            try:
                return untagged(tag, body)
            except (ValueError, KeyError, TypeError, OverflowError) as error:
                raise Unpassable(f"not a typed value: {str(error)[:120]}") from None
    return "dict", list(data.items())


def untagged(tag: str, body: Any) -> tuple[str, Any]:
    """(kind, content) of an object with a tag. May raise ValueError, KeyError, TypeError or OverflowError."""
    if tag == "~int":
        return "int", int(body, 16)
    if tag == "~float":
        return "float", {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[body]
    if tag == "~bytes":
        return "bytes", bytes.fromhex(body)
    if tag == "~type":
        return "type", TYPES[body].__name__
    if tag == "~object":
        return "object", str(body)[:200]
    if type(body) is not list:
        raise Unpassable(f"{tag[:20]} has no such content")
    if tag == "~complex":
        (first, real), (second, imaginary) = (opened(part) for part in body)
        if {first, second} <= {"int", "float"}:
            return "complex", complex(real, imaginary)
    elif tag == "~dict":
        return "dict", [(key, value) for key, value in body]
    elif tag in ("~tuple", "~set", "~frozenset"):
        return tag[1:], body
    raise Unpassable(f"unknown tag {tag[:20]}")


def check(data: Any) -> None:
    """Unpassable unless the whole of `data` is the encoding of a value."""
    try:
        _check(data)
    except RecursionError:
        raise Unpassable("nested too deeply") from None


def _check(data: Any) -> None:
    kind, content = opened(data)
    if kind in SEQUENCES:
        for one in content:
            _check(one)
    elif kind in SETS:
        for one in content:
            _check_key(one)
    elif kind == "dict":
        for key, value in content:
            _check_key(key)
            _check(value)


def _check_key(data: Any) -> None:
    with suppress(EqualsNothing):
        name_of(data)


def difference(want: Any, found: Any, rules: Rules = EXACT) -> str | None:
    """None where `found` is the expected value, else where it first differs. Unpassable when one is no encoding.

    Both are JSON data (`read`). As deep as the expected value is, not deeper, is the result looked at."""
    try:
        where = _differ(want, found, rules)
    except EqualsNothing:
        where = ": a NaN or an object of a class is a member of a set or a key: it equals nothing"
    except RecursionError:
        where = ": nested too deeply"
    return None if where is None else f"result{where}"


def _differ(want: Any, found: Any, rules: Rules) -> str | None:
    if type(want) is type(found) and type(want) in PLAIN:  # most leaves: nothing to open
        return None if want == found else _words(want, found)
    kind, content = opened(want)
    other, result = opened(found)
    if other == "object":
        return f": {result}"
    if kind == "object":
        return ": what is expected could not pass by value: it equals nothing"
    if kind in SEQUENCES and other in SEQUENCES and (kind == other or not rules.python):
        return _sequences(want, content, found, result, rules)
    if kind in SETS and other in SETS:
        return _sets(content, result, rules)
    if kind == other == "dict":
        return _dicts(want, content, found, result, rules)
    return None if _same(kind, content, other, result, rules) else _words(want, found)


def _same(kind: str, content: Any, other: str, result: Any, rules: Rules) -> bool:
    if rules.python and kind in NUMBERS and other in NUMBERS:
        return bool(content == result)
    if kind == "float":
        return other in ("int", "float") and close(content, result, rules.abs_tol, rules.rel_tol)
    if kind == other == "complex":
        return close(content.real, result.real, rules.abs_tol, rules.rel_tol) and close(
            content.imag, result.imag, rules.abs_tol, rules.rel_tol
        )
    return kind == other and bool(content == result)


def close(expected: float, found: float | int, abs_tol: float, rel_tol: float) -> bool:
    """Equal, or within max(abs_tol, rel_tol × |expected|); never for NaN; infinities only equal themselves."""
    if expected == found:
        return True
    if not math.isfinite(expected) or abs_tol == rel_tol == 0.0:
        return False
    try:
        number = float(found)
    except OverflowError:
        return False
    return math.isfinite(number) and abs(expected - number) <= max(abs_tol, rel_tol * abs(expected))


def _sequences(want: Any, content: list[Any], found: Any, result: list[Any], rules: Rules) -> str | None:
    for place, (one, other) in enumerate(zip(content, result, strict=False)):
        where = _differ(one, other, rules)
        if where is not None:
            return f"[{place}]{where}"
    return None if len(content) == len(result) else _words(want, found)


def _sets(content: list[Any], result: list[Any], rules: Rules) -> str | None:
    wanted, got = ({name_of(one, rules): one for one in side} for side in (content, result))
    for name in wanted:
        if name not in got:
            return f": the member {shown(wanted[name])} is missing"
    for name in got:
        if name not in wanted:
            return f": {shown(got[name])} is no member of what is expected"
    return None


def _dicts(
    want: Any, content: list[tuple[Any, Any]], found: Any, result: list[tuple[Any, Any]], rules: Rules
) -> str | None:
    wanted, got = ({name_of(key, rules): (key, value) for key, value in side} for side in (content, result))
    for name, (key, value) in wanted.items():
        if name not in got:
            return f": the key {shown(key)} is missing"
        where = _differ(value, got[name][1], rules)
        if where is not None:
            return f"[{shown(key)}]{where}"
    return None if len(wanted) == len(got) else _words(want, found)


def name_of(data: Any, rules: Rules = EXACT) -> str:
    """A text that two members or keys share exactly when they are the same one. EqualsNothing for a NaN; Unpassable for
    what Python cannot hash."""
    kind, content = opened(data)
    if kind in ("list", "dict", "set"):
        raise Unpassable(f"a {kind} cannot be a member or a key")
    if kind == "object" or (kind in ("float", "complex") and content != content):
        raise EqualsNothing
    if kind == "tuple":
        return f"({','.join(name_of(one, rules) for one in content)})"
    if kind == "frozenset":
        return f"{{{','.join(sorted({name_of(one, rules) for one in content}))}}}"
    if kind in NUMBERS:
        return _number(kind, content, rules)
    return f"{kind}:{content!r}"


def _number(kind: str, content: Any, rules: Rules) -> str:
    if rules.python:
        if kind == "complex" and content.imag == 0:
            kind, content = "float", content.real
        if kind == "bool" or (kind == "float" and content.is_integer()):
            kind, content = "int", int(content)
    return f"{kind}:{content:x}" if kind == "int" else f"{kind}:{content + 0!r}"  # + 0: -0.0 is the same key as 0.0


def _words(want: Any, found: Any) -> str:
    if type(want) is type(found) is str:
        return f": {unlike(want, found)}"
    return f": expected {shown(want)}, found {shown(found)}"


def shown(data: Any) -> str:
    """A value in at most a few words."""
    kind, content = opened(data)
    if kind == "int" and content.bit_length() >= DIGIT_BITS:
        return f"an integer of {content.bit_length()} bits"
    if kind == "str" or kind == "bytes":
        return quoted(content)
    if kind in SEQUENCES or kind in SETS or kind == "dict":
        return f"a {kind} of {len(content)}"
    words = repr(content) if kind != "type" else f"the type {content}"
    return words if len(words) <= 80 else f"{words[:60]}…"
