"""Where a person is and was: places, history, the words of the command bar, what is remembered."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from o1coder.errors import LabError
from tui.memory import MOST_LINES, Memory
from tui.places import BY_WORD, PLACES, History, Went, load
from tui.words import Deed, offers, read


def test_every_place_has_its_screen_its_number_and_words_of_its_own() -> None:
    assert [place.key for place in PLACES] == [str(number) for number in range(1, 10)]
    assert len(BY_WORD) == sum(len(place.words) for place in PLACES)
    for place in PLACES:
        assert load(place.mode).TITLE == place.title


@pytest.mark.parametrize(
    ("line", "asked"),
    [
        ("jobs", Went("jobs", "")),
        ("  tree   42:0.2.1 ", Went("tree", "42:0.2.1")),
        ("p difficulty:hard pass<0.3", Went("problems", "difficulty:hard pass<0.3")),
        ("C 3", Went("checkpoints", "3")),
        ("launch prm", Deed("launch", "prm")),
        ("q", Deed("quit", "")),
    ],
)
def test_a_line_names_a_place_or_a_deed(line: str, asked: object) -> None:
    assert read(line) == asked


def test_an_unknown_word_is_answered_with_the_nearest_or_all() -> None:
    with pytest.raises(LabError) as near:
        read("problms 3")
    assert "did you mean problems" in near.value.hint
    with pytest.raises(LabError) as far:
        read("xyzzy")
    assert all(place.mode in far.value.hint for place in PLACES)


def test_what_the_bar_offers_can_all_be_read() -> None:
    for line in offers(["prm"]):
        read(line)


def test_history_goes_back_and_ahead_and_forgets_what_lay_ahead() -> None:
    history, at = History(), Went("jobs", "")
    for there in (Went("tree", "1"), Went("tree", "2"), Went("sql", "")):
        history.leave(at, there)
        at = there
    back = history.back(at, -1)
    assert back == Went("tree", "2")
    moved = Went("tree", "2:0.1")  # somebody moves there, then goes back once more
    assert history.back(moved, -1) == Went("tree", "1")
    assert history.back(Went("tree", "1"), 1) == moved
    history.leave(moved, Went("runs", ""))
    assert history.back(Went("runs", ""), 1) is None
    assert history.back(Went("runs", ""), -1) == moved
    assert History().back(Went("jobs", ""), -1) is None


def test_memory_is_kept_per_lab_and_survives_nonsense(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    first, other = Memory(tmp_path / "a"), Memory(tmp_path / "b")
    first.of("where")["tree"] = "42"
    for number in range(MOST_LINES + 5):
        first.typed("command", f"line {number}")
    first.typed("command", "line 50")
    assert first.save() is None
    again = Memory(tmp_path / "a")
    assert again.of("where") == {"tree": "42"}
    assert len(again.lines("command")) == MOST_LINES
    assert again.lines("command")[-1] == "line 50"
    assert again.lines("command").count("line 50") == 1
    assert other.file != first.file
    first.file.write_text("[1, 2")
    assert Memory(tmp_path / "a").kept == {}
    first.file.write_text(json.dumps({"where": [], "lines": {"command": [1, "x"]}}))
    odd = Memory(tmp_path / "a")
    assert odd.of("where") == {}
    assert odd.lines("command") == ["x"]


def test_memory_that_cannot_be_written_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "state").write_text("a file where a folder should be")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    memory = Memory(tmp_path)
    memory.of("app")["mode"] = "tree"
    told = memory.save()
    assert told is not None
    assert "not be remembered" in told
    assert memory.save() is None
