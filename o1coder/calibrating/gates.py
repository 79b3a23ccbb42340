"""The gate on policies whose true difference is known: none (A/A), or a gain that was put there.

A policy's pass rates are Beta(.6, .9) over problems, many near 0 and 1 as with a small model. A gain comes in two shapes:
`alike`, the same for every problem (of rates that leave room for it), and `mended`, the same share of every problem's
failures, so that hard problems gain more. Both policies are sampled afresh for every gate. That evaluations are independent
and of one split is the loop's care, not seen here.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial
from itertools import product
from statistics import fmean
from typing import Any, Literal, NamedTuple

from o1coder.calibrating.section import Bound, Scale, Section, by_chance, seed_of
from o1coder.measure import Gate, gate, gate_level

A, B = 0.6, 0.9  # mean .4; E[p(1−p)] = .144, with which 30 × 8 swings by 3.5 points
ROOM = (0.1, 0.7)  # where a gain is alike for all: rates uniform between these
SIZES = ((30, 8), (20, 4))  # problems × samples
ROUNDS = 5
LEVELS = ((0, 0.1), *((r, 0.05) for r in range(ROUNDS)))  # gates before, α: nominal 5 %, then what a run uses
SWING = 1.6  # what 8 % is of 5 %

RESAMPLES = 2000  # for power at level .025; false accepts at small levels need those of the gate itself

Shape = Literal["none", "alike", "mended"]
SHAPES: tuple[Shape, ...] = ("alike", "mended")


class Trial(NamedTuple):
    """A gate between two evaluations of one policy: the difference seen, and how many of LEVELS accepted it."""

    difference: float
    accepted: int


def decide(
    resamples: int, size: tuple[int, int], seed: int, shape: Shape, gain: float, before: int = 0, alpha: float = 0.05
) -> Gate:
    """One gate of a policy with `gain` against the one without; the data depend on the seed, not on the level."""
    problems, samples = size
    rng = random.Random(seed)
    if shape == "alike":
        old = [rng.uniform(*ROOM) for _ in range(problems)]
        new = [min(1.0, p + gain) for p in old]
    else:
        old = [rng.betavariate(A, B) for _ in range(problems)]
        new = [p + (1 - p) * gain / (1 - A / (A + B)) for p in old]
    return gate(_rates(rng, new, samples), _rates(rng, old, samples), before, alpha, resamples, seed)


def sections(scale: Scale, seed: int) -> list[Section]:
    """A/A at every level, power, and five rounds without any gain."""
    first, *others = ((size, trials(scale, size, seed)) for size in SIZES)
    return [false_accepts([first, *others]), power(scale, seed), five_rounds(first[1])]


def trials(scale: Scale, size: tuple[int, int], seed: int) -> list[Trial]:
    """`scale.gates` gates of a policy against itself.

    What a level does not accept no stricter one does (its bound is a lower quantile of the same resamples, and it asks for
    more problems that differ), so only what was accepted is asked again.
    """
    found = []
    for number in range(scale.gates):
        again = partial(decide, scale.resamples, size, seed_of(seed, "none", number), "none", 0.0)
        decided = [again(*LEVELS[0])]
        while decided[-1].outcome == "accepted" and len(decided) < len(LEVELS):
            decided.append(again(*LEVELS[len(decided)]))
        found.append(Trial(decided[0].difference, sum(each.outcome == "accepted" for each in decided)))
    return found


def false_accepts(sizes: Sequence[tuple[tuple[int, int], Sequence[Trial]]]) -> Section:
    """How often each level accepts a policy against itself."""
    rows, bounds = [], []
    for (problems, samples), made in sizes:
        for number, (before, alpha) in enumerate(LEVELS):
            level = gate_level(before, alpha)
            share = sum(trial.accepted > number for trial in made) / len(made)
            most = max(SWING * level, by_chance(len(made), level))
            rows.append(
                {
                    "size": f"{problems} × {samples}",
                    "gate": f"r = {before}" if number else "nominal 5 %",
                    "level": level,
                    "gates": len(made),
                    "accepted": share,
                    "at most": most,
                }
            )
            name = f"A/A acceptance at level {level:.4g}, {problems} × {samples}"
            bounds.append(Bound(name, share, 0.0, most, "8 % of nominal 5 %, or what chance allows (measurement §4)"))
    title = "Gate, A/A: a policy accepted against itself"
    return Section("gate-aa", title, ("size", "gate", "level", "gates", "accepted", "at most"), rows, bounds)


def power(scale: Scale, seed: int) -> Section:
    """How often a true gain is accepted at the run's first gate, and whether the gain said to be detectable is."""
    rows, bounds = [], []
    gates = max(100, scale.gates // 8)
    for size, shape in product(SIZES, SHAPES):
        seeds = [seed_of(seed, shape, number) for number in range(gates)]
        said = [decide(RESAMPLES, size, each, shape, 0.0).detectable for each in seeds[:60]]
        detectable = fmean(each for each in said if each is not None)
        for gain in (0.05, 0.1, detectable):
            outcomes = [decide(RESAMPLES, size, each, shape, gain).outcome for each in seeds]
            row: dict[str, Any] = {
                "size": f"{size[0]} × {size[1]}",
                "gain": shape,
                "true gain": gain,
                "gates": gates,
                "accepted": outcomes.count("accepted") / gates,
                "rejected": outcomes.count("rejected") / gates,
                "said to be detectable": detectable,
            }
            rows.append(row)
        if shape == "alike" and size == SIZES[0]:
            name = f"power at the gain that the gate calls detectable, {row['size']}"
            bounds.append(Bound(name, row["accepted"], 0.7, 0.9, "80 % is what `detectable` says (measurement §4)"))
    columns = ("size", "gain", "true gain", "gates", "accepted", "rejected", "said to be detectable")
    notes = [
        "`detectable` takes the gain to be alike for all problems: where failures are mended in proportion, or with few "
        "draws, less than 80 % is found."
    ]
    return Section("gate-power", "Gate: power of a run's first gate, level .025", columns, rows, bounds, notes)


def five_rounds(made: Sequence[Trial]) -> Section:
    """Runs of five rounds without any true gain: how many accept something, and what gain they would report."""
    runs = [made[at : at + ROUNDS] for at in range(0, len(made) - ROUNDS + 1, ROUNDS)]
    rules = {
        "accept if higher": [[trial.difference for trial in run if trial.difference > 0] for run in runs],
        "one-sided 5 % in every round": [[trial.difference for trial in run if trial.accepted] for run in runs],
        "the gate, its level divided": [
            [trial.difference for round_, trial in enumerate(run) if trial.accepted > round_ + 1] for run in runs
        ],
    }
    rows = [
        {
            "rule": rule,
            "runs": len(runs),
            "accepted something": sum(map(bool, gains)) / len(runs),
            "mean gain reported": sum(map(sum, gains)) / len(runs),
        }
        for rule, gains in rules.items()
    ]
    higher, _, ours = (float(str(row["accepted something"])) for row in rows)
    most = max(SWING * 0.05, by_chance(len(runs), 0.05))
    bounds = [
        Bound("runs in which the gate accepts something false", ours, 0.0, most, "α = .05 over a run (measurement §4)"),
        Bound("runs in which accept-if-higher does", higher, 0.9, 1.0, "96 % (measurement §4): so this can fail"),
    ]
    title = "Gate: five rounds in which nothing got better, 30 × 8"
    return Section("gate-rounds", title, ("rule", "runs", "accepted something", "mean gain reported"), rows, bounds)


def _rates(rng: random.Random, odds: Sequence[float], samples: int) -> list[float]:
    """Pass rates per problem of a fresh evaluation."""
    return [sum(rng.random() < p for _ in range(samples)) / samples for p in odds]
