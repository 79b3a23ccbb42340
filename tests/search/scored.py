"""Grow one tree without a driver, its steps scored by a function of their chain."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from o1coder.search.facts import Fact
from o1coder.search.growth import Growth, Sampled
from tests.search.world import CASES, Reader, verdict

Score = Callable[[Sequence[str]], float]  # the texts from the root down to a step


def say_of(growth: Growth, say, score: Score | None = None, logprob=lambda text: -1.0) -> list[Fact]:
    """Answer what the tree wants until it ends."""
    facts: list[Fact] = []
    while growth.end is None:
        wanted: dict[int, list[Sampled]] = {}
        for ask in growth.wanted():
            text = say(ask.prompt, ask.seed)
            wanted.setdefault(ask.simulation, []).append(Sampled(text, 5, 3, logprob(text), "stop"))
        for simulation, samples in wanted.items():
            growth.deliver(simulation, samples)
        codes: dict[int, dict[str, list[object]]] = {}
        for simulation, code in growth.unjudged():
            codes.setdefault(simulation, {})[code] = [verdict(code, case) for case in CASES]
        for simulation, by_code in codes.items():
            growth.rule(simulation, by_code)
        grades: dict[int, dict[object, float]] = {}
        for simulation, chain in growth.ungraded():
            grades.setdefault(simulation, {})[chain] = score([text for _, text in chain])
        for simulation, by_chain in grades.items():
            growth.grade(simulation, by_chain)
        facts += growth.settle()
    return facts


def scored_tree(spec, say, score: Score | None = None, logprob=lambda text: -1.0) -> list[Fact]:
    """All facts of a new tree."""
    return say_of(Growth(spec, Reader()), say, score, logprob)
