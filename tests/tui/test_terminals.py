"""All nine screens on the terminals there are: few colours, none, no UTF-8, tiny, huge, resized in a storm, inside tmux, sent to
the background, lost. What was sent is read from the bytes, what a person sees from the emulated screen.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tui.hostile import sent
from tests.tui.terminal import Terminal
from tui.places import PLACES

Start = Callable[..., Terminal]
ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow
TITLES = [place.title for place in PLACES]


def through(terminal: Terminal, keys: str = "123456789") -> list[str]:
    """Every screen's text, by its number key; a tree is opened on the way. AssertionError where the program has ended."""
    shown: list[str] = []
    terminal.wait_for(lambda text: "1" in text.split("\n")[0] and text.strip().count("\n") > 3)
    terminal.settle(1.0)
    for key in keys:
        terminal.press(key)
        terminal.settle(0.4, timeout_s=5)
        if key == "3":
            terminal.press("enter")
            terminal.settle(0.6, timeout_s=5)
        assert terminal.process.poll() is None, terminal.text()
        shown.append(terminal.text())
    return shown


def colours(raw: bytes) -> set[str]:
    """Which kinds of colour a stream asks for: 16, 256, rgb."""
    kinds: set[str] = set()
    for parameters in re.findall(rb"\x1b\[([0-9;:]*)m", raw):
        words = re.split(rb"[;:]", parameters)
        while words:
            word = int(words.pop(0) or b"0")
            if word in (38, 48):
                kinds.add({b"5": "256", b"2": "rgb"}[words[0]])
                words = words[2:] if words[0] == b"5" else words[4:]
            elif 30 <= word <= 37 or 40 <= word <= 47 or 90 <= word <= 97 or 100 <= word <= 107:
                kinds.add("16")
    return kinds


def test_colours_are_read_from_the_stream() -> None:
    assert colours(b"\x1b[1;7mx\x1b[0m\x1b[39;49m") == set()
    assert colours(b"\x1b[1;94mx") == {"16"}
    assert colours(b"\x1b[38;5;1m\x1b[48;2;31;32;33m") == {"256", "rgb"}


@pytest.mark.parametrize(
    ("environment", "allowed"),
    [
        ({"TERM": "xterm"}, {"16"}),
        ({"TERM": "linux"}, {"16"}),
        ({"TERM": "screen-256color"}, {"16", "256"}),
        ({"NO_COLOR": "1"}, set()),
        ({"NO_COLOR": "1", "TERM": "xterm", "COLORTERM": "truecolor"}, set()),
    ],
)
def test_no_more_colours_than_the_terminal_has(tui: Start, environment: dict[str, str], allowed: set[str]) -> None:
    terminal = tui(environment=environment)
    shown = through(terminal)
    terminal.press("?")
    terminal.settle(0.5)
    terminal.press("esc", ":")
    terminal.settle(0.5)
    terminal.press("esc")
    terminal.press("\x10")
    terminal.settle(0.5)
    assert colours(bytes(terminal.raw)) <= allowed
    assert not sent(bytes(terminal.raw)).foreign
    jobs, tree = shown[0], shown[2]
    assert all(
        word in jobs for word in ("✓ done", "✗ failed", "○ queued")
    )  # a state is a word and a glyph, never a colour
    assert all(word in tree for word in ("✓ valid", "✗ invalid"))


def test_without_utf_8_all_nine_screens_are_ascii(tui: Start) -> None:
    terminal = tui(environment={"LANG": "C"})
    shown = through(terminal)
    terminal.press("?")
    terminal.settle(0.5)
    assert not re.findall(rb".{,40}[\x7f-\xff].{,20}", bytes(terminal.raw), re.DOTALL)
    assert "! failed" in shown[0]
    assert "+ valid" in shown[2]


@pytest.mark.parametrize("size", [(40, 10), (200, 60)])
def test_every_screen_draws_at_every_size(tui: Start, size: tuple[int, int]) -> None:
    terminal = tui(columns=size[0], rows=size[1])
    for number, shown in enumerate(through(terminal), 1):
        lines = shown.split("\n")
        assert len(lines) == size[1]
        assert str(number) in lines[0]
        assert sum(bool(line.strip()) for line in lines) >= 3, shown
        assert lines[-1].strip(), shown  # the key bar


