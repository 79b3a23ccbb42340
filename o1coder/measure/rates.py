"""Shares of things that came out right: pass@k, Wilson intervals, the validity of generated test cases.

Counts in, numbers out; masked samples (IE) are left out of `n` by the caller. Nothing here resamples (`resample.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist, fmean
from typing import NamedTuple


class Interval(NamedTuple):
    """An estimate and the bounds of its interval."""

    value: float
    low: float
    high: float


def pass_at_k(n: int, c: int, k: int) -> float:
    """1 − C(n−c, k)/C(n, k), the unbiased estimate of solving a problem in k tries from n samples of which c pass
    (Chen et al. 2021). ValueError when n < k or counts are impossible."""
    if not (1 <= k <= n and 0 <= c <= n):
        raise ValueError(f"pass@{k} needs 1 ≤ k ≤ n and 0 ≤ c ≤ n, not n={n}, c={c}")
    if n - c < k:
        return 1.0
    return 1.0 - math.prod(1.0 - k / i for i in range(n - c + 1, n + 1))


class PassAtK(NamedTuple):
    """The mean over problems with n ≥ k, which have `per_problem`; `dropped` problems had fewer samples."""

    value: float | None
    per_problem: list[float]
    dropped: int


def mean_pass_at_k(counts: Sequence[tuple[int, int]], k: int) -> PassAtK:
    """pass@k over problems given as (n, c): the mean of their estimates, never pooled; None when no problem has n ≥ k."""
    per_problem = [pass_at_k(n, c, k) for n, c in counts if n >= k]
    return PassAtK(fmean(per_problem) if per_problem else None, per_problem, len(counts) - len(per_problem))


def wilson(successes: int, trials: int, level: float = 0.95) -> Interval | None:
    """Wilson's score interval for independent draws; None without any."""
    if trials == 0:
        return None
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes in {trials} trials")
    z2 = NormalDist().inv_cdf(0.5 + level / 2) ** 2
    share = successes / trials
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = math.sqrt(z2 * (share * (1 - share) / trials + z2 / (4 * trials**2))) / (1 + z2 / trials)
    return Interval(share, max(0.0, centre - half), min(1.0, centre + half))


class CaseValidity(NamedTuple):
    """How many generated test cases the reference agrees with: pooled with Wilson's interval, and the mean over problems,
    to be shown beside it since cases of one problem are not independent."""

    pooled: Interval | None
    problem_mean: float | None
    valid: int
    generated: int
    problems: int


def case_validity(counts: Sequence[tuple[int, int]], level: float = 0.95) -> CaseValidity:
    """Raw validity of a test case generator from (valid, generated) per problem, unparsable cases counted as generated.

    Problems for which nothing was generated count in neither figure.
    """
    asked = [(valid, generated) for valid, generated in counts if generated > 0]
    valid, generated = sum(pair[0] for pair in asked), sum(pair[1] for pair in asked)
    mean = fmean(pair[0] / pair[1] for pair in asked) if asked else None
    return CaseValidity(wilson(valid, generated, level), mean, valid, generated, len(asked))
