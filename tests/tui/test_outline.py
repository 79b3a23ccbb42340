"""The tree's arrays agree with a naive walk, whatever is folded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tui.widgets.virtual_tree import Outline

parents = st.lists(st.integers(0, 10**6), max_size=40).map(
    lambda draws: [(node + 1, draw % node + 1 if node else None) for node, draw in enumerate(draws)]
)


def walk(nodes: list[tuple[int, int | None]], closed: set[int]) -> list[int]:
    """Visible ids by recursion."""
    out: list[int] = []

    def visit(node: int) -> None:
        out.append(node)
        if node not in closed:
            for child in (child for child, parent in nodes if parent == node):
                visit(child)

    for node in (node for node, parent in nodes if parent is None):
        visit(node)
    return out


def shown(outline: Outline) -> list[int]:
    return [outline.id_at(line) for line in range(len(outline))]


@given(parents, st.lists(st.integers(0, 10**6), max_size=20))
def test_folding_shows_what_a_walk_shows(nodes: list[tuple[int, int | None]], folds: list[int]) -> None:
    outline = Outline(nodes)
    closed: set[int] = set()
    for draw in folds:
        if len(outline):
            line = draw % len(outline)
            closed ^= {outline.id_at(line)}
            outline.fold(line)
            assert shown(outline) == walk(nodes, closed)
    grown = Outline([*nodes, (len(nodes) + 1, 1 if nodes else None)])
    grown.adopt(outline)
    assert shown(grown) == walk([*nodes, (len(nodes) + 1, 1 if nodes else None)], closed)


@given(parents.filter(bool), st.integers(0, 10**6))
def test_reveal_opens_the_way_and_find_falls_back_on_an_ancestor(
    nodes: list[tuple[int, int | None]], draw: int
) -> None:
    outline = Outline(nodes)
    target = nodes[draw % len(nodes)][0]
    outline.fold_all(False)
    line = outline.find(target)
    assert line is not None
    above = dict(nodes)
    node: int | None = target
    while node is not None and node != outline.id_at(line):
        node = above[node]
    assert node == outline.id_at(line)
    outline.reveal(target)
    line = outline.find(target)
    assert line is not None
    assert outline.id_at(line) == target
    parent_line = outline.parent(line)
    assert (outline.id_at(parent_line) if parent_line is not None else None) == above[target]
    outline.fold_all(True)
    assert shown(outline) == walk(nodes, set())


def test_children_may_come_before_parents_and_orphans_are_roots() -> None:
    outline = Outline([(3, 2), (2, 1), (1, None), (9, 77)])
    assert shown(outline) == [1, 2, 3, 9]
    assert list(outline.depth) == [0, 1, 2, 0]
    assert outline.find(500) is None
