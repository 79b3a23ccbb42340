"""What a look is worth: terms in [0, 1] that say what their docstrings say, and a figure that orders."""

from __future__ import annotations

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from o1coder.labelling import drawing
from o1coder.labelling.worth import (
    WEIGHTS,
    Evidence,
    Grounds,
    doubt,
    gap,
    siblings,
    similarity,
    why,
    worth,
)
from o1coder.labelling.worth import (
    tests as disagreement,
)

SHARE = st.floats(0, 1)


def test_doubt_is_the_beta_deviation_beside_that_of_no_draw() -> None:
    assert doubt(0, 0, False) == doubt(None, None, False) == 1.0
    assert doubt(2, 1, False) == pytest.approx(sqrt(12 / 20))
    assert doubt(1, 1, False) == pytest.approx(sqrt(12 / 18))
    assert doubt(1, 1, True) == 0.0


@given(st.integers(1, 60), st.data())
def test_more_draws_and_clearer_ones_leave_less_doubt(k: int, data: st.DataObject) -> None:
    c = data.draw(st.integers(0, k))
    assert 0 < doubt(k, c, False) <= 1
    assert doubt(2 * k, 2 * c, False) < doubt(k, c, False)
    assert doubt(k, 0, False) <= doubt(k, c, False) <= doubt(k, k // 2, False) + 1e-12


def test_gap_is_to_the_nearer_of_value_and_label() -> None:
    assert gap(0.9, 0.2, "invalid") == pytest.approx(0.7)
    assert gap(0.9, 0.1, "valid") == pytest.approx(0.1)
    assert gap(0.2, 0.0, "unsure") == pytest.approx(0.2)
    assert gap(None, 0.2, "valid") == gap(0.5, None, None) == 0.0


def test_tests_disagree_only_where_one_origin_passes_whole_and_another_does_not() -> None:
    assert disagreement({"dataset": (3, 3), "tcg": (4, 5)}) == 1.0
    assert disagreement({"dataset": (2, 3), "tcg": (4, 5)}) == 0.0
    assert (
        disagreement({"dataset": (3, 3), "tcg": (0, 0)}) == disagreement({"dataset": (3, 3)}) == disagreement({}) == 0.0
    )


def test_equal_texts_are_alike_and_unlike_ones_say_nothing() -> None:
    assert similarity("count the xs", "count the xs") == 1.0
    assert similarity("", "") == 1.0
    assert similarity("a b", "c d") == siblings(0.3) == 0.0
    assert siblings(1.0) == 1.0
    assert siblings(similarity("keep a count of xs above limit", "keep a count of xs below limit")) > 0.4


@given(SHARE, SHARE, SHARE, SHARE)
def test_worth_grows_with_every_ground_and_stays_below_one(a: float, b: float, c: float, d: float) -> None:
    grounds = Grounds(a, b, c, d)
    assert 0 <= worth(grounds) < 1
    for name in Grounds._fields:
        assert worth(grounds._replace(**{name: 1.0})) >= worth(grounds) - 1e-12
        assert worth(Grounds(**{name: 1.0})) == pytest.approx(getattr(WEIGHTS, name))


def test_why_names_the_weightiest_ground_first() -> None:
    evidence = Evidence("valid", 2, 1, 0.5, 0.05, {"dataset": (3, 3), "tcg": (1, 2)}, "sibling 9")
    told = why(Grounds(0.77, 0.45, 1.0, 0.5), evidence)
    parts = [
        "tests disagree: dataset 3/3 tcg 1/2",
        "PRM 0.05 against valid 0.50",
        "1 of 2 draws passed",
        "like sibling 9, labelled otherwise",
    ]
    assert told == "; ".join(parts)
    assert why(Grounds(), Evidence()) == "no ground, only unread"


def test_draws_are_uniform_enough_and_the_same_again() -> None:
    numbers = drawing.draws(7, range(6000), 6)
    assert numbers == drawing.draws(7, range(3000), 6) + drawing.draws(7, range(3000, 6000), 6)
    assert numbers != drawing.draws(8, range(6000), 6)
    assert all(850 < numbers.count(face) < 1150 for face in range(6))


def test_a_shuffle_keeps_the_order_of_what_was_there() -> None:
    before = drawing.shuffled(3, range(50))
    after = [one for one in drawing.shuffled(3, range(80)) if one < 50]
    assert before == after != list(range(50))
