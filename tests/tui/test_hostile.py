"""Text that attacks the terminal, in every place that shows text: nothing of it reaches the terminal but letters.

What the pty got is read byte by byte. A mark in each text shows that it was on the screen at all: a screen that shows nothing
passes no test here.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tui.hostile import MARK, PAYLOAD, poison, sent
from tests.tui.terminal import Terminal

SCREENS = {
    "jobs": ("down", "t", "t", "t", "end", "pageup", "J", "+", "esc", "?", "esc"),
    "problems": ("t", "t", "t", "t", "down", "t", "t", "t", "t", "+", "J", "esc", "/", *MARK, "enter", "esc"),
    "tree": ("down", "enter"),
    "tree 1": (
        "down",
        "t",
        "t",
        "t",
        "t",
        "t",
        "t",
        "t",
        "down",
        "down",
        "t",
        "t",
        "t",
        "t",
        "t",
        "t",
        "t",
        "+",
        "J",
        "esc",
    ),
    "queue": ("J", "t", "a", "x", "backspace"),
    "checkpoints": ("down", "t", "t", "t", "t", "t", "+", "esc"),
    "runs 1 2": ("t", "t", "t", "t", "t", "down"),
    "datasets": ("down", "t", "t", "t", "t", "enter", "esc"),
    "datasets o1coder-prm": ("enter", "down", "t", "t", "t", "t", "+", "esc"),
    "rounds": ("down", "enter", "t", "t", "esc"),
    "sql select title, statement from problem order by id": ("enter", "down", "enter", "down", "esc"),
    "sql select config, author from job": ("enter", "down", "enter"),
}
SAYS_NOTHING = {
    "rounds",
    "runs 1 2",
    "queue",
}  # without rounds, metrics or leases there may be no text of the lab on them


@pytest.fixture
def poisoned(home: Path) -> set[str]:
    return poison(home)


def test_the_reader_knows_an_attack_from_textual() -> None:
    own = b"\x1b[?1049h\x1b[3;1H\x1b[1;38;2;1;2;3mplain\x1b[0m\r\n\x1b[>1u\x1b[?2026$p\x1b]22;pointer\x1b\\"
    assert sent(own).foreign == []
    assert sent(own).text == "plain\r\n"
    for attack in (
        b"\x1b]52;c;aGk=\x07",
        b"\x1b[2J",
        b"\x1b]0;t\x07",
        b"\x1bc",
        b"\x07",
        b"\xc2\x9b",
        b"\x1bPq\x1b\\",
        b"\x1b[6i",
    ):
        assert sent(b"a" + attack + b"b").foreign, attack
    assert sent("\u202e".encode()).foreign
    assert len(sent(PAYLOAD.encode()).foreign) > 15


def test_the_poison_is_everywhere(poisoned: set[str]) -> None:
    assert {
        "problem.title",
        "problem.statement",
        "step.text",
        "program.code",
        "completion.text",
        "verdict.detail",
        "label.author",
        "label.reason",
        "job.author",
        "run.name",
        "test_case.input",
        "saved_query.name",
    } <= poisoned


@pytest.mark.slow
@pytest.mark.parametrize("at", SCREENS)
def test_no_text_of_the_lab_commands_the_terminal(
    tui: Callable[..., Terminal], poisoned: set[str], at: str, made: object
) -> None:
    for columns, rows in ((80, 24), (160, 48)):
        terminal = tui("--open", at, columns=columns, rows=rows)
        terminal.wait_for(lambda shown: bool(shown.split("\n")[-1].strip()))
        terminal.settle(1.0)
        for key in SCREENS[at]:
            terminal.press(key)
            terminal.settle(0.2, timeout_s=3)
        assert terminal.process.poll() is None, terminal.text()
        found = sent(bytes(terminal.raw))
        assert not found.foreign, set(found.foreign)
        assert MARK in found.text or at in SAYS_NOTHING
        os.killpg(terminal.process.pid, signal.SIGKILL)


@pytest.mark.slow
def test_where_the_locale_is_not_utf_8_only_ascii_is_sent(tui: Callable[..., Terminal], poisoned: set[str]) -> None:
    terminal = tui("--open", "problems", environment={"LANG": "C", "LC_ALL": ""})
    for key in ("2", "t", "t", "t", "3", "enter", "t", "t", "1", "?", "esc", ":", "esc"):
        terminal.settle(0.5, timeout_s=3)
        terminal.press(key)
    terminal.settle(0.5)
    assert MARK in terminal.text() or MARK in sent(bytes(terminal.raw)).text
    assert not [byte for byte in terminal.raw if byte > 126]
