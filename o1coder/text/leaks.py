"""How alike two texts are: tokens, n-grams and their Jaccard index, for leak checks between splits and prompts.

It measures; which threshold means a leak is for its callers to say.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

_WORD = re.compile(r"[^\W\d_]+|\d+")
_FRAME = re.compile(
    r"\A\W*write an? (?:python )?(?:function|program)\b(?:\s*`[^`]*`)?(?: that returns\b| that\b| to\b)?", re.I
)


def statement_body(text: str) -> str:
    """A statement without the words that most of them begin with, and without the name that it gives to the function:
    "Write a Python function `f(x)` that returns …". Any two problems are alike in these."""
    return _FRAME.sub("", text)


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
