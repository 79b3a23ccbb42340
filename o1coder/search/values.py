"""The label value of every step, and the hard label that follows.

`weighted`, the lab's: v(s) = Σᵢ mᵢ·v(childᵢ) / Σᵢ mᵢ over the children that were sampled to an end, mᵢ the number of
completions that said that child's text, v(leaf) its reward; an unparsable completion is a judged leaf with reward 0, and so is
the depth limit; what the judge failed on and what was never explored is left out. Visits do not enter: UCT chose them, so
Σreward/visits is biased (by +.42 for O1-CODER's way at 48 simulations; this recursion by .01 or less).

`visits` is the paper's v = Σ backed-up rewards / visits, `o1coder-code` what its release writes, where a leaf's reward is
divided by its visits as well: both for comparison, with their bias. Values of one tree: show `k`, and no interval.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal, NamedTuple

from o1coder.search.config import Estimate, SearchConfig, stored_config
from o1coder.search.facts import CompletionFact, Fact, Path, RolloutFact, StepFact

Validity = Literal["valid", "invalid", "unsure"]
ENOUGH_DRAWS = 8  # p = .2 gives no success in 41 % of 4 draws, in 17 % of 8


class Value(NamedTuple):
    """`v` from rewards, `v_pass` from all-tests-pass; `k` judged draws at or below the step, `c` of them passing all."""

    v: float
    v_pass: float
    k: int
    c: int


def label_values(
    completions: Iterable[CompletionFact],
    steps: Iterable[StepFact],
    rollouts: Iterable[RolloutFact],
    estimate: Estimate = "weighted",
) -> dict[Path, Value]:
    """The value of every step that has one, and of the root (), from the facts of one tree in any order.

    Equal sibling texts count in `k` and `c` with their multiplicity, visits to a leaf that was judged before never. A step
    without a value is absent.
    """
    completions, steps, rollouts = list(completions), list(steps), list(rollouts)
    values = _weighted(completions, steps, rollouts)
    return values if estimate in ("weighted", "mc") else _by_visits(values, rollouts, estimate)


def recorded_values(
    settings: SearchConfig | Mapping[str, Any], facts: Iterable[Fact], steered: Iterable[RolloutFact] | None = None
) -> dict[Path, Value]:
    """The values of a tree by the estimate that its settings (or what is stored of them) name. `steered`: the rollouts as
    they were when they steered the search, where `facts` holds rescored ones."""
    stored = asdict(settings) if isinstance(settings, SearchConfig) else settings
    if stored.get("method") in ("omega", "mc"):
        from o1coder.search.omega import mc_values

        return mc_values(stored_config(stored), facts, steered)
    return tree_values(facts, stored.get("estimate", "weighted"))


def tree_values(facts: Iterable[Fact], estimate: Estimate = "weighted") -> dict[Path, Value]:
    """`label_values` of a mixed sequence of facts."""
    facts = list(facts)
    return label_values(
        [fact for fact in facts if isinstance(fact, CompletionFact)],
        [fact for fact in facts if isinstance(fact, StepFact)],
        [fact for fact in facts if isinstance(fact, RolloutFact)],
        estimate,
    )


def _weighted(
    completions: Sequence[CompletionFact], steps: Sequence[StepFact], rollouts: Sequence[RolloutFact]
) -> dict[Path, Value]:
    said: dict[Path, int] = {}
    unparsed: dict[Path, int] = {}
    inner = {step.path[:-1] for step in steps}  # given steps were not asked for, but are above what was
    asked: set[Path] = set()
    for completion in completions:
        asked.add(completion.parent)
        if completion.step is None:
            unparsed[completion.parent] = unparsed.get(completion.parent, 0) + 1
        else:
            said[completion.step] = said.get(completion.step, 0) + 1
    values: dict[Path, Value] = {}
    for rollout in rollouts:
        if rollout.reward is None or rollout.leaf in asked:
            continue  # masked, or its end is the unparsable completions below the leaf, which count themselves
        draws, passed = said.get(rollout.leaf, 1), rollout.solved
        values[rollout.leaf] = Value(rollout.reward, float(passed), draws, draws * passed)
    children: dict[Path, list[Path]] = {}
    for step in steps:
        children.setdefault(step.path[:-1], []).append(step.path)
    for path in sorted(asked | inner, key=len, reverse=True):
        below = [(said.get(child, 1), values[child]) for child in children.get(path, ()) if child in values]
        below += [(1, Value(0.0, 0.0, 1, 0))] * unparsed.get(path, 0)
        if below:
            weight = sum(times for times, _ in below)
            values[path] = Value(
                math.fsum(times * value.v for times, value in below) / weight,
                math.fsum(times * value.v_pass for times, value in below) / weight,
                sum(value.k for _, value in below),
                sum(value.c for _, value in below),
            )
    return values


def _by_visits(weighted: dict[Path, Value], rollouts: Sequence[RolloutFact], estimate: Estimate) -> dict[Path, Value]:
    """Σreward / visits of each step, with the counts of `weighted`; the release divides a leaf's reward once more."""
    visited, total, passed = visits(rollouts), dict[Path, float](), dict[Path, int]()
    leaves = {rollout.leaf: rollout for rollout in rollouts if rollout.reward is not None}
    for rollout in rollouts:
        for depth in range(len(rollout.leaf) + 1):
            above = rollout.leaf[:depth]
            total[above] = total.get(above, 0.0) + (rollout.reward or 0.0)
            passed[above] = passed.get(above, 0) + rollout.solved
    values = {}
    for path, n in visited.items():
        found = weighted.get(path, Value(0.0, 0.0, 0, 0))
        if estimate == "o1coder-code" and path in leaves and leaves[path].code is not None:
            v, v_pass = (leaves[path].reward or 0.0) / n, leaves[path].solved / n
        else:
            v, v_pass = total[path] / n, passed[path] / n
        values[path] = Value(v, v_pass, found.k, found.c)
    return values


def hard_label(value: Value | None, terminal: bool, enough: int = ENOUGH_DRAWS) -> Validity:
    """Valid when some draw passed every test; invalid for judged code (`terminal`) that did not, and for a prefix after
    at least `enough` draws without success; else unsure. c = 0 means "this policy cannot", not "this step is wrong"."""
    if value is None or value.k == 0:
        return "unsure"
    if value.c > 0:
        return "valid"
    return "invalid" if terminal or value.k >= enough else "unsure"


def visits(rollouts: Iterable[RolloutFact]) -> dict[Path, int]:
    """How many counted rollouts went through each step, the root () included; masked ones count nowhere."""
    counts: dict[Path, int] = {}
    for rollout in rollouts:
        if rollout.reward is not None:
            for depth in range(len(rollout.leaf) + 1):
                counts[rollout.leaf[:depth]] = counts.get(rollout.leaf[:depth], 0) + 1
    return counts
