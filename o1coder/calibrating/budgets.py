"""Estimators side by side at equal tokens: what so many sampled tokens a problem buy in step values and labels.

A method makes as many trees of a problem, or one tree so large, as come to about the same number of sampled tokens; values of
different trees are not pooled. Figures are of thoughts, structure and refine steps; programs, whose value is exact, are
counted apart. Tokens are those of a small model's steps (world.py); prompt tokens are counted without prefix reuse, which
spares most of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from o1coder.calibrating.grown import grow
from o1coder.calibrating.section import Bound, Scale, Section, correlation, seed_of
from o1coder.calibrating.world import World, worlds_of
from o1coder.search import Fact, tree_values
from o1coder.search.config import SearchConfig, preset
from o1coder.search.omega import mc_values

DRAWS = 8
TREES: dict[str, tuple[SearchConfig, int]] = {  # trees a problem
    "lab tree, width 3": (preset("lab", simulations=48), 4),
    "lab tree, width 4": (preset("lab", simulations=48, width=4), 2),
    "lab tree, widths 2, 2, 8": (preset("lab", simulations=48, widths=(2, 2, 8)), 4),
    f"Monte Carlo, k = {DRAWS}": (preset("mc", simulations=4, draws=DRAWS), 1),
    f"OmegaPRM, k = {DRAWS}": (preset("omega", simulations=10, draws=DRAWS), 1),
    "Q/N of the paper, 48 simulations": (preset("o1coder-paper", simulations=48), 4),
    "O1-CODER as released, 48 simulations": (preset("o1coder-code", simulations=48), 4),
}
COLUMNS = (
    "estimator",
    "sampled",
    "prompt",
    "thoughts",
    "mean k",
    "bias",
    "RMSE",
    "correlation",
    "labels /1,000",
    "programs /1,000",
)


def section(scale: Scale, seed: int) -> Section:
    """Bias, error and effective labels of every estimator after about the same number of sampled tokens."""
    worlds = worlds_of(seed_of(seed, "budgets"), scale.worlds, variants=12)
    rows = [row(name, config, trees, worlds, seed) for name, (config, trees) in TREES.items()]
    lab, _, _, brute, omega, paper, released = rows
    apart = max(abs(each["sampled"] / lab["sampled"] - 1) for each in rows)
    slack = scale.slack / 100
    known = "its known bias (measurement §1)"
    bounds = [
        Bound(
            "equal tokens: largest difference from the lab's", apart, 0.0, 0.1 + 5 * slack, "else nothing is compared"
        ),
        Bound("lab tree: bias of thoughts", lab["bias"], -0.02 - slack, 0.02 + slack, "≤ .02 (issue 4)"),
        Bound("Monte Carlo: bias of thoughts", brute["bias"], -0.02 - slack, 0.02 + slack, "the reference"),
        Bound("OmegaPRM: bias of thoughts", omega["bias"], -0.03 - slack, 0.03 + slack, "confirming adds a little"),
        Bound("Q/N of the paper: bias of thoughts", paper["bias"], 0.03, 0.3, known),
        Bound("O1-CODER as released: bias of thoughts", released["bias"], 0.1, 0.5, known),
    ]
    notes = [
        "Per problem: tokens sampled and read, thoughts with a value. labels: Σ k/(k+2) over the judged draws of thoughts, "
        "programs: distinct judged ones, both per 1,000 sampled tokens."
    ]
    title = "Estimators side by side at equal sampled tokens"
    return Section("equal-tokens", title, COLUMNS, rows, bounds, notes)


def row(name: str, config: SearchConfig, trees: int, worlds: Sequence[World], seed: int) -> dict[str, Any]:
    """The figures of one estimator over all worlds."""
    pairs: list[tuple[float, float]] = []
    sampled = read = programs = draws = 0
    labels = 0.0
    for tree in grow(config, worlds, trees, seed):
        facts: list[Fact] = [*tree.steps, *tree.completions, *tree.rollouts]
        values = mc_values(config, facts) if config.estimate == "mc" else tree_values(facts, config.estimate)
        chains, code = tree.chains(), {step.path for step in tree.steps if step.code is not None}
        sampled += sum(each.tokens_out for each in tree.completions)
        read += sum(each.tokens_in for each in tree.completions)
        programs += len(code & values.keys())
        for path, value in values.items():
            if path and path not in code:
                pairs.append((value.v, tree.world.value(chains[path])))
                draws += value.k
                labels += value.k / (value.k + 2)
    errors = [value - true for value, true in pairs]
    figures = (
        round(sampled / len(worlds)),
        round(read / len(worlds)),
        len(pairs) / len(worlds),
        draws / len(pairs),
        math.fsum(errors) / len(errors),
        math.sqrt(math.fsum(error * error for error in errors) / len(errors)),
        correlation(*zip(*pairs, strict=True)),
        1000 * labels / sampled,
        1000 * programs / sampled,
    )
    return dict(zip(COLUMNS, (name, *figures), strict=True))
