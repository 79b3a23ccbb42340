"""The parts of the screens' benchmark that look at the screens alone: first rows, keys, silence, labels. Each gives its data, its
text and the bounds it speaks of; what is measured beside something else is in tui_beside.py.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.benchmarks import tui_saving as saving
from tests.benchmarks.judging.figures import percentile, spread
from tests.benchmarks.tui_figures import FIRST_ROWS_S, LABEL_WAIT_MS, Bound, Row, bounds_of, row, seconds, table
from tests.benchmarks.tui_keys import FIRST_PROBLEM, Press, Walk, opened, pressed, started, walks

SIZES = ((80, 24), (200, 60))
Found = tuple[Any, str, list[Bound]]


class Setting(NamedTuple):
    """What is measured on, and how often."""

    home: Path
    scratch: Path
    tree: int
    nodes: int
    repeats: int
    presses: int
    idle_s: float
    labels: int
    sizes: Sequence[tuple[int, int]]

    def state(self) -> Path:
        """A folder for what the screens remember: nothing."""
        return Path(tempfile.mkdtemp(dir=self.scratch))


def first(setting: Setting) -> Found:
    """Seconds from the start of the program to the first rows."""
    places = {"problems": ("problems", FIRST_PROBLEM), "tree": (f"tree {setting.tree}", "structure")}
    times: dict[str, list[float]] = {name: [] for name in places}
    for turn in range(setting.repeats + 1):
        for name, (at, shown) in places.items():
            with opened(setting.home, at, SIZES[0], setting.state()) as terminal:
                terminal.wait_for(shown, timeout_s=120)
                if turn:  # the first is not measured: files are read from the disk
                    times[name].append(time.monotonic() - terminal.started)
    held = [Bound(f"first rows, {name}, s (median)", spread(of).median, FIRST_ROWS_S) for name, of in times.items()]
    return times, "\n".join(f"- {name}: {seconds(of)}" for name, of in times.items()), held


def keys(setting: Setting) -> Found:
    """Every key, a process per place and repeat."""
    data: dict[str, Any] = {}
    texts: list[str] = []
    held: list[Bound] = []
    for size in setting.sizes:
        rows: list[Row] = []
        for walk in walks(setting.tree, setting.presses):
            try:
                repeats = [once(setting, walk, size) for _ in range(setting.repeats)]
            except AssertionError as error:  # one key that does nothing leaves the others their figures
                print(error, file=sys.stderr)
                held.append(Bound(f"{walk.name} {size[0]}x{size[1]}: presses that did nothing", 1, 0))
                continue
            rows.append(row(walk.name, walk.kind, repeats))
            held += bounds_of(rows[-1], size)
        name = f"{size[0]}x{size[1]}"
        data[name] = [one._asdict() for one in rows]
        texts.append(f"### {name}\n\n{table(rows)}")
    return data, "\n\n".join(texts), held


def once(setting: Setting, walk: Walk, size: tuple[int, int]) -> list[Press]:
    """One repeat of a walk in a process of its own."""
    with opened(setting.home, walk.at, size, setting.state()) as terminal:
        started(terminal, walk)
        return pressed(terminal, walk)


def idle(setting: Setting) -> Found:
    """Bytes written while nobody does anything."""
    written: dict[str, int] = {}
    for name, at, shown in (
        ("jobs", "jobs", "score"),
        ("problems", "problems", FIRST_PROBLEM),
        ("tree", f"tree {setting.tree}", f"tree {setting.tree}"),
    ):
        with opened(setting.home, at, SIZES[0], setting.state()) as terminal:
            terminal.wait_for(shown, timeout_s=60)
            terminal.settle(3.0, timeout_s=30)
            before, until = len(terminal.raw), time.monotonic() + setting.idle_s
            while time.monotonic() < until:
                terminal.read(0.2)
            written[name] = len(terminal.raw) - before
    text = f"Bytes in {setting.idle_s:g} s: " + ", ".join(f"{name} {size}" for name, size in written.items())
    return written, text, [Bound(f"bytes while idle, {name}", size, 0) for name, size in written.items()]


def labels(setting: Setting) -> Found:
    """Labels in a row, and kills."""
    data: dict[str, Any] = {}
    held: list[Bound] = []
    lines: list[str] = []
    for place in saving.places(setting.tree, setting.nodes):
        before = saving.on_disk(setting.home)
        given = saving.in_a_row(setting.home, place, setting.labels, setting.state())
        late = sum(one.on_disk < before + number for number, one in enumerate(given, 1))
        kills = [
            saving.killed(setting.home, place, count, setting.state()) for count in range(1, 1 + min(5, setting.labels))
        ]
        lost = sum(max(0, kill["shown"] - kill["on_disk"]) for kill in kills)
        waits = [one.wait_ms for one in given]
        data[place.name] = {"waits_ms": waits, "late": late, "kills": kills}
        held += [
            Bound(f"labels in the {place.name}: longest wait, ms", max(waits), LABEL_WAIT_MS),
            Bound(f"labels in the {place.name}: not on disk when the next was shown", late, 0),
            Bound(f"labels in the {place.name}: lost by kill -9", lost, 0),
        ]
        lines.append(
            f"- {place.name}: {len(given)} in a row, wait p50 {percentile(waits, 0.5):.1f}, longest {max(waits):.1f} ms; "
            f"{late} late on disk; {len(kills)} kills lost {lost}"
        )
    return data, "\n".join(lines), held
