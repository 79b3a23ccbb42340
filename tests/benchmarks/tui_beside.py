"""The parts of the screens' benchmark that compare: DataTable and Tree under the same keys, memory over an empty app, keys beside
four writers.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from tests.benchmarks.judging.figures import percentile, spread
from tests.benchmarks.tui_figures import MEMORY_MB, WRITERS_RATIO, Bound, Row, row, table
from tests.benchmarks.tui_keys import FIRST_PROBLEM, ROOT, Press, Walk, memory_mb, opened, pressed, started, walks
from tests.benchmarks.tui_parts import SIZES, Found, Setting
from tests.benchmarks.tui_writers import writing
from tests.tui.terminal import Terminal


def rivals(setting: Setting) -> Found:
    """DataTable and Tree, at 80x24, under the same presses: down where the rows stand still, and the very first and last row."""
    rows: list[Row] = []
    ready: dict[str, float] = {}
    few = max(2, setting.presses // 5)
    total = min(100_000, setting.nodes)
    for kind in ("table", "tree"):
        walked: dict[str, list[list[Press]]] = {}
        for _ in range(setting.repeats):
            with rival(kind, total) as terminal:
                terminal.wait_for("sum the path" if kind == "table" else "(1)", timeout_s=300)
                ready[kind] = time.monotonic() - terminal.started
                terminal.settle(1.0, timeout_s=60)
                top, bottom = ("ctrl+home", "ctrl+end") if kind == "table" else ("home", "end")  # else it goes sideways
                for name, keys, kind_of, times in (
                    ("down", ("down",) * 6 + (f"-{top}",), "cursor", setting.presses),
                    ("pagedown", ("pagedown",), "page", few),
                    ("end and home", (bottom, top), "page", few),
                ):
                    walk = Walk(name, "", "", keys, kind_of, times=times)
                    walked.setdefault(name, []).append(pressed(terminal, walk))
                if kind == "tree":
                    walk = Walk("fold the root", "", "", ("space",), "heavy", times=few)
                    walked.setdefault("fold the root", []).append(pressed(terminal, walk))
                ready[f"{kind} MB"] = memory_mb(terminal.process.pid)
        label = "DataTable" if kind == "table" else "Tree"
        rows += [row(f"{label}: {key}", "rival", repeats) for key, repeats in walked.items()]
    text = (
        f"{total:,} rows and nodes. Until first rows: DataTable {ready['table']:.1f} s, Tree {ready['tree']:.1f} s; "
        f"resident {ready['table MB']:.0f} and {ready['tree MB']:.0f} MB.\n\n{table(rows)}"
    )
    return {"ready": ready, "keys": [one._asdict() for one in rows]}, text, []


def rival(kind: str, total: int = 0) -> Terminal:
    """Another app in a terminal of 80x24."""
    command = [sys.executable, "-P", "-m", "tests.benchmarks.tui_rivals", kind, str(total)]
    return Terminal(command, environment={"PYTHONPATH": str(ROOT), "COLORTERM": "truecolor"}, cwd=str(ROOT))


def memory(setting: Setting) -> Found:
    """Resident memory at 80x24: an empty app, one that imports sqlmodel, and ours where most is on the screen."""
    sizes: dict[str, list[float]] = {}

    def weigh(name: str, terminal: Terminal) -> None:
        sizes.setdefault(name, []).append(memory_mb(terminal.process.pid))

    for _ in range(setting.repeats):
        for kind in ("empty", "sqlmodel"):
            with rival(kind) as terminal:
                terminal.settle(1.0, timeout_s=30)
                weigh(kind, terminal)
        for name, walk in {
            "problems": Walk("", "problems", FIRST_PROBLEM, (), "heavy"),
            "tree": Walk("", f"tree {setting.tree}", f"tree {setting.tree}", (), "heavy"),
        }.items():
            with opened(setting.home, walk.at, SIZES[0], setting.state()) as terminal:
                started(terminal, walk)
                weigh(name, terminal)
                if name == "tree":
                    for key in "2123":
                        terminal.press(key)
                        terminal.settle(1.0, timeout_s=30)
                    weigh("jobs, problems and tree", terminal)
    empty = spread(sizes["empty"]).median
    over = {name: spread(of).median - empty for name, of in sizes.items()}
    held = [
        Bound(f"memory over an empty app, {name}, MB", over[name], MEMORY_MB)
        for name in sizes
        if name not in ("empty", "sqlmodel")
    ]
    text = f"An empty Textual app: {empty:.0f} MB. Over it: " + ", ".join(
        f"{name} {more:+.0f}" for name, more in over.items() if name != "empty"
    )
    return sizes, text + " MB.", held


def writers(setting: Setting) -> Found:
    """Cursor keys with and without four writers, in turns within one process: the ratio of their p99."""
    data: dict[str, Any] = {}
    held: list[Bound] = []
    lines: list[str] = []
    chosen = [one for one in walks(setting.tree, setting.presses) if one.name.startswith("down,")]
    for walk in chosen:
        alone: list[float] = []
        beside: list[float] = []
        for turn in range(setting.repeats):
            with opened(setting.home, walk.at, SIZES[0], setting.state()) as terminal:
                started(terminal, walk)
                arms: list[Callable[[], None]] = [
                    lambda: alone.extend(p.first_ms for p in pressed(terminal, walk)),  # noqa: B023
                    lambda: beside.extend(with_writers(setting, terminal, walk)),  # noqa: B023
                ]
                for arm in arms if turn % 2 == 0 else arms[::-1]:
                    arm()
        p99 = percentile(alone, 0.99), percentile(beside, 0.99)
        ratio = p99[1] / p99[0]
        data[walk.name] = {"alone_ms": alone, "beside_ms": beside, "p99_ms": p99, "ratio": ratio}
        held.append(Bound(f"{walk.name}: p99 beside four writers over p99 alone", ratio, WRITERS_RATIO))
        p50 = percentile(alone, 0.5), percentile(beside, 0.5)
        lines.append(
            f"- {walk.name}: p50 {p50[0]:.1f} and {p50[1]:.1f}, p99 {p99[0]:.1f} and {p99[1]:.1f} ms, ratio {ratio:.2f}"
        )
    return data, "First byte alone and beside four writers:\n" + "\n".join(lines), held


def with_writers(setting: Setting, terminal: Terminal, walk: Walk) -> list[float]:
    """First bytes while four processes write. What they make the screen write by itself may come first, as it does for a
    person: a key's byte is then at most too early, so the last byte of the quiet after it is not looked at."""
    with writing(setting.home, 4):
        terminal.settle(0.5, timeout_s=2)
        found = [press.first_ms for press in pressed(terminal, walk)]
    terminal.settle(1.0, timeout_s=5)
    return found
