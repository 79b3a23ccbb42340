"""Whether a new checkpoint replaces the old one: three outcomes, by problems measured under both.

The lower bound of the paired difference must lie above 0, at a level divided over the rounds of a run (α/2^(r+1)), since
accepting whatever came out higher accepts something in 96 % of runs without any gain. This decides on numbers; which split
they come from (never the one that reports) is the caller's care.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist, fmean, stdev
from typing import Literal, NamedTuple

from o1coder.measure.rates import Interval
from o1coder.measure.resample import RESAMPLES, bootstrap_mean, mean_bounds, student_quantile


class Gate(NamedTuple):
    """The decision and its evidence: the mean paired difference (new − old) with its one-sided bounds at `level`, how many
    `problems` were compared and how many of them `differ`, and the gain this size could have detected."""

    outcome: Literal["accepted", "rejected", "undecided"]
    difference: float
    lower: float
    upper: float
    level: float
    problems: int
    differ: int
    detectable: float | None


def gate_level(gates_before: int, alpha: float = 0.05) -> float:
    """α/2^(r+1) with r = 0 for the run's first gate, so that all gates of a run together err at most α."""
    return alpha * 0.5 ** (gates_before + 1)


def gate(
    new: Sequence[float],
    old: Sequence[float],
    gates_before: int = 0,
    alpha: float = 0.05,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Gate:
    """Decide on pass rates per problem, in the same order for both.

    Accepted when the lower bound is above 0, rejected when the upper bound is below 0, else undecided (keeps the old).
    Both also ask for enough problems that differ: with m of them no sign-flip test can reach a level below 2^−m, however
    narrow the bootstrap. ValueError without problems or with unequal lengths.
    """
    differences = [after - before for after, before in zip(new, old, strict=True)]
    if not differences:
        raise ValueError("a gate needs at least one problem")
    level = gate_level(gates_before, alpha)
    lower, upper = mean_bounds(differences, level, resamples, seed)
    differ = sum(each != 0 for each in differences)
    outcome: Literal["accepted", "rejected", "undecided"] = "undecided"
    if enough(differ, level):
        outcome = "accepted" if lower > 0 else "rejected" if upper < 0 else "undecided"
    detectable = detectable_gain(differences, level)
    return Gate(outcome, fmean(differences), lower, upper, level, len(differences), differ, detectable)


def enough(differ: int, level: float = 0.025) -> bool:
    """Whether so many differing problems can reach a one-sided level at all, by the sign-flip test: 6 of them at 0.025."""
    return 2.0**-differ <= level


def paired_difference(
    new: Sequence[float], old: Sequence[float], level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> Interval | None:
    """The mean of new − old over problems, with a two-sided bootstrap interval: for tables, not for gates."""
    return bootstrap_mean([after - before for after, before in zip(new, old, strict=True)], level, resamples, seed)


def detectable_gain(differences: Sequence[float], level: float = 0.025, power: float = 0.8) -> float | None:
    """The smallest true gain that problems as many and as scattered as these would show with the given power, at a
    one-sided `level`: (t_level + z_power)·sd/√n. None with fewer than two problems or no scatter to judge by, and where so few
    differ that their scatter tells nothing (`enough`)."""
    few = not enough(sum(each != 0 for each in differences), level)
    if len(differences) < 2 or few or (scatter := stdev(differences)) == 0:
        return None
    need = student_quantile(1 - level, len(differences) - 1) + NormalDist().inv_cdf(power)
    return need * scatter / math.sqrt(len(differences))
