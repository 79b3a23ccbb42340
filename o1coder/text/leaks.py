"""How alike two texts are: tokens, n-grams and their Jaccard index, for leak checks between splits and prompts.

It measures; which threshold means a leak is for its callers to say.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

_WORD = re.compile(r"[a-z]+|\d+", re.ASCII)


def statement_tokens(text: str) -> list[str]:
    """The words and numbers of a text in lower case; punctuation and the parts of a snake_case name are separated."""
    return _WORD.findall(text.lower())


def ngrams(tokens: Sequence[str], n: int = 3) -> set[tuple[str, ...]]:
    """The distinct runs of n tokens. A text shorter than n is one run of all it has; an empty one has none."""
    if not tokens:
        return set()
    return {tuple(tokens[start : start + n]) for start in range(max(1, len(tokens) - n + 1))}


def jaccard(left: Collection[object], right: Collection[object]) -> float:
    """|A ∩ B| / |A ∪ B| of the distinct members, in [0, 1]; two empty collections have nothing in common: 0."""
    a, b = set(left), set(right)
    return len(a & b) / len(a | b) if a or b else 0.0
