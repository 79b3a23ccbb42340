"""Labels given by keyboard: how long each makes a person wait, whether it is on disk before the next step is shown, and what
a kill -9 between two of them loses.

The database is read by a connection of this process at the very moment the terminal shows the next step.
"""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.benchmarks.tui_keys import opened
from tests.tui.terminal import Terminal

SIZE = (80, 24)
MOST_S = 10.0


class Place(NamedTuple):
    """Where labels are given: what to open, what tells that it is there, keys pressed before the first label, and what in
    the screen's text says which step is before the person."""

    name: str
    at: str
    shown: str
    before: Sequence[str]
    step: str


class Label(NamedTuple):
    """One label: milliseconds until the next step was shown, and how many labels were on disk then."""

    wait_ms: float
    on_disk: int


def places(tree: int, nodes: int) -> list[Place]:
    """Where labels are given."""
    return [
        Place("queue", "queue", "hidden", (), r"^ *(\d+:[\d.]*) \w+ . problem"),
        Place("tree", f"tree {tree}", f"tree {tree}", ("down", "down"), rf"([\d,]+)/(?:{nodes}|{nodes:,})(?!\d)"),
    ]


def on_disk(home: Path) -> int:
    """How many labels people have given, as another connection sees it."""
    from o1coder import db

    module, _ = db.driver()
    connection = module.connect(f"file:{home / 'lab.db'}?mode=ro", uri=True)
    try:
        return int(connection.execute("SELECT count(*) FROM label WHERE source = 'human'").fetchone()[0])
    finally:
        connection.close()


def step_shown(text: str, place: Place) -> str:
    """What the screen says of the step before the person; empty where it says nothing."""
    found = re.search(place.step, text, re.MULTILINE)
    return found[1] if found else ""


def begun(terminal: Terminal, place: Place) -> None:
    """Wait for the place and go to the first step that takes a label."""
    terminal.wait_for(place.shown, timeout_s=60)
    terminal.settle(1.5, timeout_s=30)
    for key in place.before:
        terminal.press(key)
        terminal.settle(0.3)


def give(terminal: Terminal, home: Path, place: Place, key: str) -> Label:
    """Give one label. AssertionError with the screen where no other step is shown."""
    before = step_shown(terminal.text(), place)
    start = time.perf_counter()
    terminal.press(key)
    while time.perf_counter() - start < MOST_S:
        data = terminal.take(0.2)
        arrived = time.perf_counter()
        if data:
            written = on_disk(home)  # before it is looked at what the bytes show: drawing takes longer than a commit
            terminal.draw(data)
            if step_shown(terminal.text(), place) != before:
                return Label((arrived - start) * 1000, written)
    raise AssertionError(f"{place.name}: no other step after {key!r}\n{terminal.text()}")


def in_a_row(home: Path, place: Place, labels: int, state: Path) -> list[Label]:
    """Labels one after the other, valid and invalid in turn."""
    with opened(home, place.at, SIZE, state) as terminal:
        begun(terminal, place)
        return [give(terminal, home, place, "ax"[number % 2]) for number in range(labels)]


def killed(home: Path, place: Place, labels: int, state: Path) -> dict[str, Any]:
    """Labels as quickly as keys can be sent, and kill -9 as soon as the last but one is answered: how many had been shown as
    given, and how many there are when the lab is opened again."""
    had = on_disk(home)
    with opened(home, place.at, SIZE, state) as terminal:
        begun(terminal, place)
        shown = 0
        for _ in range(labels - 1):
            give(terminal, home, place, "a")
            shown += 1
        terminal.press("a")
        time.sleep(0.002 * labels)  # another moment each time
        os.kill(terminal.process.pid, signal.SIGKILL)
        terminal.process.wait()
    return {"shown": shown, "pressed": labels, "on_disk": on_disk(home) - had}
