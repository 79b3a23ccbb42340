"""What a person's look at a step is worth: four grounds to doubt its label, each from 0 to 1, and one figure from them.

Pure: numbers and texts in, numbers and words out. The weights are a judgement and not a measurement: how often each ground,
standing alone and at its fullest, is expected to end in a correction. They rank steps; they are no probabilities to quote.
How much a correction would change in what is trained is not weighed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import NamedTuple


class Grounds(NamedTuple):
    """Reasons to look at a step, each in [0, 1]; 0 where there is nothing to say."""

    doubt: float = 0.0
    gap: float = 0.0
    tests: float = 0.0
    siblings: float = 0.0


WEIGHTS = Grounds(doubt=0.3, gap=0.6, tests=0.8, siblings=0.4)
ALIKE = 0.5  # texts less alike than this do not contradict each other
LONGEST = 4000  # characters of a text that are compared
_WORD = re.compile(r"\w+|[^\w\s]")


def worth(grounds: Grounds) -> float:
    """1 − Π (1 − wᵢ·gᵢ): the chance that a look changes something if every ground g, by its weight w, were right on its own.

    One strong ground outweighs several weak ones, none can take another's part away, and the figure stays below 1."""
    return 1.0 - math.prod(1.0 - weight * ground for weight, ground in zip(WEIGHTS, grounds, strict=True))


def doubt(k: int | None, c: int | None, exact: bool) -> float:
    """How little k draws of which c passed say of the chance to pass: the standard deviation of Beta(c + 1, k − c + 1) as a
    share of that with no draw at all. 1 for k = 0, .77 for 1 of 2, .29 for 16 of 32. A judged program is exact: 0."""
    if exact:
        return 0.0
    if not k or c is None:
        return 1.0
    passed, failed = c + 1, max(0, k - c) + 1
    variance = passed * failed / ((passed + failed) ** 2 * (passed + failed + 1))
    return min(1.0, math.sqrt(12 * variance))


def gap(score: float | None, v: float | None, label: str | None) -> float:
    """|score − what the search says|, to whichever of the two things a PRM may have been taught lies nearer: the value v, or
    the label as 1 (valid) and 0 (invalid)."""
    said = [v] if v is not None else []
    said += {"valid": [1.0], "invalid": [0.0]}.get(label or "", [])
    if score is None or not said:
        return 0.0
    return min(1.0, min(abs(score - one) for one in said))


def tests(counts: Mapping[str, tuple[int, int]]) -> float:
    """1 where a program passes every test of one origin and fails one of another. `counts`: by origin (passed, judged)."""
    judged = [(passed, total) for passed, total in counts.values() if total]
    return float(any(p == t for p, t in judged) and any(p < t for p, t in judged))


def similarity(one: str, other: str) -> float:
    """How alike two texts are: shared words and signs over all that either has (Jaccard), 1 for equal texts."""
    a, b = set(_WORD.findall(one[:LONGEST])), set(_WORD.findall(other[:LONGEST]))
    return len(a & b) / len(a | b) if a or b else 1.0


def siblings(alike: float) -> float:
    """How much the most alike sibling with the opposite label contradicts: 0 up to `ALIKE`, 1 for an equal text."""
    return max(0.0, (alike - ALIKE) / (1 - ALIKE))


class Evidence(NamedTuple):
    """What the grounds of one step rest on, for the words that explain them."""

    label: str | None = None
    k: int | None = None
    c: int | None = None
    v: float | None = None
    score: float | None = None
    origins: Mapping[str, tuple[int, int]] = {}
    sibling: str | None = None  # how it is called


def why(grounds: Grounds, evidence: Evidence) -> str:
    """The grounds in words, the weightiest first; only those that count for something."""
    told = [
        (WEIGHTS.doubt * grounds.doubt, _doubt_told(evidence) if grounds.doubt >= 0.1 else ""),
        (WEIGHTS.gap * grounds.gap, _gap_told(evidence) if grounds.gap >= 0.1 else ""),
        (WEIGHTS.tests * grounds.tests, _tests_told(evidence) if grounds.tests else ""),
        (
            WEIGHTS.siblings * grounds.siblings,
            f"like {evidence.sibling}, labelled otherwise" if grounds.siblings else "",
        ),
    ]
    return "; ".join(words for _, words in sorted(told, key=lambda one: -one[0]) if words) or "no ground, only unread"


def _doubt_told(evidence: Evidence) -> str:
    if not evidence.k:
        return "no draw was judged below it"
    return f"{evidence.c} of {evidence.k} draw{'s' if evidence.k > 1 else ''} passed"


def _gap_told(evidence: Evidence) -> str:
    said = evidence.label or "nothing"
    value = "" if evidence.v is None else f" {evidence.v:.2f}"
    return f"PRM {evidence.score:.2f} against {said}{value}"


def _tests_told(evidence: Evidence) -> str:
    passed = " ".join(f"{name} {p}/{t}" for name, (p, t) in sorted(evidence.origins.items()) if t)
    return f"tests disagree: {passed}"
