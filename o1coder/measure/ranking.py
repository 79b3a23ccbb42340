"""How well scores rank right above wrong, and how much of that is only the problem's difficulty.

A PRM's AUC is read pooled and within problem, beside the problem-mean and step-length baselines, the ceiling and the shuffle
control, intervals by bootstrap over problems. Which steps and labels enter is the caller's care:
families it was not trained on, labels drawn afresh, prefixes and code steps apart. An undefined figure is None, never 0.5.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Sequence
from statistics import fmean
from typing import NamedTuple

from o1coder.measure.rates import Interval
from o1coder.measure.resample import bootstrap, mean_interval


class Row(NamedTuple):
    """One scored step: its problem, whether it is right, and its score."""

    problem: Hashable
    label: bool
    score: float


def auc(rows: Sequence[Row]) -> float | None:
    """P(score of a right row > score of a wrong one), ties counting ½; None where a class is empty."""
    right = sum(row.label for row in rows)
    wrong = len(rows) - right
    if not right or not wrong:
        return None
    ordered = sorted(rows, key=lambda row: row.score)
    ranks = 0.0  # of the right rows, 1-based, ties sharing their mean
    start = 0
    while start < len(ordered):
        end = start
        while end < len(ordered) and ordered[end].score == ordered[start].score:
            end += 1
        ranks += (start + 1 + end) / 2 * sum(row.label for row in ordered[start:end])
        start = end
    return (ranks - right * (right + 1) / 2) / (right * wrong)


def by_problem(rows: Sequence[Row]) -> list[list[Row]]:
    """The rows of each problem, problems in order of first appearance."""
    groups: dict[Hashable, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.problem, []).append(row)
    return list(groups.values())


def within_problem_auc(rows: Sequence[Row]) -> float | None:
    """The mean AUC over problems that have rows of both classes, each problem one vote; None where there is none."""
    return _mean([auc(group) for group in by_problem(rows)])


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


class Ranking(NamedTuple):
    """Pooled and within-problem AUC, plain and with intervals, and what they rest on. There is no interval where fewer than
    two problems contribute (within: problems with both classes) or nothing varies between them."""

    pooled_value: float | None
    within_value: float | None
    pooled: Interval | None
    within: Interval | None
    rows: int
    right: int
    problems: int
    problems_with_both: int


def ranking(rows: Sequence[Row], level: float = 0.95, resamples: int = 1000, seed: int = 0) -> Ranking:
    """Both AUCs, intervals by bootstrap over problems (a problem drawn twice counts twice)."""
    groups = by_problem(rows)
    inside = [auc(group) for group in groups]
    both = [each for each in inside if each is not None]
    return Ranking(
        auc(rows),
        _mean(inside),
        _pooled(groups, level, resamples, seed),
        bootstrap(inside, _mean, level, resamples, seed) if len(both) > 1 else None,
        len(rows),
        sum(row.label for row in rows),
        len(groups),
        len(both),
    )


class RankingChange(NamedTuple):
    """By how much both AUCs of the second scores are above those of the first, on the same steps."""

    pooled_value: float | None
    within_value: float | None
    pooled: Interval | None
    within: Interval | None


def ranking_change(
    before: Sequence[Row], after: Sequence[Row], level: float = 0.95, resamples: int = 1000, seed: int = 0
) -> RankingChange:
    """AUC of `after` less that of `before`: the same steps in the same order, scored by two. Paired, by bootstrap over
    problems; intervals as in `ranking`."""
    if [row[:2] for row in before] != [row[:2] for row in after]:
        raise ValueError("the two are not the same steps with the same labels")
    first, second = by_problem(before), by_problem(after)
    inside = [None if a is None or b is None else b - a for a, b in zip(map(auc, first), map(auc, second), strict=True)]
    one, other = auc(before), auc(after)
    pooled = None
    if one is not None and other is not None:
        was, will = _weighted(first), _weighted(second)

        def change(chosen: Sequence[int]) -> float | None:
            a, b = was(chosen), will(chosen)
            return None if a is None or b is None else b - a

        pooled = bootstrap(range(len(first)), change, level, resamples, seed)
    return RankingChange(
        None if one is None or other is None else other - one,
        _mean(inside),
        pooled,
        bootstrap(inside, _mean, level, resamples, seed) if sum(each is not None for each in inside) > 1 else None,
    )


def _pooled(groups: Sequence[Sequence[Row]], level: float, resamples: int, seed: int) -> Interval | None:
    return bootstrap(range(len(groups)), _weighted(groups), level, resamples, seed)


def _weighted(groups: Sequence[Sequence[Row]]) -> Callable[[Sequence[int]], float | None]:
    """The pooled AUC of a resample: a weight per problem on rows that are sorted once."""
    import numpy as np

    labels = np.array([row.label for group in groups for row in group], dtype=float)
    scores = np.array([row.score for group in groups for row in group], dtype=float)
    problem = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    _, tied = np.unique(scores, return_inverse=True)

    def weighted(chosen: Sequence[int]) -> float | None:
        weight = np.bincount(np.asarray(chosen, dtype=int), minlength=len(groups))[problem]
        right, wrong = np.bincount(tied, weight * labels), np.bincount(tied, weight * (1 - labels))
        pairs = right.sum() * wrong.sum()
        return float((right * (np.cumsum(wrong) - wrong / 2)).sum() / pairs) if pairs else None

    return weighted


def problem_mean_baseline(rows: Sequence[Row]) -> list[Row]:
    """The rows scored by their problem's own share of right rows: what knowing the difficulty alone is worth.

    An oracle, so a hard baseline when pooled; within a problem it is 0.5 by construction.
    """
    means = {group[0].problem: fmean(row.label for row in group) for group in by_problem(rows)}
    return [row._replace(score=means[row.problem]) for row in rows]


def step_length_baseline(rows: Sequence[Row], texts: Sequence[str]) -> list[Row]:
    """The rows scored by the brevity of their step's text, in characters; an AUC below 0.5 says that longer is right."""
    return [row._replace(score=-float(len(text))) for row, text in zip(rows, texts, strict=True)]


