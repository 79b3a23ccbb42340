"""Which beginnings of prompts are worth holding once for all the rows that share them: a choice made as prompts arrive.

Two prompts that begin alike make a prefix; a later one that leaves it early, but not at once, cuts it, so it ends where
most prompts part. Pure: sequences of tokens only. It does not look for the best cover, and holds few, since each costs
every pass a product of its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

Ids = tuple[int, ...]

WORTH = 128
AT_MOST = 4
REMEMBERED = 32


class Beginnings:
    """The shared beginnings in use, most recently used first."""

    def __init__(self) -> None:
        self.known: list[Ids] = []
        self._recent: deque[Ids] = deque(maxlen=REMEMBERED)

    def assign(self, prompts: Sequence[Ids]) -> list[Ids]:
        """The shared beginning of each prompt, shorter than it by a token at least; () where it has none."""
        for ids in prompts:
            self._learn(ids)
        return [self._of(ids) for ids in prompts]

    def _learn(self, ids: Ids) -> None:
        limit = len(ids) - 1
        for place, known in enumerate(self.known):
            length = common(known, ids, limit)
            if length >= max(WORTH, len(known) / 2):
                self.known.pop(place)
                self.known.insert(0, known[:length])
                return
        length = max((common(other, ids, limit) for other in self._recent), default=0)
        if length >= WORTH:
            self.known.insert(0, ids[:length])
            del self.known[AT_MOST:]
        self._recent.append(ids)

    def _of(self, ids: Ids) -> Ids:
        fitting = [known for known in self.known if len(known) < len(ids) and ids[: len(known)] == known]
        return max(fitting, key=len, default=())


def common(left: Sequence[int], right: Sequence[int], limit: int) -> int:
    """How many tokens two sequences begin with in common, at most `limit`."""
    longest = max(0, min(len(left), len(right), limit))
    if left[:longest] == right[:longest]:
        return longest
    return next(place for place in range(longest) if left[place] != right[place])