def test_a_storm_of_resizes_leaves_the_screen_of_the_last_size(tui: Start) -> None:
    terminal = tui("--open", "tree 1")
    terminal.wait_for("structure")
    for turn in range(60):
        terminal.resize(*((30 + turn * 7 % 170), 5 + turn * 3 % 50))
        terminal.press("down" if turn % 2 else "up")
        terminal.read(0.01)
    terminal.resize(100, 30)
    terminal.settle(0.8)
    terminal.press("home", "down")
    terminal.settle(0.8)
    assert terminal.process.poll() is None
    stormed = terminal.text()
    calm = tui("--open", "tree 1", columns=100, rows=30, environment={"XDG_STATE_HOME": "/dev/null/state"})
    calm.wait_for("structure")
    calm.settle(0.8)
    calm.press("home", "down")
    calm.settle(0.8)
    body = slice(1, 29)  # title and keys may tell of other things
    assert stormed.split("\n")[body] == calm.text().split("\n")[body]


def test_it_works_inside_tmux(home: Path, tmp_path: Path) -> None:
    if shutil.which("tmux") is None:
        pytest.skip("there is no tmux here")
    own = ["tmux", "-L", f"o1coder-test-{os.getpid()}", "-f", "/dev/null"]
    command = f"{sys.executable} -P -m tui --home {home}"
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "XDG_STATE_HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "TERM": "xterm",
    }

    def shown(wanted: str) -> str:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            text = subprocess.run([*own, "capture-pane", "-p"], capture_output=True, text=True, check=True).stdout
            if wanted in text:
                return text
            time.sleep(0.1)
        raise AssertionError(text)

    try:
        subprocess.run([*own, "-u", "new", "-d", "-x", "80", "-y", "24", command], check=True, env=environment)
        assert "✗ failed" in shown("○ queued")
        subprocess.run([*own, "send-keys", "3"], check=True)
        shown("Count above")
        subprocess.run([*own, "send-keys", "Enter"], check=True)
        shown("structure")
        subprocess.run([*own, "resize-window", "-x", "120", "-y", "30"], check=True)
        subprocess.run([*own, "send-keys", "Escape"], check=True)
        shown("Count above")
        subprocess.run([*own, "send-keys", "q"], check=True)
    finally:
        subprocess.run([*own, "kill-server"], check=False, capture_output=True)


def test_to_the_background_and_back(home: Path, tmp_path: Path) -> None:
    environment = {"PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(tmp_path / "state"), "PS1": "ready> "}
    with Terminal(["bash", "--norc", "--noprofile", "-i"], environment=environment, cwd=str(ROOT)) as shell:
        shell.wait_for("ready>")
        shell.press(f"{sys.executable} -P -m tui --home {home} --open 'tree 1'\r")
        shell.wait_for("structure")
        shell.settle(0.5)
        shell.press("\x1a")
        shell.wait_for("Stopped")
        raw = bytes(shell.raw)
        assert raw.rindex(b"\x1b[?1049l") > raw.rindex(b"\x1b[?1049h")
        shell.press("echo $((6*7))\r")
        shell.wait_for("42")
        shell.press("fg\r")
        shell.wait_for("structure")
        shell.settle(0.5)
        shell.press("q")
        shell.wait_for("ready>")
        shell.press("exit\r")
        shell.wait()


def test_quitting_and_being_ended_leave_the_terminal_as_it_was(tui: Start) -> None:
    for end in ("q", signal.SIGTERM):
        terminal = tui()
        terminal.wait_for("○ queued")
        terminal.settle(0.5)
        if isinstance(end, str):
            terminal.press(end)
        else:
            os.kill(terminal.process.pid, end)
        terminal.wait()
        raw = bytes(terminal.raw)
        if isinstance(end, str):
            for on, off in (
                (b"\x1b[?1049h", b"\x1b[?1049l"),
                (b"\x1b[?25l", b"\x1b[?25h"),
                (b"\x1b[?1003h", b"\x1b[?1003l"),
            ):
                assert raw.rindex(off) > raw.rindex(on)


def test_a_lost_line_ends_it_and_the_next_start_is_where_it_was(tui: Start) -> None:
    terminal = tui("--open", "tree 1")
    terminal.wait_for("structure")
    terminal.press("down", "down")
    terminal.settle(2.5)  # what is shown is remembered every two seconds
    assert terminal.hang_up() != 0
    again = tui()
    again.wait_for("structure")
    assert "3" in again.text().split("\n")[0]
