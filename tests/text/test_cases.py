"""Cases survive being written as a line and read back; what is no case is passed over."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from o1coder.task import Task
from o1coder.text import case_completion, parse_cases

TASK = Task("…", "call", "f", "f(a, b)")
STDIO = Task("…", "stdio")

characters = st.characters(exclude_categories=["Cs"])
text = st.text(characters, max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=6,
)


def dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


@given(st.lists(st.tuples(st.lists(values, max_size=3).map(dumped), values.map(dumped)), max_size=4, unique=True))
def test_call_cases_round_trip(cases: list[tuple[str, str]]) -> None:
    assert parse_cases(case_completion(TASK, cases), TASK) == cases


@given(st.lists(st.tuples(text, text), max_size=4, unique=True))
def test_stdio_cases_round_trip(cases: list[tuple[str, str]]) -> None:
    assert parse_cases(case_completion(STDIO, cases), STDIO) == cases


@pytest.mark.parametrize(
    ("line", "case"),
    [
        ("assert f([1, -2], (3,)) == 'a'", ("[[1, -2], [3]]", '"a"')),
        ("f(1) == 2", ("[1]", "2")),
        ("assert f(1) == 2, 'one'", ("[1]", "2")),
        ("assert f(1);", ("[1]", "true")),
        ("assert not f(1)", ("[1]", "false")),
        ("assert f(1) is None", ("[1]", "null")),
        ("assert f() == 2.5", ("[]", "2.5")),
    ],
)
def test_what_is_read(line: str, case: tuple[str, str]) -> None:
    assert parse_cases(line, TASK) == [case]


@pytest.mark.parametrize(
    "line",
    [
        "assert g(1) == 2",
        "assert f(x) == 2",
        "assert f(a=1) == 2",
        "assert f(1) != 2",
        "assert f(1) == f(2)",
        "assert f({1}) == 2",
        "assert f({1: 2}) == 2",
        "assert f(1e999) == 2",
        "assert f(__import__('os').getpid()) == 2",
        "assert f([1, 2",
        "assert f(" + "[" * 5000,
        "The function f(1) == 2",
    ],
)
def test_what_is_passed_over(line: str) -> None:
    assert parse_cases(line + "\nassert f(0) == 0", TASK) == [("[0]", "0")]


def test_a_repeated_case_counts_once() -> None:
    assert parse_cases("assert f(1) == 2\nassert f( 1 ) == 2\nassert f(1) == 3", TASK) == [("[1]", "2"), ("[1]", "3")]


@given(st.text())
def test_any_text_is_read(noise: str) -> None:
    for task in (TASK, STDIO):
        assert all(isinstance(side, str) for case in parse_cases(noise, task) for side in case)
