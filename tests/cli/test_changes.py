"""Commands that append: labels and their undo, decisions, models, jobs and their cancelling, verdicts, backups."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from tests.cli.conftest import done, say

PROGRAM = "def add_three(a, b, c):\n    return a + b + c\n"


def test_a_label_counts_until_it_is_taken_back(copy: Path) -> None:
    before = done("labels list --step 1:0.0 --current", copy)
    added = done("labels add 1:0.0 invalid --reason 'no such case'", copy)
    assert {"id", "step", "value", "author", "replaces", "stale_checkpoints"} <= set(added)
    assert added["replaces"] == (before[0]["id"] if before else None)
    assert [row["id"] for row in done("labels list --step 1:0.0 --current", copy)] == [added["id"]]
    assert done(f"labels list --step {added['step']} --current", copy)[0]["reason"] == "no such case"
    taken_back = done(f"labels undo {added['id']}", copy)
    assert taken_back["value"] is None
    assert done("labels list --step 1:0.0 --current", copy) == before
    assert say(f"labels undo {added['id']}", copy).code == 2
    assert say("verify --quick", copy).code == 0


def test_an_export_changes_with_a_label_and_comes_back_with_its_undo(copy: Path, tmp_path: Path) -> None:
    def export(name: str) -> str:
        return str(done(["export", "stepwise", "--out", str(tmp_path / name)], copy)["sha256"])

    first = export("a")
    step = done(
        [
            "sql",
            "select l.step_id as step, l.value as value from dataset_label i join label l on l.id = i.label_id limit 1",
        ],
        copy,
    )[0]
    opposite = "invalid" if step["value"] == "valid" else "valid"
    label = done(["labels", "add", str(step["step"]), opposite], copy)["id"]
    assert export("b") != first
    done(["labels", "undo", str(label)], copy)
    assert export("c") == first
    said = say(["export", "stepwise", "--out", str(tmp_path / "a"), "--json"], copy)
    assert said.code == 2
    assert "exists" in said.error["error"]


def test_a_checkpoint_is_accepted_and_rejected_by_a_person(copy: Path) -> None:
    for verb, outcome in (("accept", "accepted"), ("reject", "rejected")):
        assert done(["checkpoints", verb, "1", "--reason", "seen"], copy)["outcome"] == outcome
        assert done("checkpoints show 1", copy)["decision"] == outcome


def test_a_model_s_name_is_given_once_and_forgotten(copy: Path) -> None:
    folder = str(copy.parent / "m")
    Path(folder).mkdir()
    assert say(["models", "add", "other", folder], copy).code == 2  # no model in it
    (Path(folder) / "config.json").write_text("{}")
    (Path(folder) / "w.safetensors").write_bytes(b"w")
    named = done(["models", "add", "other", folder], copy)
    assert done("run synthesize --dry-run --policy other", copy)["config"]["policy"] == named["checkpoint"]
    assert say(["models", "add", "other", folder], copy).code == 2
    assert say(["models", "add", "12", folder], copy).code == 2  # a number names a checkpoint
    done("models remove other", copy)
    assert say("run synthesize --dry-run --policy other", copy).code == 2
    assert say("models remove other", copy).code == 2


def test_a_queued_job_is_cancelled_and_tried_again(copy: Path) -> None:
    queued = done("run synthesize --sampler fake:1 --limit 1", copy)
    assert set(queued) == {"job", "stage", "state"}
    number = queued["job"]
    if say(f"jobs cancel {number}", copy).code == 0:  # else it was done already
        assert say(f"jobs wait {number}", copy).code == 1
        done(f"jobs retry {number}", copy)
    assert done(f"jobs wait {number}", copy)["state"] == "done"
    for verb in ("cancel", "retry"):
        said = say(f"jobs {verb} {number} --json", copy)
        assert said.code == 2
        assert "done" in said.error["error"]


def test_the_same_command_grows_the_same_trees(copy: Path) -> None:
    again = done("run synthesize --sampler fake:7 --limit 3 --simulations 12 --wait", copy)
    assert say(f"trees export --job {again['id']}", copy).out == say("trees export --job 2", copy).out


def test_a_program_is_judged_on_a_problem_a_file_and_a_batch(copy: Path, tmp_path: Path) -> None:
    good, bad, tests = tmp_path / "good.py", tmp_path / "bad.py", tmp_path / "tests.jsonl"
    good.write_text(PROGRAM)
    bad.write_text(PROGRAM.replace("+ c", "- c"))
    tests.write_text('{"args": [1, 2, 3], "expected": 6}\n\n{"args": [0, 0, 0], "expected": 0}\n')
    count = "select count(*) as n from verdict"
    before = done(["sql", count], copy)
    assert done(["judge", str(good), "--problem", "add-three"], copy)["verdict"] == "AC"
    assert done(["sql", count], copy) == before  # nothing is kept without --lab
    wrong = say(["judge", str(bad), "--problem", "add-three", "--lab", "--json"], copy)
    assert (wrong.code, wrong.value["verdict"]) == (1, "WA")
    assert done(["sql", count], copy) != before
    assert [
        row["id"] for row in done(["judge", str(good), "--tests", str(tests), "--fn-name", "add_three"])["tests"]
    ] == [
        1,
        3,
    ]
    line = '{"id": "a", "code": "print(1)", "stdin": "", "expected": "%d"}\n'
    batch = say("judge --batch -", stdin=(line % 1 + "\n" + line % 2).encode())
    assert batch.code == 0
    rows = [json.loads(one) for one in batch.out.splitlines()]
    assert [row["verdict"] for row in rows] == ["AC", "WA"]
    assert all({"id", "verdict", "cpu_ms", "wall_ms", "memory_kb", "detail"} <= set(row) for row in rows)
    faulty = say("judge --batch - --json", stdin=("\n" + line % 1 + '{"id": 1}').encode())
    assert (faulty.code, faulty.out) == (2, "")
    assert faulty.error["error"].startswith("line 3:")


def test_programs_of_a_file_are_evaluated(copy: Path, tmp_path: Path) -> None:
    file = tmp_path / "programs.jsonl"
    rows = [{"problem": "a-minus-b", "code": f"def a_minus_b(a, b):\n    return a {sign} b\n"} for sign in "-+"]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = done(["evaluate", "--programs", str(file), "--split", "test", "--k", "1,2"], copy)
    assert found["pass_at"]["1"]["value"] == 0.5
    assert found["pass_at"]["2"]["value"] == 1.0
    assert [(row["n"], row["c"]) for row in found["per_problem"]] == [(2, 1)]


def test_a_backup_opens_anywhere_and_overwrites_nothing(copy: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    assert done(["backup", str(target)], copy)["bytes"] == target.stat().st_size
    with sqlite3.connect(target) as opened:
        assert opened.execute("SELECT count(*) FROM job").fetchone()[0] >= 5
    assert say(["backup", str(target)], copy).code == 2


def test_flags_win_over_a_file_of_fields(copy: Path, tmp_path: Path) -> None:
    toml, js = tmp_path / "fields.toml", tmp_path / "fields.json"
    toml.write_text('simulations = 2\nwidth = 5\nsampler = "fake:1"\n')
    js.write_text('{"simulations": 2}')
    config = done(["run", "synthesize", "--dry-run", "--config", str(toml), "--width", "4"], copy)["config"]
    assert (config["simulations"], config["width"], config["sampler"]) == (2, 4, "fake:1")
    assert done(["run", "synthesize", "--dry-run", "--config", str(js)], copy)["config"]["simulations"] == 2
    config = done("run synthesize --dry-run --problems 3,4 --problems 5 --exact", copy)["config"]
    assert (config["problems"], config["exact"]) == ([3, 4, 5], True)
