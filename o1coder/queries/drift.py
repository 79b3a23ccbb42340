"""What changed while a job's policy was trained: reward, its terms, reward tests and audit tests, first against last third.

A difference is over the problems that both thirds have, since problems differ more than policies do; its interval is by
resampling them. Reward that rises while audit tests fall is said in words, and whether it is told apart from chance.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean
from typing import NamedTuple

from o1coder.measure import paired_difference
from o1coder.queries.xray import IterationRow, Taken, mean


class Change(NamedTuple):
    """A share or mean in the first and the last third of the iterations, over the problems that are in both; the interval
    of the difference is by resampling these problems, null where there are too few."""

    name: str
    problems: int
    before: float
    after: float
    difference: float
    low: float | None
    high: float | None


def changes(rollouts: Sequence[Taken]) -> list[Change]:
    """What changed between the first and the last third of the iterations: reward, its terms, tests, audit."""
    numbers = sorted({one.iteration for one in rollouts if one.iteration is not None})
    if len(numbers) < 2:
        return []
    size = max(1, len(numbers) // 3)
    first, last = set(numbers[:size]), set(numbers[-size:])
    judged = [one for one in rollouts if one.reward is not None]
    names = dict.fromkeys(name for one in judged for name in one.terms)
    asked: list[tuple[str, Callable[[Taken], float | None]]] = [("reward", lambda one: one.reward)]
    asked += [(name, lambda one, name=name: one.terms.get(name)) for name in names]  # type: ignore[misc]
    asked += [("solved", lambda one: float(one.solved))]
    asked += [("audit", lambda one: None if one.audit is None else float(one.audit))]
    found = [_change(name, value, judged, first, last) for name, value in asked]
    return [one for one in found if one is not None]


def _change(
    name: str, value: Callable[[Taken], float | None], rollouts: Sequence[Taken], first: set[int], last: set[int]
) -> Change | None:
    old: dict[int, list[float]] = {}
    new: dict[int, list[float]] = {}
    for one in rollouts:
        number = value(one)
        if number is not None and one.iteration in first:
            old.setdefault(one.problem, []).append(number)
        if number is not None and one.iteration in last:
            new.setdefault(one.problem, []).append(number)
    both = [problem for problem in old if problem in new]
    if not both:
        return None
    before, after = [fmean(old[p]) for p in both], [fmean(new[p]) for p in both]
    interval = paired_difference(after, before) if len(both) > 1 else None
    bounds = (None, None) if interval is None else (interval.low, interval.high)
    return Change(name, len(both), fmean(before), fmean(after), fmean(after) - fmean(before), *bounds)


def findings(rows: Sequence[IterationRow], changed: Sequence[Change]) -> list[str]:
    """What a person should look at, in words, each with its numbers; nothing where nothing stands out."""
    out: list[str] = []
    by = {one.name: one for one in changed}
    reward, audit = by.get("reward"), by.get("audit")
    if reward is not None and audit is not None and reward.difference > 0 > audit.difference:
        sure = (reward.low or 0) > 0 and (audit.high if audit.high is not None else 1) < 0
        word = "reward hacking" if sure else "reward hacking? not told apart from chance"
        out.append(
            f"{word}: reward {reward.difference:+.2f}{interval_of(reward)} while audit tests {audit.difference:+.2f}"
            f"{interval_of(audit)}, first to last third, {audit.problems} problems"
        )
    late = [row for row in rows if row.iteration is not None][-max(1, len(rows) // 3) :]
    idle = mean([row.zero_std for row in late if row.zero_std is not None])
    if idle is not None and idle >= 0.5:
        out.append(f"{idle:.0%} of the late groups have equal rewards: they teach nothing")
    masked, count = sum(row.masked for row in rows), sum(row.rollouts for row in rows)
    if masked:
        out.append(f"{masked} of {count} rollouts are masked: the judge or the PRM failed on them")
    known, programs = sum(row.audited for row in rows), sum(round(row.complete * row.rollouts) for row in rows)
    if rows and rows[0].iteration is not None and known < programs:
        out.append(f"{known} of {programs} programs were judged on audit tests: `o1coder run audit` judges the others")
    return out


def interval_of(one: Change) -> str:
    """The interval of a difference, as text."""
    return "" if one.low is None or one.high is None else f" [{one.low:+.2f}, {one.high:+.2f}]"
