"""Selection: UCT's number, what is closed, what is drawn among the unexplored."""

from __future__ import annotations

from collections import Counter

import pytest

from o1coder.search.tree import Tree, uct


def test_uct_gives_the_published_value() -> None:
    assert uct(1.0, 1, 4, 2.0) == pytest.approx(3.3548, abs=5e-5)


def two_children(first: float, second: float, c: float) -> Tree:
    tree = Tree(0, c)
    tree.root.expanded = True
    for ordinal, reward in ((0, first), (1, second)):
        node, _ = tree.say((), ordinal, "structure", f"s{ordinal}", None)
        tree.count(node.path, reward)
    return tree


def test_the_child_of_larger_uct_is_taken_and_the_older_on_a_tie() -> None:
    assert two_children(0.2, 0.7, 2.0).select(0) == (1,)
    assert two_children(0.5, 0.5, 2.0).select(0) == (0,)


def test_exploration_outweighs_value_when_c_is_large() -> None:
    tree = two_children(1.0, 0.0, 2.0)
    for _ in range(6):
        tree.count((0,), 1.0)
    assert tree.select(0) == (1,)
    tree.c = 0.1
    assert tree.select(0) == (0,)


def test_what_is_closed_is_never_entered_and_closes_what_is_above() -> None:
    tree = two_children(1.0, 0.0, 2.0)
    tree.nodes[(0,)].leaf = True
    tree.close((0,))
    assert tree.select(0) == (1,)
    tree.nodes[(1,)].leaf = True
    tree.close((1,))
    assert tree.root.closed
    assert tree.select(0) is None


def test_an_expanded_step_without_children_is_closed() -> None:
    tree = Tree(0, 2.0)
    tree.root.expanded = True
    tree.close(())
    assert tree.select(0) is None


def test_the_unexplored_are_drawn_by_multiplicity_before_any_uct() -> None:
    tree = two_children(1.0, 1.0, 2.0)
    for ordinal in (2, 3, 4):
        tree.say((), ordinal, "structure", "often", None)
    tree.say((), 5, "structure", "once", None)
    taken = Counter(tree.select(simulation) for simulation in range(400))
    assert set(taken) == {(2,), (5,)}
    assert 0.68 < taken[(2,)] / 400 < 0.82


def test_a_masked_rollout_leaves_no_visit() -> None:
    tree = two_children(1.0, 0.0, 2.0)
    tree.count((0,), None)
    assert (tree.root.visits, tree.nodes[(0,)].visits, tree.rollouts) == (2, 1, 3)


def test_ordinals_are_reserved_once() -> None:
    tree = Tree(0, 2.0)
    assert [tree.reserve((), 3), tree.reserve((), 2), tree.reserve((0,), 1)] == [0, 3, 0]
