"""What one run of an arm came to, and the tables made of several: medians with their quartiles. It measures nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from tests.benchmarks.judging.figures import Spread, markdown, spread


class Run(NamedTuple):
    """One repeat of one arm. `rollouts` as the arm counts them; `programs`: distinct ones of a tree that were judged;
    `used`: share of a server's capacity, `facts`: rows written; None where there is no server, no lab."""

    rollouts: int
    programs: int
    completions: int
    wall_s: float
    used: float | None = None
    facts: int | None = None


Arm = Callable[[], Run]


def interleaved(arms: dict[str, Arm], repeats: int) -> dict[str, list[Run]]:
    """Every arm `repeats` times: in order, then in the opposite order, and so on."""
    runs: dict[str, list[Run]] = {name: [] for name in arms}
    for turn in range(repeats):
        for name in list(arms)[:: 1 if turn % 2 == 0 else -1]:
            runs[name].append(arms[name]())
    return runs


def rates(runs: Sequence[Run]) -> dict[str, Spread]:
    """Of each quantity, per second of wall time; `used` as it is."""
    found = {
        "rollouts/s": spread([run.rollouts / run.wall_s for run in runs]),
        "judged programs/s": spread([run.programs / run.wall_s for run in runs]),
        "completions/s": spread([run.completions / run.wall_s for run in runs]),
    }
    if all(run.used is not None for run in runs):
        found["capacity used"] = spread([run.used or 0.0 for run in runs])
    if all(run.facts is not None for run in runs):
        found["facts/s"] = spread([(run.facts or 0) / run.wall_s for run in runs])
    return found


def ratio(runs: Sequence[Run], of: Sequence[Run], what: Callable[[Run], float]) -> Spread:
    """Repeat by repeat, one arm's figure over another's."""
    return spread([what(one) / what(other) for one, other in zip(runs, of, strict=True)])


def table(measured: dict[str, list[Run]]) -> str:
    """A line an arm."""
    header = ["", "rollouts/s", "judged programs/s", "completions/s", "capacity used", "facts/s"]
    rows = []
    for name, runs in measured.items():
        found = rates(runs)
        cells = [found[column].text(_digits(found[column])) if column in found else "–" for column in header[1:4]]
        used, facts = found.get("capacity used"), found.get("facts/s")
        rows.append([name, *cells, used.text(1, 100, " %") if used else "–", facts.text() if facts else "–"])
    return markdown(header, rows)


def _digits(value: Spread) -> int:
    return 1 if value.median < 100 else 0


def as_data(measured: dict[str, list[Run]]) -> dict[str, Any]:
    """The same as JSON: every figure [median, lower quartile, upper]."""
    return {
        name: {"repeats": len(runs), **{k: list(v) for k, v in rates(runs).items()}} for name, runs in measured.items()
    }
