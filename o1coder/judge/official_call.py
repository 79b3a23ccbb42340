"""What published evaluators accept of a function's result: one rule an evaluator, as official.py lists them.

A rule takes JSON data (typed.read) and returns which of its ways accepted, or None. Each docstring says what it accepts
wrongly and rejects wrongly. As in typed.py, no set or dict is made of what a program returned.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import LabError
from .inside.values import Unpassable
from .official_text import near
from .typed import NUMBERS, PYTHON, SEQUENCES, SETS, EqualsNothing, difference, name_of, opened

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
    tolerance; numpy's broadcasting of nested lists, and its integers beyond 64 bits. False positives: True for 1, order
    and number under `set`."""
    oracle, tolerance = args.get("oracle"), args.get("atol", 0.0)
    if oracle not in (None, *ORACLES) or not isinstance(tolerance, int | float) or not 0 <= tolerance < math.inf:
        raise LabError("official-evalplus takes atol, a number, and oracle", f"oracles: {', '.join(ORACLES)}")
    exact = _is(want, found)
    if oracle is not None:
        said = ORACLES[str(oracle)](want, found, exact)
        if said is None:
            return None
        exact = said
    if exact:
        return "as Python's ==" if oracle is None else f"by the oracle {oracle}"
    kind, content = opened(want)
    floats = kind == "float" or (
        kind in SEQUENCES and bool(content) and all(opened(one)[0] == "float" for one in content)
    )
    if not floats and tolerance == 0:
        return None
    return "as numbers within tolerance" if _all_close(want, found, tolerance or 1e-6) else None


def _as_sets(want: Any, found: Any, exact: bool) -> bool | None:
    """None where Python cannot make a set of one: EvalPlus rejects that at once."""
    try:
        sides = [sorted({name_of(one, PYTHON) for one in _items(data)}) for data in (want, found)]
    except Unpassable:
        return None
    except EqualsNothing:
        return False
    return sides[0] == sides[1]


def _items(data: Any) -> Sequence[Any]:
    """What iterating over a value gives. Unpassable where Python cannot."""
    kind, content = opened(data)
    if kind == "dict":
        return [key for key, _ in content]
    if kind in SEQUENCES or kind in SETS or kind == "str":
        return list(content)
    raise Unpassable(f"no set can be made of {kind}")


def _as_none(want: Any, found: Any, exact: bool) -> bool:
    return exact if type(found) is bool else _is(want, found is not None)


ORACLES: dict[str, Callable[[Any, Any, bool], bool | None]] = {
    "set": _as_sets,
    "not-none": _as_none,
    "anything": lambda want, found, exact: True,
    "or-zero": lambda want, found, exact: exact or _is(0, found),
}


def _all_close(want: Any, found: Any, tolerance: float) -> bool:
    (kind, content), (other, result) = opened(want), opened(found)
    if other != kind or (kind in SEQUENCES and len(content) != len(result)):
        return False
    shape = _shape(want)
    return shape is not None and shape == _shape(found) and _numbers_close(want, found, tolerance)


def _shape(data: Any) -> tuple[int, ...] | None:
    """The shape of the array that numpy makes of a value; None where it makes none: other things than numbers, or ragged."""
    kind, content = opened(data)
    if kind in NUMBERS:
        return ()
    if kind not in SEQUENCES:
        return None
    shapes = {_shape(one) for one in content}
    if len(shapes) > 1 or None in shapes:
        return None
    return (len(content), *(shapes.pop() or ())) if shapes else (0,)


def _numbers_close(want: Any, found: Any, tolerance: float) -> bool:
    """Below the top numpy has made one array of it: lists and tuples, and numbers of all types, are alike."""
    (kind, content), (_, result) = opened(want), opened(found)
    if kind in NUMBERS:
        return near(result, content, 1e-7, tolerance)
    return all(_numbers_close(one, two, tolerance) for one, two in zip(content, result, strict=True))
