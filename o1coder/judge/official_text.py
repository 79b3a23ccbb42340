"""What published evaluators accept of a program's output: one rule an evaluator, as official.py lists them.

A rule returns which of its ways accepted, or None. Each docstring says what it accepts wrongly and rejects wrongly.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Context, Decimal, InvalidOperation
from itertools import groupby
from typing import Any

EXACTLY = Context(traps=[InvalidOperation])
TOKEN = re.compile(rb"[^ \n\t\r\v]+")
ABSEIL_NUMBER = re.compile(rb"[+-]?((\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?|inf|infinity|nan(\([a-z0-9_]*\))?)")


def near(found: float, expected: float, rel: float, abs_: float) -> bool:
    """numpy.isclose: |found - expected| <= abs + rel × |expected|; infinities equal themselves, a NaN nothing."""
    if abs(expected) == float("inf"):
        return found == expected
    return abs(found - expected) <= abs_ + rel * abs(expected)


def apps(expected: str, output: str) -> str | None:
    """APPS, TACO, O1-CODER: six rules, tried in turn on lines.

    False positives: tokens of a line and lines in any order and number (NO YES YES for YES NO YES), numbers alone on
    their lines within 1e-5 relative (50000000000000000 for 50000000000000001, any two beyond 1e308), numbers rounded
    to 3 decimals as sets (0.0004 for 0). False negatives: numbers in rows of several within tolerance, right tokens
    broken into other lines, any answer with one of Unicode's less usual line ends in it."""
    lines, goal = output.splitlines(), expected.strip()
    if "\n".join(lines).strip() == goal or "\n".join(line.strip() for line in lines).strip() == goal:
        return "as stripped text"
    want = [line.strip() for line in expected.split("\n") if line]
    if lines == want or (lines := [line for line in lines if line]) == want:
        return "as lines that are not empty"
    if _lines_of_floats(want, lines):
        return "as one number a line, within 1e-5 relative"
    rows, goals = [row for line in lines if (row := line.split())], [line.split() for line in want]
    if _family(goals) == _family(rows):
        return "as a set of sets of tokens, order and number left aside"
    if _rounded(goals, rows):
        return "as a set of sets of numbers rounded to 3 decimals"
    return None


def _lines_of_floats(want: list[str], lines: list[str]) -> bool:
    try:
        pairs = zip([float(one) for one in lines], [float(one) for one in want], strict=True)
        return all(near(found, expected, 1e-5, 1e-8) for found, expected in pairs)
    except ValueError:  # not all are numbers, or not as many
        return False


def _family(rows: Iterable[list[Any]]) -> list[tuple[Any, ...]]:
    """A set of sets as a sorted list of sorted tuples: made without hashes, which a program could choose to collide."""
    return [row for row, _ in groupby(sorted(tuple(one for one, _ in groupby(sorted(row))) for row in rows))]


def _rounded(goals: list[list[str]], rows: list[list[str]]) -> bool:
    try:
        sides = [[[round(float(one), 3) for one in row] for row in side] for side in (goals, rows)]
    except (ValueError, OverflowError):
        return False
    if any(one != one for side in sides for row in side for one in row):
        return False  # a NaN is in no two sets
    return _family(sides[0]) == _family(sides[1])


def livecodebench(expected: str, output: str) -> str | None:
    """LiveCodeBench: as many stripped lines, each the same text or the same decimals.

    False negatives: 0.30000000000000004 for 0.3 (there is no tolerance), two spaces between words, YES for Yes. False
    positives: 1e0, 1_0 or digits of other scripts as numbers."""
    want, found = ([line.strip() for line in text.strip().split("\n")] for text in (expected, output))
    if len(want) != len(found):
        return None
    by_number = False
    for one, other in zip(want, found, strict=True):
        if one != other:
            by_number = True
            if not _same_decimals(one, other):
                return None
    return "as decimals" if by_number else "as stripped lines"


def _same_decimals(want: str, found: str) -> bool:
    try:
        return [Decimal(one, EXACTLY) for one in found.split()] == [Decimal(one, EXACTLY) for one in want.split()]
    except InvalidOperation:  # no number, or a signalling NaN
        return False


def codecontests(expected: str, output: str) -> str | None:
    """CodeContests: the same tokens regardless of ASCII case, numbers within 1e-5 absolute.

    False positives: 3.000001 for 3, 50000000000000001 for 50000000000000000, 1e-6 for 1e-9. False negatives: large
    decimals of another last digit; inf or nan once any other token differs; a form feed separates nothing."""
    want, found = (TOKEN.findall(text.encode("utf-8", "surrogatepass").lower()) for text in (expected, output))
    if want == found:
        return "as tokens regardless of case"
    if len(want) != len(found) or not all(_abseil_match(one, other) for one, other in zip(want, found, strict=True)):
        return None
    return "as numbers within 1e-5 absolute"


def _abseil_match(want: bytes, found: bytes) -> bool:
    if ABSEIL_NUMBER.fullmatch(want) and ABSEIL_NUMBER.fullmatch(found):
        return abs(_abseil_float(found) - _abseil_float(want)) < 1e-5
    return want == found


def _abseil_float(token: bytes) -> float:
    return float(token.split(b"(")[0])


def sandboxfusion(expected: str, output: str) -> str | None:
    """SandboxFusion: as many lines, each the same stripped text regardless of case, or one number within 1e-5 relative.

    False positives: 5000001 for 5000000, any case. False negatives: several numbers a line with another last digit,
    anything near 0 but not 0."""
    want, found = (text.strip().split("\n") for text in (expected, output))
    if len(want) != len(found):
        return None
    by_number = False
    for one, other in zip(want, found, strict=True):
        if one.lower().strip() != other.lower().strip():
            by_number = True
            try:
                expected_number, number = float(one.lower()), float(other.lower())
            except ValueError:
                return None
            if not abs(number - expected_number) / max(abs(expected_number), 1e-10) < 1e-5:
                return None
    return "as one number a line, within 1e-5 relative" if by_number else "as lines regardless of case"
