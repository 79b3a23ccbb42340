"""Yes-or-no decisions from scores, calibration, and agreement among those who label.

A threshold is tuned on one set and used on another: `best_threshold` does the first, and the caller says where.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import NamedTuple


class F1(NamedTuple):
    """Precision, recall and their harmonic mean; None where the share has nothing to divide by."""

    f1: float | None
    precision: float | None
    recall: float | None


def f1_score(labels: Sequence[bool], predicted: Sequence[bool]) -> F1:
    """F1 of the positive class; f1 is None when there is neither a positive label nor a positive prediction."""
    hit = sum(label and said for label, said in zip(labels, predicted, strict=True))
    positive, said = sum(labels), sum(predicted)
    if positive + said == 0:
        return F1(None, None, None)
    return F1(2 * hit / (positive + said), hit / said if said else None, hit / positive if positive else None)


def best_threshold(labels: Sequence[bool], scores: Sequence[float]) -> float | None:
    """The threshold t with the largest F1 of [score ≥ t], the highest such on a tie; None without a positive label."""
    if not any(labels):
        return None
    ordered = sorted(zip(scores, labels, strict=True), reverse=True)
    positive = sum(labels)
    best, threshold, hit = -1.0, ordered[0][0], 0
    for said, (score, label) in enumerate(ordered, start=1):
        hit += label
        if said < len(ordered) and ordered[said][0] == score:
            continue
        found = 2 * hit / (positive + said)
        if found > best:
            best, threshold = found, score
    return threshold


class FirstErrorF1(NamedTuple):
    """ProcessBench's figure: the harmonic mean of the accuracies on chains with an error and on chains without."""

    f1: float | None
    with_error: float | None
    without_error: float | None


def first_error_f1(truth: Sequence[int | None], predicted: Sequence[int | None]) -> FirstErrorF1:
    """Compare the index of each chain's first wrong step, None where every step is right; None where a class is empty."""
    pairs = list(zip(truth, predicted, strict=True))
    wrong = [a == b for a, b in pairs if a is not None]
    right = [b is None for a, b in pairs if a is None]
    on_wrong = sum(wrong) / len(wrong) if wrong else None
    on_right = sum(right) / len(right) if right else None
    if on_wrong is None or on_right is None:
        return FirstErrorF1(None, on_wrong, on_right)
    both = on_wrong + on_right
    return FirstErrorF1(2 * on_wrong * on_right / both if both else 0.0, on_wrong, on_right)


def expected_calibration_error(labels: Sequence[bool], scores: Sequence[float], bins: int = 10) -> float | None:
    """Σ over equal-width bins of share·|mean label − mean score|, scores in [0, 1]; None without rows."""
    if not scores:
        return None
    right, total, count = [0.0] * bins, [0.0] * bins, [0] * bins
    for label, score in zip(labels, scores, strict=True):
        place = min(bins - 1, int(score * bins))
        right[place] += label
        total[place] += score
        count[place] += 1
    return sum(abs(right[n] - total[n]) for n in range(bins) if count[n]) / len(scores)


def krippendorff_alpha(units: Sequence[Sequence[Hashable | None]]) -> float | None:
    """Krippendorff's α for nominal values: 1 full agreement, 0 what chance gives.

    `units[u]` holds what each labeller said of unit u, None where they said nothing; units with fewer than two values are
    left out. None when nothing can be compared; 1.0 when only one value was ever used.
    """
    seen: Counter[Hashable] = Counter()
    disagreement = 0.0
    for unit in units:
        values = Counter(value for value in unit if value is not None)
        size = sum(values.values())
        if size < 2:
            continue
        seen.update(values)
        disagreement += (size * size - sum(count * count for count in values.values())) / (size - 1)
    total = sum(seen.values())
    if total == 0:
        return None
    expected = (total * total - sum(count * count for count in seen.values())) / (total - 1)
    return 1.0 if expected == 0 else 1.0 - disagreement / expected
