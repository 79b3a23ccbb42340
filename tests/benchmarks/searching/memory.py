"""The memory of many trees under way, in a process that holds nothing else: prints one JSON object.

`python -P -m tests.benchmarks.searching.memory --trees 1000 --steps 100`: every tree is opened, all grow until together they
hold trees × steps steps, and none is ended. Told are the resident set before, and its largest size at any flush, so that
garbage on the way is in it. The facts are dropped as soon as they are handed over, as a lab drops them once they are rows.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from typing import Any

import psutil

from o1coder.search import SearchConfig, StepFact, run_search
from tests.benchmarks.searching.load import FreeJudge, Scripted, specs


def main() -> None:
    """Grow, and say what it took."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trees", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=100)
    options = parser.parse_args()
    # Two refine steps: a tree can hold 120 steps, so all are open still when they hold a hundred.
    config = SearchConfig(simulations=1000, refines=2)
    run_search(specs(config, 1), Scripted(), FreeJudge(), write=lambda facts: None)  # so that everything is imported
    found = {"steps": 0, "rollouts": 0, "open": 0}
    peak = before = rss_mb()

    def write(facts: list[tuple[Any, Any]]) -> None:
        nonlocal peak
        peak = max(peak, rss_mb())
        found["steps"] += sum(isinstance(fact, StepFact) for _, fact in facts)

    def look(progress: Any) -> None:
        found["open"] = max(found["open"], progress.trees_open)

    began = time.monotonic()
    outcome = run_search(
        specs(config, options.trees),
        Scripted(4 * options.trees),  # room enough that every tree is begun
        FreeJudge(),
        write=write,
        on_progress=look,
        open_trees=options.trees,
        flush_s=0.05,
        deadline=lambda: found["steps"] >= options.trees * options.steps,
    )
    after = {"before_mb": before, "peak_mb": peak, "wall_s": time.monotonic() - began}
    found["rollouts"] = outcome.progress.rollouts
    print(json.dumps({"trees": options.trees, "ended": outcome.ends, **found, **after}))


def rss_mb() -> float:
    """The resident set now."""
    return float(psutil.Process(os.getpid()).memory_info().rss) / 2**20


if __name__ == "__main__":
    main()
