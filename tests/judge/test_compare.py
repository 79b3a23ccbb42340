"""Comparators: what each forgives and nothing more."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from o1coder.errors import LabError
from o1coder.judge import compare
from o1coder.judge.compare import TEXT
from o1coder.judge.inside.values import Opaque, Unpassable, decode, encode
from o1coder.judge.typed import equal
from o1coder.task import Comparator

words = st.lists(st.text("abcXYZ019.-", min_size=1, max_size=5), max_size=8)
gaps = st.text(" \t\n\r", min_size=1, max_size=3)


def same(name: str, expected: str, output: str, **args: float | str) -> bool:
    return compare(expected, output, Comparator(name, args))


@pytest.mark.parametrize("name", list(TEXT))
@given(tokens=words)
def test_every_comparator_accepts_the_expected_text(name: str, tokens: list[str]) -> None:
    assert same(name, " ".join(tokens), " ".join(tokens))


@given(tokens=words, before=gaps, between=gaps, after=gaps)
def test_tokens_forgive_white_space(tokens: list[str], before: str, between: str, after: str) -> None:
    assert same("tokens", " ".join(tokens), before + between.join(tokens) + after)


@given(tokens=words, extra=st.text("ab", min_size=1))
def test_a_prefix_is_no_answer(tokens: list[str], extra: str) -> None:
    for name in TEXT:
        assert not same(name, " ".join([*tokens, extra]), " ".join(tokens))
        assert not same(name, " ".join(tokens), " ".join([*tokens, extra]))


@given(st.lists(st.sampled_from("ab"), min_size=2), st.randoms())
def test_unordered_is_a_multiset(tokens: list[str], random: Any) -> None:
    shuffled = random.sample(tokens, len(tokens))
    assert same("unordered", " ".join(tokens), " ".join(shuffled))
    assert not same("unordered", " ".join(tokens), " ".join([*tokens, tokens[0]]))
    assert same("unordered", "a b\nc", "c\na b", by="lines")
    assert not same("unordered", "a b\nc", "c\nb a", by="lines")


@pytest.mark.parametrize(
    ("name", "expected", "output", "accepted"),
    [
        ("tokens", "1 2", "1\n2", True),
        ("tokens", "NO YES YES", "YES NO YES", False),
        ("tokens", "1", "1.0", False),
        ("tokens", "a b", "a\u00a0b", False),
        ("lines", "1 2\n3\n", "1  2 \n3\n\n\n", True),
        ("lines", "1 2\n3\n", "1 2 3\n", False),
        ("lines", "\n1", "1", False),
        ("lines", "1\r\n2", "1\n2", True),
        ("identical", "1\n", "1", False),
        ("casefold", "YES", "yes", True),
        ("casefold", "YES", "ye", False),
        ("float", "0.3", "0.30000000000000004", True),
        ("float", "0.3", "0.3001", False),
        ("float", "0.5", "nan", False),
        ("float", "nan", "nan", True),  # the same token: the reference said so
        ("float", "0.5", "inf", False),
        ("float", "0.5", "5e-1", True),
        ("float", "1e3", "1000", True),
        ("float", "3", "3.0000000001", False),
        ("float", "3", "3.0", False),
        ("float", "3.0", "3", True),
        ("float", "7", "+007", True),
        ("float", "-7", "7", False),
        ("float", "0", "-0", True),
        ("float", "0.5", "0.5 0.5", False),
        ("float", "0.5", "0_5.5", False),
        ("float", "1.5", "1" * 500, False),
        ("float", "1.5", "\u0661.5", False),
        ("float", "1000000.0", "1000000.5", True),
        ("typed", "[1, 2]", '{"~tuple": [1, 2]}', True),
        ("typed", "[1, 2]", "[1, 2] [3]", False),
        ("typed", "1", "", False),
        ("typed", "1", "[" * 100000, False),
        ("typed", "1", "1" * 5000, False),
        ("typed", '"a"', '{"~bytes": "61"}', False),
        ("typed", "0", '{"~object": "x"}', False),
        ("typed-float", "[1.0]", "[1.0000001]", True),
        ("typed-float", "[1.0]", "[1.01]", False),
        ("typed-float", "[1]", "[1.0]", False),
        ("typed-float", '{"a": 2.5}', '{"a": 2.5000001}', True),
    ],
)
def test_named_cases(name: str, expected: str, output: str, accepted: bool) -> None:
    assert same(name, expected, output) is accepted


def test_tolerances_are_arguments() -> None:
    assert same("float", "1.5", "1.6", abs=0.2)
    assert not same("float", "1.5", "1.6", abs=0.01, rel=0.01)
    assert same("float", "100.5", "101", rel=0.01)


def test_unknown_comparators_and_broken_expectations_are_errors() -> None:
    with pytest.raises(LabError):
        same("set", "1", "1")
    with pytest.raises(LabError):
        same("typed", "{1}", "1")


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
keys = st.none() | st.booleans() | st.integers() | st.text() | st.tuples(st.integers(), st.text())
python_values = st.recursive(
    scalars | st.sets(st.integers()) | st.complex_numbers(allow_nan=False),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(keys, inner, max_size=4)
        | st.dictionaries(st.sampled_from(["~tuple", "~dict", "a"]), inner, max_size=2)
    ),
    max_leaves=12,
)


@given(python_values)
def test_values_come_back_as_they_were(value: Any) -> None:
    text = encode(value)
    assert text.isascii()
    json.loads(text)
    back = decode(text)
    assert back == value
    assert type(back) is type(value)
    assert encode(back) == text or isinstance(value, set | frozenset | list | tuple | dict)
    assert equal(value, back)


@given(st.text() | st.binary())
def test_hostile_text_is_refused_or_decoded(text: str | bytes) -> None:
    try:
        decode(text)
    except Unpassable:
        return


@pytest.mark.parametrize(
    "text",
    ['{"~tuple": 1}', '{"~set": [[1]]}', '{"~dict": [[1]]}', '{"~dict": [[[1], 1]]}', '{"~new": []}', '{"~int": "zz"}',
     '{"~float": "x"}', '{"~bytes": 3}', '{"~complex": [1]}', '{"~type": "open"}', '{"~handle": 0}', "NaN", "-Infinity",
     "[" * 1000 + "]" * 1000],
)  # fmt: skip
def test_what_is_no_encoding_is_refused(text: str) -> None:
    with pytest.raises(Unpassable):
        decode(text)


def test_what_cannot_pass_equals_nothing() -> None:
    opaque = decode(encode(object()))
    assert isinstance(opaque, Opaque)
    assert not equal(opaque, opaque)
    assert not equal(math.nan, math.nan)
