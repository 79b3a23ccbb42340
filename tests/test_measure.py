"""Figures against published values, naive versions and simulated truth."""

from __future__ import annotations

import math
import random
import subprocess
import sys
from collections.abc import Sequence
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from o1coder.measure import (
    Row,
    auc,
    best_threshold,
    bootstrap,
    bootstrap_mean,
    by_problem,
    case_validity,
    ceiling,
    detectable_gain,
    expected_calibration_error,
    f1_score,
    first_error_f1,
    gate,
    gate_level,
    krippendorff_alpha,
    mean_interval,
    mean_pass_at_k,
    paired_difference,
    pass_at_k,
    problem_mean_baseline,
    ranking,
    ranking_change,
    shuffle_control,
    shuffled_labels,
    step_length_baseline,
    student_quantile,
    wilson,
    within_problem_auc,
)
from o1coder.prmfigures import ScoredStep, figures


@pytest.mark.parametrize(
    ("n", "c", "k", "value"),
    [
        (5, 2, 1, 0.4),
        (5, 2, 3, 0.9),
        (10, 3, 1, 0.3),
        (10, 3, 5, 0.9166666666666666),
        (10, 8, 3, 1.0),
        (20, 5, 10, 0.9837461300309598),
        (100, 1, 10, 0.1),
        (100, 50, 10, 0.9994065803274141),
        (200, 3, 1, 0.015),
        (200, 3, 10, 0.14330744632252168),
        (200, 3, 100, 0.8768844221105527),
        (7, 0, 3, 0.0),
        (7, 7, 3, 1.0),
    ],
)
def test_pass_at_k_published_values(n: int, c: int, k: int, value: float) -> None:
    assert pass_at_k(n, c, k) == pytest.approx(value, abs=1e-12)


@given(st.integers(1, 60), st.data())
def test_pass_at_k_is_the_combinatorial_share(n: int, data: st.DataObject) -> None:
    c, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    assert pass_at_k(n, c, k) == pytest.approx(1 - math.comb(n - c, k) / math.comb(n, k), abs=1e-9)


def test_pass_at_k_is_averaged_over_problems_that_have_enough_samples() -> None:
    found = mean_pass_at_k([(10, 3), (10, 8), (2, 2)], 3)
    assert found.value == pytest.approx((pass_at_k(10, 3, 3) + 1.0) / 2)
    assert found.dropped == 1
    assert mean_pass_at_k([(2, 2)], 3).value is None
    for wrong in ((3, 1, 4), (3, 4, 1), (3, 1, 0)):
        with pytest.raises(ValueError, match="needs"):
            pass_at_k(*wrong)


def test_wilson_published_values() -> None:
    low_zero = wilson(0, 8)
    assert low_zero is not None
    assert (low_zero.low, low_zero.high) == (0.0, pytest.approx(0.3244, abs=1e-4))  # "k = 8, c = 0: about .32"
    half = wilson(5, 10)
    assert half is not None
    assert (half.low, half.high) == (pytest.approx(0.2366, abs=1e-4), pytest.approx(0.7634, abs=1e-4))
    assert wilson(0, 0) is None


def test_validity_of_cases_shows_the_pooled_share_beside_the_mean_over_problems() -> None:
    found = case_validity([(3, 3), (0, 1), (0, 0)])
    assert found.pooled is not None
    assert (found.pooled.value, found.problem_mean, found.valid, found.generated, found.problems) == (
        0.75,
        0.5,
        3,
        4,
        2,
    )
    assert case_validity([]).pooled is None


@pytest.mark.parametrize(
    ("p", "freedom", "value"),
    [(0.975, 1, 12.7062), (0.975, 2, 4.3027), (0.95, 10, 1.8125), (0.995, 29, 2.7564), (0.025, 11, -2.2010)],
)
def test_student_quantiles(p: float, freedom: int, value: float) -> None:
    assert student_quantile(p, freedom) == pytest.approx(value, abs=5e-5)


def test_the_bootstrap_over_problems_covers_the_mean() -> None:
    rng, covered = random.Random(1), 0
    for seed in range(300):
        found = bootstrap_mean([rng.betavariate(0.8, 1.2) for _ in range(16)], resamples=800, seed=seed)
        assert found is not None
        covered += found.low <= 0.4 <= found.high
    assert 0.91 <= covered / 300 <= 0.985
    assert bootstrap_mean([]) is None
    assert bootstrap_mean([0.3]) is None
    assert bootstrap_mean([0.3, 0.3, 0.3]) is None
    assert bootstrap([[1]], lambda g: g[0][0] / 1.0, resamples=50) is None
    assert bootstrap([[1], [1]], lambda g: sum(x[0] for x in g) / 3, resamples=50) is None


