"""Every random choice of a search, as a pure function of where it is made: never a running generator.

BLAKE2b of canonical bytes of (tree seed, purpose, step path, ordinal), so a choice is the same alone, among a thousand
trees, interrupted or not, on every machine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal

from o1coder.canonical import canonical
from o1coder.search.facts import Path, path_text

Purpose = Literal["sample", "select", "descend"]


def draw(seed: int, purpose: Purpose, path: Path, ordinal: int) -> int:
    """A uniform integer in [0, 2^63)."""
    text = canonical([seed, purpose, path_text(path), ordinal])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def pick(weights: Sequence[int], number: int) -> int:
    """The index that `number` (from `draw`) falls on, in proportion to the positive integer `weights`."""
    rest = number % sum(weights)
    for index, weight in enumerate(weights):
        if rest < weight:
            return index
        rest -= weight
    raise AssertionError("weights are positive")
