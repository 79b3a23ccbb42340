"""The state of one tree and UCT's selection over what is still open.

A judged leaf is closed, passed or failed, unless the rules visit leaves again; a step whose children are all closed is closed;
selection never enters what is closed. `total / visits` only steers: a step's label value is `values.label_values`. This
file samples nothing, judges nothing and knows no facts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from o1coder.search import chance
from o1coder.search.config import JudgedLeaf
from o1coder.search.facts import Path
from o1coder.search.simulation import Judged
from o1coder.task import Action


def uct(total: float, visits: int, parent_visits: int, c: float) -> float:
    """total/visits + c·sqrt(ln parent_visits / visits) (Kocsis & Szepesvári 2006, as O1-CODER §3.5 uses it).

    `visits` ≥ 1 and `parent_visits` ≥ 1. With (1, 1, 4, 2): 3.3548.
    """
    return total / visits + c * math.sqrt(math.log(parent_visits) / visits)


@dataclass(slots=True, eq=False)
class Node:
    """A step in a growing tree.

    `multiplicity` counts the completions that said it; `leaf`: it ends a chain and has been judged, `outcome` says how
    (None for a chain that ended without code); `evicted`: a rule took it out. `score` is the PRM's, where it was asked;
    `logprob` (summed) and `tokens` are of the first completion that said it.
    """

    path: Path
    action: Action | None
    text: str
    code: str | None
    above: Node | None = None
    multiplicity: int = 0
    visits: int = 0
    total: float = 0.0
    leaf: bool = False
    expanded: bool = False
    closed: bool = False
    evicted: bool = False
    outcome: Judged | None = None
    score: float | None = None
    logprob: float | None = None
    tokens: int = 0
    children: dict[tuple[Action, str], Node] = field(default_factory=dict)

    @property
    def reward(self) -> float | None:
        """A judged leaf's reward: 0 for one without code, None for what is no leaf or was masked."""
        if not self.leaf:
            return None
        return 0.0 if self.outcome is None else self.outcome.reward

    @property
    def solved(self) -> bool:
        """Whether it is a program that passed every test."""
        return self.outcome is not None and 0 < self.outcome.total == self.outcome.passed

    def lineage(self) -> Iterator[Node]:
        """The node and all above it, up to the root."""
        node: Node | None = self
        while node is not None:
            yield node
            node = node.above


class Tree:
    """All applied steps of one tree, with the completion ordinals that selections have reserved."""

    def __init__(self, seed: int, c: float, revisit: bool = False) -> None:
        self.seed = seed
        self.c = c
        self.revisit = revisit
        self.root = Node((), None, "", None)
        self.nodes: dict[Path, Node] = {(): self.root}
        self.reserved: dict[Path, int] = {}
        self.rollouts = 0

    def chain(self, path: Path) -> list[tuple[Action, str]]:
        """The steps from below the root down to `path`, as a prompt shows them."""
        steps = [(node.action, node.text) for node in self.nodes[path].lineage() if node.action is not None]
        return steps[::-1]

    def lay(self, steps: Sequence[tuple[Action, str]]) -> list[Node]:
        """Put given steps below the root, one below the other; only the last of them can be expanded."""
        node, laid = self.root, []
        for action, text in steps:
            self.reserve(node.path, 1)
            node.expanded = True
            node, _ = self.say(node.path, 0, action, text, None)
            laid.append(node)
        return laid

    def select(self, simulation: int) -> Path | None:
        """The step at which a simulation starts: unexpanded, or one that ends a chain; None when all is closed.

        At each level any open child that no counted rollout went through, drawn in proportion to its multiplicity (a
        text that was sampled twice is two unexplored draws), else the open child of largest UCT, the oldest on a tie.
        """
        node = self.root
        if node.closed:
            return None
        while node.expanded:
            still_open = [child for child in node.children.values() if not child.closed]
            fresh = [child for child in still_open if child.visits == 0]
            if len(fresh) == 1:
                node = fresh[0]
            elif fresh:
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
            node = Node((*parent, ordinal), action, text, code, above)
            above.children[(action, text)] = node
            self.nodes[node.path] = node
        node.multiplicity += 1
        return node, new

    def count(self, path: Path, reward: float | None) -> None:
        """A rollout that ends at `path`, backed up to the root; a reward of None is masked: no visit anywhere."""
        self.rollouts += 1
        if reward is None:
            return
        for node in self.nodes[path].lineage():
            node.visits += 1
            node.total += reward

    def judge(self, path: Path, outcome: Judged | None) -> None:
        """Make `path` a judged leaf. Where leaves are visited again, a masked one is not: it would teach nothing."""
        node = self.nodes[path]
        node.leaf, node.outcome = True, outcome
        node.evicted = node.evicted or (self.revisit and node.reward is None)
        node.closed = node.evicted or not self.revisit

    def judged(self) -> list[JudgedLeaf]:
        """The programs judged so far, in the order they were drawn; masked ones are not among them."""
        return [
            JudgedLeaf(node.path, node.code, node.multiplicity, node.solved, node.outcome.cases)
            for node in self.nodes.values()
            if node.code is not None and node.outcome is not None and node.outcome.reward is not None
        ]

    def close(self, path: Path) -> None:
        """Derive `closed` again for `path` and all above it, from below."""
        for node in self.nodes[path].lineage():
            node.closed = (
                node.evicted
                or (node.leaf and not self.revisit)
                or (node.expanded and all(child.closed for child in node.children.values()))
            )
