"""Official comparators: the published rules, their documented faults included, and that nothing else knows them."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import o1coder
from o1coder.errors import LabError
from o1coder.judge import compare
from o1coder.judge.compare import TEXT, TYPED
from o1coder.judge.official import OFFICIAL, OFFICIAL_OF, OFFICIAL_TYPED, official_for
from o1coder.judge.official_text import _family, near
from o1coder.task import Comparator

APPS, LCB, CONTESTS, FUSION = OFFICIAL
APPS_CALL, LCB_CALL, EVALPLUS = OFFICIAL_TYPED


def accepts(name: str, expected: str, output: str, **args: float | str) -> bool:
    return compare(expected, output, Comparator(name, args)).code == "AC"


# expected, output, and which of APPS, LiveCodeBench, CodeContests and SandboxFusion accept it
TABLE = [
    ("YES NO YES", "NO YES YES", "a..."),  # the documented false positive: a set of tokens
    ("YES NO YES", "NO YES", "a..."),
    ("1\n2\n3", "3\n1\n2\n2", "a..."),
    ("1 2\n3", "1 2\n3\n", "alcs"),
    ("1 2", "1  2", "alc."),  # LiveCodeBench: as decimals
    ("a b", "a  b", "a.c."),
    ("1 2", "1\n2", "..c."),
    ("1\n\n2", "1\n2", "a.c."),
    ("1\n2", "1\n\n2", "a.c."),
    (" 1\n2 ", "1 \n 2", "alcs"),
    ("YES", "yes", "..cs"),
    ("50000000000000000", "50000000000000001", "a.cs"),
    ("9007199254740992", "9007199254740993", "a.cs"),
    ("5000000", "5000001", "a..s"),
    ("5000000", "5000100", "...."),
    ("3", "3.000001", "a.cs"),
    ("3", "3.0", "alcs"),
    ("3.0", "3", "alcs"),
    ("0", "0.0004", "a..."),  # rounded to 3 decimals
    ("0", "0.000009", "a.c."),
    ("0.3", "0.30000000000000004", "a.cs"),
    ("1e-9", "1e-6", "a.c."),
    ("1.5 2.5", "1.5 2.500001", "a.c."),
    ("1000000.5", "1000000.6", "a..s"),
    ("nan", "nan", "alcs"),
    ("nan", "NaN", "..cs"),
    ("nan 1", "nan 1.0", "...."),  # once something differs, a NaN differs too
    ("inf 1", "inf 1.0", "al.."),
    ("inf", "Infinity", "al.."),
    ("inf", "1e400", "a..."),
    ("1e400", "1e401", "a..."),
    ("0", "-0", "alcs"),
    ("1000", "1_000", "al.s"),
    ("3", "\u0663", "al.s"),
    ("0.5", "+.5", "alcs"),
    ("5.", "5", "alcs"),
    ("5", "5.", "alcs"),
    ("1", "1e0", "alcs"),
    ("16", "0x10", "...."),
    ("1", "1\x00", "...."),
    ("1", "", "...."),
    ("", "", "alcs"),
    ("", "1", "...."),
    ("a b", "a\u00a0b", "a..."),
    ("a\x0cb", "a b", "a..."),  # a form feed is part of a CodeContests token
    ("a b", "a\x0cb", "...."),  # and ends a line of the output, not of the answer, for APPS
    ("abc", "abd", "...."),
    ("1 2 3", "1 2", "...."),
    ("sNaN", "snan", "..cs"),
    ("1", "sNaN", "...."),
]


@pytest.mark.parametrize(("expected", "output", "who"), TABLE)
def test_who_accepts_what(expected: str, output: str, who: str) -> None:
    found = "".join(
        letter if accepts(name, expected, output) else "." for letter, name in zip("alcs", OFFICIAL, strict=True)
    )
    assert found == who


@pytest.mark.parametrize(("expected", "output", "who"), TABLE)
def test_the_detail_says_where_they_part_from_the_strict_comparison(expected: str, output: str, who: str) -> None:
    strict = accepts("tokens", expected, output)
    for name in OFFICIAL:
        said = compare(expected, output, Comparator(name))
        if said and not strict:
            assert said.detail.startswith(f"accepted by {name} only, as ")
        elif said:
            assert said.detail == ""
        elif strict:
            assert said.detail.startswith(f"rejected by {name} only")
        else:
            assert said.detail.startswith("token ")


# expected, result, and which of APPS and LiveCodeBench accept it from a function
CALLS = [
    ("[3]", "3", "a."),  # the value in a list of one, as their files have it
    ("3", "3", "al"),
    ("[1, 2]", "1", "a."),  # the documented false positive: the first expected item alone
    ("[[1, 2]]", '{"~tuple": [1, 2]}', "a."),
    ("[1, 2]", '{"~tuple": [1, 2]}', "al"),
    ("[[[1, 2]]]", '[{"~tuple": [1, 2]}]', "a."),
    ("[[1, 2]]", '[{"~tuple": [1, 2]}]', ".."),
    ("[[[1, 2], [3]]]", '[{"~tuple": [1, 2]}, [3]]', "a."),
    ("1", "true", "al"),
    ("1", "1.0", "al"),
    ("0.3", "0.30000000000000004", ".."),
    ('"1"', "1", ".."),
    ('{"1": 2}', '{"~dict": [[1, 2]]}', "a."),
    ('{"1": 2}', '{"1": 2}', ".l"),
    ('[{"1": 2}]', '{"~dict": [[1, 2]]}', "a."),
    ('[{"1": 2}, 5]', '{"~dict": [[1, 2]]}', "a."),
    ('{"a": 2}', '{"a": 2}', "al"),
    ("[]", "[]", "al"),
    ("[]", '{"~tuple": []}', "al"),
    ("null", "null", "al"),
    ("[1]", '{"~set": [1]}', ".."),
    ("1", '{"~object": "x"}', ".."),
]


@pytest.mark.parametrize(("expected", "result", "who"), CALLS)
def test_who_accepts_which_result(expected: str, result: str, who: str) -> None:
    found = "".join(
        letter if accepts(name, expected, result) else "."
        for letter, name in zip("al", (APPS_CALL, LCB_CALL), strict=True)
    )
    assert found == who


@pytest.mark.parametrize(
    ("expected", "result", "args", "accepted"),
    [
        ("1.0", "1.0000001", {}, True),
        ("1.0", "1.00001", {}, False),
        ("1.0", "1", {}, True),
        ("1.5", "1", {"atol": 0.9}, False),  # of another type
        ("1000000.0", "1000000.05", {}, True),
        ("[1.0, 2.0]", "[1.0, 2.0000001]", {}, True),
        ("[1.0, 2.0]", '{"~tuple": [1.0, 2.0]}', {}, False),
        ("[1.0, 2.0]", "[1.0]", {}, False),
        ("[1.0, 2]", "[1.0000001, 2]", {}, False),  # not all floats
        ("[[1.0]]", "[[1.0000001]]", {}, False),
        ("[[1.0]]", "[[1.0000001]]", {"atol": 1e-6}, True),
        ("[1, 2]", "[1, 3]", {"atol": 2.0}, True),
        ("[1, 2]", '[1, "2"]', {"atol": 2.0}, False),
        ('{"~float": "nan"}', '{"~float": "nan"}', {}, False),
        ('{"~float": "inf"}', '{"~float": "inf"}', {}, True),
        ("1", "true", {}, True),
        ("[1, 2]", "[2, 1, 1]", {"oracle": "set"}, True),
        ("[1, 2]", '{"~tuple": [2, 1]}', {"oracle": "set"}, True),
        ("[1, 2]", "[2, 3]", {"oracle": "set"}, False),
        ("[[1]]", "[[1]]", {"oracle": "set"}, False),  # lists have no hash
        ("1.0", "1.0", {"oracle": "set"}, False),  # nor has a number items
        ('"ab"', '"ba"', {"oracle": "set"}, True),
        ('{"a": 1}', '["a"]', {"oracle": "set"}, True),
        ("[[1.0], 2.0]", "[[1.0000001], 2.0]", {"atol": 1e-6}, False),  # no array: ragged
        ("true", '{"~object": "a value of type Match cannot pass"}', {"oracle": "not-none"}, True),
        ("true", "false", {"oracle": "not-none"}, False),
        ("false", "null", {"oracle": "not-none"}, True),
        ("7", "8", {"oracle": "anything"}, True),
        ("7", "0", {"oracle": "or-zero"}, True),
        ("7", "8", {"oracle": "or-zero"}, False),
    ],
)
def test_evalplus(expected: str, result: str, args: dict[str, float | str], accepted: bool) -> None:
    assert accepts(EVALPLUS, expected, result, **args) is accepted


@pytest.mark.parametrize("args", [{"oracle": "poly"}, {"atol": "x"}, {"atol": -1.0}, {"atol": float("nan")}])
def test_evalplus_refuses_what_it_does_not_know(args: dict[str, float | str]) -> None:
    with pytest.raises(LabError):
        accepts(EVALPLUS, "1", "1", **args)


rows = st.lists(st.lists(st.sampled_from(["a", "b", "1", "2.5"]), max_size=4), max_size=5)


@settings(deadline=None)
@given(rows, rows)
def test_a_family_is_a_set_of_sets(first: list[list[str]], second: list[list[str]]) -> None:
    sets = [{frozenset(row) for row in side} for side in (first, second)]
    assert (_family(first) == _family(second)) == (sets[0] == sets[1])


@settings(deadline=None)
@given(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1), st.randoms())
def test_apps_accepts_any_order(tokens: list[str], random: object) -> None:
    for order in itertools.islice(itertools.permutations(tokens), 6):
        assert accepts(APPS, " ".join(tokens), " ".join(order))


@settings(deadline=None)
@given(st.lists(st.text("abcd", min_size=1), min_size=1), st.integers(0, 9), st.text("wxyz", min_size=1))
def test_a_word_that_is_not_expected_is_accepted_by_none(tokens: list[str], place: int, other: str) -> None:
    changed = list(tokens)
    changed[place % len(tokens)] = other
    for name in OFFICIAL:
        assert not accepts(name, " ".join(tokens), " ".join(changed))


numbers = st.floats() | st.sampled_from([0.0, -0.0, 1e-8, 1.00001, 1e308])


@settings(deadline=None)
@given(numbers, numbers)
def test_near_is_numpys(found: float, expected: float) -> None:
    numpy = pytest.importorskip("numpy")
    with numpy.errstate(all="ignore"):
        assert near(found, expected, 1e-5, 1e-8) == bool(numpy.isclose(found, expected))


@settings(deadline=None)
@given(st.integers(-(10**9), 10**9), st.integers(0, 4))
def test_contests_tolerance_is_absolute(whole: int, places: int) -> None:
    assert accepts(CONTESTS, str(whole), f"{whole}.{'0' * places}0")
    assume(places < 4)
    assert not accepts(CONTESTS, str(whole), f"{whole}.{'0' * places}1")


def test_every_source_has_the_comparator_of_its_kind() -> None:
    for (source, kind), name in OFFICIAL_OF.items():
        assert official_for(source, kind, Comparator("tokens")).name == name
        assert name in (OFFICIAL if kind == "stdio" else OFFICIAL_TYPED)
    assert official_for("Code_Contests", "stdio", Comparator()) == Comparator(CONTESTS)
    assert official_for("O1-CODER", "call", Comparator()) == Comparator(APPS_CALL)
    own = Comparator("official-evalplus", {"oracle": "set"})
    assert official_for("mbpp+", "call", own) == own


def test_asserts_are_official_where_the_dataset_is_asserts() -> None:
    own = Comparator("typed")
    for source in ("humaneval", "mbpp", "mbpp-sanitized"):
        assert official_for(source, "assert", own) is own


@pytest.mark.parametrize(
    ("source", "kind"),
    [("starter", "stdio"), ("jsonl", "call"), ("mbpp", "call"), ("codecontests", "call"), ("", "stdio")],
)
def test_a_source_without_one_is_told(source: str, kind: str) -> None:
    with pytest.raises(LabError, match="no official comparison"):
        official_for(source, kind, Comparator())  # type: ignore[arg-type]


def test_nothing_chooses_them_but_an_evaluation() -> None:
    assert not {*TEXT, *TYPED} & {*OFFICIAL, *OFFICIAL_TYPED}
    package = Path(o1coder.__file__).parent
    naming = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if re.search(r"official_for|OFFICIAL|[\"']official-", path.read_text(encoding="utf-8"))
    }
    judging = {"judge/compare.py", "judge/official.py", "judge/official_call.py"}
    assert naming <= judging | {"evaluating.py", "answers.py"}  # the figure, and the words that go with it
