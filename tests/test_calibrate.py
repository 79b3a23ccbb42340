"""The calibration: its worlds are what they say, its bounds hold for what is right and break for what is wrong, and the
command says which. Everything has a fixed seed, so nothing here is decided by chance."""

from __future__ import annotations

import json
import random
import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from o1coder import calibrating
from o1coder.calibrating import FULL, QUICK, Bound, Section, bias, budgets, coverage, gates, planted, validity
from o1coder.calibrating.grown import grow, labelled
from o1coder.calibrating.section import by_chance, correlation, mean_of
from o1coder.calibrating.world import World, worlds_of
from o1coder.cli import main
from o1coder.measure import Interval, bootstrap_mean, gate
from o1coder.search.config import preset
from o1coder.text import ast_shape

SMALL = QUICK._replace(worlds=10, trees=4, gates=100, resamples=500)


def naive(world: World, chain: tuple[str, ...] = ()) -> float:
    """The value by its definition: the mean over what may be said next."""
    keep = 1 - world.unparsable
    if len(chain) == world.levels:
        return keep * world.odds[chain]
    texts, sums = world.choices[chain]
    weights = [upto - before for before, upto in zip((0.0, *sums), sums, strict=False)]
    below = [naive(world, (*chain, text)) for text in texts]
    return keep * sum(w * v for w, v in zip(weights, below, strict=True)) / sums[-1]


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 4), st.sampled_from([0.0, 0.2]), st.integers(0, 3))
def test_a_world_s_values_are_those_of_its_definition(seed: int, variants: int, unparsable: float, levels: int) -> None:
    world = World(seed, variants, unparsable, levels=levels)
    for chain in [*world.choices, *world.odds]:
        assert world.value(chain) == pytest.approx(naive(world, chain))


def test_what_a_world_says_has_the_odds_it_states() -> None:
    world = World(3, unparsable=0.1)
    said = Counter(world.text("structure", seed) for seed in range(20_000))
    texts, sums = world.choices[()]
    for text, before, upto in zip(texts, (0.0, *sums), sums, strict=False):
        assert said[text] / 20_000 == pytest.approx(0.9 * (upto - before) / sums[-1], abs=0.012)
    assert said["?"] / 20_000 == pytest.approx(0.1, abs=0.01)
    ends = Counter(world.text("code|S0|R1", seed).split()[0] for seed in range(20_000))
    assert ends["pass"] / 20_000 == pytest.approx(world.value(["S0", "R1"]), abs=0.015)


def test_trees_come_world_by_world_and_the_same_again() -> None:
    worlds = worlds_of(1, 3)
    first = list(grow(preset("lab", simulations=3), worlds, 2, 0))
    assert [tree.world for tree in first] == [world for world in worlds for _ in range(2)]
    assert first == list(grow(preset("lab", simulations=3), worlds, 2, 0))
    assert first[0].rollouts != first[1].rollouts


def test_every_bound_holds_and_the_command_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", "--quick", "--json"]) == 0
    said = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert said["holds"] is True
    names = [section["name"] for section in said["sections"]]
    assert names == [
        "bias-lab", "bias-o1coder-paper", "bias-o1coder-code", "equal-tokens", "hard-labels", "coverage",
        "gate-aa", "gate-power", "gate-rounds", "leaks",
    ]  # fmt: skip
    for section in said["sections"]:
        assert section["bounds"]
        assert all(bound["holds"] and bound["low"] <= bound["value"] <= bound["high"] for bound in section["bounds"])
        assert all(set(section["columns"]) == set(row) for row in section["rows"])


