"""Copying: what goes to the terminal, what into the file, and that nothing copied can act when it is pasted."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest

from tui import clipboard


def payload(sent: str) -> str:
    found = re.search(r"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07", sent)
    assert found is not None
    return base64.b64decode(found[1]).decode()


def test_a_text_goes_to_the_terminal_and_to_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    sent: list[str] = []
    told = clipboard.copy("def f():\n\treturn 1\n", sent.append, tmp_path / "state")
    assert payload(sent[0]) == "def f():\n\treturn 1\n"
    assert (tmp_path / "state" / "copied.txt").read_text() == "def f():\n\treturn 1\n"
    assert "19 characters" in told
    assert str(tmp_path) in told


def test_in_tmux_it_is_sent_wrapped_as_well() -> None:
    sent = clipboard.sequences("x", {"TMUX": "/tmp/socket"})
    assert sent is not None
    plain, wrapped = sent.split("\x1bPtmux;")
    assert payload(plain) == "x"
    assert wrapped == plain.replace("\x1b", "\x1b\x1b") + "\x1b\\"


def test_what_is_too_long_goes_to_the_file_alone(tmp_path: Path) -> None:
    sent: list[str] = []
    told = clipboard.copy("x" * 60_000, sent.append, tmp_path)
    assert sent == []
    assert "too long" in told
    assert len((tmp_path / "copied.txt").read_text()) == 60_000


def test_control_bytes_are_shown_not_copied(tmp_path: Path) -> None:
    sent: list[str] = []
    clipboard.copy("ls\x1b[201~\rrm -rf x\u202e\x00", sent.append, tmp_path)
    pasted = payload(sent[0])
    assert not set(pasted) & {"\x1b", "\r", "\x00", "\u202e"}
    assert "rm -rf x" in pasted


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    sent: list[str] = []
    assert "not in a file" in clipboard.copy("x", sent.append, tmp_path / "state")
    assert sent
