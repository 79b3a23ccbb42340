"""A PRM on our labels beside one on labels made O1-CODER's way, at equal sampled tokens: AUC within problem on fresh draws.

One lab: the same starter problems are searched both ways with the same model, upstream's way again and again with new seeds
until it has sampled as many tokens. Each PRM starts from the base, sees its own search's soft values, trains for as many
iterations, and is measured on the same fresh draws over validation problems (`evaluate-prm`). One run: its intervals are
over problems, and say nothing of how training seeds differ.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

from o1coder import checkpoints, growing, search, stage
from o1coder.jobs import verbs
from o1coder.lab import Lab
from o1coder.problems.store import add_problem
from o1coder.queries import problems
from o1coder.rows import By
from o1coder.sampling import Sampler, open_sampler
from o1coder.search import EndFact, Outcome, Progress, TreeSpec, preset
from o1coder.search.reading import TextReader
from tests.benchmarks.judging.figures import markdown
from tests.benchmarks.searching.inlab import Note
from tests.benchmarks.searching.labels import OURS, UPSTREAM, Setting
from tests.benchmarks.searching.load import problems as starter
from tests.search import upstream

PASSES = 4  # over the problems, should upstream's way be through before the tokens are spent
SHOWN = ("prefix_within", "prefix_pooled", "code_within", "code_pooled")


def run(setting: Setting, iterations: int) -> tuple[Any, str]:
    """The part, as data and as text."""
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab.create(Path(folder) / "lab")
        with lab.writing() as connection:
            for each in starter():
                add_problem(connection, each, By(author="benchmark"))
        base = checkpoints.add_model(lab, "base", Path(setting.model), "benchmark", copy=False)
        jobs = grown(lab, setting, base)
        found: dict[str, dict[str, Any]] = {}
        draws: int | None = None
        for name, (job, tokens) in jobs.items():
            prm = trained(lab, job, base, iterations, setting.threads)
            asked = {"policy": base, "prm": prm, "threads": setting.threads, "draws": draws}
            measured = do(lab, "evaluate-prm", asked)
            draws = measured.job_id if draws is None else draws
            found[name] = {"tokens": tokens, "rows": rows(lab, prm), **measured.metrics}
        lab.close()
    header = ["", "sampled tokens", "labelled steps", *(each.replace("_", ", ") for each in SHOWN)]
    lines = [
        [name, f"{each['tokens']:,}", f"{each['rows']:,}", *(_interval(each, figure) for figure in SHOWN)]
        for name, each in found.items()
    ]
    head = f"AUC of a PRM after {iterations} iterations, on the same fresh draws; 95 % over problems."
    return {"setting": setting._asdict(), "iterations": iterations, "ways": found}, head + "\n\n" + markdown(
        header, lines
    )


def _interval(found: Mapping[str, float], name: str) -> str:
    if name not in found:
        return "n/a"
    return f"{found[name]:.2f} ({found.get(name + '_low', float('nan')):.2f}–{found.get(name + '_high', float('nan')):.2f})"


def grown(lab: Lab, setting: Setting, base: int) -> dict[str, tuple[int, int]]:
    """Search both ways; the job and the sampled tokens of each."""
    sampler = open_sampler("hf", model=setting.model, threads=setting.threads, batch=setting.batch)
    changes = {"simulations": setting.simulations, "temperature": setting.temperature}
    try:
        ours = _grow(lab, setting, base, sampler, preset("lab", **changes), passes=1)
        with lab.reading() as connection:
            sql = "SELECT SUM(c.tokens_out) FROM completion c JOIN tree x ON x.id = c.tree_id WHERE x.job_id = ?"
            tokens = int(connection.exec_driver_sql(sql, (ours,)).scalar() or 0)
        loop = Loop(tokens)
        with mock.patch.object(search, "run_search", loop):
            theirs = _grow(lab, setting, base, sampler, preset("o1coder-code", **changes), passes=PASSES)
    finally:
        sampler.close()
    return {OURS: (ours, tokens), UPSTREAM: (theirs, loop.tokens)}


def _grow(lab: Lab, setting: Setting, base: int, sampler: Sampler, config: Any, passes: int) -> int:
    job = verbs.enqueue(lab, "synthesize", {"policy": base, "threads": setting.threads})
    with lab.reading() as connection:
        ids = problems.select(connection, split="train", slice=None, limit=setting.problems)
    prompt = growing.prompt_of("plain", None)
    plans = [growing.Plan(i, n, config, prompt, growing.seed_of(n, i)) for n in range(passes) for i in ids]
    growing.grow(lab, Note(job), plans, sampler, base, kind="search", origin="search")
    return job


class Loop:
    """Upstream's way in the place of `run_search`: tree after tree until `budget` tokens are sampled."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.tokens = 0

    def __call__(self, trees: Iterable[TreeSpec], sampler: Sampler, judge: Any, *, write: Any, **more: Any) -> Outcome:
        ended = 0
        for spec in trees:
            found = upstream.search(spec, sampler, judge, TextReader(), random.Random(spec.seed))
            write([(spec.key, fact) for fact in [*found.facts(len(spec.cases)), EndFact("simulations")]])
            self.tokens += found.tokens_out
            ended += 1
            if self.tokens >= self.budget:
                break
        return Outcome({"simulations": ended}, False, Progress(0, ended, 0, 0, self.tokens, 0))


def trained(lab: Lab, job: int, base: int, iterations: int, threads: int) -> int:
    """A PRM on the soft values of one job's labels, whatever estimate made them."""
    with lab.reading() as connection:
        sql = "SELECT DISTINCT l.estimate FROM label l WHERE l.job_id = ?"
        estimates = [row[0] for row in connection.exec_driver_sql(sql, (job,))]
    query = " ".join(["split:train", f"job:{job}", *(f"estimate:{each}" for each in estimates)])
    do(lab, "prm", {"base": base, "target": "value", "query": query, "iterations": iterations, "threads": threads})
    with lab.reading() as connection:
        return int(connection.exec_driver_sql("SELECT MAX(id) FROM checkpoint WHERE role = 'prm'").scalar() or 0)


def rows(lab: Lab, prm: int) -> int:
    """How many steps a PRM was trained on."""
    with lab.reading() as connection:
        sql = "SELECT d.rows FROM checkpoint k JOIN dataset d ON d.job_id = k.job_id WHERE k.id = ? ORDER BY d.id DESC LIMIT 1"
        return int(connection.exec_driver_sql(sql, (prm,)).scalar() or 0)


def do(lab: Lab, name: str, config: Mapping[str, Any]) -> Note:
    """Run a stage in this process, as a job would."""
    declared = stage.find(name)
    parsed = stage.parse(declared.config, dict(config))
    note = Note(verbs.enqueue(lab, name, parsed))
    declared.run(lab, parsed, note)
    return note