def test_the_bootstrap_repeats_itself() -> None:
    values = [0.1, 0.5, 0.9, 0.3]
    assert bootstrap_mean(values, seed=4) == bootstrap_mean(values, seed=4)
    assert bootstrap([[1], [2], [9]], lambda g: sum(g[0]) / 1.0, resamples=50, seed=1) == bootstrap(
        [[1], [2], [9]], lambda g: sum(g[0]) / 1.0, resamples=50, seed=1
    )


def simulated(problems: int, samples: int, gain: float, seed: int) -> tuple[list[float], list[float]]:
    rng = random.Random(seed)
    odds = [0.1 + 0.6 * rng.random() for _ in range(problems)]

    def rates(shift: float) -> list[float]:
        return [sum(rng.random() < p + shift for _ in range(samples)) / samples for p in odds]

    return rates(gain), rates(0.0)


def accepted(gates_before: int, gain: float, gates: int, resamples: int = 1500) -> float:
    decided = [
        gate(*simulated(30, 8, gain, seed), gates_before, resamples=resamples, seed=seed) for seed in range(gates)
    ]
    return sum(each.outcome == "accepted" for each in decided) / gates


@pytest.mark.parametrize(("gates_before", "most"), [(0, 0.04), (1, 0.02), (2, 0.01)])
def test_the_gate_accepts_no_gain_as_seldom_as_its_level_says(gates_before: int, most: float) -> None:
    """2,000 gates of a policy against itself at α/2, α/4 and α/8: at most 1.6 times the level (as 8 % is of 5 %)."""
    share = accepted(gates_before, 0.0, 2000, resamples=1000)
    assert share <= most, f"{share:.4f} accepted at a nominal {gate_level(gates_before)}"


def test_the_gate_accepts_a_detectable_gain_mostly() -> None:
    gain = detectable_gain([a - b for a, b in zip(*simulated(30, 8, 0.0, 0), strict=True)])
    assert gain is not None
    assert 0.06 < gain < 0.16
    assert accepted(0, 0.11, 200) >= 0.65


def test_the_level_is_divided_over_the_rounds() -> None:
    assert [gate_level(r) for r in range(3)] == [0.025, 0.0125, 0.00625]
    assert sum(gate_level(r) for r in range(60)) == pytest.approx(0.05)


def test_the_three_outcomes() -> None:
    worse, better = [0.1 + 0.01 * n for n in range(12)], [0.5 + 0.02 * n for n in range(12)]
    assert gate(better, worse).outcome == "accepted"
    assert gate(worse, better).outcome == "rejected"
    assert gate(worse, worse).outcome == "undecided"
    assert gate(worse, worse).detectable is None


def test_too_few_problems_that_differ_decide_nothing_however_narrow_the_bootstrap() -> None:
    decided = gate([0.5] * 5, [0.25] * 5)
    assert (decided.lower, decided.outcome, decided.differ) == (0.25, "undecided", 5)
    assert gate([0.5] * 6, [0.25] * 6).outcome == "accepted"
    assert (
        detectable_gain([0.25] + [0.0] * 36) is None
    )  # "shows gains above 2 points" would be the scatter of one problem
    assert detectable_gain([0.25, -0.25] * 3 + [0.0] * 31) is not None
    assert gate([0.5] * 6, [0.25] * 6, gates_before=3).outcome == "undecided"
    with pytest.raises(ValueError, match="at least one problem"):
        gate([], [])
    with pytest.raises(ValueError, match="argument"):
        gate([1.0], [1.0, 0.0])


def test_a_paired_difference_ignores_what_both_share() -> None:
    easy_and_hard = [n / 20 for n in range(20)]
    gains = [0.04, 0.06] * 10
    found = paired_difference([a + b for a, b in zip(easy_and_hard, gains, strict=True)], easy_and_hard)
    assert found is not None
    assert 0.04 < found.low < found.value < found.high < 0.06
    assert found.value == pytest.approx(0.05)


