"""What the fake policy can say: a score of small ideas, each with its keywords, its plan, its program and its value.

An idea's function is ours and runs on arguments made here, so that the fake test case generator can state expected
values. No text of a model is ever run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Idea:
    """One thing the fake policy knows how to do. `{0}` and `{1}` stand for the first and second argument."""

    name: str
    keywords: tuple[str, ...]
    plan: str
    expression: str
    value: Callable[..., Any]


IDEAS: tuple[Idea, ...] = (
    Idea("sum", ("sum", "total"), "add up {0}", "sum({0})", lambda a, b: sum(a)),
    Idea("len", ("length", "many", "size", "count"), "measure the length of {0}", "len({0})", lambda a, b: len(a)),
    Idea(
        "max",
        ("largest", "maximum", "biggest", "max", "greatest"),
        "take the largest of {0}",
        "max({0})",
        lambda a, b: max(a),
    ),
    Idea(
        "min",
        ("smallest", "minimum", "least", "min", "lowest"),
        "take the smallest of {0}",
        "min({0})",
        lambda a, b: min(a),
    ),
    Idea("sorted", ("sorted", "sort", "ascending", "order"), "sort {0}", "sorted({0})", lambda a, b: sorted(a)),
    Idea("reversed", ("reverse", "reversed", "backwards"), "turn {0} around", "{0}[::-1]", lambda a, b: a[::-1]),
    Idea("double", ("double", "twice", "doubled"), "double {0}", "{0} * 2", lambda a, b: a * 2),
    Idea("square", ("square", "squared"), "multiply {0} by itself", "{0} * {0}", lambda a, b: a * a),
    Idea("even", ("even", "divisible"), "check the remainder of {0} by 2", "{0} % 2 == 0", lambda a, b: a % 2 == 0),
    Idea("odd", ("odd",), "check that {0} leaves a remainder", "{0} % 2 == 1", lambda a, b: a % 2 == 1),
    Idea("join", ("join", "concatenate", "joined"), "join the parts of {0}", '"".join({0})', lambda a, b: "".join(a)),
    Idea("upper", ("upper", "uppercase", "capital"), "write {0} in capitals", "{0}.upper()", lambda a, b: a.upper()),
    Idea(
        "occurrences", ("times", "occurs", "occurrences"), "count {1} in {0}", "{0}.count({1})", lambda a, b: a.count(b)
    ),
    Idea("first", ("first",), "take the first of {0}", "{0}[0]", lambda a, b: a[0]),
    Idea("last", ("last",), "take the last of {0}", "{0}[-1]", lambda a, b: a[-1]),
    Idea("absolute", ("absolute", "distance"), "drop the sign of {0}", "abs({0})", lambda a, b: abs(a)),
    Idea("plus", ("add", "plus", "two"), "add {0} and {1}", "{0} + {1}", lambda a, b: a + b),
    Idea(
        "positive",
        ("positive", "greater"),
        "add up what is positive in {0}",
        "sum(x for x in {0} if x > 0)",
        lambda a, b: sum(x for x in a if x > 0),
    ),
    Idea(
        "distinct",
        ("distinct", "unique", "different"),
        "count the distinct in {0}",
        "len(set({0}))",
        lambda a, b: len(set(a)),
    ),
)
