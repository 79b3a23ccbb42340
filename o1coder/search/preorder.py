"""A tree of any size as flat arrays in preorder: id, depth, subtree size, ordinal; no object and no dict per node.

A subtree is a slice, so what is summed below a node is a difference of prefix sums; an id is found by bisection, a parent
by a search backwards for a byte. A tree that grew is spliced: what it had is copied in slices, and `Growth.cuts` lets
others splice what they keep per position in the same way. Nothing here knows texts, values or a lab.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple, TypeVar

CHUNK = 8192  # nodes taken in at a time: as columns, not one by one

Array = TypeVar("Array", "array[int]", "array[float]", bytearray)
Node = tuple[int, int | None, int]  # id, id of the parent, ordinal among its siblings


class Preorder:
    """The arrays. Positions run from 0; a node's subtree is `range(position, position + size[position])`."""

    __slots__ = ("_by_id", "_low", "depth", "ids", "ordinal", "size")

    def __init__(self, ids: array[int], depth: array[int], size: array[int], ordinal: array[int]) -> None:
        self.ids = ids
        self.depth = depth
        self.size = size
        self.ordinal = ordinal
        # Depths modulo 256, so that a parent is found by a search for a byte.
        self._low = bytes(value & 255 for value in depth)
        self._by_id = array("i", sorted(range(len(ids)), key=ids.__getitem__))

    def __len__(self) -> int:
        return len(self.ids)

    def find(self, node: int) -> int | None:
        """The position of an id."""
        at = bisect_left(self._by_id, node, key=self.ids.__getitem__)
        if at == len(self._by_id) or self.ids[self._by_id[at]] != node:
            return None
        return self._by_id[at]

    def placed(self, rows: Iterable[Any]) -> Iterator[tuple[int, Any]]:
        """Rows that begin with an id, the ids rising, each with its position; one walk beside theirs. Rows of ids that are
        not here are left out."""
        at, last = 0, len(self._by_id)
        for row in rows:
            while at < last and self.ids[self._by_id[at]] < row[0]:
                at += 1
            if at < last and self.ids[self._by_id[at]] == row[0]:
                yield self._by_id[at], row

    def parent(self, position: int) -> int | None:
        """The position of the parent; None for a root."""
        depth = self.depth[position]
        if depth == 0:
            return None
        wanted, above = (depth - 1) & 255, position
        while True:
            above = self._low.rfind(wanted, 0, above)
            if above + self.size[above] > position:  # else a node 256 levels below the parent
                return above

    def above(self, position: int) -> Iterator[int]:
        """The positions of the ancestors, the parent first."""
        here = self.parent(position)
        while here is not None:
            yield here
            here = self.parent(here)

    def children(self, position: int) -> Iterator[int]:
        """The positions of the children, in order."""
        child, end = position + 1, position + self.size[position]
        while child < end:
            yield child
            child += self.size[child]

    def last_child(self, position: int) -> int | None:
        """The position of the last child; None for a leaf."""
        end = position + self.size[position]
        depth = self.depth[position] + 1
        while end > position + 1:
            end = self._low.rfind(depth & 255, position + 1, end)
            if self.depth[end] == depth:
                return end
        return None

    def ordinals(self, position: int) -> tuple[int, ...]:
        """The ordinals from below the root down to a node."""
        found = []
        here: int | None = position
        while here is not None and self.depth[here] > 0:
            found.append(self.ordinal[here])
            here = self.parent(here)
        return tuple(reversed(found))

    def path(self, position: int) -> str:
        """The same as "0.2.1"; the root's is empty."""
        return ".".join(map(str, self.ordinals(position)))

    def at_path(self, path: Sequence[int]) -> int | None:
        """The position of a path below the first root."""
        here = 0 if len(self) else None
        for ordinal in path:
            if here is None:
                return None
            here = next((child for child in self.children(here) if self.ordinal[child] == ordinal), None)
        return here


