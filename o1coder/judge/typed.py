"""Comparison of a function's result with the expected value, by type. Runs in the parent, on decoded values only.

Rules: list equals tuple; bool is not int; int equals float only where the expected value is a float; a NaN equals
nothing; a set equals only a set; text is not bytes. With tolerances, floats (and ints given where a float is
expected) may differ by max(abs, rel × |expected|). Members of sets and keys of dicts are compared exactly.
"""

from __future__ import annotations

import math
from typing import Any

from .inside.values import Opaque


def equal(expected: Any, result: Any, abs_tol: float = 0.0, rel_tol: float = 0.0) -> bool:
    """Whether `result` is the expected value. Both come from `values.decode`, so their depth is bounded."""
    kind, other = type(expected), type(result)
    if kind is float:
        return other in (int, float) and close(expected, result, abs_tol, rel_tol)
    if kind in (list, tuple):
        return (
            other in (list, tuple)
            and len(expected) == len(result)
            and all(equal(e, r, abs_tol, rel_tol) for e, r in zip(expected, result, strict=True))
        )
    if kind in (set, frozenset):
        return other in (set, frozenset) and len(expected) == len(result) and keys(expected) == keys(result)
    if kind is not other or kind is Opaque:
        return False
    if kind is dict:
        if len(expected) != len(result):
            return False
        found = {key(k): v for k, v in result.items()}
        return all(key(k) in found and equal(e, found[key(k)], abs_tol, rel_tol) for k, e in expected.items())
    if kind is complex:
        return equal(expected.real, result.real, abs_tol, rel_tol) and equal(
            expected.imag, result.imag, abs_tol, rel_tol
        )
    return bool(expected == result)


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


def key(value: Any) -> tuple[object, ...]:
    """A hashable that two values share exactly when they are the same key: 1, True and 1.0 differ."""
    if type(value) in (tuple, list):
        return ("sequence", *(key(item) for item in value))
    if type(value) is frozenset:
        return ("set", keys(value))
    return (type(value).__name__, value)


def keys(values: Any) -> frozenset[tuple[object, ...]]:
    """The keys of a set's members."""
    return frozenset(key(item) for item in values)
