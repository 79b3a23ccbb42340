"""What published evaluators accept of a function's result: one rule an evaluator, as official.py lists them.

A rule takes JSON data (typed.read) and returns which of its ways accepted, or None. Each docstring says what it accepts
wrongly and rejects wrongly. As in typed.py, no set or dict is made of what a program returned.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import LabError
from .official_text import near
from .typed import NUMBERS, PYTHON, SEQUENCES, EqualsNothing, difference, name_of, opened

Args = Mapping[str, float | str]


def apps(want: Any, found: Any, args: Args) -> str | None:
    """APPS, TACO, O1-CODER for functions: Python's == with the expected value, or with its first item.

    The expected value is to be as in their files, most often the value in a list of one. False positives: the first of
    several expected items alone; True for 1. False negatives: tuples inside lists inside lists; floats of another last
    digit. Dictionaries expected there get integer keys; arguments get none here."""
    kind, content = opened(found)
    found = content if kind == "tuple" else found
    first = want[0] if type(want) is list and want else want
    if opened(first)[0] == "dict":
        keyed = _integer_keys(first)
        want = want if keyed is None else [keyed]
    if _is(want, found):
        return "as Python's =="
    if type(want) is list and want:
        if _is(want[0], found):
            return "as Python's == with the first expected item"
        if type(found) is list and found and opened(found[0])[0] == "tuple":
            items = [opened(one) for one in found]
            if all(one in SEQUENCES for one, _ in items) and _is(want[0], [inner for _, inner in items]):
                return "as a list of lists, == the first expected item"
    return None


def _integer_keys(data: Any) -> Any | None:
    """A dictionary with its keys as integers; None where one is none."""
    try:
        return {"~dict": [[int(key), value] for key, value in opened(data)[1]]}
    except (ValueError, TypeError):
        return None


def _is(want: Any, found: Any) -> bool:
    return difference(want, found, PYTHON) is None


def livecodebench(want: Any, found: Any, args: Args) -> str | None:
    """LiveCodeBench for functions: Python's ==, a tuple at the top as a list. False negatives: tuples inside lists,
    floats of another last digit. False positives: True for 1."""
    kind, content = opened(found)
    return "as Python's ==" if _is(want, content if kind == "tuple" else found) else None


def evalplus(want: Any, found: Any, args: Args) -> str | None:
    """EvalPlus (HumanEval+, MBPP+): Python's ==; floats, and lists or tuples of nothing but floats, within 1e-6 + 1e-7
    relative and of one type.

    `atol` is the task's tolerance where it has one (then every type is compared by number); `oracle` its special rule:
    `set` (the items as sets), `not-none`, `anything`, `or-zero`. Not covered: the oracles that need the arguments
    (HumanEval/32, MBPP 558 and 581); that after a float was expected all later tests of a task are compared with
    tolerance; numpy's broadcasting of nested lists. False positives: True for 1, order and number under `set`."""
    oracle, tolerance = args.get("oracle"), args.get("atol", 0.0)
    if oracle not in (None, *ORACLES) or not isinstance(tolerance, int | float) or not 0 <= tolerance < math.inf:
        raise LabError("official-evalplus takes atol, a number, and oracle", f"oracles: {', '.join(ORACLES)}")
    exact = _is(want, found)
    if oracle is not None:
        exact = ORACLES[str(oracle)](want, found, exact)
    kind, content = opened(want)
    floats = kind == "float" or (
        kind in SEQUENCES and bool(content) and all(opened(one)[0] == "float" for one in content)
    )
    if exact:
        return "as Python's ==" if not oracle else f"by the oracle {oracle}"
    if not floats and tolerance == 0:
        return None
    return "as numbers within tolerance" if _all_close(want, found, tolerance or 1e-6) else None


def _as_sets(want: Any, found: Any, exact: bool) -> bool:
    sides = []
    for kind, content in (opened(want), opened(found)):
        if kind not in SEQUENCES:
            return False
        try:
            sides.append(sorted({name_of(one, PYTHON) for one in content}))
        except EqualsNothing:
            return False
    return sides[0] == sides[1]


def _as_none(want: Any, found: Any, exact: bool) -> bool:
    return exact if type(found) is bool else _is(want, found is not None)


ORACLES: dict[str, Callable[[Any, Any, bool], bool]] = {
    "set": _as_sets,
    "not-none": _as_none,
    "anything": lambda want, found, exact: True,
    "or-zero": lambda want, found, exact: exact or _is(0, found),
}


def _all_close(want: Any, found: Any, tolerance: float) -> bool:
    (kind, content), (other, result) = opened(want), opened(found)
    if kind in NUMBERS and other == kind:
        return near(result, content, 1e-7, tolerance)
    if kind not in SEQUENCES or other != kind or len(content) != len(result):
        return False
    return all(_numbers_close(one, two, tolerance) for one, two in zip(content, result, strict=True))


def _numbers_close(want: Any, found: Any, tolerance: float) -> bool:
    """Below the top numpy has made one array of it: lists and tuples, and numbers of all types, are alike."""
    (kind, content), (other, result) = opened(want), opened(found)
    if kind in NUMBERS and other in NUMBERS:
        return near(result, content, 1e-7, tolerance)
    if kind not in SEQUENCES or other not in SEQUENCES or len(content) != len(result):
        return False
    return all(_numbers_close(one, two, tolerance) for one, two in zip(content, result, strict=True))