def test_a_bound_that_does_not_hold_is_named_and_the_answer_is_no(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bounds = [Bound("fits", 0.5, 0.0, 1.0, "so"), Bound("does not fit", 1.5, 0.0, 1.0, "a rule")]
    broken = Section("s", "A title", ("a",), [{"a": 0.12345}], bounds)
    monkeypatch.setattr(calibrating, "calibrate", lambda *_, **__: iter([broken]))
    assert main(["calibrate"]) == 1
    shown = capsys.readouterr().out
    assert "1 of 2 bounds hold" in shown
    assert "does not hold: does not fit: 1.5 is not in [0, 1]: a rule" in shown
    assert "0.123" in shown
    assert main(["calibrate", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["holds"] is False
    assert not Bound("no number", float("nan"), 0.0, 1.0, "").holds


def test_too_few_worlds_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", "--worlds", "3"]) == 2
    assert "at least 10" in capsys.readouterr().err


def test_processes_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = {name: calibrating.PARTS[name] for name in ("leaks", "hard-labels")}
    monkeypatch.setattr(calibrating, "PARTS", parts)
    alone = list(calibrating.calibrate(SMALL, 4, processes=1))
    assert [section.name for section in alone] == ["leaks", "hard-labels"]
    assert list(calibrating.calibrate(SMALL, 4, processes=2)) == alone
    assert list(calibrating.calibrate(SMALL, 5, processes=1)) != alone


def test_a_biased_estimate_in_the_lab_s_place_breaks_its_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    right = bias.reading
    monkeypatch.setattr(bias, "reading", lambda name: right(bias.BEST if name == "weighted" else name))
    section = bias.lab(SMALL._replace(trees=6), 0)
    broken = [bound.name for bound in section.bounds if not bound.holds]
    assert any("root at 12, 3 levels" in name for name in broken)
    assert any("depth 1 at 200, 5 levels" in name for name in broken)


def test_the_lab_s_rules_in_the_place_of_the_release_s_break_its_known_bias(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bias, "preset", lambda name, **changes: preset("lab", **changes))
    assert not any(bound.holds for bound in bias.released("o1coder-code", SMALL, 0).bounds)


def test_estimators_are_compared_at_equal_tokens() -> None:
    section = budgets.section(SMALL, 0)
    sampled = [row["sampled"] for row in section.rows]
    assert max(sampled) / min(sampled) < 1.25
    by_name = {row["estimator"]: row for row in section.rows}
    assert by_name["Monte Carlo, k = 8"]["mean k"] == 8
    assert by_name["Monte Carlo, k = 8"]["RMSE"] < by_name["lab tree, width 3"]["RMSE"]
    assert by_name["lab tree, width 3"]["labels /1,000"] > 2 * by_name["Monte Carlo, k = 8"]["labels /1,000"]
    assert by_name["O1-CODER as released, 48 simulations"]["RMSE"] == max(row["RMSE"] for row in section.rows)


def test_the_release_with_more_tokens_is_no_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    more = {name: (config, trees * (3 if "released" in name else 1)) for name, (config, trees) in budgets.TREES.items()}
    monkeypatch.setattr(budgets, "TREES", more)
    first = budgets.section(SMALL, 0).bounds[0]
    assert "equal tokens" in first.name
    assert not first.holds


def test_wilson_s_coverage_is_that_of_its_definition() -> None:
    rng = random.Random(0)
    covered = 0
    for _ in range(20_000):
        p = rng.random()
        found = coverage.wilson(sum(rng.random() < p for _ in range(8)), 8)
        assert found is not None
        covered += found.low <= p <= found.high
    assert coverage.wilson_coverage(8) == pytest.approx(covered / 20_000, abs=0.006)


def test_intervals_that_are_too_narrow_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = coverage.tree_values(SMALL, 0)
    narrow = coverage.mean_coverage(pool, 30, 200, 0, lambda some: bootstrap_mean(some, level=0.8, resamples=500))
    assert narrow < coverage.LOW
    monkeypatch.setattr(coverage, "wilson", lambda c, k: Interval(c / k, max(0.0, c / k - 0.2), min(1.0, c / k + 0.2)))
    broken = [bound.name for bound in coverage.section(SMALL, 0).bounds if not bound.holds]
    assert any(name.startswith("coverage, wilson, p uniform") for name in broken)
    assert not any(name.startswith("coverage, bootstrap") for name in broken)


def test_what_a_level_does_not_accept_no_stricter_one_does() -> None:
    for seed in range(60):
        outcomes = [gates.decide(500, (20, 4), seed, "mended", 0.25, *level).outcome for level in gates.LEVELS]
        accepted = [outcome == "accepted" for outcome in outcomes]
        assert accepted == sorted(accepted, reverse=True)


def test_a_gain_is_what_it_says_on_average() -> None:
    for shape in gates.SHAPES:
        found = mean_of([gates.decide(50, (200, 8), seed, shape, 0.1).difference for seed in range(60)])
        assert found.value == pytest.approx(0.1, abs=4 * found.error)


def test_a_gate_that_accepts_what_is_higher_breaks_its_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    def loose(new, old, before=0, alpha=0.05, resamples=10, seed=0):
        found = gate(new, old, before, alpha, 10, seed)
        return found._replace(outcome="accepted" if found.difference > 0 else "rejected")

    monkeypatch.setattr(gates, "gate", loose)
    aa, _, rounds = gates.sections(SMALL, 0)
    assert not any(bound.holds for bound in aa.bounds)
    assert [bound.holds for bound in rounds.bounds] == [False, True]


def test_labels_without_unsure_break_their_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    right = validity.hard_label
    monkeypatch.setattr(validity, "hard_label", lambda value, terminal, enough=1: right(value, terminal, enough))
    broken = [bound.name for bound in validity.section(SMALL, 0).bounds if not bound.holds]
    assert broken == ["valid prefixes labelled invalid, k = 4", "valid prefixes labelled invalid, k = 7"]


def test_an_index_that_forgets_programs_misses_planted_leaks(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful():
        index = right()
        add = index.add
        monkeypatch.setattr(
            index, "add", lambda name, split, family, statement, _: add(name, split, family, statement, ())
        )
        return index

    right = planted.with_prompts
    monkeypatch.setattr(planted, "with_prompts", forgetful)
    broken = [bound.name for bound in planted.section(0).bounds if not bound.holds]
    assert broken == [
        "leaks found: program under other names, comments dropped",
        "leaks found: one word of the statement, program under other names",
    ]


def test_a_program_under_other_names_has_the_same_shape_with_nonlocal_and_global_too() -> None:
    code = "def f(a):\n    n = 0\n    def g():\n        {word} n\n        n += a\n    g()\n    return n\n"
    for word in ("nonlocal", "global"):
        one = code.format(word=word)
        assert ast_shape(one) == ast_shape(re.sub(r"\bn\b", "total", one))
    assert ast_shape(code.format(word="nonlocal")) != ast_shape(code.format(word="global"))


def test_the_arithmetic() -> None:
    assert mean_of([1.0, 3.0]) == (2.0, 1.0)
    assert mean_of([1.0]).error == float("inf")
    assert correlation([1, 2, 3], [2, 4, 6]) == pytest.approx(1)
    assert correlation([1, 1], [2, 4]) != correlation([1, 1], [2, 4])  # NaN
    assert by_chance(10, 0.5, surely=0.99) == 0.9  # 1 − 1/1024 at most nine, 1 − 11/1024 at most eight
    assert by_chance(10, 0.5, surely=0.98) == 0.8
    assert by_chance(2000, 0.05) == pytest.approx(0.05 + 3.72 * (0.05 * 0.95 / 2000) ** 0.5, abs=0.002)
    tree = next(grow(preset("lab", simulations=2), worlds_of(0, 1), 1, 0))
    assert labelled(tree).keys() >= {()}


@pytest.mark.slow
def test_every_bound_holds_at_full_size() -> None:
    broken = [bound for section in calibrating.calibrate(FULL) for bound in section.bounds if not bound.holds]
    assert not broken
