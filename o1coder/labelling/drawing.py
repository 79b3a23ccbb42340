"""Random choices that come out the same again: numbers from a digest of a seed and a place, never from a running generator.

Pure. Two sittings with one seed walk the same sequence; leases keep them from meeting.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b


def number(*key: object) -> int:
    """A 64-bit number for a key of words and numbers."""
    text = "\x1f".join(map(str, key)).encode()
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big")


def share(*key: object) -> float:
    """A number in [0, 1) for a key."""
    return (number(*key) >> 11) / (1 << 53)


def draws(seed: int, places: Iterable[int], below: int) -> list[int]:
    """Uniform numbers in [0, below) at these places of the sequence of a seed; with repetitions."""
    return [number("draw", seed, place) % below for place in places]


def shuffled(seed: int, ids: Sequence[int]) -> list[int]:
    """Ids in a random order of the seed; what is added to them later does not change the order of the others."""
    return sorted(ids, key=lambda one: number("order", seed, one))
