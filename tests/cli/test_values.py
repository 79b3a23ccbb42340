"""With --json every command prints one value with at least the keys that the contract names; answers set the exit code."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.cli.conftest import done, say

JOB = {
    "id", "run", "round", "stage", "state", "waiting_for", "config", "seed", "attempts", "progress", "created_at",
    "started_at", "ended_at", "heartbeat_age_s", "host", "pid", "gpus", "exit_status", "error", "inputs", "outputs", "log",
}  # fmt: skip
TREE = {
    "id", "problem", "job", "kind", "preset", "seed", "steps", "rollouts", "solved", "reproducible", "digest",
}  # fmt: skip
PROBLEM = {"id", "source", "key", "split", "difficulty", "title", "kind", "tests", "programs", "trees"}
REPLAY = {"tree", "identical", "digest_stored", "digest_replayed", "labels_changed", "coverage"}
CHECKPOINT = {
    "id", "role", "parent", "job", "base", "datasets", "labels", "stale_because", "problems_seen", "evaluations",
}  # fmt: skip
EVALUATION = {"evaluation", "problems", "n", "pass_at", "masked", "tokens", "sandbox_s", "per_problem"}
SOLVED = {"accepted", "code", "tests", "mode", "tree", "leaf", "tokens", "sandbox_runs", "wall_s"}

OBJECTS = [
    ("doctor", {"python", "advice"}),
    ("verify --quick", {"ok", "checked", "disagreements"}),
    ("run synthesize --dry-run", {"stage", "config"}),
    ("jobs show 2", JOB),
    ("jobs wait 2", JOB),
    ("jobs log 2", {"id", "log", "text"}),
    ("problems show starter/add-three", PROBLEM),
    ("trees show 1", TREE),
    ("trees replay 1", REPLAY),
    ("trees export 1", {"format", "problem", "config", "completions", "steps", "rollouts"}),
    ("checkpoints show 1", CHECKPOINT),
    ("datasets show 1", {"id", "kind", "rows", "sha256", "query", "as_of", "excluded"}),
]
LISTS = [
    ("stages", {"stage", "about", "fields"}),
    ("jobs list", JOB),
    ("problems list --split train --limit 3", PROBLEM),
    ("trees list --job 2", TREE),
    ("trees list --query kind:search --sort steps", TREE),
    ("trees find 1 action:code", {"id", "path", "action", "n", "k", "v", "score", "label", "verdict"}),
    ("labels list --limit 3", {"id", "step", "value", "source", "author", "retracts"}),
    ("checkpoints list", CHECKPOINT - {"datasets", "labels", "stale_because", "problems_seen", "evaluations"}),
    ("models list", {"name", "checkpoint"}),
    ("datasets list", {"id", "kind", "rows", "sha256"}),
    ("runs", {"id", "name", "rounds", "jobs"}),
    ("runs list --limit 1", {"id", "name", "rounds", "jobs"}),
    ("sql 'select 1 as one'", {"one"}),
    ("run synthesize --show-prompt --sampler fake:7", {"problem", "prompt"}),
]


@pytest.mark.parametrize(("line", "keys"), OBJECTS, ids=[line for line, _ in OBJECTS])
def test_an_object_has_the_keys_of_the_contract(line: str, keys: set[str], lab: Path) -> None:
    assert not keys - set(done(line, lab))


@pytest.mark.parametrize(("line", "keys"), LISTS, ids=[line for line, _ in LISTS])
def test_a_list_is_an_array_of_objects_with_the_keys_of_the_contract(line: str, keys: set[str], lab: Path) -> None:
    found = done(line, lab)
    assert isinstance(found, list)
    assert found
    assert all(not keys - set(row) for row in found)


@pytest.mark.parametrize("line", [line for line, _ in OBJECTS + LISTS if not line.startswith("trees export")])
def test_the_plain_form_is_lines_for_people(line: str, lab: Path) -> None:
    said = say(line, lab)
    assert said.code == 0
    assert said.out.strip()
    assert not said.out.startswith(("{", "["))


def test_foreground_stages_print_their_own_objects(lab: Path) -> None:
    from o1coder import answers
    from o1coder.lab import Lab

    opened = Lab(lab)
    imported, _ = answers.of(opened, "import", 1)
    evaluated, _ = answers.of(opened, "evaluate", 3)
    solved, yes = answers.of(opened, "solve", 4)
    exported, _ = answers.of(opened, "export", 5)
    assert not {"source", "problems", "added", "rejected"} - set(imported)
    assert not EVALUATION - set(evaluated)
    assert set(evaluated["pass_at"]) == {"1", "2"}
    assert set(evaluated["pass_at"]["1"]) == {"value", "low", "high"}
    assert all({"problem", "n", "c", "masked"} <= set(row) for row in evaluated["per_problem"])
    assert not SOLVED - set(solved)
    assert yes is solved["accepted"]
    assert all({"input", "expected", "origin", "verdict"} <= set(test) for test in solved["tests"])
    assert not {"dataset", "kind", "rows", "excluded", "as_of", "sha256", "files"} - set(exported)
    opened.close()


def test_a_job_says_what_it_was_asked_and_left(lab: Path) -> None:
    job = done("jobs show 2", lab)
    assert (job["stage"], job["state"], job["run"], job["error"]) == ("synthesize", "done", "first", None)
    assert job["config"]["sampler"] == "fake:7"
    assert set(job["outputs"]) >= {"checkpoints", "datasets", "trees"}
    assert len(job["outputs"]["trees"]) == 3
    assert job["created_at"].endswith("Z")
    assert done("jobs list --run first", lab) == [job]


def test_lists_are_paged_by_id(lab: Path) -> None:
    first = done("problems list --limit 2", lab)
    then = done(f"problems list --limit 2 --after {first[-1]['id']}", lab)
    assert [row["id"] for row in done("problems list --limit 4", lab)] == [row["id"] for row in first + then]
    assert done("runs --after 1", lab) == []


def test_a_tree_s_export_is_canonical_and_its_sha256_is_the_digest(lab: Path) -> None:
    for tree in done("trees list --job 2", lab):
        text = say(f"trees export {tree['id']}", lab).out
        assert "sha256:" + hashlib.sha256(text.encode()).hexdigest() == tree["digest"]
        assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    one_by_one = [json.loads(line) for line in say("trees export --job 2", lab).out.splitlines()]
    assert one_by_one == done("trees export --job 2", lab)
    assert say("trees export --job 2", lab).out == say("--readonly trees export --job 2", lab).out


def test_no_is_exit_code_1(lab: Path) -> None:
    tree = next(row for row in done("trees list --job 2", lab) if row["rollouts"])
    changed = say(f"trees relabel {tree['id']} --alpha 1 --json", lab)
    assert changed.code == (0 if changed.value["identical"] else 1)
    assert not REPLAY - set(changed.value)
    failed = say("run synthesize --sampler hf --limit 1 --wait --json", lab)
    assert (failed.code, failed.out, failed.error["error"]) == (2, "", "no policy is named")
    [*_, job] = done("jobs list --state failed", lab)
    assert job["error"]["kind"] == "lab-error"
    assert say(f"jobs wait {job['id']}", lab).code == 1


def test_sql_reads_and_nothing_else(lab: Path) -> None:
    assert done(["sql", "select count(*) as n, count(*) as n, '%s :x' as t from job where stage = 'import'"], lab) == [
        {"n": 1, "n_2": 1, "t": "%s :x"}
    ]
    assert done(["sql", "select x'00ff' as b, 1e999 as i, null as z"], lab) == [{"b": "00ff", "i": None, "z": None}]
    assert done(["sql", "select name from pragma_table_info('job') limit 1"], lab) == [{"name": "id"}]
    assert done(["sql", "select count(*) as n from problem_fts where problem_fts match 'sum'"], lab)[0]["n"] > 0
    for query in (
        "delete from job",
        "drop table job",
        "insert into run(name) values ('x')",
        "pragma query_only = 0",
        "attach '/tmp/never.db' as other",
        "select 1; delete from job",
        "vacuum into '/tmp/never.db'",
        "begin immediate",
        "nonsense",
    ):
        said = say(["sql", query, "--json"], lab)
        assert (said.code, said.out) == (2, ""), query
        assert said.error["error"].startswith("the query failed")
    assert len(done("jobs list", lab)) >= 5


def test_sql_that_takes_too_long_is_stopped(lab: Path) -> None:
    endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n"
    said = say(["sql", endless, "--timeout", "0.2"], lab)
    assert said.code == 2
    assert "it took too long" in said.err


def test_what_a_model_wrote_cannot_drive_the_terminal(copy: Path) -> None:
    evil = "\x1b]52;c;aGk=\x07\x9b2J\u202e"
    done(["labels", "add", "1:0", "valid", "--reason", evil], copy)
    for line in ("labels list --current", "sql 'select reason from label'"):
        plain = say(line, copy).out
        assert not set(evil) & set(plain) - set("]52;c;aGk=2J")
        assert "␛]52;c;aGk=␇" in plain
    assert any(row["reason"] == evil for row in done("labels list", copy))  # scripts get it as it is
