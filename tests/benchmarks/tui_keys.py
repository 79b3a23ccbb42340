"""Which keys the screens are measured by, and how: written to a real pty, timed to the first and to the last byte that came back.

A key that brings nothing back is an error, not a quick key. The terminal's own emulation runs only after a key's bytes have
all been taken, so that the program alone is timed. It draws no conclusions: tui_figures.py does.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.tui.terminal import KEYS, Terminal

ROOT = Path(__file__).resolve().parents[2]
FIRST_PROBLEM = "tree graph 1 "  # in the title of the first row (tui_lab.py)
QUIET_S = {"cursor": 0.1, "page": 0.12, "label": 0.3, "heavy": 0.35}
KEYS |= {"ctrl+p": b"\x10", "ctrl+home": b"\x1b[1;5H", "ctrl+end": b"\x1b[1;5F"}


FRAME_MS = 12.0  # a longer silence ends what is sent at once


class Press(NamedTuple):
    """One key: milliseconds to the first byte and to the last, bytes in all, and those of the first frame alone: a pane that
    follows the cursor does so when the cursor rests, so a key that is held down costs the first frame."""

    first_ms: float
    last_ms: float
    bytes: int
    frame: int


def press_of(chunks: Sequence[tuple[float, int]]) -> Press:
    """What came back of a key, as one figure each; all zero where nothing did."""
    if not chunks:
        return Press(0.0, 0.0, 0, 0)
    frame, at = 0, chunks[0][0]
    for when, size in chunks:
        if when - at > FRAME_MS:
            break
        frame, at = frame + size, when
    return Press(chunks[0][0], chunks[-1][0], sum(size for _, size in chunks), frame)


class Walk(NamedTuple):
    """A named key where it is pressed: `at` what to open, `shown` what tells that it is there, `keys` pressed in turn (those
    after a `-` are not measured), `kind` which bounds hold. `before`: keys pressed once; `times` is of one repeat."""

    name: str
    at: str
    shown: str
    keys: Sequence[str]
    kind: str
    before: Sequence[str] = ()
    times: int = 10


def walks(tree: int, presses: int) -> list[Walk]:
    """The twelve keys, some of them in more than one place."""
    list_of, nodes = ("problems", FIRST_PROBLEM), (f"tree {tree}", f"tree {tree}")
    few = max(2, presses // 5)
    down, up = ("down",) * 6 + ("-home",), ("up",) * 6 + ("-end",)  # so that the cursor moves and the rows stand still
    return [
        Walk("down, problems", *list_of, down, "cursor", times=presses),
        Walk("up, problems", *list_of, up, "cursor", ("end",), presses),
        Walk("down and scroll, problems", *list_of, ("down",), "page", ("down",) * 60, few),
        Walk("page, problems", *list_of, ("pagedown",), "page", times=few),
        Walk("end and home, problems", *list_of, ("end", "home"), "page", times=few),
        Walk("down, tree", *nodes, down, "cursor", times=presses),
        Walk("up, tree", *nodes, up, "cursor", ("end",), presses),
        Walk("down and scroll, tree", *nodes, ("down",), "page", ("down",) * 60, few),
        Walk("page, tree", *nodes, ("pagedown",), "page", times=few),
        Walk("end and home, tree", *nodes, ("end", "home"), "page", times=few),
        Walk("label valid, queue", "queue", "hidden", ("a",), "label", times=few),
        Walk("undo, queue", "queue", "hidden", ("backspace",), "label", ("a",) * few, few),
        Walk("label valid, tree", *nodes, ("a",), "label", ("down", "down"), few),
        Walk("undo, tree", *nodes, ("backspace",), "label", ("down", "down", *["a"] * few), few),
        Walk("pane tab, tree", *nodes, ("t",), "heavy", ("down", "down"), few),
        Walk("fold the root, tree", *nodes, ("left", "right"), "heavy", ("home",), few),
        Walk("screen switch", *nodes, ("2", "1", "3"), "heavy", ("1", "2", "3"), few),
        Walk("palette", *list_of, ("ctrl+p", "-esc"), "heavy", times=few),
        Walk("command bar", *list_of, (":", "-esc"), "heavy", times=few),
        Walk("help", *list_of, ("?", "-esc"), "heavy", times=few),
        Walk("filter", *list_of, ("/", "-esc"), "heavy", times=few),
        Walk("zoom", *list_of, ("+", "-esc"), "heavy", ("down",), few),
    ]


@contextmanager
def opened(home: Path, at: str, size: tuple[int, int], state: Path) -> Iterator[Terminal]:
    """The app on a lab, at a place; what it remembers goes to a folder of its own."""
    command = [sys.executable, "-P", "-m", "tui", "--home", str(home), "--open", at]
    environment = {"PYTHONPATH": str(ROOT), "COLORTERM": "truecolor", "XDG_STATE_HOME": str(state)}
    with Terminal(command, columns=size[0], rows=size[1], environment=environment, cwd=str(ROOT)) as terminal:
        yield terminal


def started(terminal: Terminal, walk: Walk) -> None:
    """Wait until the place is there and everything that follows by itself has been drawn."""
    terminal.wait_for(walk.shown, timeout_s=60)
    terminal.settle(1.5, timeout_s=30)
    for key in walk.before:
        terminal.press(key)
        terminal.settle(0.2)
    terminal.settle(0.5)


def pressed(terminal: Terminal, walk: Walk) -> list[Press]:
    """The measured keys of one repeat. AssertionError with the screen where a key brought nothing back."""
    found: list[Press] = []
    quiet = QUIET_S[walk.kind]
    while len(found) < walk.times:
        for key in walk.keys:
            press = press_of(terminal.timed(key.removeprefix("-"), quiet))
            if not press.bytes:
                raise AssertionError(f"{walk.name}: the key {key!r} did nothing\n{terminal.text()}")
            if not key.startswith("-"):
                found.append(press)
    return found


def memory_mb(pid: int) -> float:
    """Resident memory of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


def all_alive(pids: Iterable[int]) -> bool:
    """Do these processes still run?"""
    return all(Path(f"/proc/{pid}").exists() for pid in pids)


def load() -> float:
    """The machine's load of the last minute."""
    return os.getloadavg()[0]
