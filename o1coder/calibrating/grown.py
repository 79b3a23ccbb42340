"""Trees of synthetic worlds, grown by the real search, and what may be read off their facts.

Values are the lab's own; the best of siblings is here to be shown beside them, and for nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from o1coder.calibrating.section import seed_of
from o1coder.calibrating.world import CASE, TASK, ChainPrompt, ChainReader, World, WorldsJudge, WorldsSampler
from o1coder.search import (
    CompletionFact,
    Fact,
    Path,
    RolloutFact,
    SearchConfig,
    StepFact,
    TreeSpec,
    label_values,
    run_search,
)
from o1coder.search.config import Estimate

TREES_A_RUN = 400  # what is kept in memory at once


class Grown(NamedTuple):
    """One tree of one world, its facts apart by kind and in the order in which they were written."""

    world: World
    completions: list[CompletionFact]
    steps: list[StepFact]
    rollouts: list[RolloutFact]

    def chains(self) -> dict[Path, tuple[str, ...]]:
        """The texts from the root down to every step, and of the root."""
        texts = {step.path: step.text for step in self.steps}
        return {path: tuple(texts[path[: n + 1]] for n in range(len(path))) for path in [(), *texts]}


def grow(config: SearchConfig, worlds: Sequence[World], trees: int, seed: int) -> Iterator[Grown]:
    """`trees` trees of every world under one config, world by world. Seeds are those of (seed, world, tree), so that configs
    are compared on the same first draws."""
    a_run = max(1, TREES_A_RUN // trees)
    for first in range(0, len(worlds), a_run):
        part = {f"w{number}": worlds[number] for number in range(first, min(first + a_run, len(worlds)))}
        facts: dict[tuple[str, int], list[Fact]] = {(name, tree): [] for name in part for tree in range(trees)}
        specs = (
            TreeSpec(key, TASK, (CASE,), seed_of(seed, *key), config, ChainPrompt(config.chooses, key[0]))
            for key in facts
        )

        def write(some: list[tuple[tuple[str, int], Fact]], into: dict[tuple[str, int], list[Fact]] = facts) -> None:
            for key, fact in some:
                into[key].append(fact)

        run_search(specs, WorldsSampler(part), WorldsJudge(), write=write, reader=ChainReader())
        for (name, _), found in facts.items():
            yield Grown(
                part[name],
                [fact for fact in found if isinstance(fact, CompletionFact)],
                [fact for fact in found if isinstance(fact, StepFact)],
                [fact for fact in found if isinstance(fact, RolloutFact)],
            )


def labelled(tree: Grown, estimate: Estimate = "weighted") -> dict[Path, float]:
    """The lab's label values under an estimate: `weighted` is its own, `visits` the paper's Q/N."""
    values = label_values(tree.completions, tree.steps, tree.rollouts, estimate)
    return {path: value.v for path, value in values.items()}


def best_sibling(tree: Grown) -> dict[Path, float]:
    """The recursion with the best program of each prefix in place of their mean: what backing up a best-of-n estimates."""
    best: dict[Path, RolloutFact] = {}
    for rollout in tree.rollouts:
        above = rollout.leaf[:-1]
        if rollout.reward is not None and (above not in best or rollout.reward > (best[above].reward or 0.0)):
            best[above] = rollout
    kept = {rollout.leaf for rollout in best.values()}
    lost = {rollout.leaf for rollout in tree.rollouts} - kept
    values = label_values(
        [each for each in tree.completions if each.step not in lost],
        [each for each in tree.steps if each.path not in lost],
        list(best.values()),
    )
    return {path: value.v for path, value in values.items()}
