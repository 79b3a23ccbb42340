"""The engine alone: what a search costs when its server, judge and policy cost nothing, and what many open trees weigh.

Upstream's loop keeps its tree in Python objects and stores nothing: the in-memory baseline. Ours keeps the facts too, and
in the lab writes them as a stage does. Memory is that of a process of its own that does nothing else (memory.py).
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from typing import Any, NamedTuple

from o1coder.jobs.launch import environment
from o1coder.search import RolloutFact, SearchConfig, run_search
from o1coder.search.reading import TextReader
from tests.benchmarks.judging.figures import markdown
from tests.benchmarks.searching.figures import Arm, Run, as_data, interleaved, ratio, table
from tests.benchmarks.searching.inlab import in_lab
from tests.benchmarks.searching.load import TOKENS_OUT, FreeJudge, Scripted, specs
from tests.search import upstream

UPSTREAM, OURS, IN_LAB = "upstream's loop, in memory", "ours, in memory", "ours, facts in a lab"


class Setting(NamedTuple):
    """Trees a repeat and simulations a tree; for memory, trees that are open at once and steps in each of them."""

    trees: int
    simulations: int = 12
    open_trees: int = 1000
    steps: int = 100


def run(setting: Setting, repeats: int) -> tuple[Any, str]:
    """The speed of the engine, as data and as text."""
    arms: dict[str, Arm] = {
        UPSTREAM: lambda: one_by_one(setting),
        OURS: lambda: in_memory(setting),
        IN_LAB: lambda: written(setting),
    }
    measured = interleaved(arms, repeats)
    share = ratio(measured[IN_LAB], measured[OURS], lambda run: run.rollouts / run.wall_s)
    head = f"Engine alone, no latency, free judge: {setting.trees} trees, {setting.simulations} simulations × width 3."
    said = f"Rollouts/s with facts written over those in memory: {share.text(2)}"
    data = {"setting": setting._asdict(), "arms": as_data(measured), "written_over_in_memory": list(share)}
    return data, "\n\n".join([head, table(measured), said])


def one_by_one(setting: Setting) -> Run:
    """Upstream's loop over as many questions."""
    config = SearchConfig(simulations=setting.simulations)
    rollouts = programs = completions = 0
    began = time.monotonic()
    for spec in specs(config, setting.trees):
        found = upstream.search(spec, Scripted(), FreeJudge(), TextReader(), random.Random(spec.seed))
        rollouts, programs = rollouts + len(found.rollouts), programs + found.judged
        completions += found.completions
    return Run(rollouts, programs, completions, time.monotonic() - began)


def in_memory(setting: Setting) -> Run:
    """Our search over as many trees; the facts are counted and dropped."""
    counts = {"programs": 0, "facts": 0}

    def write(facts: list[tuple[Any, Any]]) -> None:
        counts["facts"] += len(facts)
        counts["programs"] += sum(isinstance(fact, RolloutFact) and fact.code is not None for _, fact in facts)

    began = time.monotonic()
    config = SearchConfig(simulations=setting.simulations)
    outcome = run_search(specs(config, setting.trees), Scripted(), FreeJudge(), write=write)
    wall_s = time.monotonic() - began
    completions = outcome.progress.tokens_out // TOKENS_OUT
    return Run(outcome.progress.rollouts, counts["programs"], completions, wall_s)


def written(setting: Setting) -> Run:
    """The same through `growing.grow` into a lab."""
    done = in_lab(SearchConfig(simulations=setting.simulations), setting.trees, Scripted())
    return Run(done.rollouts, done.programs, done.completions, done.wall_s, None, done.facts)


def run_memory(setting: Setting, repeats: int) -> tuple[Any, str]:
    """What the open trees weigh, as data and as text."""
    runs = [weighed(setting) for _ in range(repeats)]
    header = ["trees under way", "steps a tree", "RSS MB before", "peak RSS MB", "KB a step", "rollouts/s"]
    rows = [
        [
            f"{run['trees']:,}",
            f"{run['steps'] / run['trees']:.0f}",
            f"{run['before_mb']:.0f}",
            f"{run['peak_mb']:.0f}",
            f"{(run['peak_mb'] - run['before_mb']) * 1024 / run['steps']:.1f}",
            f"{run['rollouts'] / run['wall_s']:,.0f}",
        ]
        for run in runs
    ]
    return {"setting": setting._asdict(), "runs": runs}, markdown(header, rows)


def weighed(setting: Setting) -> dict[str, Any]:
    """One measurement in a fresh process."""
    command = [sys.executable, "-P", "-m", "tests.benchmarks.searching.memory"]
    command += ["--trees", str(setting.open_trees), "--steps", str(setting.steps)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment())
    found: dict[str, Any] = json.loads(done.stdout)
    return found
