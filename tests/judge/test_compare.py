"""Comparators: what each forgives and nothing more, what they say, and that no output makes them slow."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from o1coder.errors import LabError
from o1coder.judge import compare
from o1coder.judge.compare import TEXT, TYPED, comparator_for
from o1coder.judge.difference import Compared, quoted, shared, unlike
from o1coder.judge.inside.values import Opaque, Unpassable, decode, encode
from o1coder.judge.official import OFFICIAL, OFFICIAL_TYPED
from o1coder.judge.typed import PYTHON, difference, name_of, read
from o1coder.task import Comparator

words = st.lists(st.text("abcXYZ019.-", min_size=1, max_size=5), max_size=8)
some_words = st.lists(st.text("abcXYZ019.-", min_size=1, max_size=5), min_size=1, max_size=8)
gaps = st.text(" \t\n\r", min_size=1, max_size=3)
anything = st.text(st.characters(), max_size=40)  # NUL, surrogates, other scripts' digits and spaces


def ask(name: str, expected: str, output: str, **args: float | str) -> Compared:
    return compare(expected, output, Comparator(name, args))


def same(name: str, expected: str, output: str, **args: float | str) -> bool:
    return ask(name, expected, output, **args).code == "AC"


@pytest.mark.parametrize("name", [*TEXT, *OFFICIAL])
@settings(deadline=None)
@given(text=anything)
def test_every_comparator_accepts_the_expected_text(name: str, text: str) -> None:
    odd = name == "official-apps"  # it ends lines of the output alone at \x1e and the like, and then rejects the answer
    assume(not odd or all(one.isprintable() or one == "\n" for one in text))
    assert ask(name, text, text).code == "AC"


@pytest.mark.parametrize("name", [*TEXT, *OFFICIAL])
@settings(deadline=None)
@given(expected=anything, output=anything)
def test_no_text_is_too_strange(name: str, expected: str, output: str) -> None:
    found = ask(name, expected, output)
    assert bool(found) == (found.code == "AC")
    assert found.detail.isprintable()
    assert len(found.detail) < 450
    assert found or found.detail


@settings(deadline=None)
@given(tokens=words, before=gaps, between=gaps, after=gaps)
def test_tokens_forgive_white_space(tokens: list[str], before: str, between: str, after: str) -> None:
    assert same("tokens", " ".join(tokens), before + between.join(tokens) + after)


@settings(deadline=None)
@given(tokens=words, extra=st.text("ab", min_size=1))
def test_a_prefix_is_no_answer(tokens: list[str], extra: str) -> None:
    for name in TEXT:
        assert not same(name, " ".join([*tokens, extra]), " ".join(tokens))
        assert not same(name, " ".join(tokens), " ".join([*tokens, extra]))


@pytest.mark.parametrize("name", list(TEXT))
@settings(deadline=None)
@given(tokens=some_words, place=st.integers(0, 7), other=st.text("abcXYZ019.-", min_size=1, max_size=5))
def test_a_changed_token_is_wrong(name: str, tokens: list[str], place: int, other: str) -> None:
    place %= len(tokens)
    other = f"q{other}" if name == "float" else other  # which no number is near
    assume(other.casefold() != tokens[place].casefold())
    changed = [*tokens[:place], other, *tokens[place + 1 :]]
    assert ask(name, "\n".join(tokens), "\n".join(changed)).code == "WA"


@settings(deadline=None)
@given(tokens=some_words, place=st.integers(0, 7))
def test_the_detail_names_the_first_token_that_differs(tokens: list[str], place: int) -> None:
    place %= len(tokens)
    for name in ("tokens", "casefold", "float", "lines"):
        changed = [*tokens[:place], "q", *tokens[place + 1 :]]
        assert ask(name, " ".join(tokens), " ".join(changed)).detail.startswith(f"token {place + 1}: expected ")
        cut = ask(name, " ".join([*tokens, "q"]), " ".join(tokens)).detail
        assert cut.startswith(f"token {len(tokens) + 1}: expected 'q', found the end")


@settings(deadline=None)
@given(tokens=some_words, joints=st.lists(st.sampled_from([" ", "\n"]), min_size=8, max_size=8))
def test_only_the_layout_is_a_presentation_error(tokens: list[str], joints: list[str]) -> None:
    output = "".join(token + joint for token, joint in zip(tokens, joints, strict=False)).rstrip()
    for name in ("lines", "identical"):
        for expected in (" ".join(tokens), "\n".join(tokens)):
            assert ask(name, expected, output).code == ("AC" if expected == output else "PE")


@settings(deadline=None)
@given(st.lists(st.sampled_from("ab"), min_size=2), st.randoms())
def test_unordered_is_a_multiset(tokens: list[str], random: Any) -> None:
    shuffled = random.sample(tokens, len(tokens))
    assert same("unordered", " ".join(tokens), " ".join(shuffled))
    assert not same("unordered", " ".join(tokens), " ".join([*tokens, tokens[0]]))
    assert same("unordered", "a b\nc", "c\na b", by="lines")
    assert not same("unordered", "a b\nc", "c\nb a", by="lines")


@pytest.mark.parametrize(
    ("name", "expected", "output", "code"),
    [
        ("tokens", "1 2", "1\n2", "AC"),
        ("tokens", "NO YES YES", "YES NO YES", "WA"),
        ("tokens", "1", "1.0", "WA"),
        ("tokens", "a b", "a\u00a0b", "WA"),
        ("tokens", "a b", "a\u2003b", "WA"),
        ("tokens", "a b", "a\x1cb", "WA"),
        ("tokens", "a b", "a\x0b\x0cb", "AC"),
        ("tokens", "3", "\u0663", "WA"),
        ("tokens", "3", "3\x00", "WA"),
        ("tokens", "", "\x00", "WA"),
        ("tokens", "a", "\ufeffa", "WA"),
        ("tokens", "\ud83d", "\ud83d\n", "AC"),
        ("tokens", "\ud83d", "?", "WA"),
        ("lines", "1 2\n3\n", "1  2 \n3\n\n\n", "AC"),
        ("lines", "1 2\n3\n", "1 2 3\n", "PE"),
        ("lines", "\n1", "1", "PE"),
        ("lines", "1\n\n2", "1\n2", "PE"),
        ("lines", "1\r\n2", "1\n2", "AC"),
        ("lines", "1\n2", "1\n3", "WA"),
        ("lines", "1", "", "WA"),
        ("lines", "", "\n \n", "AC"),
        ("identical", "1\n", "1", "PE"),
        ("identical", "1 2\n", "12\n", "WA"),
        ("casefold", "YES", "yes", "AC"),
        ("casefold", "YES", "ye", "WA"),
        ("casefold", "YES NO", "no yes", "WA"),
        ("float", "0.3", "0.30000000000000004", "AC"),
        ("float", "0.3", "0.3001", "WA"),
        ("float", "0.5", "nan", "WA"),
        ("float", "nan", "nan", "AC"),  # the same token: the reference said so
        ("float", "nan", "NaN", "WA"),
        ("float", "0.5", "inf", "WA"),
        ("float", "inf", "1e400", "WA"),
        ("float", "1e400", "1e401", "WA"),  # both are infinite as floats
        ("float", "1e400", "inf", "WA"),
        ("float", "0.0", "1e-400", "AC"),
        ("float", "0.5", "5e-1", "AC"),
        ("float", "0.5", "+.5", "AC"),
        ("float", "5.", "5", "AC"),
        ("float", "1e3", "1000", "AC"),
        ("float", "0.5", "0.5e", "WA"),
        ("float", "1.5", "1.5f", "WA"),
        ("float", "1.5", "0x1.8p0", "WA"),
        ("float", "0.0", "-0", "AC"),
        ("float", "3", "3.0000000001", "WA"),
        ("float", "3", "3.0", "WA"),
        ("float", "3.0", "3", "AC"),
        ("float", "7", "+007", "AC"),
        ("float", "-7", "7", "WA"),
        ("float", "0", "-0", "AC"),
        ("float", "50000000000000000", "50000000000000001", "WA"),
        ("float", "1000", "1_000", "WA"),
        ("float", "1000.0", "1_000.0", "WA"),
        ("float", "3.0", "\u0663", "WA"),
        ("float", "3", "\u0663", "WA"),
        ("float", "0.5", "0.5 0.5", "WA"),
        ("float", "0.5", "0_5.5", "WA"),
        ("float", "1.5", "1" * 500, "WA"),
        ("float", "1.5", "\u0661.5", "WA"),
        ("float", "1000000.0", "1000000.5", "AC"),
        ("float", "yes 0.1 + 0.2", "yes 0.1 + 0.2000000001", "AC"),
        ("typed", "[1, 2]", '{"~tuple": [1, 2]}', "AC"),
        ("typed", "[1, 2]", "[1, 2] [3]", "WA"),
        ("typed", "1", "", "WA"),
        ("typed", "1", "true", "WA"),
        ("typed", "true", "1", "WA"),
        ("typed", "1", "1.0", "WA"),
        ("typed", "1.0", "1", "AC"),
        ("typed", "1", "[" * 100000, "WA"),
        ("typed", "1", "1" * 5000, "WA"),
        ("typed", "[1e400]", "[1e400]", "AC"),
        ("typed", '{"~float": "nan"}', '{"~float": "nan"}', "WA"),
        ("typed", '{"~set": [1, {"~float": "nan"}]}', '{"~set": [1, {"~float": "nan"}]}', "WA"),
        ("typed", '{"~float": "inf"}', "1e400", "AC"),
        ("typed", '"a"', '{"~bytes": "61"}', "WA"),
        ("typed", "0", '{"~object": "x"}', "WA"),
        ("typed", '{"~set": [1, 2]}', '{"~frozenset": [2, 1]}', "AC"),
        ("typed", '{"~set": [1]}', '{"~set": [1.0]}', "WA"),
        ("typed", '{"~set": [1]}', "[1]", "WA"),
        ("typed", '{"~set": [0.0]}', '{"~set": [-0.0]}', "AC"),
        ("typed", '{"~set": [{"~tuple": [1]}]}', '{"~set": [[1]]}', "WA"),
        ("typed", '{"1": 2}', '{"~dict": [[1, 2]]}', "WA"),
        ("typed", '{"~int": "ff"}', "255", "AC"),
        ("typed", '{"~complex": [1.0, 2.0]}', '{"~complex": [1.0, 2.0]}', "AC"),
        ("typed-float", "[1.0]", "[1.0000001]", "AC"),
        ("typed-float", "[1.0]", "[1.01]", "WA"),
        ("typed-float", "[1]", "[1.0]", "WA"),
        ("typed-float", '{"a": 2.5}', '{"a": 2.5000001}', "AC"),
    ],
)
def test_named_cases(name: str, expected: str, output: str, code: str) -> None:
    assert ask(name, expected, output).code == code


@pytest.mark.parametrize(
    ("name", "expected", "output", "detail"),
    [
        ("tokens", "1 2 7", "1 2 8", "token 3: expected '7', found '8'"),
        ("tokens", "1 2", "1", "token 2: expected '2', found the end"),
        ("tokens", "", "1", "token 1: expected the end, found '1'"),
        ("tokens", "a", "\x1b[2J", "token 1: expected 'a', found '\\x1b[2J'"),
        ("tokens", "x" * 99 + "1", "x" * 99 + "2", f"token 1: from character 100: expected …'{'x' * 15}1', "
         f"found …'{'x' * 15}2'"),
        ("lines", "1 2\n3", "1 2 3", "the right tokens on other lines, from line 1 on"),
        ("lines", "1 2\n3", "1 2\n4", "token 3: expected '3', found '4'; line 2 is the first that differs"),
        ("identical", "1\n", "1", "other white space: expected '1\\n', found '1'"),
        ("float", "0.5", "0.7", "token 1: expected '0.5', found '0.7' (tolerance 1e-06, relative 1e-06)"),
        ("unordered", "a b b", "b a a", "the token 'a': expected 1 times, found 2 times"),
        ("typed", "[1, [2, 3]]", "[1, [2, 4]]", "result[1][1]: expected 3, found 4"),
        ("typed", '{"a": {"b": 1}}', '{"a": {"b": "1"}}', "result['a']['b']: expected 1, found '1'"),
        ("typed", "[1, 2]", "[1]", "result: expected a list of 2, found a list of 1"),
        ("typed", "1", "null", "result: expected 1, found None"),
        ("typed", '{"a": 1}', '{"b": 1}', "result: the key 'a' is missing"),
        ("typed", '{"~set": [1, 2]}', '{"~set": [1, 3]}', "result: the member 2 is missing"),
        ("typed", "[1]", '[{"~object": "a value of type Foo cannot pass"}]', "result[0]: a value of type Foo cannot pass"),
        ("typed", "1", "{", "the result is no value: not JSON: Expecting property name"),
    ],
)  # fmt: skip
def test_details(name: str, expected: str, output: str, detail: str) -> None:
    assert ask(name, expected, output).detail.startswith(detail)


@settings(deadline=None)
@given(st.text("ab", max_size=30), st.text("ab", max_size=30))
def test_what_two_texts_share(first: str, second: str) -> None:
    n = shared(first, second)
    assert first[:n] == second[:n]
    assert n == min(len(first), len(second)) or first[n] != second[n]


@settings(deadline=None)
@given(st.text() | st.binary(), st.integers(0, 300))
def test_a_quotation_is_short_and_printable(text: str | bytes, at: int) -> None:
    assert quoted(text, at).isprintable()
    assert len(quoted(text, at)) <= 124


def test_a_difference_far_in_is_shown() -> None:
    assert "from character 8000001: expected …" in unlike("a" * 8_000_000 + "b", "a" * 8_000_000 + "c")


def test_tolerances_are_arguments() -> None:
    assert same("float", "1.5", "1.6", abs=0.2)
    assert not same("float", "1.5", "1.6", abs=0.01, rel=0.01)
    assert same("float", "100.5", "101", rel=0.01)


@pytest.mark.parametrize("value", ["x", "0.1", -1, math.nan, math.inf, True])
def test_a_tolerance_that_is_none_is_an_error(value: Any) -> None:
    for name, text in (("float", "1.5"), ("typed-float", "1.5")):
        with pytest.raises(LabError):
            ask(name, text, "1.6", abs=value)


def test_unknown_comparators_and_broken_expectations_are_errors() -> None:
    for name in ("set", "checker", "official"):
        with pytest.raises(LabError):
            same(name, "1", "1")
    for broken in ("{1}", "NaN", '{"~new": []}', '[{"~int": "zz"}]', "[" * 100_000):
        for name in (*TYPED, *OFFICIAL_TYPED):
            with pytest.raises(LabError):
                same(name, broken, "1")


def test_a_kind_has_its_comparators() -> None:
    assert comparator_for("stdio", Comparator("lines")) == Comparator("lines")
    assert comparator_for("call", Comparator("tokens")) == Comparator("typed")
    assert comparator_for("call", Comparator("float", {"abs": 0.1})) == Comparator("typed-float", {"abs": 0.1})
    assert comparator_for("call", Comparator("official-apps-call")).name == "official-apps-call"
    assert comparator_for("assert", Comparator("typed")) == Comparator("typed")
    checker = Comparator("checker", {"source": "raise SystemExit(0)"})
    assert comparator_for("stdio", checker) == comparator_for("call", checker) == checker
    for kind, one in (
        ("stdio", Comparator("typed")),
        ("stdio", Comparator("official-apps-call")),
        ("call", Comparator("official-apps")),
        ("stdio", Comparator("set")),
        ("call", Comparator("set")),
        ("stdio", Comparator("float", {"abs": "x"})),
        ("stdio", Comparator("tokens", {"abs": 1.0})),
        ("stdio", Comparator("unordered", {"by": "pairs"})),
        ("stdio", Comparator("checker", {})),
    ):
        with pytest.raises(LabError):
            comparator_for(kind, one)  # type: ignore[arg-type]


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


@settings(deadline=None)
@given(python_values)
def test_values_come_back_as_they_were(value: Any) -> None:
    text = encode(value)
    assert text.isascii()
    json.loads(text)
    back = decode(text)
    assert back == value
    assert type(back) is type(value)
    assert encode(back) == text or isinstance(value, set | frozenset | list | tuple | dict)
    assert ask("typed", text, encode(back)).code == "AC"


@settings(deadline=None)
@given(python_values, python_values)
def test_python_rules_are_those_of_python(first: Any, second: Any) -> None:
    for one, other in ((first, second), ([first], [second]), (first, first), ({"a": first}, {"a": first})):
        where = difference(read(encode(one)), read(encode(other)), PYTHON)
        assert (where is None) == (one == other)


hashable = scalars | st.complex_numbers(allow_nan=False) | st.tuples(scalars, scalars) | st.frozensets(st.integers())


@settings(deadline=None)
@given(hashable, hashable)
def test_a_name_is_shared_by_what_is_the_same_key(first: Any, second: Any) -> None:
    names = [name_of(read(encode(one)), PYTHON) for one in (first, second)]
    assert (names[0] == names[1]) == (first == second)
    assert type(names[0]) is str  # whose hash no program can foresee; that of a number it can


@settings(deadline=None)
@given(st.text() | st.binary())
def test_hostile_text_is_refused_or_decoded(text: str | bytes) -> None:
    try:
        decode(text)
    except Unpassable:
        return


NO_ENCODINGS = [
    '{"~tuple": 1}', '{"~set": [[1]]}', '{"~dict": [[1]]}', '{"~dict": [[[1], 1]]}', '{"~new": []}', '{"~int": "zz"}',
    '{"~float": "x"}', '{"~bytes": 3}', '{"~complex": [1]}', '{"~type": "open"}', '{"~handle": 0}', "NaN", "-Infinity",
    "[" * 1000 + "]" * 1000, '{"~int": 3}', '{"~float": []}', '{"~type": {}}', '{"~complex": ["1", "2"]}',
]  # fmt: skip


@pytest.mark.parametrize("text", NO_ENCODINGS)
def test_what_is_no_encoding_is_refused(text: str) -> None:
    with pytest.raises(Unpassable):
        decode(text)


@pytest.mark.parametrize("name", [*TYPED, *OFFICIAL_TYPED])
@pytest.mark.parametrize("text", NO_ENCODINGS)
def test_what_is_no_encoding_is_a_wrong_answer(name: str, text: str) -> None:
    for expected in ("1", "[1]", '{"~tuple": [1]}', '{"~set": [1]}', '{"~dict": [[1, 2]]}', '{"~complex": [1.0, 2.0]}'):
        assert ask(name, expected, text).code == "WA"
        assert ask(name, f"[{expected}]", f"[{text}]").code == "WA"


def test_what_cannot_pass_equals_nothing() -> None:
    opaque = encode(object())
    assert isinstance(decode(opaque), Opaque)
    assert not same("typed", opaque, opaque)


MEGABYTE = 1 << 20
ADVERSARIES: dict[str, Callable[[int], str]] = {
    "one digit": lambda n: "1 " * (n // 2),
    "one number": lambda n: "1" * n,
    "a number spoilt at its end": lambda n: "1" * n + "x",
    "zeros spoilt at their end": lambda n: "0" * n + "x",
    "a fraction": lambda n: "0." + "3" * n,
    "an exponent": lambda n: "1e" + "9" * n,
    "points": lambda n: "." * n,
    "signs": lambda n: "+-" * (n // 2),
    "lines": lambda n: "\n" * n + "1",
    "short lines": lambda n: "1 2\n" * (n // 4),
    "numbers spoilt by a letter": lambda n: ("1" * 399 + "x ") * (n // 400),
    "decimals": lambda n: "0.5 " * (n // 4),
    "underscores": lambda n: "1_" * (n // 2) + "1",
    "one word in many": lambda n: ("a" * 1000 + " ") * (n // 1001),
    "words that differ late": lambda n: " ".join("a" * 1000 + str(k) for k in range(n // 1001)),
    "numbers of one hash": lambda n: "\n".join(f"{k}.0 {k << 61}.0" for k in range(n // 30)),
    "wide characters": lambda n: "\U0001f600\u2028" * (n // 7),
    "NULs": lambda n: "\x00" * n,
}
TYPED_ADVERSARIES: dict[str, Callable[[int], str]] = {
    "a set of one hash": lambda n: json.dumps({"~set": [k * ((1 << 61) - 1) for k in range(n // 23)]}),
    "keys of one hash": lambda n: json.dumps({"~dict": [[k * ((1 << 61) - 1), 0] for k in range(n // 28)]}),
    "a set of sets": lambda n: json.dumps({"~set": [{"~frozenset": [k]} for k in range(n // 24)]}),
    "numbers": lambda n: json.dumps(list(range(n // 8))),
    "deep": lambda n: "[" * n,
    "deep objects": lambda n: '{"a":' * (n // 5),
    "tags": lambda n: '{"~tuple":[' * (n // 11),
    "long hex": lambda n: json.dumps({"~int": "f" * n}),
    "long text": lambda n: json.dumps("\\" * (n // 2)),
}


def sides(text: str) -> list[tuple[str, str]]:
    """The text as it is expected, as it is found, and against itself with the last character changed."""
    return [(text, "1"), ("1", text), (text, text[:-1] + "2"), (text + " 1.5", text + " 1.50000001")]


def typed_sides(text: str) -> list[tuple[str, str]]:
    """The same for a text that may be no JSON: then it is only found."""
    found = [("1", text), ("[[[1]]]", text), ('{"~set": [1]}', text), ('{"~dict": [[1, 1]]}', text)]
    return found if text.startswith(("[[", '{"a', '{"~tuple')) else [*found, (text, text.replace("0", "1", 1))]


@pytest.mark.parametrize("adversary", list(ADVERSARIES))
def test_much_of_anything_is_compared(adversary: str) -> None:
    """Any step that is quadratic in the output would take minutes to hours here: the test ends only if there is none."""
    for name in (*TEXT, *OFFICIAL):
        for expected, output in sides(ADVERSARIES[adversary](MEGABYTE // 8)):
            assert ask(name, expected, output).code in ("AC", "WA", "PE")


@pytest.mark.slow
@pytest.mark.parametrize("adversary", list(ADVERSARIES))
@pytest.mark.parametrize("name", [*TEXT, *OFFICIAL])
def test_eight_megabytes_of_anything_are_compared(name: str, adversary: str) -> None:
    for expected, output in sides(ADVERSARIES[adversary](8 * MEGABYTE))[2:3]:
        assert ask(name, expected, output).code in ("AC", "WA", "PE")


@pytest.mark.parametrize("adversary", list(TYPED_ADVERSARIES))
@pytest.mark.parametrize("name", [*TYPED, *OFFICIAL_TYPED])
def test_much_of_any_value_is_compared(name: str, adversary: str) -> None:
    for expected, output in typed_sides(TYPED_ADVERSARIES[adversary](MEGABYTE // 4)):
        assert ask(name, expected, output).code in ("AC", "WA")


@pytest.mark.slow
@pytest.mark.parametrize("adversary", list(TYPED_ADVERSARIES))
@pytest.mark.parametrize("name", [*TYPED, *OFFICIAL_TYPED])
def test_eight_megabytes_of_any_value_are_compared(name: str, adversary: str) -> None:
    for expected, output in typed_sides(TYPED_ADVERSARIES[adversary](8 * MEGABYTE))[2:]:
        assert ask(name, expected, output).code in ("AC", "WA")


def calls(work: Callable[[], object]) -> int:
    """How many functions, C's included, are called in doing it."""
    count = 0

    def note(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("name", [*TEXT, *OFFICIAL])
def test_work_grows_no_faster_than_the_output(name: str) -> None:
    for adversary in ADVERSARIES.values():
        small, large = (
            sum(calls(lambda e=e, o=o: ask(name, e, o)) for e, o in sides(adversary(n)))  # type: ignore[misc]
            for n in (8_000, 32_000)
        )
        assert large <= 4.4 * small + 200


@pytest.mark.parametrize("name", [*TYPED, *OFFICIAL_TYPED])
def test_work_grows_no_faster_than_the_result(name: str) -> None:
    for adversary in TYPED_ADVERSARIES.values():
        small, large = (
            sum(calls(lambda e=e, o=o: ask(name, e, o)) for e, o in typed_sides(adversary(n)))  # type: ignore[misc]
            for n in (8_000, 32_000)
        )
        assert large <= 4.4 * small + 200
