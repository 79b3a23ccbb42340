"""Intervals by resampling problems, not samples: what varies between labs is the problems.

The percentile bootstrap with its percentiles widened for few problems (Hesterberg 2015, "expanded percentile"): with 12 to
30 problems the plain one accepts too often. One problem, or a statistic
that never varies, has no interval: an interval without width would look like proof. Same seed, same interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist, fmean, stdev
from typing import TypeVar

from o1coder.measure.rates import Interval

Group = TypeVar("Group")
RESAMPLES = 10_000
FLAT = 1e-12  # what sums in another order may differ by


def bootstrap_mean(
    values: Sequence[float], level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> Interval | None:
    """The mean of one value per problem, with a two-sided interval; None with fewer than two problems or where all are alike."""
    if len(set(values)) < 2:
        return None
    tail = (1 - level) / 2
    low, high = mean_bounds(values, tail, resamples, seed)
    return Interval(fmean(values), low, high)


def mean_bounds(values: Sequence[float], tail: float, resamples: int = RESAMPLES, seed: int = 0) -> tuple[float, float]:
    """One-sided bounds of the mean of `values`, each at level `tail`: (lower, upper)."""
    import numpy as np

    array = np.asarray(values, dtype=float)
    generator = np.random.Generator(np.random.PCG64(seed))
    means = array[generator.integers(0, len(array), (resamples, len(array)))].mean(axis=1)
    low, high = np.quantile(means, [expanded_tail(tail, len(array)), 1 - expanded_tail(tail, len(array))])
    return float(low), float(high)


def bootstrap(
    groups: Sequence[Group],
    statistic: Callable[[Sequence[Group]], float | None],
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Interval | None:
    """Any statistic of problems (each a group of rows), resampled whole.

    None when it is not defined on the data (None), or on more than half of the resamples, or where it never varies (as
    with one group).
    """
    import numpy as np

    value = statistic(groups) if groups else None
    if value is None:
        return None
    generator = np.random.Generator(np.random.PCG64(seed))
    chosen = generator.integers(0, len(groups), (resamples, len(groups)))
    found = [each for row in chosen if (each := statistic([groups[index] for index in row])) is not None]
    if 2 * len(found) < resamples or max(found) - min(found) < FLAT:
        return None
    tail = expanded_tail((1 - level) / 2, len(groups))
    low, high = np.quantile(found, [tail, 1 - tail])
    return Interval(value, float(low), float(high))


def mean_interval(values: Sequence[float], level: float = 0.95) -> Interval | None:
    """Student's interval for the mean of independent repetitions (seeds, shuffles); None with fewer than two."""
    if len(values) < 2:
        return None
    mean = fmean(values)
    half = student_quantile(0.5 + level / 2, len(values) - 1) * stdev(values) / math.sqrt(len(values))
    return Interval(mean, mean - half, mean + half)


def expanded_tail(tail: float, problems: int) -> float:
    """The bootstrap percentile to read for a one-sided level `tail`: Φ(√(n/(n−1))·t_tail,n−1); `tail` for one problem."""
    if problems < 2:
        return tail
    return NormalDist().cdf(math.sqrt(problems / (problems - 1)) * student_quantile(tail, problems - 1))


def student_quantile(p: float, freedom: int) -> float:
    """The p-quantile of Student's t, by bisection to 1e-10; 0 < p < 1."""
    if p > 0.5:
        return -student_quantile(1 - p, freedom)
    low, high = -1.0, 0.0
    while _student_cdf(low, freedom) > p:
        low *= 2
    while high - low > 1e-10 * max(1.0, -low):
        middle = (low + high) / 2
        if _student_cdf(middle, freedom) < p:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _student_cdf(t: float, freedom: int) -> float:
    """P(T ≤ t) for t ≤ 0: the finite series in θ = arctan(t/√ν) (Abramowitz & Stegun 26.7.3–4)."""
    theta = math.atan2(-t, math.sqrt(freedom))
    cosine, sine = math.cos(theta), math.sin(theta)
    odd = freedom % 2
    term = cosine if odd else 1.0
    total = 0.0 if freedom == 1 else term
    for index in range(2 + odd, freedom - 1, 2):
        term *= cosine * cosine * (index - 1) / index
        total += term
    inside = 2 / math.pi * (theta + sine * total) if odd else sine * total
    return max(0.0, (1 - inside) / 2)
