"""Comparisons of checkpoints: what is paired with what, and that unlike things are never one figure."""

from __future__ import annotations

import pytest

from o1coder import checkpoints
from o1coder.queries import gains
from o1coder.queries.versus import versus
from o1coder.rows import By
from tests.lineage.family import Family, evaluate, measure_prm

EASY = {problem: (4, 2) for problem in range(3, 13)}


@pytest.fixture
def measured(family: Family) -> Family:
    better = {problem: (4, 4 if problem % 2 else 2) for problem in EASY}
    evaluate(family.lab, family.base, "direct", "test", {problem: (4, 1) for problem in EASY})
    evaluate(family.lab, family.base, "pseudocode", "test", {problem: (4, 0) for problem in EASY})
    evaluate(family.lab, family.sft, "pseudocode", "test", EASY)
    evaluate(family.lab, family.rl, "pseudocode", "test", {**better, 13: (4, 4)})
    return family


def test_the_newest_evaluation_of_each_kind_counts_and_test_comes_first(measured: Family) -> None:
    evaluate(measured.lab, measured.rl, "pseudocode", "validation", EASY)
    newest = evaluate(measured.lab, measured.rl, "pseudocode", "test", EASY)
    with measured.lab.reading() as connection:
        found = gains.measured(connection, measured.rl)
    assert [(one.split, one.mode) for one in found] == [("test", "pseudocode"), ("validation", "pseudocode")]
    assert (found[0].evaluation, found[0].value, found[0].low) == (newest, 0.5, None)  # all alike: no interval
    assert found[0].complete == 1.0


def test_gains_are_paired_over_the_problems_that_both_have(measured: Family) -> None:
    with measured.lab.reading() as connection:
        [gain] = [one for one in gains.between(connection, measured.rl, measured.sft) if one.mode == one.old_mode]
    assert (gain.problems, gain.differ, gain.difference) == (10, 5, pytest.approx(0.25))
    assert gain.low is not None and gain.high is not None  # noqa: PT018
    assert 0 < gain.low < 0.25 < gain.high
    assert (gain.detectable, gain.told) == (None, False)  # 5 coins that fall alike do so once in 32: more than 2.5 %
    assert gain.differs == "1 problems in one alone"


def test_pseudocode_is_shown_beside_direct_code_and_says_so(measured: Family) -> None:
    with measured.lab.reading() as connection:
        found = gains.between(connection, measured.sft, measured.base)
        back = gains.between(connection, measured.base, measured.sft)
    assert {(one.mode, one.old_mode): one.difference for one in found} == {
        ("pseudocode", "pseudocode"): pytest.approx(0.5),
        ("pseudocode", "direct"): pytest.approx(0.25),
    }
    assert [(one.mode, one.old_mode) for one in back] == [("pseudocode", "pseudocode")]


def test_another_split_or_slice_is_never_compared(family: Family) -> None:
    evaluate(family.lab, family.base, "pseudocode", "validation", EASY)
    evaluate(family.lab, family.rl, "pseudocode", "test", EASY)
    with family.lab.reading() as connection:
        assert gains.between(connection, family.rl, family.base) == []


def test_a_datasets_own_judging_is_never_compared_with_ours(family: Family) -> None:
    evaluate(family.lab, family.base, "pseudocode", "test", EASY, official=True)
    evaluate(family.lab, family.rl, "pseudocode", "test", EASY)
    with family.lab.reading() as connection:
        assert gains.between(connection, family.rl, family.base) == []


def test_each_other_is_named_once_with_all_that_it_is(measured: Family) -> None:
    with measured.lab.writing() as connection:
        checkpoints.decide(connection, measured.sft, "accepted", {"reason": "good"}, By(author="ann"))
    with measured.lab.reading() as connection:
        assert gains.others(connection, measured.rl) == [("parent", measured.sft), ("base, incumbent", measured.base)]
        assert gains.others(connection, measured.base) == []
        assert gains.others(connection, measured.prm) == [("base", measured.base)]


def test_the_figure_of_the_list_says_what_it_is(measured: Family) -> None:
    measure_prm(
        measured.lab,
        measured.prm,
        None,
        prefix_within=0.7,
        prefix_within_low=0.6,
        prefix_within_high=0.8,
        prefix_problems=6,
    )
    with measured.lab.reading() as connection:
        rl = gains.figure(connection, measured.rl, "policy")
        prm = gains.figure(connection, measured.prm, "prm")
        base = gains.figure(connection, measured.base, "policy")
    assert rl is not None and prm is not None and base is not None  # noqa: PT018
    assert (rl.about, rl.problems) == ("pseudocode test", 11)
    assert prm == gains.Figure("AUC within", 0.7, 0.6, 0.8, 6)
    assert (base.about, base.value) == ("pseudocode test", 0.0)


def test_two_side_by_side_differ_in_config_and_share_data(measured: Family) -> None:
    with measured.lab.reading() as connection:
        found = versus(connection, measured.sft, measured.rl)
        apart = versus(connection, measured.sft, measured.prm)
        outside = versus(connection, measured.base, measured.rl)
    assert f"{measured.rl} went on from" in found.line
    assert ("stage", "policy-sft", "rl") in found.config
    assert not any(name in ("code", "python") for name, _, _ in found.config)
    assert (apart.rows, apart.labels) == ((1, 4, 0), (2, 4, 2))
    assert outside.config == [("stage", None, "rl")]


def test_prm_figures_are_a_pair_only_on_the_same_draws(measured: Family) -> None:
    draws = measure_prm(measured.lab, measured.prm, None, prefix_within=0.6)
    with measured.lab.reading() as connection:
        new = connection.exec_driver_sql("SELECT MIN(id) FROM checkpoint WHERE role = 'prm'").scalar()
        assert new is not None
    measure_prm(measured.lab, new, None, prefix_within=0.9)
    with measured.lab.reading() as connection:
        assert versus(connection, measured.prm, new).prm == []
    measure_prm(measured.lab, new, draws, prefix_within=0.8)
    with measured.lab.reading() as connection:
        [pair] = versus(connection, measured.prm, new).prm
    assert (pair.old, pair.new, pair.draws) == (0.6, 0.8, draws)