class Ceiling(NamedTuple):
    """The AUC that one half of the draws reaches on the other half, the mean over random splits."""

    pooled: float | None
    within: float | None
    steps: int


def ceiling(
    problems: Sequence[Hashable],
    draws: Sequence[Sequence[bool]],
    *,
    label: Callable[[Sequence[bool]], bool] = any,
    splits: int = 20,
    seed: int = 0,
) -> Ceiling:
    """How well steps can be ranked at all with this many draws: pass rate of one half against `label` of the other.

    `draws[i]` are the outcomes of fresh completions of step i of `problems[i]`; steps with fewer than two are left out.
    """
    steps = [(problem, list(each)) for problem, each in zip(problems, draws, strict=True) if len(each) >= 2]
    generator = random.Random(seed)
    pooled, within = [], []
    for _ in range(splits):
        rows = []
        for problem, outcomes in steps:
            mixed = generator.sample(outcomes, len(outcomes))
            half = len(mixed) // 2
            rows.append(Row(problem, label(mixed[half:]), fmean(mixed[:half])))
        pooled.append(auc(rows))
        within.append(within_problem_auc(rows))
    return Ceiling(_mean(pooled), _mean(within), len(steps))


def shuffled_labels(
    problems: Sequence[Hashable], kinds: Sequence[str], labels: Sequence[bool], seed: int
) -> list[bool]:
    """The labels permuted within problem and kind of step: what a control PRM is trained on."""
    places: dict[tuple[Hashable, str], list[int]] = {}
    for index, place in enumerate(zip(problems, kinds, strict=True)):
        places.setdefault(place, []).append(index)
    generator = random.Random(seed)
    out = list(labels)
    for indices in places.values():
        for index, source in zip(indices, generator.sample(indices, len(indices)), strict=True):
            out[index] = labels[source]
    return out


class ShuffleControl(NamedTuple):
    """Within-problem AUC over shuffles: `passed` when its interval holds 0.5; None with fewer than 10 shuffles."""

    interval: Interval | None
    shuffles: int
    passed: bool | None


def shuffle_control(aucs: Sequence[float], level: float = 0.95) -> ShuffleControl:
    """Judge the within-problem AUCs of PRMs trained on labels shuffled with different seeds."""
    interval = mean_interval(aucs, level)
    if interval is None or len(aucs) < 10:
        return ShuffleControl(interval, len(aucs), None)
    return ShuffleControl(interval, len(aucs), interval.low <= 0.5 <= interval.high)
