"""With a real model on this machine: effective labels a minute, ours beside O1-CODER's way, on equal problems and cores.

Both ways ask the same `hf` sampler (same weights, threads, prompt and temperature) and the same kind of judge, and grow one
tree a problem to its end. An effective label is k/(k+2) of a step with k judged draws below it: how much of a uniform prior
they leave behind; the steps of upstream's count only the programs that it keeps, and no visit counts twice. Code steps,
which are judged once whatever the search does, are apart. The sampler's start is in neither.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, NamedTuple

from o1coder.judge import Cached, Judge
from o1coder.sampling import Sampler, open_sampler
from o1coder.search import Fact, SearchConfig, StepFact, run_search
from o1coder.search.reading import TextReader
from o1coder.search.values import tree_values
from tests.benchmarks.judging.figures import Spread, markdown, spread
from tests.benchmarks.searching.load import specs
from tests.search import upstream

UPSTREAM, OURS = "upstream's way", "ours"


class Setting(NamedTuple):
    """The model, and how many problems are searched how deep."""

    model: str
    problems: int = 12
    simulations: int = 6
    threads: int = 1
    batch: int = 32
    temperature: float = 0.5


class Labelled(NamedTuple):
    """What one way made in one run: Σ k/(k+2) over prefixes and over code steps, sampled tokens, rollouts as it counts."""

    prefixes: float
    codes: float
    tokens: int
    rollouts: int
    programs: int
    wall_s: float


def run(setting: Setting, repeats: int) -> tuple[Any, str]:
    """The part, as data and as text."""
    sampler = open_sampler("hf", model=setting.model, threads=setting.threads, batch=setting.batch)
    ways: dict[str, Callable[[Setting, Sampler], Labelled]] = {UPSTREAM: one_by_one, OURS: together}
    runs: dict[str, list[Labelled]] = {name: [] for name in ways}
    try:
        sampler.sample([])
        for turn in range(repeats):
            for name in list(ways)[:: 1 if turn % 2 == 0 else -1]:
                runs[name].append(ways[name](setting, sampler))
    finally:
        sampler.close()
    figures = {name: rates(found) for name, found in runs.items()}
    over = {
        what: spread(
            [a / b for a, b in zip(per_minute(runs[OURS], what), per_minute(runs[UPSTREAM], what), strict=True)]
        )
        for what in ("prefixes", "codes", "tokens")
    }
    header = ["", "prefix labels/min", "code labels/min", "sampled tokens/s", "rollouts/s", "judged programs/s"]
    rows = [[name, *(figure.text(1) for figure in found.values())] for name, found in figures.items()]
    head = (
        f"{setting.problems} starter problems, {setting.simulations} simulations × width 3, T = {setting.temperature:g}, "
        f"{setting.threads} threads, real judge; effective labels are Σ k/(k+2)."
    )
    said = "ours over upstream's: " + ", ".join(f"{what} {figure.text(1)}×" for what, figure in over.items())
    data = {
        "setting": setting._asdict(),
        "ways": {name: {what: list(figure) for what, figure in found.items()} for name, found in figures.items()},
        "runs": {name: [each._asdict() for each in found] for name, found in runs.items()},
        "over": {what: list(figure) for what, figure in over.items()},
    }
    return data, "\n\n".join([head, markdown(header, rows), said])


def per_minute(runs: Iterable[Labelled], what: str) -> list[float]:
    """One quantity per minute, run by run."""
    return [60 * float(getattr(run, what)) / run.wall_s for run in runs]


def rates(runs: list[Labelled]) -> dict[str, Spread]:
    """The columns of the table."""
    return {
        "prefix labels/min": spread(per_minute(runs, "prefixes")),
        "code labels/min": spread(per_minute(runs, "codes")),
        "tokens/s": spread([run.tokens / run.wall_s for run in runs]),
        "rollouts/s": spread([run.rollouts / run.wall_s for run in runs]),
        "judged programs/s": spread([run.programs / run.wall_s for run in runs]),
    }


def effective(facts: Iterable[Fact]) -> tuple[float, float]:
    """Σ k/(k+2) over the prefixes and over the code steps of one tree; the root is the problem and has no label."""
    facts = list(facts)
    code = {fact.path for fact in facts if isinstance(fact, StepFact) and fact.code is not None}
    sums = [0.0, 0.0]
    for path, value in tree_values(facts).items():
        if path:
            sums[path in code] += value.k / (value.k + 2)
    return sums[0], sums[1]


def together(setting: Setting, sampler: Sampler) -> Labelled:
    """All trees at once, as `synthesize` grows them."""
    facts: dict[Any, list[Fact]] = {}

    def write(found: list[tuple[Any, Fact]]) -> None:
        for key, fact in found:
            facts.setdefault(key, []).append(fact)

    began = time.monotonic()
    with Judge(1) as judge:
        outcome = run_search(_specs(setting), sampler, Cached(judge), write=write)
    wall_s = time.monotonic() - began
    sums = [effective(found) for found in facts.values()]
    return Labelled(
        sum(prefixes for prefixes, _ in sums),
        sum(codes for _, codes in sums),
        outcome.progress.tokens_out,
        outcome.progress.rollouts,
        outcome.progress.rollouts,
        wall_s,
    )


def one_by_one(setting: Setting, sampler: Sampler) -> Labelled:
    """Problem after problem, one prompt a call, each program judged when it comes."""
    total = Labelled(0.0, 0.0, 0, 0, 0, 0.0)
    began = time.monotonic()
    with Judge(1) as judge:
        for spec in _specs(setting):
            found = upstream.search(spec, sampler, judge, TextReader(), random.Random(spec.seed))
            prefixes, codes = effective(found.facts(len(spec.cases)))
            total = Labelled(
                total.prefixes + prefixes,
                total.codes + codes,
                total.tokens + found.tokens_out,
                total.rollouts + len(found.rollouts),
                total.programs + found.judged,
                time.monotonic() - began,
            )
    return total


def _specs(setting: Setting) -> Iterable[Any]:
    config = SearchConfig(simulations=setting.simulations, temperature=setting.temperature)
    return islice(specs(config), setting.problems)
