"""Seeded choices without a running generator: every number is BLAKE2b of a key and a counter."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Numbers that are a function of a key: draw k is BLAKE2b of the key and k. There is no generator to seed."""

    def __init__(self, *key: object) -> None:
        self._key = json.dumps(key, ensure_ascii=True, separators=(",", ":")).encode()
        self._drawn = 0

    def unit(self) -> float:
        """The next number, in [0, 1), with 53 bits."""
        digest = hashlib.blake2b(self._key + self._drawn.to_bytes(8, "big"), digest_size=8).digest()
        self._drawn += 1
        return (int.from_bytes(digest, "big") >> 11) / (1 << 53)

    def below(self, n: int) -> int:
        """The next whole number, in [0, n)."""
        return int(self.unit() * n)

    def pick(self, options: Sequence[T]) -> T:
        """The next choice among options."""
        return options[self.below(len(options))]
