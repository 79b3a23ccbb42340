"""A server of 50 ms a call that batches to 64: O1-CODER's way beside ours, free judge, facts in memory and in a lab.

Upstream: one question at a time; a call carries one prompt and asks for three completions. Ours: hundreds of trees, every
completion a request of its own, 64 to a call. A rollout of upstream's may end at a leaf that was judged before, and stands
for three programs of which it keeps one; ours are programs judged for the first time. So both are counted as each does it,
and beside them the distinct programs that were judged.
"""

from __future__ import annotations

import random
import time
from typing import Any, NamedTuple

from o1coder.sampling.simulate import Server, SimulatedSampler
from o1coder.search import Outcome, RolloutFact, SearchConfig, run_search
from o1coder.search.reading import TextReader
from tests.benchmarks.searching.figures import Arm, Run, as_data, interleaved, ratio, table
from tests.benchmarks.searching.inlab import in_lab
from tests.benchmarks.searching.load import FreeJudge, Scripted, specs
from tests.search import upstream

OURS, IN_LAB = "ours, in memory", "ours, facts in a lab"


class Setting(NamedTuple):
    """How long a repeat lasts, or how many trees it grows to their ends; what the server is, how many trees are under way,
    rollouts or simulations a tree."""

    seconds: float
    latency_s: float = 0.05
    batch: int = 64
    trees: int = 256
    simulations: int = 12
    in_all: int | None = None

    def over(self, began: float) -> bool:
        """Whether the time is over."""
        return self.in_all is None and time.monotonic() - began >= self.seconds

    @property
    def server(self) -> Server:
        return Server(self.latency_s, self.batch)


def run(setting: Setting, repeats: int) -> tuple[Any, str]:
    """The part, as data and as text."""
    baseline = f"upstream's way, {setting.simulations} rollouts"
    arms: dict[str, Arm] = {
        baseline: lambda: one_prompt_a_call(setting),
        "upstream's way, 60 rollouts": lambda: one_prompt_a_call(setting._replace(simulations=60)),
        OURS: lambda: many_trees(setting),
        IN_LAB: lambda: many_trees_in_lab(setting),
    }
    measured = interleaved(arms, repeats)
    over = {
        name: {
            "rollouts/s": ratio(measured[name], measured[baseline], lambda run: run.rollouts / run.wall_s),
            "judged programs/s": ratio(measured[name], measured[baseline], lambda run: run.programs / run.wall_s),
        }
        for name in (OURS, IN_LAB)
    }
    said = [
        f"{name} over {baseline}: " + ", ".join(f"{what} {figure.text(1)}×" for what, figure in found.items())
        for name, found in over.items()
    ]
    head = (
        f"Simulated server: {setting.latency_s * 1e3:g} ms a call, at most {setting.batch} requests in it; free judge; "
        f"{setting.trees} trees under way, {setting.simulations} simulations × width 3; "
        + (f"{setting.seconds:g} s a repeat." if setting.in_all is None else f"{setting.in_all} trees a repeat.")
    )
    data = {
        "setting": setting._asdict(),
        "arms": as_data(measured),
        "over": {name: {what: list(figure) for what, figure in found.items()} for name, found in over.items()},
    }
    return data, "\n\n".join([head, table(measured), "\n".join(said)])


def one_prompt_a_call(setting: Setting) -> Run:
    """Upstream's way, question after question until the time is over; a question that is begun is finished."""
    sampler = SimulatedSampler(Scripted(), setting.server)
    config = SearchConfig(simulations=setting.simulations)
    rollouts = programs = completions = 0
    began = time.monotonic()
    for spec in specs(config, setting.in_all):
        found = upstream.search(spec, sampler, FreeJudge(), TextReader(), random.Random(spec.seed))
        rollouts, programs = rollouts + len(found.rollouts), programs + found.judged
        completions += found.completions
        if setting.over(began):
            break
    wall_s = time.monotonic() - began
    return Run(rollouts, programs, completions, wall_s, _used(sampler, wall_s))


def many_trees(setting: Setting) -> Run:
    """Ours, trees without end until the time is over; the facts are counted and dropped."""
    sampler = SimulatedSampler(Scripted(), setting.server)
    config = SearchConfig(simulations=setting.simulations)
    programs = 0

    def write(facts: list[tuple[Any, Any]]) -> None:
        nonlocal programs
        programs += sum(isinstance(fact, RolloutFact) and fact.code is not None for _, fact in facts)

    began = time.monotonic()
    outcome = run_search(
        specs(config, setting.in_all),
        sampler,
        FreeJudge(),
        write=write,
        open_trees=setting.trees,
        deadline=lambda: setting.over(began),
    )
    return _ran(outcome, programs, sampler, time.monotonic() - began)


def many_trees_in_lab(setting: Setting) -> Run:
    """The same through `growing.grow`, as a stage does it, in a lab on this machine's disk."""
    sampler = SimulatedSampler(Scripted(), setting.server)
    completions_a_tree = 39  # a tree of three levels of three is explored by then
    served = 2 * setting.seconds / setting.latency_s * setting.batch
    trees = setting.in_all or setting.trees + int(served / completions_a_tree)
    done = in_lab(SearchConfig(simulations=setting.simulations), trees, sampler, setting.over)
    return Run(done.rollouts, done.programs, done.completions, done.wall_s, _used(sampler, done.wall_s), done.facts)


def _ran(outcome: Outcome, programs: int, sampler: SimulatedSampler, wall_s: float) -> Run:
    progress = outcome.progress
    return Run(progress.rollouts, programs, sampler.use.rows, wall_s, _used(sampler, wall_s))


def _used(sampler: SimulatedSampler, wall_s: float) -> float:
    """Share of what the server could have served in all of the time, before its first call and after its last too."""
    return sampler.use.rows / (wall_s / sampler.server.latency_s * sampler.server.batch)
