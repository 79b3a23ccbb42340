"""Metrics as curves: what is shown is what queries/jobs.py shows, thinned without losing a peak, smoothed without bias."""

from __future__ import annotations

import random
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from o1coder.lab import Lab
from o1coder.queries import curves, jobs
from tests.runs.conftest import Made

NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)


def write(lab: Lab, job: int, attempt: int, values: dict[int, float]) -> None:
    with lab.writing() as connection:
        for iteration, value in values.items():
            connection.exec_driver_sql(
                "INSERT INTO metric(job_id, attempt, iteration, name, value, created_at) VALUES (?, ?, ?, 'loss', ?, '')",
                (job, attempt, iteration, value),
            )


def again(lab: Lab, job: int, n: int, resumed: int | None) -> None:
    with lab.writing() as connection:
        connection.exec_driver_sql(
            "INSERT INTO attempt(job_id, n, host, boot_id, started_at, heartbeat_at, done, total, versions, code_digest, "
            "resumed_from_iteration) VALUES (?, ?, 'h', 'b', '', '', 0, 0, '{}', '', ?)",
            (job, n, resumed),
        )


def shown(lab: Lab, job: int) -> dict[int, float]:
    return {point.iteration: point.value for point in jobs.metrics(lab, job, "loss")}


def test_a_curve_is_what_the_metrics_are_over_attempts_and_repeats(runs: Made) -> None:
    lab, job = Lab(runs.home), runs.ids.sft
    with lab.reading() as connection:
        known = curves.curve(connection, job, "loss")
    assert dict(zip(known.xs, known.ys, strict=True)) == shown(lab, job)
    for n, resumed, values in (
        (2, 30, {i: 100.0 + i for i in range(31, 45)}),
        (3, 10, {i: 200.0 + i for i in range(11, 20)}),
        (3, None, {20: 5.0, 21: 6.0}),
        (3, None, {21: 7.0}),  # said again
    ):
        if resumed is not None:
            again(lab, job, n, resumed)
        write(lab, job, n, values)
        with lab.reading() as connection:
            known = curves.extended(connection, known)
            figure = curves.figures(connection, job, "loss")["loss"]
        expected = shown(lab, job)
        assert dict(zip(known.xs, known.ys, strict=True)) == expected
        assert list(known.xs) == sorted(known.xs)
        assert (figure.n, figure.low, figure.high) == (len(expected), min(expected.values()), max(expected.values()))
        assert (figure.last, figure.final) == (max(expected), expected[max(expected)])
        assert expected[figure.low_at] == figure.low
    assert (known.ys[-1], figure.best) == (7.0, min(shown(lab, job).values()))


def test_what_has_come_is_added_without_reading_the_curve_again(runs: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    lab, job = Lab(runs.home), runs.ids.sft
    with lab.reading() as connection:
        known = curves.curve(connection, job, "loss")
    write(lab, job, 1, {51: 0.5, 52: 0.25})
    monkeypatch.setattr(curves, "curve", lambda *_: pytest.fail("the whole curve was read"))
    with lab.reading() as connection:
        longer = curves.extended(connection, known)
        assert curves.extended(connection, longer) is longer
    assert (list(longer.xs[-2:]), list(longer.ys[-2:])) == ([51, 52], [0.5, 0.25])


def test_names_leave_progress_out_and_the_first_asked_follows_the_stage(runs: Made) -> None:
    with Lab(runs.home).reading() as connection:
        assert curves.names(connection, runs.ids.honest) == ["entropy", "kl", "loss", "reward", "wall_s"]
        found = curves.figures(connection, runs.ids.honest)
        alone = curves.figures(connection, runs.ids.honest, "loss")["loss"]
    assert curves.main_of("rl", list(found)) == "reward"
    assert curves.main_of("prm", ["kl", "loss"]) == "loss"
    assert curves.main_of("prm", []) is None
    assert (found["reward"].best_at, found["kl"].best) == (12, None)
    assert found["loss"].best is alone.best is None  # of a policy gradient


@given(st.lists(NUMBERS, min_size=1, max_size=400), st.integers(2, 30))
def test_thinning_keeps_every_extreme_and_the_order(ys: list[float], columns: int) -> None:
    xs = [float(n) for n in range(len(ys))]
    out_x, out_y = curves.thin(array("d", xs), array("d", ys), columns)
    assert len(out_x) <= 2 * columns
    assert (out_x[0], out_x[-1], out_y[0], out_y[-1]) == (xs[0], xs[-1], ys[0], ys[-1])
    assert (min(out_y), max(out_y)) == (min(ys), max(ys))
    assert out_x == sorted(out_x)
    assert all(ys[int(x)] == y for x, y in zip(out_x, out_y, strict=True))


def test_a_single_spike_in_a_hundred_thousand_points_is_drawn() -> None:
    ys = [0.0] * 100_000
    ys[63_217] = 9.0
    out_x, out_y = curves.thin(range(100_000), ys, 72)
    assert (63_217, 9.0) in set(zip(out_x, out_y, strict=True))
    assert len(out_x) <= 144


@given(st.lists(NUMBERS, min_size=1, max_size=50), st.floats(0.0, 0.99))
def test_smoothing_stays_within_and_leaves_a_constant_alone(ys: list[float], weight: float) -> None:
    out = curves.smooth(ys, weight)
    slack = 1e-6 * max(1.0, *map(abs, ys))
    assert all(min(ys) - slack <= y <= max(ys) + slack for y in out)
    assert out[0] == pytest.approx(ys[0], abs=slack)
    assert curves.smooth([3.0] * 20, weight) == pytest.approx([3.0] * 20)


def test_smoothing_is_the_weighted_mean_of_the_past() -> None:
    ys = [random.Random(7).random() for _ in range(9)]
    weights = [0.6**age for age in range(9)][::-1]
    assert curves.smooth(ys, 0.6)[-1] == pytest.approx(sum(map(float.__mul__, weights, ys)) / sum(weights))


def test_over_time_iterations_without_a_time_are_left_out() -> None:
    line = curves.Curve(1, "loss", array("d", [1, 2, 3]), array("d", [9, 8, 7]), 0, 1)
    clock = curves.Curve(1, "wall_s", array("d", [1, 3]), array("d", [10, 30]), 0, 1)
    assert curves.at_time(line, clock) == ([10, 30], [9, 7])
