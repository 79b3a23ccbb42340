"""labels queue|agree|gold on the command line: one JSON value, and the same functions as the screen."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from o1coder.cli import main
from tests.lab.planted import plant


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = plant(tmp_path_factory.mktemp("labelling") / "lab", trees=6)
    made.lab.close()
    return made.lab.home


@pytest.fixture
def ask(home: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    def run(*words: str, code: int = 0) -> Any:
        assert main(["labels", *words, "--home", str(home), "--json"]) == code
        told = capsys.readouterr()
        return json.loads(told.out if code == 0 else told.err)

    return run


def test_the_queue_is_listed_and_claimed(ask: Callable[..., Any]) -> None:
    listed = ask("queue", "--limit", "5", "--split", "test", "--action", "code")
    assert len(listed) == 5
    assert {one["action"] for one in listed} == {"code"}
    assert [one["held_by"] for one in listed] == [None] * 5
    assert {"step", "tree", "problem", "worth", "doubt", "gap", "tests", "siblings", "why", "until"} <= set(listed[0])
    first = ask("queue", "--limit", "3", "--claim", "--author", "ann")
    second = ask("queue", "--limit", "3", "--claim", "--author", "bob")
    assert {one["held_by"] for one in first} == {"ann"}
    assert not {one["step"] for one in first} & {one["step"] for one in second}
    assert ask("queue", "--query", "tree:3")[0]["tree"] == 3


def test_random_is_the_same_again_and_another_with_another_seed(ask: Callable[..., Any]) -> None:
    once = [one["step"] for one in ask("queue", "--order", "random")]
    assert once == [one["step"] for one in ask("queue", "--order", "random")]
    assert once != [one["step"] for one in ask("queue", "--order", "random", "--seed", "1")]


def test_gold_is_put_listed_and_taken_back(ask: Callable[..., Any]) -> None:
    put = ask("gold", "add", "1:0", "valid", "--reason", "seen by three", "--author", "boss")
    assert (put["value"], put["retracts"]) == ("valid", None)
    assert [one["step"] for one in ask("gold", "list")] == [put["step"]]
    assert ask("gold", "retract", str(put["id"]))["retracts"] == put["id"]
    assert ask("gold", "list") == []
    for words in (["add", "1:0"], ["add", "1:0", "good"], ["retract"], ["retract", "x"], ["list", "1"]):
        assert ask("gold", *words, code=2)["hint"]


def test_agree_says_it_all_as_one_object(ask: Callable[..., Any]) -> None:
    ask("add", "1:0", "invalid", "--author", "ann")
    told = ask("agree")
    assert told["readings"] == 1
    assert told["people"][0]["author"] == "ann"
    assert told["people"][0]["with_search"]["n"] == 1
    assert told["search"] == [{"people": "invalid", "said": "valid", "times": 1}]
    assert ask("agree", "--query", "colour:red", code=2)["hint"]


def test_lines_for_people(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["labels", "queue", "--home", str(home), "--limit", "2"]) == 0
    assert "PRM" in capsys.readouterr().out
    assert main(["labels", "agree", "--home", str(home)]) == 0
    assert "Krippendorff's alpha none" in capsys.readouterr().out
    assert main(["labels", "queue", "--claim", "--home", str(home), "--readonly"]) == 2
