"""Going about the screens in a real terminal: command bar, palette, history, what is remembered, the pager, copying."""

from __future__ import annotations

import base64
import re
import signal
from collections.abc import Callable
from pathlib import Path

from tests.tui.terminal import Terminal

Start = Callable[..., Terminal]


def test_the_command_bar_goes_anywhere_and_says_what_it_does_not_know(tui: Start) -> None:
    terminal = tui(columns=100)
    terminal.wait_for("○ queued")
    terminal.press(":")
    terminal.wait_for("launch prm")
    terminal.press(*"problems Sneak", "enter")
    terminal.wait_for(lambda shown: "Problems" in shown.splitlines()[0] and "Filler 0" not in shown)
    terminal.press("-")
    terminal.wait_for("○ queued")
    terminal.press("[")
    terminal.wait_for("pass of k")
    terminal.press("]")
    terminal.wait_for("○ queued")
    terminal.press(":")
    terminal.wait_for("launch prm")
    terminal.press(*"problms", "enter")
    terminal.wait_for("did you mean problems")
    terminal.press(":", "up")
    terminal.wait_for(lambda shown: shown.splitlines()[-1].startswith("problms"))
    terminal.press("esc")
    terminal.wait_for("n new")


def test_the_palette_finds_by_a_few_letters_even_typed_at_once(tui: Start) -> None:
    terminal = tui(columns=100)
    terminal.wait_for("○ queued")
    terminal.press("\x10", *"sql")
    terminal.wait_for("read-only SQL")
    terminal.press("enter")
    terminal.wait_for(lambda shown: "9 SQL" in shown.splitlines()[0])
    terminal.press("\x10")
    terminal.wait_for("a few letters")
    terminal.press("esc")
    terminal.wait_for(lambda shown: "a few letters" not in shown)


def test_it_comes_back_where_it_was_even_after_a_kill(tui: Start) -> None:
    terminal = tui()
    terminal.wait_for("○ queued")
    terminal.press(":")
    terminal.wait_for("launch prm")
    terminal.press(*"problems Filler 7", "enter")
    terminal.wait_for(lambda shown: "Filler 7" in shown and "Filler 8" not in shown)
    terminal.settle(3.0)
    terminal.process.send_signal(signal.SIGKILL)
    terminal.process.wait()
    again = tui()
    again.wait_for(lambda shown: "2 Problems" in shown and "Filler 7" in shown and "Filler 8" not in shown)


def test_a_copy_reaches_the_terminal_as_osc_52_and_nothing_else_does(tui: Start, tmp_path: Path) -> None:
    terminal = tui("--open", "problems 1")
    terminal.wait_for("Count the numbers")
    assert b"\x1b]52" not in terminal.raw
    terminal.press("Y")
    terminal.wait_for("copied")
    sent = re.findall(rb"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07", bytes(terminal.raw))
    assert base64.b64decode(sent[0]).decode().startswith("o1coder problems")
    assert (tmp_path / "state" / "o1coder" / "copied.txt").read_text().startswith("o1coder problems")


def test_a_text_is_read_in_the_pager_and_the_screens_come_back(tui: Start, tmp_path: Path) -> None:
    pager = tmp_path / "pager"
    pager.write_text(f"#!/bin/sh\ncp \"$1\" {tmp_path}/paged\nprintf 'read it: '\nread answer\n")
    pager.chmod(0o755)
    terminal = tui("--open", "problems 2", environment={"PAGER": str(pager)})
    terminal.wait_for("Sneak")
    terminal.settle()
    terminal.press("o")
    terminal.wait_for("read it:")
    paged = (tmp_path / "paged").read_bytes()
    assert b"Sneak" in paged
    assert b"\x1b" not in paged
    terminal.press("enter")
    terminal.wait_for("2 Problems")


def test_a_pager_that_is_not_there_is_said(tui: Start) -> None:
    terminal = tui("--open", "problems 1", environment={"PAGER": "/nowhere/pager"}, columns=120)
    terminal.wait_for("Count the numbers")
    terminal.press("o")
    terminal.wait_for("cannot be run")


def test_keys_from_a_file_hold_and_wrong_ones_are_said(tui: Start, tmp_path: Path) -> None:
    keys = tmp_path / "keys.toml"
    keys.write_text('[keys]\n"app.problems" = "f2"\n"jobs.nothing" = "f3"\n')
    terminal = tui(environment={"O1CODER_KEYS": str(keys)}, columns=120)
    terminal.wait_for("no key is called 'jobs.nothing'")
    terminal.press("2")
    terminal.settle()
    terminal.press("\x1bOQ")
    terminal.wait_for("pass of k")


def test_a_place_that_is_none_is_refused_at_the_door(tui: Start) -> None:
    terminal = tui("--open", "nowhere 3")
    terminal.wait_for("there is no command 'nowhere'")
    assert terminal.process.wait(10) == 2