rows = st.lists(
    st.builds(Row, st.integers(0, 3), st.booleans(), st.sampled_from([0.0, 0.2, 0.2, 0.5, 1.0])),
    min_size=1,
    max_size=40,
)


@settings(max_examples=100)
@given(rows)
def test_auc_is_the_share_of_ordered_pairs(some: list[Row]) -> None:
    right = [row.score for row in some if row.label]
    wrong = [row.score for row in some if not row.label]
    pairs = [(a > b) + 0.5 * (a == b) for a in right for b in wrong]
    assert auc(some) == (pytest.approx(sum(pairs) / len(pairs)) if pairs else None)
    assert auc(some[::-1]) == auc(some)


def test_a_score_that_knows_only_the_problem_ranks_nothing_within_it() -> None:
    some = [Row(problem, n < right, 0.0) for problem, right in (("easy", 9), ("hard", 1)) for n in range(10)]
    scored = problem_mean_baseline(some)
    assert auc(scored) == pytest.approx(0.9)
    assert within_problem_auc(scored) == 0.5
    found = ranking([*scored, Row("all right", True, 1.0)], resamples=200)
    assert found.pooled is not None
    assert found.pooled.low < found.pooled.value <= found.pooled.high
    assert (found.rows, found.right, found.problems, found.problems_with_both) == (21, 11, 3, 2)
    assert ranking([]).pooled is None
    assert ranking([Row("p", True, 0.3)]).within is None


def test_one_problem_has_a_value_and_no_interval() -> None:
    alone = [Row("p", True, 0.9), Row("p", False, 0.1)]
    assert ranking(alone)[:4] == (1.0, 1.0, None, None)
    with_another = ranking([*alone, *(Row("q", True, n / 10) for n in range(9))], resamples=200)
    assert (with_another.within_value, with_another.within) == (1.0, None)
    perfect = [Row(problem, right, float(right)) for problem in range(5) for right in (True, False)]
    assert ranking(perfect, resamples=50)[:4] == (1.0, 1.0, None, None)


@settings(max_examples=30, deadline=None)
@given(rows)
def test_the_quick_interval_is_the_plain_one(some: list[Row]) -> None:
    groups = by_problem(some)
    plain = bootstrap(groups, lambda chosen: auc([row for group in chosen for row in group]), resamples=60, seed=3)
    quick = ranking(some, resamples=60, seed=3).pooled
    assert (quick is None) == (plain is None)
    assert quick is None or quick == pytest.approx(plain)


def test_step_length_prefers_the_short() -> None:
    scored = step_length_baseline([Row(0, True, 0.1), Row(0, False, 0.9)], ["short", "much longer"])
    assert auc(scored) == 1.0


def test_the_ceiling_is_high_where_steps_differ_and_a_half_where_they_do_not() -> None:
    rng = random.Random(0)
    problems = [n // 10 for n in range(200)]
    apart = [[rng.random() < (0.02 if n % 2 else 0.9) for _ in range(8)] for n in range(200)]
    alike = [[rng.random() < 0.2 for _ in range(8)] for _ in range(200)]
    high, low = ceiling(problems, apart), ceiling(problems, alike)
    assert high.within is not None
    assert high.within > 0.9
    assert low.within == pytest.approx(0.5, abs=0.06)
    assert ceiling([0], [[True]]).pooled is None


def test_shuffling_keeps_each_problem_and_kind_and_its_auc_goes_to_a_half() -> None:
    rng = random.Random(2)
    problems = [n // 20 for n in range(400)]
    kinds = ["code" if n % 2 else "refine" for n in range(400)]
    labels = [rng.random() < 0.3 + 0.4 * (n % 2) for n in range(400)]
    aucs = []
    for seed in range(12):
        shuffled = shuffled_labels(problems, kinds, labels, seed)
        for place in {*zip(problems, kinds, strict=True)}:
            here = [n for n in range(400) if (problems[n], kinds[n]) == place]
            assert sum(shuffled[n] for n in here) == sum(labels[n] for n in here)
        found = within_problem_auc([Row(p, label, rng.random()) for p, label in zip(problems, shuffled, strict=True)])
        assert found is not None
        aucs.append(found)
    assert shuffle_control(aucs).passed
    assert shuffle_control([0.6 + 0.001 * n for n in range(12)]).passed is False
    assert shuffle_control([0.5] * 9).passed is None
    assert mean_interval([0.5]) is None


def test_f1_threshold_and_first_errors() -> None:
    labels = [True, True, False, False]
    assert f1_score(labels, [True, False, True, False]) == (0.5, 0.5, 0.5)
    assert f1_score([False], [False]).f1 is None
    scores = [0.9, 0.6, 0.6, 0.1]
    threshold = best_threshold(labels, scores)
    assert threshold == 0.6
    assert f1_score(labels, [score >= threshold for score in scores]).f1 == pytest.approx(0.8)
    assert best_threshold([False], [0.3]) is None
    assert first_error_f1([1, 2, None, None], [1, 0, None, 3]) == (0.5, 0.5, 0.5)
    assert first_error_f1([None], [None]).f1 is None
    assert first_error_f1([1, None], [0, 1]).f1 == 0.0


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([0.1, 0.4, 0.7])), min_size=1, max_size=25))
def test_no_threshold_beats_the_best(pairs: list[tuple[bool, float]]) -> None:
    labels, scores = [a for a, _ in pairs], [b for _, b in pairs]
    best = best_threshold(labels, scores)
    if best is not None:
        found = [f1_score(labels, [score >= t for score in scores]).f1 or 0.0 for t in (best, 0.0, 0.1, 0.4, 0.7)]
        assert found[0] == max(found)


