"""What the screens cost: first rows, keys, bytes, memory, labels; beside Textual's DataTable and Tree, and beside writers.

Run: `PYTHONPATH=. .venv/bin/python -P -m tests.benchmarks.tui [--only PART …] [--repeats N] [--json]` on an idle machine; the
load before the runs is printed with the figures. Everything goes through a real pty. Exit 1 when a bound does not hold.

PART is first (seconds to first rows), keys (twelve of them, some in two places, at 80x24 and 200x60), rivals (the same keys on
DataTable and Tree), memory (over an empty Textual app in this run), idle, writers (four, paced as jobs write), labels (twenty
in a row, and kill -9 between two). The lab has a million problems and a tree of a hundred thousand steps; it is made once
(tui_labs.py). Keys are warm: each place is opened, and left alone a moment, before it is measured. Cursor and label keys are
bound by the p50 and p99 of all presses, others by their medians. `--quick` only shows that all of it runs.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.judge import machine
from tests.benchmarks.tui_beside import memory, rivals, writers
from tests.benchmarks.tui_figures import Bound, verdict
from tests.benchmarks.tui_labs import copied, kept
from tests.benchmarks.tui_parts import SIZES, Found, Setting, first, idle, keys, labels

PARTS: dict[str, Callable[[Setting], Found]] = {
    "first": first,
    "keys": keys,
    "rivals": rivals,
    "memory": memory,
    "idle": idle,
    "writers": writers,
    "labels": labels,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what was asked for, print it, say whether all bounds hold."""
    options = parse(arguments)
    found = machine()
    report: dict[str, Any] = {"machine": found}
    busy = " (not idle: the figures mean little)" if found["load"] > found["cores"] / 2 else ""
    texts = [
        f"Python {found['python']}, kernel {found['kernel']}, {found['cores']} cores, load before the runs {found['load']}{busy}."
    ]
    bounds: list[Bound] = []
    with prepared(options) as setting:
        for name in options.only or PARTS:
            report[name], text, held = PARTS[name](setting)
            bounds += held
            texts.append(f"## {name}\n\n{text}")
            if not options.json:
                print("\n\n".join(texts), end="\n\n", flush=True)
                texts.clear()
    report["load_after"] = machine()["load"]
    report["bounds"] = [{**bound._asdict(), "held": bound.held} for bound in bounds]
    print(json.dumps(report, indent=1) if options.json else verdict(bounds))
    return 0 if all(bound.held for bound in bounds) else 1


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--repeats", type=int, default=3, help="each a process of its own (default 3)")
    parser.add_argument(
        "--presses", type=int, default=50, help="of a cursor key in a repeat, a fifth of others (default 50)"
    )
    parser.add_argument("--problems", type=int, default=1_000_000)
    parser.add_argument("--nodes", type=int, default=100_000)
    parser.add_argument("--size", action="append", choices=[f"{c}x{r}" for c, r in SIZES], help="default: both")
    parser.add_argument("--folder", type=Path, help="where made labs are kept (default: the temporary folder)")
    parser.add_argument("--quick", action="store_true", help="the smallest sizes that run; its figures mean nothing")
    parser.add_argument("--json", action="store_true", help="one JSON value instead of tables")
    options = parser.parse_args(arguments)
    if options.quick:
        options.repeats, options.presses, options.problems, options.nodes = 1, 5, 300, 200
    if min(options.repeats, options.presses, options.problems, options.nodes) < 1:
        parser.error("all sizes are at least 1")
    return options


@contextmanager
def prepared(options: argparse.Namespace) -> Iterator[Setting]:
    """A copy of the lab that may be written to, gone afterwards."""
    made = kept(options.problems, options.nodes, options.folder)
    scratch = Path(tempfile.mkdtemp(dir=made.parent, prefix="copy-"))
    try:
        home = copied(made, scratch / "lab")
        tree = newest_tree(home)
        sizes = [size for size in SIZES if not options.size or f"{size[0]}x{size[1]}" in options.size]
        how = (options.repeats, options.presses, 1.0 if options.quick else 10.0, 4 if options.quick else 20, sizes)
        yield Setting(home, scratch, tree, options.nodes, *how)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def newest_tree(home: Path) -> int:
    """The id of the large tree: the last that was written."""
    from o1coder.lab import Lab

    lab = Lab(home, readonly=True)
    try:
        with lab.reading() as connection:
            return int(connection.exec_driver_sql("SELECT max(id) FROM tree").scalar() or 0)
    finally:
        lab.close()


if __name__ == "__main__":
    sys.exit(main())
