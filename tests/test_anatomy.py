"""Variance components against a hand-computed table, the textbook's mean squares, and simulated truth."""

from __future__ import annotations

import random
from itertools import product
from statistics import fmean, variance

import pytest

from o1coder.measure import Nested, anatomy, swap

LEVELS = ("problem", "structure", "refine", "code")


def components(problems: list[Nested], levels: tuple[str, ...] = LEVELS) -> list[float]:
    found = anatomy(problems, levels)
    assert found is not None
    return [share.component for share in found.shares]


def nest(table: list) -> Nested:  # type: ignore[type-arg]
    """Lists of lists of 0 and 1 as draws that all differ."""
    return tuple((1, bool(each) if isinstance(each, int) else nest(each)) for each in table)


def test_a_table_by_hand() -> None:
    # Problem 1: codes (1,1) and (1,0); problem 2: (0,0) and (0,1). Draws of one refine: mean product (1+0+0+0)/4.
    # Across refines of one problem: 1·½ and 0·½, mean ¼. Across problems: ¾·¼.
    found = components([nest([[1, 1], [1, 0]]), nest([[0, 0], [0, 1]])], ("problem", "refine", "code"))
    assert found == pytest.approx([1 / 4 - 3 / 16, 1 / 4 - 1 / 4, 1 / 2 - 1 / 4])


def mean_squares(table: list[list[list[list[int]]]]) -> list[float]:
    """The balanced nested analysis of variance, its expected mean squares solved; a structure × refine × code design."""
    a, b, r = len(table[0]), len(table[0][0]), len(table[0][0][0])
    refines = [[[fmean(z) for z in y] for y in x] for x in table]
    structures = [[fmean(y) for y in x] for x in refines]
    problems = [fmean(x) for x in structures]
    code = fmean(variance(z) for x in table for y in x for z in y)
    refine = r * fmean(variance(y) for x in refines for y in x)
    structure = b * r * fmean(variance(x) for x in structures)
    problem = a * b * r * variance(problems)
    return [(problem - structure) / (a * b * r), (structure - refine) / (b * r), (refine - code) / r, code]


def test_on_balanced_data_it_is_the_analysis_of_variance() -> None:
    dice = random.Random(3)
    table = [[[[int(dice.random() < 0.4) for _ in range(4)] for _ in range(3)] for _ in range(2)] for _ in range(6)]
    assert components([nest(x) for x in table]) == pytest.approx(mean_squares(table))


# A world whose texts are few, so that equal ones are drawn: a problem's rate is moved by each step's choice among two.
MOVES = ((0.15, 0.5), (0.0, 0.1), (0.0, 0.3))
TRUTH = [fmean((x - fmean(pair)) ** 2 for x in pair) for pair in MOVES]
TRUTH.append(fmean(p * (1 - p) for p in map(sum, product(*MOVES))))


def grown(dice: random.Random, counts: tuple[int, ...], rate: float, depth: int) -> Nested:
    """Draws below a step; equal texts are one branch, grown once, as in a tree."""
    if depth == len(counts) - 1:
        passed = sum(dice.random() < rate for _ in range(counts[depth]))
        return tuple((times, ok) for times, ok in ((passed, True), (counts[depth] - passed, False)) if times)
    said: dict[float, int] = {}
    for _ in range(counts[depth]):
        move = dice.choice(MOVES[depth + 1])
        said[move] = said.get(move, 0) + 1
    return tuple((times, grown(dice, counts, rate + move, depth + 1)) for move, times in said.items())


@pytest.mark.parametrize("counts", [(3, 3, 3), (2, 3, 2)])
def test_components_are_unbiased_where_texts_repeat(counts: tuple[int, int, int]) -> None:
    dice = random.Random(11)
    found = [components([grown(dice, counts, dice.choice(MOVES[0]), 0) for _ in range(20)]) for _ in range(300)]
    for n, truth in enumerate(TRUTH):
        values = [one[n] for one in found]
        error = (variance(values) / len(values)) ** 0.5
        assert error < 0.004
        assert abs(fmean(values) - truth) < 4 * error


def test_repeats_taken_for_different_texts_would_be_biased() -> None:
    """What the multiplicities are for: a branch counted twice looks like agreement of two independent draws."""
    dice = random.Random(11)

    def copied(node: Nested) -> Nested:
        assert isinstance(node, tuple)
        return tuple(
            (1, child if isinstance(child, bool) else copied(child)) for times, child in node for _ in range(times)
        )

    worlds = [[grown(dice, (3, 3, 3), dice.choice(MOVES[0]), 0) for _ in range(20)] for _ in range(100)]
    right = fmean(components(world)[1] for world in worlds)
    wrong = fmean(components([copied(problem) for problem in world])[1] for world in worlds)
    assert wrong > right + 0.006


def test_intervals_hold_the_truth() -> None:
    dice = random.Random(5)
    whole = sum(TRUTH)
    held = [0] * 4
    for _ in range(60):
        problems = [grown(dice, (3, 3, 3), dice.choice(MOVES[0]), 0) for _ in range(20)]
        found = anatomy(problems, LEVELS)
        assert found is not None
        for n, share in enumerate(found.shares):
            assert share.interval is not None
            held[n] += share.interval.low <= TRUTH[n] / whole <= share.interval.high
    assert min(held) >= 51
    assert sum(held) >= 0.91 * 240


def test_an_unparsable_step_decides_all_below_it() -> None:
    """Half of the structures do not parse, the rest always pass: the whole variance is the structure's."""
    problems: list[Nested] = [((2, False), (2, nest([[1, 1], [1, 1]])))] * 3
    found = anatomy(problems, LEVELS)
    assert found is not None
    assert [share.share for share in found.shares][2:] == [0.0, 0.0]
    assert found.rate == 0.5
    assert found.shares[1].component == pytest.approx(1 / 2 - 1 / 6 * 1)  # E[same] − E[two structures, both parse]


def test_negative_components_are_shown_and_cut_in_the_shares() -> None:
    found = anatomy([nest([[1, 0], [1, 0]]), nest([[0, 1], [0, 1]])], ("problem", "refine", "code"))
    assert found is not None
    assert [share.component for share in found.shares] == pytest.approx([0.0, -0.25, 0.5])
    assert [share.share for share in found.shares] == pytest.approx([0.0, 0.0, 1.0])
    assert found.total == pytest.approx(0.25)


def test_masked_draws_count_nowhere_and_nothing_is_guessed() -> None:
    whole = [nest([[1, 1], [1, 0]]), nest([[0, 0], [0, 1]])]
    masked: list[Nested] = [(*problem, (1, None)) for problem in whole]  # type: ignore[misc]
    assert components(masked, ("problem", "refine", "code")) == components(whole, ("problem", "refine", "code"))
    assert anatomy([nest([[1], [0]]), nest([[1], [1]])], ("problem", "refine", "code")) is None
    assert anatomy([nest([[1, 1], [1, 0]])], ("problem", "refine", "code")) is None
    assert anatomy([], ("problem", "code")) is None


def test_swap_is_paired_by_problem() -> None:
    found = swap([0.5, 1.0, None, 0.75], [0.25, 0.5, 0.5, 0.75])
    assert found is not None
    assert (found.problems, found.first, found.second, found.difference) == (3, 0.75, 0.5, 0.25)
    assert found.interval is not None
    assert found.interval.low <= 0.25 <= found.interval.high
    assert swap([None], [1.0]) is None
    same = swap([0.5, 0.5], [0.5, 0.5])
    assert same is not None
    assert same.interval is None
