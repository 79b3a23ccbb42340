"""How soon a job with many unfinished trees goes on: seconds beyond interpreter start until it asks for its first new sample.

Run: `PYTHONPATH=. .venv/bin/python -P -m tests.benchmarks.resume [--trees 1000] [--json]`. A search on fake:7 over the
shipped problems is ended by an exception in mid-flush when every tree has some rollouts and none has ended; its verdicts are
made up, its rows are not. Then a process of its own resumes the job, with the real judge, and stops at its first request.
Also: how fast the facts were written. Speed of the search itself is measured elsewhere (search.py).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

BEGAN_S, BEGAN_CPU_S = (
    time.monotonic(),
    time.process_time(),
)  # in the process that resumes: its interpreter has started, nothing of ours is imported
PROBLEMS, SETTINGS = 20, {"simulations": 48, "refines": 2}
ROLLOUTS = 6  # a tree, about, when the search is ended


class Ended(Exception):
    """Where the search is ended."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Build, resume, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trees", type=int, default=1000, help="unfinished trees (default 1000)")
    parser.add_argument("--json", action="store_true", help="one JSON value instead of lines")
    parser.add_argument("--resume", type=Path, metavar="HOME", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.resume is not None:
        print(json.dumps(resumed(options.resume, options.trees)))
        return
    with tempfile.TemporaryDirectory() as folder:
        built = build(Path(folder) / "lab", options.trees)
        command = [sys.executable, "-P", "-m", "tests.benchmarks.resume", "--trees", str(options.trees), "--resume"]
        said = subprocess.run([*command, str(Path(folder) / "lab")], check=True, capture_output=True, text=True)
        found = built | json.loads(said.stdout)
    if options.json:
        print(json.dumps(found))
        return
    print(
        f"written: {found['facts']} facts and {found['verdicts']} verdicts in {found['flushes']} flushes, "
        f"{found['facts'] / found['write_s']:,.0f} facts/s ({found['facts'] / found['write_cpu_s']:,.0f} a CPU second)\n"
        f"resumed: {found['trees']} unfinished trees, first new request after {found['first_s']:.2f} s "
        f"(imports {found['imports_s']:.2f}); of CPU {found['first_cpu_s']:.2f} s (imports {found['imports_cpu_s']:.2f}), "
        f"{found['peak_mb']:.0f} MB at most\n"
        f"load average at the start: {found['load']:.1f} on {os.cpu_count()} cores"
    )


def build(home: Path, trees: int) -> dict[str, Any]:
    """Make the lab with its unfinished trees; what was written, and how fast."""
    from o1coder import growing, judge
    from o1coder.trees import TreeWriter
    from tests.lab.grown import FreeJudge, Quiet, add_job, make_lab, plans

    judge.Judge = FreeJudge  # type: ignore
    lab, problems = make_lab(home, PROBLEMS)
    write = TreeWriter.write
    spent = {"facts": 0, "flushes": 0, "write_s": 0.0, "write_cpu_s": 0.0, "load": os.getloadavg()[0]}
    rollouts = 0

    def measured(self: TreeWriter, connection: Any, facts: Sequence[Any], *, iteration: int | None = None) -> None:
        nonlocal rollouts
        wall, cpu = time.perf_counter(), time.thread_time()
        write(self, connection, facts, iteration=iteration)
        spent["write_s"] += time.perf_counter() - wall
        spent["write_cpu_s"] += time.thread_time() - cpu
        spent["facts"] += len(facts)
        spent["flushes"] += 1
        rollouts += sum(type(fact).__name__ == "RolloutFact" for _, fact in facts)
        if rollouts > ROLLOUTS * trees:
            raise Ended

    TreeWriter.write = measured  # type: ignore[method-assign]
    job = add_job(lab, "synthesize", {"sampler": "fake:7"}, outcome=None)
    try:
        _grow(growing, lab, Quiet(job), plans(problems, trees, **SETTINGS), None)
    except Ended:
        pass
    finally:
        TreeWriter.write = write  # type: ignore[method-assign]
    with lab.reading() as connection:
        unfinished = connection.exec_driver_sql(
            "SELECT COUNT(*) FROM tree x WHERE NOT EXISTS (SELECT 1 FROM tree_end e WHERE e.tree_id = x.id) "
            "AND EXISTS (SELECT 1 FROM rollout r WHERE r.tree_id = x.id)"
        ).scalar()
        verdicts = connection.exec_driver_sql("SELECT COUNT(*) FROM verdict").scalar()
    lab.close()
    return spent | {"trees": unfinished, "verdicts": verdicts}


def resumed(home: Path, trees: int) -> dict[str, Any]:
    """Go on with the job until its first request."""
    from o1coder import growing
    from o1coder.lab import Lab
    from tests.lab.grown import Quiet, plans

    imports_s, imports_cpu_s = time.monotonic() - BEGAN_S, time.process_time() - BEGAN_CPU_S
    lab = Lab(home)
    with lab.reading() as connection:
        problems = [row[0] for row in connection.exec_driver_sql("SELECT id FROM problem ORDER BY id")]
        job = connection.exec_driver_sql("SELECT id FROM job").scalar()
    first_s = first_cpu_s = 0.0

    def stop(pull: Any) -> Iterator[Any]:
        nonlocal first_s, first_cpu_s
        while not (asked := pull(4 * trees, True)):
            if asked is None:
                raise RuntimeError("the job wants nothing")
        first_s, first_cpu_s = time.monotonic() - BEGAN_S, time.process_time() - BEGAN_CPU_S
        raise Ended
        yield

    try:
        _grow(growing, lab, Quiet(int(job or 0)), plans(problems, trees, **SETTINGS), stop)
    except Ended:
        pass
    return {
        "first_s": first_s,
        "imports_s": imports_s,
        "first_cpu_s": first_cpu_s,
        "imports_cpu_s": imports_cpu_s,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _grow(growing: Any, lab: Any, report: Any, plans: Any, stream: Any) -> None:
    from o1coder.flow import in_calls
    from o1coder.sampling import open_sampler

    sampler = open_sampler("fake:7")
    # Room enough that every tree is begun: a search opens no more than its sampler can take.
    everything = partial(in_calls, sampler.sample, rows=4 * len(plans))
    sampler.stream = everything if stream is None else stream  # type: ignore[method-assign]
    growing.grow(lab, report, plans, sampler, None, kind="search", origin="search", open_trees=len(plans))


if __name__ == "__main__":
    main()
