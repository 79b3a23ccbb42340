"""The arrays agree with a naive walk, however the nodes come, and a tree that grew with one read anew."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from o1coder.search.preorder import Node, Preorder, grown, preorder, spliced

# Each draw names a parent among the earlier nodes; ids rise with gaps, so that no id is a position.
trees = st.lists(st.integers(0, 10**6), max_size=40).map(
    lambda draws: [(3 * n + 7, 3 * (draw % n) + 7 if n else None, draw % 5 * 100 + n) for n, draw in enumerate(draws)]
)
chains = st.integers(0, 600).map(lambda length: [(n + 1, n or None, 0) for n in range(length)])


def walk(nodes: list[Node]) -> list[tuple[int, int, int, tuple[int, ...]]]:
    """(id, depth, subtree size, path) by recursion."""
    out: list[tuple[int, int, int, tuple[int, ...]]] = []
    stack = [(node, ()) for node in sorted((n for n in nodes if n[1] is None), key=lambda n: -n[2])]
    below: dict[int | None, list[Node]] = {}
    for node in sorted(nodes, key=lambda n: -n[2]):
        below.setdefault(node[1], []).append(node)
    while stack:
        (node, _, _), path = stack.pop()
        out.append((node, len(path), 0, path))
        stack += [(child, (*path, child[2])) for child in below.get(node, [])]
    return [(n, d, sum(other[3][:d] == p for other in out), p) for n, d, _, p in out]


def seen(shape: Preorder) -> list[tuple[int, int, int, tuple[int, ...]]]:
    return [(shape.ids[at], shape.depth[at], shape.size[at], shape.ordinals(at)) for at in range(len(shape))]


@given(trees, st.randoms())
def test_it_is_a_walk(nodes: list[Node], random: object) -> None:
    shape = preorder(nodes)
    assert seen(shape) == walk(nodes)
    shuffled = nodes[:]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert seen(preorder(shuffled)) == walk(nodes)
    parents = {node: parent for node, parent, _ in nodes}
    for at in range(len(shape)):
        assert shape.find(shape.ids[at]) == at
        above = shape.parent(at)
        assert (None if above is None else shape.ids[above]) == parents[shape.ids[at]]
        children = list(shape.children(at))
        assert [shape.parent(child) for child in children] == [at] * len(children)
        assert shape.last_child(at) == (children[-1] if children else None)
        assert shape.at_path(shape.ordinals(at)) == at
    assert shape.find(8) is None


@given(trees, st.integers(0, 10**6))
def test_a_tree_that_grew_is_the_tree_read_anew(nodes: list[Node], draw: int) -> None:
    if not nodes:
        return
    kept = 1 + draw % len(nodes)
    old = preorder(nodes[:kept])
    growth = grown(old, nodes[kept:])
    assert growth is not None
    assert seen(growth.shape) == walk(nodes)
    fresh = set(growth.shape.ids) - set(old.ids)
    told = spliced(array("q", old.ids), growth.cuts, [node for node in growth.shape.ids if node in fresh])
    assert told == growth.shape.ids


@given(chains)
def test_a_parent_is_found_deeper_than_a_byte_counts(nodes: list[Node]) -> None:
    shape = preorder([*nodes, *([(1000, 1, 1)] if nodes else [])])
    for at in range(1, len(nodes)):
        assert shape.parent(at) == at - 1
        assert shape.last_child(at - 1) == (len(nodes) if at == 1 else at)
    if nodes:
        assert shape.parent(len(nodes)) == 0


def test_what_cannot_be_spliced_is_refused() -> None:
    old = preorder([(1, None, 0), (2, 1, 0)])
    assert grown(old, [(2, 1, 0)]) is None
    assert grown(old, [(5, 4, 0)]) is None
    assert grown(old, [(5, None, 0)]) is None


def test_a_node_without_its_parent_is_a_root() -> None:
    shape = preorder([(3, 2, 0), (2, 1, 0), (1, None, 0), (9, 77, 0)])
    assert list(shape.ids) == [1, 2, 3, 9]
    assert list(shape.depth) == [0, 1, 2, 0]
