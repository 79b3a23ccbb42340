"""A person's flow with real keys and a real worker: launch a search, watch it end, open a tree, correct, undo."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tui.terminal import Terminal


def choose(terminal: Terminal, wanted: str, most: int = 40) -> None:
    """Press down until a line of the screen shows `wanted` under the cursor."""
    for _ in range(most):
        if wanted in terminal.text():
            return
        terminal.press("down")
        terminal.settle(0.1)
    raise AssertionError(f"never came to {wanted!r}\n{terminal.text()}")


@pytest.mark.slow
@pytest.mark.usefixtures("no_worker_left")
def test_launch_watch_open_correct_undo(tui: Callable[..., Terminal], home: Path) -> None:
    from o1coder.stage import stage_names

    terminal = tui(columns=120, rows=36)
    terminal.wait_for("○ queued")
    with sqlite3.connect(home / "lab.db") as connection:  # what the made-up lab left unfinished is not to be run
        connection.execute("UPDATE job SET cancel_requested = 1 WHERE id = 5")
    connection.close()
    terminal.press("n")
    terminal.wait_for("Score the steps of trees")
    terminal.press(*["down"] * stage_names().index("synthesize"), "enter")
    terminal.wait_for("$ o1coder run synthesize")
    choose(terminal, "▸ problems")
    terminal.press("1")
    choose(terminal, "▸ sampler")
    for key in ("end", "backspace", "backspace", *"fake:7"):
        terminal.press(key)
        terminal.settle(0.1)
    terminal.wait_for("$ o1coder run synthesize --problems 1 --sampler fake:7")
    terminal.press("\x12")
    terminal.wait_for("job 6")
    terminal.wait_for(lambda shown: any("6 ✓ done" in line for line in shown.splitlines()), timeout_s=90)
    terminal.press("T")
    terminal.wait_for("Count above")
    terminal.settle(0.5)
    terminal.press("enter")
    terminal.wait_for("PRM")
    terminal.wait_for("structure ·")
    terminal.settle(0.5)
    terminal.press("down")
    terminal.settle(0.5)
    for given, key in enumerate("xsa", 1):
        terminal.press(key)
        terminal.wait_for(lambda shown, given=given: shown.count("*") >= given)  # type: ignore[misc]
    terminal.press("backspace")
    terminal.wait_for("is taken back")
    with sqlite3.connect(home / "lab.db") as connection:
        labels = connection.execute("SELECT value FROM label WHERE source = 'human' ORDER BY id").fetchall()
        assert connection.execute(
            "SELECT state FROM (SELECT outcome AS state FROM attempt WHERE job_id = 6)"
        ).fetchall()
    connection.close()
    assert labels == [("invalid",), ("unsure",), ("valid",), (None,)]
