"""What the search gains: rollouts a second beside O1-CODER's way, the engine alone, memory, resuming, labels and a PRM's AUC.

Run: `PYTHONPATH=. .venv/bin/python -P -m tests.benchmarks.search [--only PART …] [--model DIR] [--json]` on an idle machine;
the load before the runs is printed with the figures. O1-CODER's way is written anew in tests/search/upstream.py. Repeats are
interleaved; each figure is the median of the repeats with their quartiles. `--quick` only shows that all of it runs.

PART is server (a simulated one: 50 ms a call, 64 requests in it), engine (no server at all), memory (a thousand open trees),
resume (a lab with a thousand unfinished trees) — these by default — labels or prm, which need `--model`, the folder of a
small model, and take minutes and an hour. In JSON a figure with its spread is [median, lower quartile, upper].
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

from o1coder.jobs.launch import environment

from .judge import machine
from .searching import engine, labels, prm, server

FREE = ("server", "engine", "memory", "resume")
WITH_MODEL = ("labels", "prm")
Part = Callable[[], tuple[Any, str]]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what was asked for and print it."""
    options = parse(arguments)
    found = machine()
    report: dict[str, Any] = {"machine": found}
    busy = " (not idle)" if found["load"] > found["cores"] / 2 else ""
    texts = [
        f"Python {found['python']}, kernel {found['kernel']}, {found['cores']} cores, load before the runs "
        f"{found['load']}{busy}; median (quartiles) of {options.repeats}."
    ]
    for name, part in parts(options).items():
        report[name], text = part()
        texts.append(f"## {name}\n\n{text}")
        if not options.json:
            print(texts[-1] if len(texts) > 2 else "\n\n".join(texts), end="\n\n", flush=True)
    if options.json:
        print(json.dumps(report, indent=1))


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line; `names` is what it asks for, in order."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=[*FREE, *WITH_MODEL], metavar="PART")
    parser.add_argument(
        "--repeats", type=int, default=None, help="of each arm (default 5; of labels 1, of prm always 1)"
    )
    parser.add_argument("--seconds", type=float, default=30.0, help="server: of each repeat (default 30)")
    parser.add_argument("--trees", type=int, default=1000, help="engine, memory, resume: trees (default 1000)")
    parser.add_argument("--model", help="labels, prm: the folder of a small model")
    parser.add_argument("--threads", type=int, default=1, help="labels, prm: of the model (default 1)")
    parser.add_argument("--problems", type=int, default=12, help="labels, prm: starter problems searched (default 12)")
    parser.add_argument("--simulations", type=int, default=6, help="labels, prm: a problem (default 6)")
    parser.add_argument("--iterations", type=int, default=24, help="prm: of training (default 24)")
    parser.add_argument("--quick", action="store_true", help="the smallest sizes that run; its figures mean nothing")
    parser.add_argument("--json", action="store_true", help="one JSON value instead of tables")
    options = parser.parse_args(arguments)
    options.names = options.only or FREE
    if set(options.names) & set(WITH_MODEL) and options.model is None:
        parser.error("labels and prm need --model DIR")
    if options.repeats is not None and options.repeats < 1:
        parser.error("--repeats takes at least 1")
    one = options.quick or not set(options.names) & set(FREE)
    options.repeats = options.repeats or (1 if one else 5)
    return options


def parts(options: argparse.Namespace) -> dict[str, Part]:
    """The parts that were asked for, ready to run."""
    quick = options.quick
    served = server.Setting(0.0, latency_s=0.001, trees=4, in_all=6) if quick else server.Setting(options.seconds)
    alone = engine.Setting(4) if quick else engine.Setting(min(200, options.trees))
    weighed = engine.Setting(0, open_trees=10, steps=10) if quick else engine.Setting(0, open_trees=options.trees)
    with_model = labels.Setting(str(options.model), options.problems, options.simulations, options.threads)
    known: dict[str, Part] = {
        "server": lambda: server.run(served, options.repeats),
        "engine": lambda: engine.run(alone, options.repeats),
        "memory": lambda: engine.run_memory(weighed, options.repeats),
        "resume": lambda: resume(10 if quick else options.trees),
        "labels": lambda: labels.run(with_model, options.repeats),
        "prm": lambda: prm.run(with_model, options.iterations),
    }
    return {name: known[name] for name in options.names}


def resume(trees: int) -> tuple[Any, str]:
    """resume.py in a process of its own: an interpreter that has nothing warm."""
    command = [sys.executable, "-P", "-m", "tests.benchmarks.resume", "--trees", str(trees), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment())
    found: dict[str, Any] = json.loads(done.stdout)
    return found, "\n".join(f"{name}: {value:,}" for name, value in found.items())


if __name__ == "__main__":
    main()
