"""What a part of the calibration hands back: a table for people, and bounds that hold or do not."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import Any, NamedTuple


class Scale(NamedTuple):
    """How much is simulated: worlds, trees of each, gates (and intervals) of each kind, resamples of a gate. `slack`
    Monte-Carlo errors are added to bounds that are not about chance themselves: none where there is enough."""

    worlds: int
    trees: int
    gates: int
    resamples: int
    slack: float


FULL = Scale(worlds=60, trees=40, gates=2000, resamples=10_000, slack=0.0)
QUICK = Scale(worlds=20, trees=8, gates=400, resamples=2000, slack=4.0)


class Bound(NamedTuple):
    """A figure and where it must lie, both ends included. `why` says where the bound comes from."""

    name: str
    value: float
    low: float
    high: float
    why: str

    @property
    def holds(self) -> bool:
        """Whether the figure lies where it must; what is no number does not."""
        return self.low <= self.value <= self.high


class Section(NamedTuple):
    """One part: rows under `columns`, the bounds on them, and what to know when reading them."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: Sequence[Mapping[str, Any]]
    bounds: Sequence[Bound]
    notes: Sequence[str] = ()


class Mean(NamedTuple):
    """A mean and its Monte-Carlo standard error."""

    value: float
    error: float


def mean_of(values: Sequence[float]) -> Mean:
    """The mean of independent values with its standard error (infinite for fewer than two)."""
    return Mean(fmean(values), stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.inf)


def by_chance(trials: int, share: float, surely: float = 0.9999) -> float:
    """The share of `trials` draws at odds `share` that is not exceeded with probability `surely` (exact binomial): a bound on
    a simulated rate must not be broken by chance. 0 < share < 1."""
    below = 0.0
    for count in range(trials + 1):
        ways = math.lgamma(trials + 1) - math.lgamma(count + 1) - math.lgamma(trials - count + 1)
        below += math.exp(ways + count * math.log(share) + (trials - count) * math.log1p(-share))
        if below >= surely:
            return count / trials
    return 1.0


def correlation(left: Sequence[float], right: Sequence[float]) -> float:
    """Pearson's correlation; NaN where one side never varies."""
    a, b = fmean(left), fmean(right)
    both = math.fsum((x - a) * (y - b) for x, y in zip(left, right, strict=True))
    spread = math.sqrt(math.fsum((x - a) ** 2 for x in left) * math.fsum((y - b) ** 2 for y in right))
    return both / spread if spread else math.nan


def seed_of(*parts: int | str) -> int:
    """A seed from where it stands, in [0, 2^63): neighbours have nothing in common."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest(), "big") >> 1
