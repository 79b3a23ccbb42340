"""The state of one tree and its selection rule: UCT over what is still open.

A judged leaf is closed, passed or failed; a step whose children are all closed is closed; selection never enters what is
closed, so no leaf is visited twice. `total / visits` only steers: a step's label value is `values.label_values`. This
file samples nothing, judges nothing and knows no facts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from o1coder.search import chance
from o1coder.search.facts import Path
from o1coder.task import Action


def uct(total: float, visits: int, parent_visits: int, c: float) -> float:
    """total/visits + c·sqrt(ln parent_visits / visits) (Kocsis & Szepesvári 2006, as O1-CODER §3.5 uses it).

    `visits` ≥ 1 and `parent_visits` ≥ 1. With (1, 1, 4, 2): 3.3548.
    """
    return total / visits + c * math.sqrt(math.log(parent_visits) / visits)


@dataclass(slots=True)
class Node:
    """A step in a growing tree: `multiplicity` counts the completions that said it, `leaf` that it has been judged."""

    path: Path
    action: Action | None
    text: str
    code: str | None
    multiplicity: int = 0
    visits: int = 0
    total: float = 0.0
    leaf: bool = False
    expanded: bool = False
    closed: bool = False
    children: dict[tuple[Action, str], Node] = field(default_factory=dict)


class Tree:
    """All applied steps of one tree, with the completion ordinals that selections have reserved."""

    def __init__(self, seed: int, c: float) -> None:
        self.seed = seed
        self.c = c
        self.root = Node((), None, "", None)
        self.nodes: dict[Path, Node] = {(): self.root}
        self.reserved: dict[Path, int] = {}
        self.rollouts = 0

    def lineage(self, path: Path) -> Iterator[Node]:
        """The nodes from the root down to `path`, both included."""
        return (self.nodes[path[:depth]] for depth in range(len(path) + 1))

    def chain(self, path: Path) -> list[tuple[Action, str]]:
        """The steps from below the root down to `path`, as a prompt shows them."""
        return [(node.action, node.text) for node in self.lineage(path) if node.action is not None]

    def select(self, simulation: int) -> Path | None:
        """The unexpanded step at which a simulation starts; None when all is closed.

        At each level any open child that no counted rollout went through, drawn in proportion to its multiplicity (a
        text that was sampled twice is two unexplored draws), else the open child of largest UCT, the oldest on a tie.
        """
        node = self.root
        if node.closed:
            return None
        while node.expanded:
            still_open = [child for child in node.children.values() if not child.closed]
            fresh = [child for child in still_open if child.visits == 0]
            if fresh:
                number = chance.draw(self.seed, "select", node.path, simulation)
                node = fresh[chance.pick([child.multiplicity for child in fresh], number)]
            else:
                above = node.visits
                node = max(still_open, key=lambda child: uct(child.total, child.visits, above, self.c))
        return node.path

    def reserve(self, path: Path, count: int) -> int:
        """Reserve `count` completion ordinals below `path`; the first of them."""
        first = self.reserved.get(path, 0)
        self.reserved[path] = first + count
        return first

    def say(self, parent: Path, ordinal: int, action: Action, text: str, code: str | None) -> tuple[Node, bool]:
        """A parsed completion below `parent`: its node, and whether it is new (an equal sibling text merges)."""
        above = self.nodes[parent]
        node = above.children.get((action, text))
        new = node is None
        if node is None:
            node = Node((*parent, ordinal), action, text, code)
            above.children[(action, text)] = node
            self.nodes[node.path] = node
        node.multiplicity += 1
        return node, new

    def count(self, path: Path, reward: float | None) -> None:
        """A rollout that ends at `path`, backed up to the root; a reward of None is masked: no visit anywhere."""
        self.rollouts += 1
        if reward is None:
            return
        for node in self.lineage(path):
            node.visits += 1
            node.total += reward

    def close(self, path: Path) -> None:
        """Derive `closed` again for `path` and all above it, from below."""
        for depth in range(len(path), -1, -1):
            node = self.nodes[path[:depth]]
            node.closed = node.leaf or (node.expanded and all(child.closed for child in node.children.values()))
