"""labels preview, several at once, batches and files, on the command line."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import done, say


def test_a_preview_says_what_is_then_written_and_taken_back(copy: Path) -> None:
    before = done("labels list --tree 1", copy)
    told = done("labels preview 1:0 invalid --first-error", copy)
    assert {"steps", "changed", "changes", "values", "dataset_rows", "datasets", "checkpoints"} <= set(told)
    assert told["changes"][0] == {"step": told["changes"][0]["step"], "value": "invalid", "category": None}
    assert {change["category"] for change in told["changes"][1:]} <= {"tainted"}
    assert len(told["changes"]) > 1
    assert done("labels list --tree 1", copy) == before
    assert "turn the word that counts" in say("labels preview 1:0 invalid --first-error", copy).out
    added = done("labels add 1:0 invalid --first-error --yes --author eve", copy)
    assert [label["step"] for label in added["labels"]] == [change["step"] for change in told["changes"]]
    assert (added["changed"], added["stale_checkpoints"]) == (told["changed"], told["checkpoints"])
    rows = done(f"labels list --batch {added['batch']}", copy)
    assert [row["category"] for row in rows] == [change["category"] for change in told["changes"]]
    undone = done(f"labels undo --batch {added['batch']}", copy)
    assert len(undone["labels"]) == len(added["labels"])
    assert say(f"labels undo --batch {added['batch']}", copy).code == 2
    assert say("verify --quick", copy).code == 0


def test_a_preview_names_whom_it_overrules(copy: Path) -> None:
    done("labels add 1:0 valid --author bob", copy)
    told = done("labels preview 1:0 invalid --first-error --author eve", copy)
    assert (told["overruled"], told["people"]) == (1, ["bob"])
    line = "1 of them turns what somebody else said: bob"
    assert line in say("labels preview 1:0 invalid --first-error --author eve", copy).out
    assert line not in say("labels preview 1:0 invalid --first-error --author bob", copy).out
    added = done("labels add 1:0 invalid --first-error --yes --author eve", copy)
    assert (added["overruled"], added["people"]) == (1, ["bob"])


def test_several_labels_are_not_written_unasked(copy: Path) -> None:
    before = done("labels list", copy)
    for line in ("labels add 1:0 1:0.0 valid --json", "labels add 1:0 invalid --after"):
        said = say(line, copy)
        assert said.code == 2
        assert "--yes" in said.err
    assert done("labels list", copy) == before
    assert len(done("labels add 1:0 1:0.0 1:0 valid --yes", copy)["labels"]) == 2
    assert say("labels add 1:0 1:0.0 invalid --first-error --yes", copy).code == 2
    assert say("labels add 1:0 valid --first-error --yes", copy).code == 2
    assert say("labels undo", copy).code == 2
    assert say("labels undo 3 --batch b", copy).code == 2


def test_labels_go_to_a_file_and_come_back(copy: Path, tmp_path: Path) -> None:
    done("labels add 1:0 invalid --after --ancestors --yes --author eve --reason 'no base case'", copy)
    out = tmp_path / "said.jsonl"
    told = done(f"labels export --out {out} --format prm800k --author eve", copy)
    assert told["rows"] > 0
    known = done(f"labels import {out} --dry-run", copy)
    assert (known["named"], known["rejected"]) == (0, [])
    assert known["known"] > 0
    step = json.loads(out.read_text().splitlines()[0])["label"]["steps"][0]["completions"][0]["step"]
    other = tmp_path / "rows.jsonl"
    other.write_text(
        json.dumps({"step": step, "value": "unsure", "author": "zoe"}) + '\n{"step": "x", "value": "valid"}\n'
    )
    added = done(f"labels import {other}", copy)
    assert (added["added"], added["authors"], [row["row"] for row in added["rejected"]]) == (1, ["zoe"], [2])
    assert "turned down" in say(f"labels import {other}", copy).out
    assert done(f"labels import {other}", copy)["added"] == 0
    tasks = tmp_path / "tasks.jsonl"
    assert done(f"labels export --out {tasks} --format potato --unlabelled --query tree:1", copy)["rows"] > 0
    assert say(f"labels export --out {tasks}", copy).code == 2
    assert say(f"labels import {tmp_path / 'absent'}", copy).code == 2
