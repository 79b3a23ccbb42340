"""Typed JSON: every value that can pass comes back as it was, of the same type; what cannot pass equals nothing."""

from __future__ import annotations

import enum
import json
import math
from collections import Counter, OrderedDict, defaultdict, namedtuple
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from o1coder.judge.inside import values
from o1coder.judge.inside.values import DEPTH, Opaque, Unpassable, decode, encode, pack, unpack

HASHABLE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
    | st.complex_numbers(allow_nan=False),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
VALUES = st.recursive(
    HASHABLE | st.sampled_from(list(values.TYPES.values())),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(HASHABLE, inner, max_size=3)
    | st.sets(HASHABLE, max_size=3) | st.tuples(inner, inner),
    max_leaves=12,
)  # fmt: skip


def form(value: Any) -> str:
    """A text that two values share exactly when they are equal and of the same types all through."""
    kind = type(value).__name__
    if isinstance(value, list | tuple):
        return f"{kind}({', '.join(map(form, value))})"
    if isinstance(value, dict):
        return f"{kind}({', '.join(f'{form(k)}: {form(v)}' for k, v in value.items())})"
    if isinstance(value, set | frozenset):
        return f"{kind}({', '.join(sorted(map(form, value)))})"
    return f"{kind}({value!r})"


@settings(deadline=None)
@given(VALUES)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    text = encode(value)
    assert text.isascii()
    assert "\n" not in text
    assert form(decode(text)) == form(value)


@settings(deadline=None)
@given(st.integers(min_value=10**3999, max_value=10**4100))
def test_integers_beyond_what_json_readers_take(number: int) -> None:
    assert decode(encode(number)) == number
    assert decode(encode(-number)) == -number


Pair = namedtuple("Pair", "a b")


class Colour(enum.IntEnum):
    RED = 1


class Lies(int):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__

    def __add__(self, other: int) -> int:
        return 42


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Counter("aab"), {"a": 2, "b": 1}),
        (defaultdict(list, a=[1]), {"a": [1]}),
        (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        (Pair(1, [2]), (1, [2])),
        (Colour.RED, 1),
        (Lies(7), 7),
        ([Lies(7)], [7]),
        ({Lies(7): Lies(8)}, {7: 8}),
        (bytearray(b"x"), b"x"),
        (-0.0, -0.0),
        ({"~float": 1}, {"~float": 1}),
        ({"~": {"~": 1}}, {"~": {"~": 1}}),
        ("\ud800\x00", "\ud800\x00"),
    ],
)
def test_subclasses_pass_as_the_builtin_they_extend(value: Any, plain: Any) -> None:
    assert form(decode(encode(value))) == form(plain)


@pytest.mark.parametrize(
    "value",
    [object(), iter([]), range(3), {}.keys(), memoryview(b""), len, lambda: 0, enum, Ellipsis, NotImplemented, Opaque],
)
def test_what_cannot_pass_equals_nothing(value: object) -> None:
    for one in (value, [value], {"a": (value,)}):
        text = encode(one)
        assert text.startswith('{"~object": "a value of type ')
        back = decode(text)
        assert type(back) is Opaque
        assert (back == back) is False


def test_a_nan_comes_back_as_one() -> None:
    assert math.isnan(decode(encode(math.nan)))
    assert "NaN" not in encode([math.nan, math.inf])


def nested(depth: int) -> list[Any]:
    """Lists in lists."""
    one: list[Any] = []
    for _ in range(depth):
        one = [one]
    return one


def test_depth_is_bounded_both_ways() -> None:
    assert decode(encode(nested(DEPTH))) == nested(DEPTH)
    assert decode(encode(tuple(nested(DEPTH - 1)))) == tuple(nested(DEPTH - 1))
    for value in (nested(DEPTH + 1), nested(10**5)):
        assert type(decode(encode(value))) is Opaque
    cycle: dict[str, Any] = {}
    cycle["self"] = [cycle]
    assert type(decode(encode(cycle))) is Opaque
    with pytest.raises(Unpassable):
        unpack(nested(10**4))


def test_what_is_shared_is_counted_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "MAX_ITEMS", 1000)
    one: list[Any] = [0]
    for _ in range(60):
        one = [one, one]
    assert "more than 1000 containers" in encode(one)
    assert decode(encode([[]] * 900)) == [[]] * 900


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "NaN", "Infinity", "-Infinity", "1 2", "[1", "'a'", "\ufeff1", b"\xff", "1" * 5000,
        '{"~int": 1}', '{"~int": "g"}', '{"~float": "x"}', '{"~float": []}', '{"~bytes": "g"}', '{"~bytes": 1}',
        '{"~type": "eval"}', '{"~type": []}', '{"~set": [[]]}', '{"~set": 1}', '{"~dict": [1]}', '{"~dict": [[1]]}',
        '{"~dict": [[[], 1]]}', '{"~complex": [1]}', '{"~complex": ["a", "b"]}', '{"~tuple": {}}', '{"~x": []}',
        '{"~": []}', '{"~handle": 0}',
    ],
)  # fmt: skip
def test_what_is_no_encoding_is_refused(text: str | bytes) -> None:
    with pytest.raises(Unpassable):
        decode(text)


def test_handles_pass_only_where_both_sides_agreed() -> None:
    kept: list[object] = []

    def refer(value: object) -> int:
        kept.append(value)
        return len(kept) - 1

    thing = object()
    packed = json.loads(json.dumps(pack([thing, {"a": thing}], refer)))
    assert unpack(packed, kept.__getitem__) == [thing, {"a": thing}]
    with pytest.raises(Unpassable):
        unpack({"~handle": 7}, kept.__getitem__)
    with pytest.raises(Unpassable):
        unpack(packed)