def preorder(nodes: Iterable[Node]) -> Preorder:
    """The arrays of nodes in any order; quickest where siblings come together and in order.

    A node whose parent is not among the nodes is a root. No id is 0.
    """
    ids, parents, ordinals = array("q"), array("q"), array("i")
    rest = iter(nodes)
    while chunk := list(islice(rest, CHUNK)):
        some, above, places = zip(*chunk, strict=True)
        ids.extend(some)
        parents.extend(parent or 0 for parent in above)
        ordinals.extend(places)
    begins = _begins(parents, ordinals)
    if begins is None:
        ordered = sorted(zip(parents, ordinals, ids, strict=True))
        return preorder([(node, parent, ordinal) for parent, ordinal, node in ordered])
    roots = [0] if list(begins) == [0] or not begins else [0, *sorted(begins.keys() - set(ids) - {0})]
    ends = dict(zip(begins, [*begins.values(), len(ids)][1:], strict=True))
    stack = [row for root in reversed(roots) for row in range(ends.get(root, 0) - 1, begins.get(root, 0) - 1, -1)]
    rows, depth = array("i"), array("i")
    while stack:  # depth and row in one number, so that children are pushed as a range
        code = stack.pop()
        row = code & 0xFFFFFFFF
        rows.append(row)
        depth.append(code >> 32)
        node = ids[row]
        if node in begins:
            base = ((code >> 32) + 1) << 32
            stack.extend(range(base + ends[node] - 1, base + begins[node] - 1, -1))
    return Preorder(
        array("q", map(ids.__getitem__, rows)), depth, _sizes(depth), array("i", map(ordinals.__getitem__, rows))
    )


def _begins(parents: array[int], ordinals: array[int]) -> dict[int, int] | None:
    """Where the children of each parent begin, where they come together and in order; else None."""
    begins: dict[int, int] = {}
    last, before = -1, 0
    for row, (parent, ordinal) in enumerate(zip(parents, ordinals, strict=True)):
        if parent != last:
            if parent in begins:
                return None
            begins[parent] = row
            last = parent
        elif ordinal < before:
            return None
        before = ordinal
    return begins


def _sizes(depth: array[int]) -> array[int]:
    total = len(depth)
    size = array("i", [1]) * total
    path: list[int] = []  # positions from a root to here
    for position, level in enumerate(depth):
        while len(path) > level:
            done = path.pop()
            size[done] = position - done
        path.append(position)
    for done in path:
        size[done] = total - done
    return size


class Growth(NamedTuple):
    """A tree that grew. `cuts`: for every new node, in the new preorder, the old position before which it stands."""

    shape: Preorder
    cuts: array[int]


class _Place(NamedTuple):
    """Where a new node stands: its path below the root, and the old position that follows it."""

    path: tuple[int, ...]
    cut: int
    node: int
    depth: int
    under: int  # the position of the nearest old ancestor


def grown(old: Preorder, nodes: Iterable[Node]) -> Growth | None:
    """The arrays with new nodes among the old ones; a node's id is larger than its parent's. None where that cannot be
    done: a parent that is nowhere, a node that is there already, another root."""
    new: dict[int, _Place] = {}
    known: dict[int, tuple[int, tuple[int, ...]]] = {}  # old parents of new nodes: position, path
    for node, parent, ordinal in sorted(nodes):
        if parent is None or old.find(node) is not None:
            return None
        if (above := new.get(parent)) is not None:
            new[node] = above._replace(path=(*above.path, ordinal), node=node, depth=above.depth + 1)
            continue
        if parent not in known:
            at = old.find(parent)
            if at is None:
                return None
            known[parent] = at, old.ordinals(at)
        at, path = known[parent]
        new[node] = _Place((*path, ordinal), _cut(old, at, ordinal), node, old.depth[at] + 1, at)
    places = sorted(new.values())
    size = old.size[:]
    for place in places:
        size[place.under] += 1
        for above_it in old.above(place.under):
            size[above_it] += 1
    cuts = array("i", (place.cut for place in places))
    return Growth(
        Preorder(
            spliced(old.ids, cuts, [place.node for place in places]),
            spliced(old.depth, cuts, [place.depth for place in places]),
            spliced(size, cuts, _sizes_of([place.path for place in places])),
            spliced(old.ordinal, cuts, [place.path[-1] for place in places]),
        ),
        cuts,
    )


def _cut(old: Preorder, at: int, ordinal: int) -> int:
    """The position before which a new child of the node at `at` stands."""
    end = at + old.size[at]
    last = old.last_child(at)
    if last is None or old.ordinal[last] < ordinal:
        return end
    return next(child for child in old.children(at) if old.ordinal[child] > ordinal)


def _sizes_of(paths: Sequence[tuple[int, ...]]) -> array[int]:
    """How many of these paths, which are in preorder, lie at or below each."""
    size = array("i", [1]) * len(paths)
    open_: list[int] = []
    for index, path in enumerate(paths):
        while open_ and paths[open_[-1]] != path[: len(paths[open_[-1]])]:
            open_.pop()
        for above in open_:
            size[above] += 1
        open_.append(index)
    return size


def spliced(kept: Array, cuts: Sequence[int], new: Sequence[Any]) -> Array:
    """An array per position, with what is new before each cut; `cuts` do not fall."""
    out = kept[:0]
    done = 0
    for cut, value in zip(cuts, new, strict=True):
        if cut > done:
            out.extend(kept[done:cut])
            done = cut
        out.append(value)
    out.extend(kept[done:])
    return out
