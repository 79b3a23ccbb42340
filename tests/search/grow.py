"""Grow one tree without a driver, its results arriving in any order."""

from __future__ import annotations

import random
from collections.abc import Callable

from o1coder.search.facts import Fact
from o1coder.search.growth import Growth, Sampled
from tests.search.world import Reader, verdict

Say = Callable[[str, int], str]  # (prompt, seed) -> text


def grow(growth: Growth, say: Say, shuffle: random.Random | None = None) -> list[Fact]:
    """Answer what the tree wants until it ends; with `shuffle`, one randomly chosen answer at a time."""
    facts: list[Fact] = []
    wanted: dict[int, list[Sampled]] = {}
    codes: dict[int, dict[str, list[object]]] = {}
    while growth.end is None:
        for ask in growth.wanted():
            wanted.setdefault(ask.simulation, []).append(Sampled(say(ask.prompt, ask.seed), 5, 3, -1.0, "stop"))
        for simulation, code in growth.unjudged():
            codes.setdefault(simulation, {})[code] = [verdict(code, case) for case in growth.spec.cases]
        answers = [(wanted, each) for each in wanted] + [(codes, each) for each in codes]
        if shuffle is not None:
            answers = [shuffle.choice(answers)] if answers else []
        for kind, simulation in answers:
            if kind is wanted:
                growth.deliver(simulation, wanted.pop(simulation))
            else:
                growth.rule(simulation, codes.pop(simulation))
        facts += growth.settle()
    return facts


def tree(spec_, say: Say, shuffle: random.Random | None = None) -> list[Fact]:
    """All facts of a new tree."""
    return grow(Growth(spec_, Reader()), say, shuffle)
