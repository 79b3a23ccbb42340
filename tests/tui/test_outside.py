"""The file that a pager or an editor opens has a safe name, whatever the text is called in the lab; its text stays inert."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from tui import outside

HOSTILE = (
    "-rf \x00/etc/passwd",
    "../../" * 60 + "x.json",
    "\x1b]0;owned\x07\n\r\u202e.txt",
    "é" * 300 + ".txt",
    "a" * 300,
    ".bashrc",
    "..",
    "--",
    "",
    "tree 4: a.b/c",
)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_short_plain_and_no_option(name: str) -> None:
    safe = outside.file_name(name)
    assert 0 < len(safe.encode()) <= outside.LONGEST
    assert safe[0].isalnum()
    assert all(letter.isascii() and (letter.isalnum() or letter in "._-") for letter in safe)


def test_a_good_name_and_every_suffix_stay_as_they_are() -> None:
    assert outside.file_name("checkpoint-6-stale.txt") == "checkpoint-6-stale.txt"
    assert outside.file_name("x" * 300 + ".json").endswith("x.json")
    assert outside.file_name("a.sql.of/many words") == "a.sql.of_many_words"


class _Screens:
    """Stands still when it is told to."""

    @contextmanager
    def suspend(self) -> Iterator[None]:
        yield


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_opened_in_its_own_folder(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[list[str], str]] = []

    def run(words: list[str], **_: Any) -> None:
        seen.append((words, Path(words[-1]).read_text("utf-8")))

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setenv("PAGER", "less -S")
    monkeypatch.setenv("VISUAL", "vi")
    outside.page(cast(Any, _Screens()), name, "a \x1b[2J b")
    assert outside.edit(cast(Any, _Screens()), name, "SELECT 1") is None
    (paged, shown), (edited, left) = seen
    assert paged[:2] == ["less", "-S"]
    assert edited[0] == "vi"
    assert "\x1b" not in shown
    assert left == "SELECT 1"
    assert Path(paged[-1]).is_absolute()
    assert Path(paged[-1]).parent.name.startswith("o1coder-")
