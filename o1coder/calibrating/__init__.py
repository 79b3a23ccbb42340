"""`o1coder calibrate`: the lab's own search, labels, intervals, gate and leak check against a truth that is known.

`world.py` a policy whose step values are known · `grown.py` its trees, by the real search · `bias.py` step values ·
`budgets.py` estimators at equal tokens · `validity.py` hard labels · `coverage.py` intervals · `gates.py` the gate ·
`planted.py` leaks between splits · `section.py` tables and bounds. No model, no judge, no lab. That real policies, tests and
problems behave like these it cannot say: it shows that the arithmetic is right, and how wrong other arithmetic is.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor

from o1coder.calibrating import bias, budgets, coverage, gates, planted, validity
from o1coder.calibrating.section import FULL, QUICK, Bound, Scale, Section

PARTS: dict[str, Callable[[Scale, int], list[Section]]] = {
    "bias-lab": lambda scale, seed: [bias.lab(scale, seed)],
    "bias-paper": lambda scale, seed: [bias.released("o1coder-paper", scale, seed)],
    "bias-code": lambda scale, seed: [bias.released("o1coder-code", scale, seed)],
    "equal-tokens": lambda scale, seed: [budgets.section(scale, seed)],
    "hard-labels": lambda scale, seed: [validity.section(scale, seed)],
    "coverage": lambda scale, seed: [coverage.section(scale, seed)],
    "gate": gates.sections,
    "leaks": lambda scale, seed: [planted.section(seed)],
}
LONGEST = ("gate", "bias-lab")  # begun first, so that the processes end together


def calibrate(scale: Scale = FULL, seed: int = 0, processes: int | None = None) -> Iterator[Section]:
    """Every section in its order, as soon as it and those before it are done; a function of scale and seed.

    `processes` share the parts out (default: as many as there are cores, at most 4); with 1 all is done in this one.
    """
    processes = min(4, len(os.sched_getaffinity(0))) if processes is None else processes
    if processes == 1:
        for name in PARTS:
            yield from part(name, scale, seed)
        return
    order = sorted(PARTS, key=lambda name: name not in LONGEST)
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        under_way = {name: pool.submit(part, name, scale, seed) for name in order}
        for name in PARTS:
            yield from under_way[name].result()


def part(name: str, scale: Scale, seed: int) -> list[Section]:
    """The sections of one part."""
    return PARTS[name](scale, seed)


__all__ = ["FULL", "PARTS", "QUICK", "Bound", "Scale", "Section", "calibrate", "part"]