def test_calibration() -> None:
    assert expected_calibration_error([True, False], [0.5, 0.5]) == 0.0
    assert expected_calibration_error([True, True, False, False], [1.0, 1.0, 1.0, 0.0]) == pytest.approx(0.25)
    assert expected_calibration_error([], []) is None


def test_krippendorff_published_value() -> None:
    """The reliability data of Krippendorff (2011), four observers and twelve units: nominal α = .743."""
    said = ["123321412...", "1233224125.3", ".3332342251.", "12332441251."]
    units = [[None if row[n] == "." else row[n] for row in said] for n in range(12)]
    assert krippendorff_alpha(units) == pytest.approx(0.743, abs=5e-4)
    assert krippendorff_alpha([["a", "a"], ["a", None]]) == 1.0
    assert krippendorff_alpha([["a", None]]) is None


def test_importing_the_figures_imports_nothing_heavy() -> None:
    heavy = "{'numpy', 'torch', 'sqlalchemy', 'transformers'}"
    script = f"import sys, o1coder.measure, o1coder.reward, o1coder.search; print({heavy} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_prm_figure_of_one_problem_is_shown_without_an_interval() -> None:
    steps = [ScoredStep(1, "code", text, score, 1, c) for text, score, c in (("a", 0.9, 1), ("b", 0.1, 0))]
    found = figures(steps)
    assert (found["code_pooled"], found["code_within"]) == (1.0, 1.0)
    assert not any(name.endswith(("_low", "_high")) for name in found)


def test_the_change_of_a_ranking_is_paired_and_is_the_naive_resampling() -> None:
    generator = random.Random(3)
    before = [Row(p, generator.random() < 0.5, generator.choice([0.1, 0.4, 0.7])) for p in range(9) for _ in range(6)]
    after = [row._replace(score=row.score + row.label * generator.choice([0.0, 0.5])) for row in before]
    found = ranking_change(before, after, resamples=200)
    was, will = auc(before), auc(after)
    assert was is not None
    assert will is not None
    assert found.pooled_value == pytest.approx(will - was)
    inside = [(auc(a), auc(b)) for a, b in zip(by_problem(before), by_problem(after), strict=True)]
    assert found.within_value == pytest.approx(fmean(b - a for a, b in inside if a is not None and b is not None))

    def naive(groups: Sequence[tuple[list[Row], list[Row]]]) -> float | None:
        a, b = auc([r for g, _ in groups for r in g]), auc([r for _, g in groups for r in g])
        return None if a is None or b is None else b - a

    pairs = list(zip(by_problem(before), by_problem(after), strict=True))
    assert found.pooled == pytest.approx(bootstrap(pairs, naive, resamples=200))
    alone = ranking(after, resamples=200).pooled
    assert alone is not None
    assert found.pooled is not None
    assert found.pooled.low > 0
    assert found.pooled.high - found.pooled.low < alone.high - alone.low  # the problems' difficulty cancels
    same = ranking_change(before, before, resamples=50)
    assert (same.pooled_value, same.within_value, same.pooled, same.within) == (0.0, 0.0, None, None)
    with pytest.raises(ValueError, match="not the same steps"):
        ranking_change(before, after[1:])
