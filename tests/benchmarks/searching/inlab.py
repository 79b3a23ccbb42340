"""Trees grown into a real lab by the code that a stage uses, with a sampler of the caller's and the free judge.

Only the judge is put in another's place; problems, tree rows, replay, bulk writing, labels and digests are as they are.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from o1coder import growing, judge
from o1coder.jobs import verbs
from o1coder.lab import Lab
from o1coder.problems.store import add_problem
from o1coder.rows import By
from o1coder.sampling import Sampler
from o1coder.search import SearchConfig
from tests.benchmarks.searching.load import FreeJudge, problems

PROBLEMS = 12
FACTS = ("step", "completion", "rollout", "verdict", "program", "label", "tree_end")


class Note:
    """A Reporter that says nothing, of a job's first attempt."""

    attempt = 1
    cancelled = False
    remaining_s = None

    def __init__(self, job_id: int) -> None:
        self.job_id = job_id
        self.said: list[str] = []
        self.metrics: dict[str, float] = {}

    def metric(self, iteration: int, **values: float) -> None:
        self.metrics |= values

    def progress(self, done: int, total: int) -> None: ...
    def stopped(self, reason: str) -> None: ...
    def log(self, text: str) -> None:
        self.said.append(text)


class Grown(NamedTuple):
    """What stands in the lab afterwards, and the seconds that growing took (not those of making the lab)."""

    rollouts: int
    programs: int
    completions: int
    facts: int
    wall_s: float


def in_lab(
    config: SearchConfig, trees: int, sampler: Sampler, over: Callable[[float], bool] = lambda began: False
) -> Grown:
    """Grow so many trees, or until it is `over` (told when it began), in a lab that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab.create(Path(folder) / "lab")
        with lab.writing() as connection:
            ids = [add_problem(connection, each, By(author="benchmark")).id for each in problems()[:PROBLEMS]]
        job = verbs.enqueue(lab, "synthesize", {"sampler": "fake:7"})
        prompt = growing.prompt_of("plain", None)
        plans = [growing.Plan(ids[n % len(ids)], n // len(ids), config, prompt, n) for n in range(trees)]
        began = time.monotonic()
        with mock.patch.object(judge, "Judge", FreeJudge):
            growing.grow(
                lab,
                Note(job),
                plans,
                sampler,
                None,
                kind="search",
                origin="search",
                deadline=lambda: over(began),
            )
        wall_s = time.monotonic() - began
        with lab.reading() as connection:
            counts = {
                name: int(connection.exec_driver_sql(f"SELECT COUNT(*) FROM {name}").scalar() or 0) for name in FACTS
            }
            judged = connection.exec_driver_sql("SELECT COUNT(*) FROM rollout WHERE program_id IS NOT NULL").scalar()
        lab.close()
    return Grown(counts["rollout"], int(judged or 0), counts["completion"], sum(counts.values()), wall_s)
