"""Table and tree in a real terminal: real keys, what the screen shows, what is sent and how fast."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.tui.terminal import Terminal

ROOT = Path(__file__).resolve().parents[2]
START = "import runpy, sys; sys.path.insert(0, '.'); sys.argv = ['x', *sys.argv[1:]]; "
START += "runpy.run_module('tests.tui.table_app', run_name='__main__')"


@contextmanager
def app(shape: str, total: int, **options: object) -> Iterator[Terminal]:
    argv = [sys.executable, "-P", "-c", START, shape, str(total)]
    with Terminal(argv, cwd=str(ROOT), **options) as terminal:  # type: ignore[arg-type]
        terminal.wait_for(f"at 1 of {total}" if total else "nothing here yet")
        terminal.settle()
        yield terminal


def test_a_million_rows() -> None:
    with app("table", 1_000_000) as terminal:
        terminal.press("down", "down")
        terminal.wait_for("at 3 of")
        terminal.press("end")
        terminal.wait_for("row 1000000")
        terminal.press("pageup", "up")
        terminal.wait_for("at 999977 of")
        terminal.wait_for("row 999977")
        terminal.press("home", "space", "enter")
        shown = terminal.wait_for("chosen 2")
        assert "● row 1" in shown or "●row 1" in shown
        terminal.press("pagedown")
        terminal.wait_for("at 24 of")
        assert "row 44" in terminal.text()
        first, _, written = terminal.latency("down")
        assert written < 700
        assert first < 50
        terminal.press("q")
        assert terminal.wait() == 0


def test_hostile_text_is_never_sent() -> None:
    with app("table", 10) as terminal:
        shown = terminal.text()
        assert "␛]52;c;aGVsbG8=␇␛[2J␛]0;owned␇<U+202E>gnp.exe [bold]" in shown
        assert b"\x1b]52" not in terminal.raw
        assert b"owned\x07" not in terminal.raw
        assert "\u202e".encode() not in terminal.raw


def test_ascii_where_the_locale_is_not_utf8() -> None:
    with app("tree", 10, environment={"LC_ALL": "C"}) as terminal:
        shown = terminal.text()
        assert "v row 1" in shown
        assert "^[]52;c;aGVsbG8=^G^[[2J" in shown
        assert shown.isascii()


def test_a_tree_folds_and_unfolds() -> None:
    with app("tree", 100_000, columns=120, rows=30) as terminal:
        terminal.press("down", "left")
        terminal.wait_for(lambda shown: "▸ row 2 " in shown and "row 6 " not in shown)
        terminal.press("down")
        terminal.wait_for("at 3 of")
        terminal.press("up", "right", "right")
        terminal.wait_for("at 6 of")
        terminal.press("O")
        terminal.wait_for("at 2 of 5")  # folded: the cursor falls back on its visible ancestor
        terminal.press("O", "P")
        terminal.wait_for("at 1 of 100000")


def test_an_empty_table_and_a_small_terminal() -> None:
    with app("table", 0) as terminal:
        terminal.press("down", "enter", "space", "end", "pagedown")
        terminal.resize(40, 10)
        terminal.wait_for("nothing here yet")
        terminal.press("q")
        assert terminal.wait() == 0


@pytest.mark.parametrize("size", [(40, 10), (200, 60)])
def test_resizing_keeps_the_cursor_on_the_screen(size: tuple[int, int]) -> None:
    with app("table", 1000) as terminal:
        terminal.press("end")
        terminal.wait_for("row 1000")
        terminal.resize(*size)
        terminal.settle(0.3)
        assert "row 1000" in terminal.text()
