"""Searches that a process reward model steers: PUCT, beam search, diverse verifier tree search; and best-of-n, which none does.

`puct` expands one step a simulation (AlphaZero's rule as OpenR uses it, arXiv 2410.09671, without Dirichlet noise). `beam` keeps
the best `beams` prefixes of a level; those that end in code leave their place to others. `dvts` follows the best child of each of
simulations/width subtrees that never compete, so that they stay diverse (Hugging Face's search-and-learn). A path ranks by the
`aggregate` of its steps' scores. Every program is judged; which of them is the answer is for choosing.py. Beam search and DVTS
end by themselves: they do not go on for an answer that is not settled. Nothing is sampled, scored or judged here.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from o1coder.errors import LabError
from o1coder.search.choosing import aggregate
from o1coder.search.config import SearchConfig, Settled
from o1coder.search.facts import Path
from o1coder.search.strategy import Descent, Landed, Strategy
from o1coder.search.tree import Node, Tree


def guided(tree: Tree, config: SearchConfig, settled: Settled) -> Strategy:
    """The strategy of `config.method`; an adaptive one is stopped between two rounds once its answer is settled."""
    start = max(tree.nodes, key=len)  # the last of the given steps: nothing else stands in the tree yet
    begin = {"puct": puct, "beam": beam, "dvts": dvts, "best-of-n": best_of_n}[config.method]
    rounds = begin(tree, config, start)
    if config.direct_first and not config.direct:
        yield [Descent((), config.direct_first, 1, "code")]
    landed: list[Landed] | None = None
    while True:
        if config.adaptive and settled(tree.judged()):
            return "settled"
        try:
            wanted = next(rounds) if landed is None else rounds.send(landed)
        except StopIteration as done:
            reason: str | None = done.value
            return "exhausted" if reason == "exhausted" else None
        landed = yield wanted


def best_of_n(tree: Tree, config: SearchConfig, start: Path = ()) -> Strategy:
    """`simulations` whole chains at once; an adaptive tree draws them `width` at a time, `most_simulations` at most."""
    count = max(config.simulations, config.most_simulations)
    size = config.width if config.adaptive else count
    for begun in range(0, count, size):
        yield [Descent(start, 1)] * min(size, count - begun)
    return None


def beam(tree: Tree, config: SearchConfig, start: Path = ()) -> Strategy:
    """beams × width completions a level, the best `beams` of their steps go on; `simulations` is not used."""
    landed = yield [Descent(start, config.beams * config.width, 1)]
    while going := _best(tree, config, start, _inner(landed))[: config.beams]:
        landed = yield [Descent(path, config.width, 1) for path in going]
    return None


def dvts(tree: Tree, config: SearchConfig, start: Path = ()) -> Strategy:
    """simulations/width subtrees (at least one), each the best of `width` children at every level."""
    going = [start] * max(1, config.simulations // config.width)
    while going:
        landed = yield [Descent(path, config.width, 1) for path in going]
        best = [(each, _best(tree, config, start, each.steps)[:1]) for each in landed]
        going = [path for each, found in best for path in found if path not in each.leaves]
    return None


def puct_bound(visits: int, parent_visits: int, prior: float) -> float:
    """[ln((N_p + 19652 + 1)/19652) + 1.25]·√N_p/(N_c + 1)·prior (Silver et al. 2018). (3, 16, .5) gives .6254."""
    rate = math.log((parent_visits + 19652 + 1) / 19652) + 1.25
    return rate * math.sqrt(parent_visits) / (visits + 1) * prior


def priors(children: Sequence[Node]) -> list[float]:
    """exp(mean token log probability) of each child's first draw, normalised; equal where a sampler tells none."""
    known = [(child.logprob, child.tokens) for child in children]
    likely = [math.exp(logprob / max(1, tokens)) for logprob, tokens in known if logprob is not None]
    if len(likely) < len(children) or not (whole := math.fsum(likely)):
        return [1.0 / len(children)] * len(children)
    return [each / whole for each in likely]


def puct(tree: Tree, config: SearchConfig, start: Path = ()) -> Strategy:
    """Simulations of one expansion each, below the open step to which V + U leads.

    V is a step's PRM score until something was backed up through it, then the mean of that: the score of every step that
    was expanded, 0 where nothing parsed below it, and of every judged leaf its reward (its score where the judge failed).
    Leaves are closed. A step selected and not yet applied counts as a visit of no value. It looks at the tree alone, so
    rounds may be begun before others are applied; an empty one where nothing is open at that moment.
    """
    visits: Counter[Path] = Counter()
    totals: defaultdict[Path, float] = defaultdict(float)
    pending: list[Path] = []
    backed: set[Path] = set()

    def back_up(path: Path, value: float) -> None:
        for depth in range(len(path) + 1):
            totals[path[:depth]] += value

    def visit(path: Path) -> None:
        visits.update(path[:depth] for depth in range(len(path) + 1))

    def take_in() -> None:
        for path in [path for path in pending if tree.nodes[path].expanded]:
            pending.remove(path)
            node = tree.nodes[path]
            if path != start:
                back_up(path, _score(node) if node.children else 0.0)
            for child in node.children.values():
                if child.leaf and child.path not in backed:
                    backed.add(child.path)
                    visit(child.path)
                    back_up(child.path, _score(child) if child.reward is None else child.reward)

    def value(node: Node) -> float:
        return totals[node.path] / visits[node.path] if visits[node.path] else _score(node)

    def select(node: Node) -> Path | None:
        if not node.expanded:
            return None if node.path in pending or node.closed else node.path
        children = list(node.children.values())
        worth = [
            value(child) + puct_bound(visits[child.path], visits[node.path], prior)
            for child, prior in zip(children, priors(children), strict=True)
            if not child.closed
        ]
        still_open = [child for child in children if not child.closed]
        for index in sorted(range(len(worth)), key=lambda index: -worth[index]):
            if (found := select(still_open[index])) is not None:
                return found
        return None

    for _ in range(max(config.simulations, config.most_simulations)):
        take_in()
        path = select(tree.nodes[start])
        if path is not None:
            pending.append(path)
            visit(path)
        yield [] if path is None else [Descent(path, None, 1)]
    return None


def _inner(landed: Iterable[Landed]) -> list[Path]:
    """The distinct new steps that are no leaves, oldest first."""
    found = {path: None for each in landed for path in each.steps if path not in each.leaves}
    return list(found)


def _best(tree: Tree, config: SearchConfig, start: Path, paths: Iterable[Path]) -> list[Path]:
    """Best aggregate first, over the steps below `start`; of equal ones the oldest."""

    def worth(path: Path) -> float:
        steps = [tree.nodes[path[:depth]] for depth in range(len(start) + 1, len(path) + 1)]
        return aggregate([_score(node) for node in steps], config.aggregate)

    return sorted(paths, key=lambda path: -worth(path))


def _score(node: Node) -> float:
    """A step's PRM score. LabError where there is none."""
    if node.score is None:
        raise LabError(
            "this search is steered by a process reward model, and none has scored its steps",
            "name a PRM with --prm, or search by uct or best-of-n",
        )
    return node.score
