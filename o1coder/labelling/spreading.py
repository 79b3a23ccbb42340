"""In which order steps ranked by worth come, when many of few trees are worth nearly the same: no long run of one tree.

Pure: trees and figures in, places out. It never hides a step and never changes a figure; it looks no further than the order
in which equals, or near equals, come.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Sequence
from heapq import heapify, heappop, heappush

PAGE = 20  # steps in a row in which a tree has its share: a screenful
SHARE = 3  # steps of one tree among so many
NEAR = 0.05  # so much less worth still counts as nearly the same


def spread(ranked: Sequence[tuple[int, float]], limit: int) -> list[int]:
    """The places of the first `limit` of these steps, each a tree and what it is worth, the best first. Of any `PAGE` in a
    row no more than `SHARE` are of one tree, unless no other tree has a step within `NEAR` of the best that is left. The
    steps of one tree keep their order."""
    waiting: dict[int, deque[int]] = defaultdict(deque)
    for place, (tree, _) in enumerate(ranked):
        waiting[tree].append(place)
    free = [places.popleft() for places in waiting.values()]  # the best of every tree that has room
    heapify(free)
    full: dict[int, int] = {}  # the best of every tree that has had its share: never more than PAGE / SHARE of them
    shown: Counter[int] = Counter()
    out: list[int] = []
    while len(out) < limit and (free or full):
        best = min(full.values(), default=len(ranked))
        if free and (free[0] < best or ranked[free[0]][1] >= ranked[best][1] - NEAR):
            place = heappop(free)
        else:
            place = full.pop(ranked[best][0])
        out.append(place)
        tree = ranked[place][0]
        shown[tree] += 1
        following = [waiting[tree].popleft()] if waiting[tree] else []
        if len(out) >= PAGE:
            leaving = ranked[out[-PAGE]][0]
            shown[leaving] -= 1
            if shown[leaving] < SHARE and leaving in full:
                heappush(free, full.pop(leaving))
        for one in following:
            if shown[tree] < SHARE:
                heappush(free, one)
            else:
                full[tree] = one
    return out
