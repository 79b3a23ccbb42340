"""How long `o1coder --help` takes, and the screens until the frame and until the first rows: minimum and median of runs.

Run: `.venv/bin/python -P -m tests.benchmarks.startup [--runs 10] [--home LAB]` with `PYTHONPATH=.`, on an idle machine;
the load before the runs is printed beside the figures. The aims are 0.3 s, 0.5 s and 1.2 s. Runs are warm (one unmeasured
run of each comes first), so it deliberately says nothing of a cold disk; and no test is decided by these times.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tests.tui.terminal import Terminal

ROOT = Path(__file__).resolve().parents[2]
PYTHON = [sys.executable, "-P", "-m"]
AIMS_S = {"--help": 0.3, "frame painted": 0.5, "first rows": 1.2}


class Painted(NamedTuple):
    """Seconds from the start of the program to what the terminal showed."""

    frame_s: float
    rows_s: float


def help_s() -> float:
    """Seconds of one `o1coder --help`, the interpreter's own start included."""
    started = time.perf_counter()
    subprocess.run(
        [*PYTHON, "o1coder.cli", "--help"], cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, check=True
    )
    return time.perf_counter() - started


def painted(home: Path) -> Painted:
    """Start the screens in a terminal of 80x24 and take the times; `home` is a lab that holds at least one job."""
    with Terminal([*PYTHON, "tui", "--home", str(home)], environment=environment(), cwd=str(ROOT)) as terminal:
        terminal.wait_for("Jobs")
        frame = time.monotonic() - terminal.started
        terminal.wait_for("policy-sft")
        rows = time.monotonic() - terminal.started
        terminal.press("q")
        terminal.wait()
    return Painted(frame, rows)


def environment() -> dict[str, str]:
    """The variables that lead to this checkout."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def lab_with_jobs(home: Path, jobs: int = 200) -> None:
    """Make a lab whose job table is longer than a screen."""
    from o1coder.clock import now
    from o1coder.lab import Lab
    from o1coder.models import Job
    from o1coder.rows import add

    with Lab.create(home).writing() as connection:
        for seed in range(jobs):
            add(
                connection,
                Job,
                stage="policy-sft",
                config="{}",
                config_digest="sha256:" + "0" * 64,
                seed=seed,
                author="benchmark",
                created_at=now(),
            )


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--home", type=Path, help="a lab with policy-sft jobs (default: a made one with 200 jobs)")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as scratch:
        home = options.home or Path(scratch) / "lab"
        if options.home is None:
            lab_with_jobs(home)
        help_s(), painted(home)
        helps = [help_s() for _ in range(options.runs)]
        screens = [painted(home) for _ in range(options.runs)]
    times = {
        "--help": helps,
        "frame painted": [p.frame_s for p in screens],
        "first rows": [p.rows_s for p in screens],
    }
    print(f"{options.runs} runs; load before them {load:.1f} on {os.cpu_count()} cores")
    print(f"{'':<16}{'min s':>8}{'median s':>10}{'aim s':>8}")
    for name, values in times.items():
        print(f"{name:<16}{min(values):>8.2f}{median(values):>10.2f}{AIMS_S[name]:>8.1f}")


if __name__ == "__main__":
    main()
