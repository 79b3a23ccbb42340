"""How open trees fare: kept in place, told by lists, and not a fact; what is slow, what is stuck, what only waits."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from o1coder.lab import Lab
from o1coder.pulses import Pulse, pulse
from o1coder.queries import jobs, pulses, trees
from o1coder.verify import examine
from tests.lab.conftest import Damage

Said = Callable[..., None]
SLOWER = 1000  # seconds of a rule stand for as many thousands here: the machine's clock may step while a test runs


@pytest.fixture
def running(lab: Lab, damage: Damage) -> Said:
    """Job 1 runs again and its three trees are open; `running(age, …)` gives their pulses."""
    damage(
        "DELETE FROM tree_end",
        "DELETE FROM tree_pulse",
        "UPDATE attempt SET outcome = NULL, ended_at = NULL WHERE job_id = 1",
    )

    def say(*ages: float, rollouts: int = 10, opened_s: float = 100.0, attempt: int = 1) -> None:
        with lab.writing() as connection:
            pulse(connection, [Pulse(n, 0, 0, age + opened_s, "sampling") for n, age in enumerate(ages, 1)], attempt)
            if rollouts:
                pulse(connection, [Pulse(n, rollouts, 40, age, "judging") for n, age in enumerate(ages, 1)], attempt)

    return say


def test_a_pulse_is_one_row_a_tree_that_changes_in_place_and_verify_does_not_mind(lab: Lab, running: Said) -> None:
    running(0.0, 0.0, 0.0)
    running(0.0, 0.0, 0.0, rollouts=30)
    with lab.reading() as connection:
        rows = connection.exec_driver_sql("SELECT tree_id, rollouts, tokens_out, doing FROM tree_pulse").all()
        row = trees.show(connection, 1)
    assert [tuple(r) for r in rows] == [(n, 30, 40, "judging") for n in (1, 2, 3)]
    assert row.doing == "judging"
    assert row.last_event_age_s is not None
    assert examine(lab, quick=False).wrong == []


def test_speed_is_of_the_attempt_that_has_the_tree_open(lab: Lab, running: Said) -> None:
    running(0.0, 0.0, 0.0, rollouts=500, opened_s=10_000.0)
    with lab.reading() as connection:
        assert trees.show(connection, 1).rollouts_per_s == pytest.approx(0.05, rel=0.2)
    with lab.writing() as connection:
        pulse(connection, [Pulse(1, 500, 40, 0.0, "sampling")], attempt=2)
    with lab.reading() as connection:
        row = trees.show(connection, 1)
        assert row.rollouts_per_s is None  # nothing yet in this attempt, whatever came before
        assert row.doing is None  # attempt 2 is not one that runs


@pytest.mark.parametrize(
    ("silent_s", "rollouts", "stuck"),
    [
        (30.0, 1000, False),  # within a minute nothing is stuck
        (90.0, 1000, True),  # a gap of 0.1 s, silent for 90 s
        (90.0, 10, False),  # a gap of 10 s: 90 s is not 20 of them
        (250.0, 10, True),
        (90.0, 0, True),  # no gap known: a minute
    ],
)
def test_a_tree_is_stuck_by_its_silence_and_by_the_pace_of_its_job(
    lab: Lab, running: Said, monkeypatch: pytest.MonkeyPatch, silent_s: float, rollouts: int, stuck: bool
) -> None:
    monkeypatch.setattr(pulses, "SILENT_S", pulses.SILENT_S * SLOWER)
    running(silent_s * SLOWER, 0.0, 0.0, rollouts=rollouts, opened_s=100.0 * SLOWER if rollouts else 0.0)
    with lab.reading() as connection:
        found = [row.stuck for row in trees.page(connection)]
        assert pulses.stuck(connection, [1]) == ({1: 1} if stuck else {})
    assert found == [stuck, False, False]
    assert jobs.job(lab, 1).as_json()["stuck_trees"] == int(stuck)


def test_a_tree_whose_job_does_not_run_waits_and_one_that_ended_is_neither(
    lab: Lab, running: Said, damage: Damage
) -> None:
    running(900.0, 900.0, 900.0)
    damage("UPDATE attempt SET outcome = 'cancelled', ended_at = '2999-01-01T00:00:00.000Z' WHERE job_id = 1")
    with lab.reading() as connection:
        rows = trees.page(connection)
        assert pulses.stuck(connection, [1]) == {}
    assert [(row.stuck, row.doing, row.last_event_age_s) for row in rows] == [(False, None, None)] * 3


def test_an_ended_tree_has_the_speed_of_its_whole_life(lab: Lab, damage: Damage) -> None:
    damage(
        "UPDATE tree SET created_at = '2026-01-01T00:00:00.000Z'",
        "UPDATE tree_end SET created_at = '2026-01-01T00:00:10.000Z'",
    )
    with lab.reading() as connection:
        row = trees.show(connection, 1)
    assert row.rollouts_per_s == pytest.approx(row.rollouts / 10, rel=0.01)
    assert (row.doing, row.stuck, row.last_event_age_s) == (None, False, None)
