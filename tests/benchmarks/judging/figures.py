"""The benchmark's arithmetic: samples in, medians with quartiles and Markdown out. It measures nothing itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import quantiles
from typing import NamedTuple

TAIL_RUNS = 100  # fewer latencies than this have no 99th percentile worth the name


class Sample(NamedTuple):
    """One repeat of one arm: runs made, wall and CPU seconds of all processes, milliseconds of each run where known."""

    runs: int
    wall_s: float
    cpu_s: float
    latencies_ms: tuple[float, ...] = ()


class Spread(NamedTuple):
    """A median with the quartiles of the repeats it is of: half of them lie between `low` and `high`."""

    median: float
    low: float
    high: float

    def text(self, digits: int = 0, scale: float = 1.0, unit: str = "") -> str:
        """Such as `369 (361–380)`."""
        middle, low, high = (f"{value * scale:,.{digits}f}" for value in self)
        return f"{middle}{unit} ({low}–{high})"


class Summary(NamedTuple):
    """One line of the table. `share` is of the bare fork in the same repeat, `share_libc` of libc's; None where that was
    not run."""

    name: str
    repeats: int
    runs: int
    per_cpu_s: Spread
    per_s: Spread
    share: Spread | None
    share_libc: Spread | None
    p50_ms: Spread | None
    p99_ms: float | None


def spread(values: Sequence[float]) -> Spread:
    """Median and quartiles (of a single value, the value). ValueError when there are none."""
    if not values:
        raise ValueError("no values")
    low, middle, high = quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3
    return Spread(middle, low, high)


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: the smallest value that at least `share` of all do not exceed."""
    if not values:
        raise ValueError("no values")
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def runs_per_cpu_s(sample: Sample) -> float:
    """Runs a CPU-second; ValueError for a sample too short for its meter."""
    if sample.cpu_s <= 0:
        raise ValueError("the meter saw no CPU time")
    return sample.runs / sample.cpu_s


def shares(samples: Sequence[Sample], of: Sequence[Sample]) -> list[float]:
    """Repeat by repeat, runs a CPU-second over those of another arm: what drifts between repeats cancels out."""
    return [runs_per_cpu_s(one) / runs_per_cpu_s(other) for one, other in zip(samples, of, strict=True)]


def summarise(
    name: str, samples: Sequence[Sample], fork: Sequence[Sample] | None, libc: Sequence[Sample] | None = None
) -> Summary:
    """One arm's line. The 50th percentile is of each repeat, the 99th of all its runs together."""
    everything = [value for sample in samples for value in sample.latencies_ms]
    return Summary(
        name,
        len(samples),
        sum(sample.runs for sample in samples),
        spread([runs_per_cpu_s(sample) for sample in samples]),
        spread([sample.runs / sample.wall_s for sample in samples]),
        spread(shares(samples, fork)) if fork else None,
        spread(shares(samples, libc)) if libc else None,
        spread([percentile(sample.latencies_ms, 0.5) for sample in samples]) if everything else None,
        percentile(everything, 0.99) if len(everything) >= TAIL_RUNS else None,
    )


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, its first column left-aligned and the others right-aligned, padded to be read as it is."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        padded = [cells[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(cells[1:], widths[1:], strict=True))]
        return "| " + " | ".join(padded) + " |"

    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join([line(header), line(rule), *map(line, rows)])


def table(summaries: Sequence[Summary], missing: dict[str, str]) -> str:
    """The arms' table; an arm that could not run is a line that says why."""
    header = ["", "runs per CPU-second", "of bare fork", "of libc's fork", "p50 ms", "p99 ms", "runs/s"]
    rows = [
        [
            one.name,
            one.per_cpu_s.text(),
            one.share.text(1, 100, " %") if one.share else "–",
            one.share_libc.text(1, 100, " %") if one.share_libc else "–",
            one.p50_ms.text(2) if one.p50_ms else "–",
            f"{one.p99_ms:.2f}" if one.p99_ms else "–",
            one.per_s.text(),
        ]
        for one in summaries
    ]
    return markdown(header, rows + [[name, why, *["–"] * (len(header) - 2)] for name, why in missing.items()])
