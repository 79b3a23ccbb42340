"""φ against published values, its aggregations, its gates, and what a failure becomes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from o1coder.errors import LabError
from o1coder.reward import (
    PHI,
    Phi,
    aggregate,
    alpha_at,
    combine,
    group_phi,
    phi_preset,
    process_reward,
    terminal_reward,
)


def phi(name: str, outcome: float, scores: list[float], iteration: int) -> float | None:
    preset = phi_preset(name)
    return combine(preset, outcome, process_reward(preset, scores, True), iteration)


def test_published_values() -> None:
    assert phi("o1coder-paper", 1.0, [0.9, 0.8], 0) == 1.0
    assert phi("o1coder-paper", 1.0, [0.9, 0.8], 50) == pytest.approx(0.8645)
    assert phi("o1coder-code", 1.0, [0.9, 0.8], 50) == pytest.approx(0.905)
    assert alpha_at(phi_preset("o1coder-paper"), 500) == 0.1


def test_the_paper_pays_a_perfect_answer_for_being_short_and_the_default_does_not() -> None:
    process = phi_preset("o1coder-code")
    assert process_reward(process, [1.0], True) == 1.0
    assert process_reward(process, [1.0] * 10, True) == pytest.approx(0.6513, abs=1e-4)
    assert process_reward(phi_preset("lab"), [1.0] * 10, True) == 1.0


def test_aggregations() -> None:
    scores = [0.9, 0.2, 0.5]
    assert aggregate(scores, "min") == 0.2
    assert aggregate(scores, "mean") == pytest.approx(1.6 / 3)
    assert aggregate(scores, "last") == 0.5
    assert aggregate(scores, "product") == pytest.approx(0.09)
    assert aggregate(scores, "softmin", temperature=1e-3) == pytest.approx(0.2)
    assert aggregate(scores, "softmin", temperature=1e6) == pytest.approx(1.6 / 3, abs=1e-4)
    assert aggregate([], "min") == 0.0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0.01, 10))
def test_softmin_lies_between_least_and_mean(scores: list[float], temperature: float) -> None:
    soft = aggregate(scores, "softmin", temperature=temperature)
    assert min(scores) - 1e-9 <= soft <= aggregate(scores, "mean") + 1e-9


def test_the_default_is_constant_and_mostly_outcome() -> None:
    assert alpha_at(PHI["lab"], 0) == alpha_at(PHI["lab"], 10_000) == 0.8
    assert phi("lab", 1.0, [0.9, 0.5], 3) == pytest.approx(0.9)


def test_a_log_schedule_falls_and_stops_at_its_floor() -> None:
    schedule = Phi("log", 1.0, slope=0.1, floor=0.5)
    assert alpha_at(schedule, 0) == 1.0
    assert 0.5 < alpha_at(schedule, 10) < 1.0
    assert alpha_at(schedule, 10**6) == 0.5


def test_equal_outcomes_close_the_gate() -> None:
    scores = [[0.9], [0.1]]
    assert group_phi(PHI["lab"], [0.0, 0.0], scores, [True, True], 0) == pytest.approx(
        [0.2 * 0.2 * 0.9, 0.2 * 0.2 * 0.1]
    )
    assert group_phi(PHI["lab"], [1.0, 0.0], scores, [True, True], 0) == pytest.approx([0.8 + 0.18, 0.02])
    assert group_phi(PHI["o1coder-paper"], [0.0, 0.0], scores, [True, True], 50) == pytest.approx([0.405, 0.045])


def test_no_code_has_no_process_reward_and_a_failure_is_none() -> None:
    found = group_phi(PHI["lab"], [0.0, None, 1.0, 1.0], [[0.9], [0.9], None, [0.5]], [False, True, True, True], 0)
    assert found == [0.0, None, None, pytest.approx(0.9)]
    assert combine(PHI["outcome"], 1.0, None, 0) == 1.0


def test_terminal_reward() -> None:
    assert terminal_reward(True, 1, 4, 0.0) == 0.25
    assert terminal_reward(True, 0, 4, 0.2) == 0.2
    assert terminal_reward(True, 4, 4, 0.2) == 1.0
    assert terminal_reward(False, 0, 4, 0.2) == 0.0


def test_an_unknown_preset_names_those_there_are() -> None:
    with pytest.raises(LabError, match="no φ named"):
        phi_preset("best")
