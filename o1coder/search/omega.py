"""OmegaPRM (arXiv 2406.06592): where a wrong rollout first goes wrong, by binary search; and brute Monte Carlo, its reference.

A state is a step, the root included, from which `draws` fresh completions were drawn to the end; MC = c/k, c of them passing
every test. Wrong rollouts of states with 0 < MC < 1 wait in a pool; the one of largest Q + U is searched for its first error:
each midpoint gets completions of its own, MC > 0 goes right, MC = 0 left, so that a search costs O(k log M) for M steps. A
midpoint without success is confirmed by a second k before the search goes left (`confirm`), and one that is a state already is
not drawn again. A rollout with nothing between its state and its wrong end cannot be split and never waits.

As OpenR does it: `counted_at="creation"` counts N with the draws, not the selection; `requeue` puts what was searched back,
draws its midpoints again, and refreshes the priorities of the searched state alone. Its correct whole rollouts of MC = 1 need
no rule of their own: every judged leaf has its exact value here. Nothing is sampled or judged here.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from o1coder.search.config import SearchConfig
from o1coder.search.facts import CompletionFact, Fact, Path, RolloutFact, StepFact
from o1coder.search.simulation import Judged
from o1coder.search.strategy import Descent, Landed, Strategy
from o1coder.search.tree import Node, Tree
from o1coder.search.values import Value


class Wrong(NamedTuple):
    """A rollout from `state` that failed: `end` is its deepest parsed step, `depth` where it is known to be wrong (one below
    `end` where the last completion did not parse)."""

    state: Path
    end: Path
    depth: int


@dataclass(slots=True)
class State:
    """What fresh completions from one step came to: `k` judged draws, `c` of them passed every test; N is `visits`. `ends` has
    the leaf of every draw, None where it did not parse to its end."""

    k: int = 0
    c: int = 0
    visits: int = 0
    ends: list[Path | None] = field(default_factory=list)
    wrong: list[Wrong] = field(default_factory=list)

    @property
    def mc(self) -> float:
        """c/k; 0 where the judge failed on every draw."""
        return self.c / self.k if self.k else 0.0


States = dict[Path, State]
Estimation = Generator[list[Descent], list[Landed], State]


def priority(mc: float, words: int, alpha: float = 0.5, beta: float = 0.9, length: int = 500) -> float:
    """Q = alpha^(1−MC)·beta^(words/length): wrong rollouts of states that are usually right, short ones first.
    (.5, 100 words) gives .6924."""
    return float(alpha ** (1.0 - mc) * beta ** (words / length))


def exploration(every: int, own: int, c: float = 0.125) -> float:
    """U = c·√(ΣN)/(1 + N). (16, 3) gives .125."""
    return c * math.sqrt(every) / (1 + own)


def omega(tree: Tree, config: SearchConfig, states: States | None = None, start: Path | None = None) -> Strategy:
    """At most `simulations` searches for a first error, from one estimate of the root on (or of `start`, below which all is
    searched; default: the last of the given steps). `states` is filled as it goes; ends "exhausted" where no wrong rollout is
    left that could be split."""
    states = {} if states is None else states
    start = max(tree.nodes, key=len) if start is None else start
    pool: dict[Wrong, float] = {}
    quality: dict[Wrong, float] = {}  # Q of what waits: it changes only with new draws of its state

    def rank(some: Iterable[Wrong]) -> dict[Wrong, float]:
        every = sum(state.visits for state in states.values())
        return {each: quality[each] + exploration(every, states[each.state].visits, config.c) for each in some}

    def wait(state: State) -> None:
        if not 0.0 < state.mc < 1.0:
            return
        split = [wrong for wrong in state.wrong if wrong.depth - len(wrong.state) > 1]
        for wrong in split:
            below = range(len(wrong.state) + 1, len(wrong.end) + 1)
            words = sum(len(tree.nodes[wrong.end[:depth]].text.split()) for depth in below)
            quality[wrong] = priority(state.mc, words, config.omega_alpha, config.omega_beta, config.omega_length)
        pool.update(rank(split))

    def estimate(path: Path, confirm: bool) -> Estimation:
        if path in states and not config.requeue:
            return states[path]
        state = states.setdefault(path, State())
        fresh = yield from _draw(tree, path, config.draws)
        if confirm and fresh.k and not fresh.c:
            _add(fresh, (yield from _draw(tree, path, config.draws)))
        _add(state, fresh)
        state.visits += config.counted_at == "creation"
        wait(state)
        return fresh

    yield from estimate(start, confirm=False)
    for _ in range(config.simulations):
        if not pool:
            return "exhausted"
        if not config.requeue:  # U looks at all states, so every priority changes with every selection
            pool.update(rank(pool))
        wrong = max(pool, key=lambda each: pool[each])  # of equal ones the first in: the oldest
        del pool[wrong]
        states[wrong.state].visits += config.counted_at == "selection"
        right, left = len(wrong.state), wrong.depth
        while left - right > 1:
            middle = (right + left) // 2
            found = yield from estimate(wrong.end[:middle], config.confirm)
            if not found.k:
                break  # the judge failed on every draw: neither side is known
            right, left = (middle, left) if found.c else (right, middle)
        if config.requeue:
            wait(states[wrong.state])
    return None


def monte_carlo(tree: Tree, config: SearchConfig, states: States | None = None, start: Path | None = None) -> Strategy:
    """`simulations` whole chains, then `draws` fresh completions from every inner step of them, and from `start`: k·M
    completions for what OmegaPRM estimates with k·log M. The chains themselves count in no estimate."""
    states = {} if states is None else states
    start = max(tree.nodes, key=len) if start is None else start
    chains = yield [Descent(start, 1)] * config.simulations
    inner: dict[Path, None] = {}
    for landed in chains:
        inner.update((landed.reached[:depth], None) for depth in range(len(start), len(landed.reached) + 1))
    for depth in range(
        len(start), max(map(len, inner)) + 1
    ):  # a depth a round: no completion of it passes through another's start
        paths = [path for path in inner if len(path) == depth]
        found = yield [Descent(path, 1) for path in paths for _ in range(config.draws)]
        for number, path in enumerate(paths):
            states[path] = _tally(tree, path, found[number * config.draws : (number + 1) * config.draws])
    return None


def mc_values(
    config: SearchConfig, facts: Iterable[Fact], steered: Iterable[RolloutFact] | None = None
) -> dict[Path, Value]:
    """The value of every step that has an estimate of its own, and of the root: fresh completions from it, and no others.

    The recursion of values.py would be biased here, upwards: what a draw of a state led to is looked at again, and so
    revalued, only where it failed. For the same reason completions that merely passed through a state do not count in its k.
    The strategy is run again over the facts to know which are which (over `steered`, the rollouts as they were then, where
    `facts` holds rescored ones); judged leaves have their exact value, other steps none. A confirmed midpoint pools both its
    draws: k doubles only where the first had no success, which adds at most .022 to the expected c/k at k = 8 (where
    p = 1/9), .006 averaged over p.
    """
    facts = list(facts)
    drawn = {(fact.parent, fact.ordinal): fact for fact in facts if isinstance(fact, CompletionFact)}
    said = Counter(fact.step for fact in drawn.values())
    rollouts = [fact for fact in facts if isinstance(fact, RolloutFact)]
    inner = {parent for parent, _ in drawn}  # a rollout that ends at one ends in an unparsable completion below it
    leaves = {rollout.leaf: rollout for rollout in rollouts if rollout.leaf not in inner}
    start: Path = ()
    tree = Tree(0, config.c)
    for step in (fact for fact in facts if isinstance(fact, StepFact)):
        tree.nodes[step.path] = Node(step.path, step.action, step.text, step.code)
        if not said[step.path]:
            start = max(start, step.path, key=len)  # a given step: it stands below the root, and nothing said it
    for rollout in rollouts if steered is None else steered:
        if rollout.leaf in leaves:
            outcome = (rollout.compiled, rollout.reward, rollout.terms, rollout.cases)
            judged = Judged(rollout.passed, rollout.total, *outcome, {})
            tree.judge(rollout.leaf, None if rollout.code is None else judged)
    states: States = {}
    run = omega if config.method == "omega" else monte_carlo
    _serve(run(tree, config, states, start), tree, drawn)
    values = {leaf: _value([leaf] * max(1, said[leaf]), leaves) for leaf in leaves}
    values |= {path: _value(state.ends, leaves) for path, state in states.items()}
    return {path: value for path, value in values.items() if value.k}


def _value(ends: Iterable[Path | None], leaves: Mapping[Path, RolloutFact]) -> Value:
    """The mean over draws by where they ended; those that the judge failed on count nowhere."""
    found = [None if end is None else leaves[end] for end in ends]
    judged = [each for each in found if each is None or each.reward is not None]
    k, c = len(judged), sum(each.solved for each in judged if each is not None)
    total = math.fsum(each.reward or 0.0 for each in judged if each is not None)
    return Value(total / max(1, k), c / max(1, k), k, c)


def _serve(rounds: Strategy, tree: Tree, drawn: dict[tuple[Path, int], CompletionFact]) -> None:
    """Run a strategy whose descents are one completion wide over what was stored, as far as that goes."""
    taken: Counter[Path] = Counter()

    def follow(parent: Path, fact: CompletionFact) -> Landed:
        while fact.step is not None and not tree.nodes[fact.step].leaf:
            parent = fact.step
            fact = drawn[parent, taken[parent]]
            taken[parent] += 1
        steps = () if fact.step is None else (fact.step,)
        return Landed(parent, steps, steps)

    try:
        wanted = next(rounds)
        while True:
            begun = []
            for descent in wanted:
                if (descent.parent, taken[descent.parent]) not in drawn:
                    return  # the tree ended here
                begun.append((descent.parent, drawn[descent.parent, taken[descent.parent]]))
                taken[descent.parent] += 1
            wanted = rounds.send([follow(parent, fact) for parent, fact in begun])
    except StopIteration:
        return


def _draw(tree: Tree, path: Path, count: int) -> Estimation:
    """One round of fresh completions from `path` to the end."""
    return _tally(tree, path, (yield [Descent(path, 1)] * count))


def _tally(tree: Tree, path: Path, found: Iterable[Landed]) -> State:
    """What completions from `path` came to; those that the judge failed on count nowhere."""
    state = State()
    wrong: dict[Wrong, None] = {}
    for landed in found:
        node = tree.nodes[landed.steps[0]] if landed.steps else None
        state.ends.append(None if node is None else node.path)
        if node is not None and node.reward is None:
            continue
        state.k += 1
        state.c += node is not None and node.solved
        if node is None:
            wrong[Wrong(path, landed.reached, len(landed.reached) + 1)] = None
        elif not node.solved:
            wrong[Wrong(path, node.path, len(node.path))] = None
    state.wrong = list(wrong)
    return state


def _add(state: State, more: State) -> None:
    state.k += more.k
    state.c += more.c
    state.ends += more.ends
    state.wrong += [wrong for wrong in more.wrong if wrong not in state.wrong]
