"""Every kind of damage that verify promises to find, planted one at a time behind the lab's back."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest

from o1coder import db
from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.verify import Disagreement, Findings, examine, verify
from tests.lab.conftest import Damage, run_stage

FREE_LABEL = (
    "SELECT MIN(l.id) FROM label l WHERE l.source = 'search' AND NOT EXISTS "
    "(SELECT 1 FROM dataset_label i WHERE i.label_id = l.id) AND NOT EXISTS (SELECT 1 FROM label r WHERE r.retracts = l.id)"
)
FULL = "SELECT MIN(r.id) FROM rollout r WHERE r.program_id IS NOT NULL AND r.passed < r.total"
CHILD = "SELECT MIN(id) FROM step WHERE depth = 2"

# what is done, the kind that must be said, and the table it is said of
DAMAGES = {
    "a statement": ("UPDATE problem SET statement = statement || '!' WHERE id = 1", "digest", "problem"),
    "a limit": ("UPDATE problem SET memory_mb = 1 WHERE id = 1", "digest", "problem"),
    "a program": ("UPDATE program SET code = code || '#' WHERE id = 1", "digest", "program"),
    "an expected output": ("UPDATE test_case SET expected = '\"no\"' WHERE id = 1", "digest", "test_case"),
    "the order of a test set": (
        "UPDATE test_set_item SET ordinal = 99 WHERE test_set_id = 1 AND ordinal = 0",
        "digest",
        "test_set",
    ),
    "a case more": ("DELETE FROM test_set_item WHERE test_set_id = 2 AND ordinal = 0", "digest", "test_set"),
    "a profile": ("UPDATE profile SET limits = '{}'", "digest", "profile"),
    "a tree's config": ("UPDATE tree SET config_digest = 'sha256:0' WHERE id = 1", "digest", "tree"),
    "a job's config": ("UPDATE job SET config = replace(config, '0', '1')", "digest", "job"),
    "a step's text": (f"UPDATE step SET text = text || ' ' WHERE id = ({CHILD})", "tree-digest", "tree_end"),
    "a completion's text": ("UPDATE completion SET text = 'other' WHERE id = 1", "tree-digest", "tree_end"),
    "a tree's digest": ("UPDATE tree_end SET digest = 'sha256:0' WHERE tree_id = 2", "tree-digest", "tree_end"),
    "a root": ("DELETE FROM step WHERE tree_id = 1 AND parent_id IS NULL", "tree-root", "tree"),
    "a depth": (f"UPDATE step SET depth = 7 WHERE id = ({CHILD})", "step-depth", "step"),
    "a tree of a step": (f"UPDATE step SET tree_id = 3 WHERE id = ({CHILD})", "step-tree", "step"),
    "an ordinal": (f"UPDATE step SET ordinal = 77 WHERE id = ({CHILD})", "step-ordinal", "step"),
    "a program of another problem": (
        "UPDATE step SET program_id = (SELECT MIN(g.id) FROM program g JOIN tree x ON x.problem_id <> g.problem_id WHERE "
        "x.id = step.tree_id) WHERE id = (SELECT MAX(id) FROM step WHERE program_id IS NOT NULL)",
        "step-program",
        "step",
    ),
    "a completion's parent": (
        f"UPDATE completion SET step_id = ({CHILD}) WHERE id = (SELECT MAX(id) FROM completion WHERE step_id IS NOT NULL)",
        "completion-step",
        "completion",
    ),
    "a completion's tree": ("UPDATE completion SET tree_id = 3 WHERE id = 1", "completion-parent", "completion"),
    "a completion in flight": ("DELETE FROM completion WHERE id = 1", "completion-ordinals", "completion"),
    "a rollout lost": (f"DELETE FROM rollout WHERE id = ({FULL})", "rollout-missing", "step"),
    "a hole in the rollouts": (f"UPDATE rollout SET ordinal = 50 WHERE id = ({FULL})", "rollout-ordinals", "tree"),
    "a leaf counted twice": (
        "INSERT INTO rollout(tree_id, ordinal, attempt, leaf_id, program_id, passed, total, compiled, reward, terms) SELECT "
        "tree_id, (SELECT MAX(ordinal) + 1 FROM rollout o WHERE o.tree_id = r.tree_id), 1, leaf_id, program_id, passed, "
        f"total, compiled, reward, terms FROM rollout r WHERE r.id = ({FULL})",
        "rollout-twice",
        "rollout",
    ),
    "a leaf's program": (f"UPDATE rollout SET program_id = program_id + 1 WHERE id = ({FULL})", "rollout-leaf", "rollout"),
    "a count of passes": (f"UPDATE rollout SET passed = total WHERE id = ({FULL})", "rollout-passed", "rollout"),
    "a total": (f"UPDATE rollout SET total = total + 1 WHERE id = ({FULL})", "rollout-total", "rollout"),
    "a reward": (f"UPDATE rollout SET reward = 0.75 WHERE id = ({FULL})", "rollout-reward", "rollout"),
    "a verdict": (
        "UPDATE verdict SET code = 'WA' WHERE id = (SELECT MIN(id) FROM verdict WHERE code = 'AC')",
        "rollout-passed",
        "rollout",
    ),
    "a verdict lost": ("DELETE FROM verdict WHERE id = 3", "verdict-missing", "rollout"),
    "a verdict without isolation": ("UPDATE verdict SET layer = 'L0' WHERE id = 1", "verdict-unsound", "verdict"),
    "a fault of the judge": ("UPDATE verdict SET code = 'IE' WHERE id = 1", "verdict-unsound", "verdict"),
    "a verdict on a foreign case": (
        "UPDATE verdict SET test_case_id = (SELECT MAX(id) FROM test_case) WHERE id = 1",
        "verdict-problem",
        "verdict",
    ),
    "a label's value": (f"UPDATE label SET v_pass = 0.5 WHERE id = ({FREE_LABEL})", "label-value", "label"),
    "a label's word": (f"UPDATE label SET value = 'valid' WHERE id = ({FREE_LABEL})", "label-value", "label"),
    "a label's draws": (f"UPDATE label SET k = k + 1 WHERE id = ({FREE_LABEL})", "label-value", "label"),
    "a label lost": (f"DELETE FROM label WHERE id = ({FREE_LABEL})", "label-missing", "step"),
    "a retraction": ("UPDATE label SET retracts = 1 WHERE retracts IS NOT NULL", "label-retraction", "label"),
    "a label of nothing": (f"UPDATE label SET step_id = 9999 WHERE id = ({FREE_LABEL})", "foreign-key", "label"),
    "a label's author": ("UPDATE label SET author = 'eve' WHERE id = 1", "constraint", "label"),
    "a dataset's rows": ("UPDATE dataset SET rows = rows + 1 WHERE id = 1", "dataset-rows", "dataset"),
    "a dataset's digest": ("UPDATE dataset SET digest = 'sha256:0' WHERE id = 2", "dataset-file", "dataset"),
    "a member": (
        "UPDATE dataset_item SET step_id = step_id + 1 WHERE dataset_id = 2 AND ordinal = 0",
        "dataset-members",
        "dataset",
    ),
    "a label of a row": (
        "DELETE FROM dataset_label WHERE dataset_id = 1 AND label_id = "
        "(SELECT MIN(label_id) FROM dataset_label WHERE dataset_id = 1)",
        "dataset-members",
        "dataset",
    ),
    "a moment": (
        "UPDATE dataset SET as_of = replace(as_of, '\"label\":', '\"label\":1') WHERE id = 2",
        "dataset-members",
        "dataset",
    ),
    "a query": ("UPDATE dataset SET query = '{\"query\": \"colour:red\"}' WHERE id = 2", "dataset-query", "dataset"),
    "a row's digest": ("UPDATE dataset_item SET row_digest = 'x' WHERE dataset_id = 1 AND ordinal = 0", "dataset-row", "dataset"),
    "an attempt's end": ("UPDATE attempt SET ended_at = NULL", "attempt-end", "attempt"),
    "an attempt's number": ("UPDATE attempt SET n = 7", "attempt-order", "attempt"),
    "work after the work was done": (
        "INSERT INTO attempt(job_id, n, host, boot_id, started_at, heartbeat_at, done, total, versions, code_digest) "
        "VALUES (1, 2, 'h', '', 't', 't', 0, 0, '{}', '')",
        "attempt-after-done",
        "attempt",
    ),
    "an input": ("INSERT INTO job_input(job_id, name, ordinal, dataset_id) VALUES (1, 'policy', 0, 1)", "job-input", "job"),
    "a file read beyond its end": ("INSERT INTO ingest(job_id, file, offset) VALUES (1, 'metrics.jsonl', 9)", "ingest", "ingest"),
    "the search index": (
        "INSERT INTO problem_fts(problem_fts, rowid, title, statement) "
        "SELECT 'delete', id, title, statement FROM problem WHERE id = 1",
        "search-index",
        "problem_fts",
    ),
    "a blob without a row": ("DELETE FROM blob", "blob", "blob"),
}  # fmt: skip

# Damage to one fact that shows in one place only: nothing else may be said.
ALONE = (
    "a statement", "a program", "an expected output", "a case more", "a tree's config", "a step's text", "a tree's digest",
    "a label's value", "a label lost", "a dataset's rows", "a dataset's digest", "a member", "a label of a row", "a row's digest",
    "an attempt's end", "an input", "the search index",
)  # fmt: skip


def look(home: Path, *, quick: bool = False) -> Findings:
    lab = Lab(home, readonly=True)
    try:
        return examine(lab, quick=quick)
    finally:
        lab.close()


def test_a_clean_lab_agrees_and_everything_in_it_was_looked_at(home: Path) -> None:
    lab = Lab(home)
    checked, wrong = verify(lab, quick=False)
    lab.close()
    assert wrong == []
    for name in (
        "problem",
        "program",
        "test_case",
        "tree",
        "tree_end",
        "step",
        "rollout",
        "verdict",
        "label",
        "dataset_item",
    ):
        assert checked[name] > 0, name
    assert look(home, quick=True).wrong == []


@pytest.mark.parametrize("what", DAMAGES)
def test_damage_is_found(home: Path, damage: Damage, what: str) -> None:
    statement, kind, name = DAMAGES[what]
    assert damage(statement) > 0, "the statement changed nothing"
    wrong = look(home).wrong
    assert (kind, name) in {(each.kind, each.table) for each in wrong}
    if what in ALONE:
        assert len(wrong) == 1
    assert all(isinstance(each, Disagreement) and each.expected != each.found for each in wrong)
    json.dumps([each._asdict() for each in wrong])


@pytest.mark.parametrize("statement", ["DROP TRIGGER label_no_update", "DROP TRIGGER problem_text"])
def test_a_missing_trigger_is_named(home: Path, statement: str) -> None:
    raw = db.driver()[0].connect(str(home / "lab.db"))
    raw.execute(statement)
    raw.close()
    [wrong] = look(home).wrong
    assert (wrong.kind, wrong.id) == ("trigger", statement.split()[-1])


def test_a_weaker_trigger_is_named(home: Path) -> None:
    raw = db.driver()[0].connect(str(home / "lab.db"))
    raw.execute("DROP TRIGGER label_no_update")
    raw.execute("CREATE TRIGGER label_no_update BEFORE UPDATE ON label WHEN 0 BEGIN SELECT RAISE(ABORT, 'no'); END")
    raw.close()
    assert [each.kind for each in look(home).wrong] == ["trigger"]


def data_files(home: Path) -> list[Path]:
    return sorted(home.glob("blobs/*/*/data.jsonl"))


def test_a_changed_byte_of_a_dataset(home: Path) -> None:
    file = data_files(home)[0]
    file.write_bytes(file.read_bytes().replace(b"0", b"1", 1))
    assert {each.kind for each in look(home).wrong} == {"dataset-file"}


def test_a_manifest_that_is_no_json(home: Path) -> None:
    (data_files(home)[0].parent / "manifest.json").write_text("{")
    assert {each.kind for each in look(home).wrong} == {"blob"}


def test_a_folder_that_is_gone(home: Path) -> None:
    shutil.rmtree(data_files(home)[0].parent)
    assert {each.kind for each in look(home).wrong} == {"blob", "dataset-file"}


def test_quick_does_not_read_big_files_but_sees_their_sizes(home: Path, tmp_path: Path) -> None:
    from o1coder.checkpoints import add_model

    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    (tmp_path / "model" / "model.safetensors").write_bytes(b"weights")
    lab = Lab(home)
    for copy, name in ((True, "inside"), (False, "outside")):
        add_model(lab, name, tmp_path / "model", "here", copy=copy)
    lab.close()
    assert look(home).wrong == []
    [inside] = home.glob("blobs/*/*/model.safetensors")
    for file in (inside, tmp_path / "model" / "model.safetensors"):
        file.write_bytes(b"Weights")
    assert look(home, quick=True).wrong == []
    assert sorted(each.kind for each in look(home).wrong) == ["blob", "checkpoint"]
    inside.write_bytes(b"less")
    assert [each.kind for each in look(home, quick=True).wrong] == ["blob"]


def test_a_removed_model_leaves_no_disagreement(home: Path, tmp_path: Path) -> None:
    from o1coder.checkpoints import add_model, remove_model

    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    (tmp_path / "model" / "model.safetensors").write_bytes(b"weights")
    lab = Lab(home)
    add_model(lab, "tiny", tmp_path / "model", "here", copy=True)
    remove_model(lab, "tiny")
    lab.close()
    found = look(home)
    assert (found.wrong, found.remarks) == ([], [])


def test_what_a_killed_process_left_is_a_remark(home: Path) -> None:
    (home / "blobs" / ".incoming-1").mkdir()
    (home / "jobs" / ".dataset-1").mkdir()
    (home / "blobs" / "ab" / "abc").mkdir(parents=True)
    found = look(home)
    assert found.wrong == []
    assert len(found.remarks) == 3
    assert (home / "blobs" / ".incoming-1").is_dir()


def test_a_lost_attempt_is_a_remark(home: Path, damage: Damage) -> None:
    from o1coder.jobs import alive

    gone = f"outcome = NULL, ended_at = NULL, host = '{alive.host()}', boot_id = 'another', pid = 1"
    assert damage(f"UPDATE attempt SET {gone}") == 1
    found = look(home)
    assert found.wrong == []
    assert len(found.remarks) == 1


@pytest.mark.parametrize("name", ["completion", "label", "sqlite_autoindex_rollout_1"])
def test_a_torn_page_is_said_and_stops_nothing(home: Path, name: str) -> None:
    file = home / "lab.db"
    raw = db.driver()[0].connect(str(file))
    [(page,)] = raw.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (name,)).fetchall()
    [(size,)] = raw.execute("PRAGMA page_size").fetchall()
    raw.close()
    with file.open("r+b") as handle:
        handle.seek((page - 1) * size)
        handle.write(b"\xff" * 64)
    wrong = look(home).wrong
    assert wrong
    assert {each.kind for each in wrong} == {"integrity"}


def test_a_torn_schema_is_one_clear_error(home: Path) -> None:
    file = home / "lab.db"
    data = file.read_bytes()
    file.write_bytes(data.replace(b"CREATE TABLE label", b"CREATE\xffTABLE\xfflabel"))
    with pytest.raises(LabError, match="cannot be read as a database"):
        look(home)


def test_text_that_is_no_text_and_json_that_is_none_end_a_section_only(home: Path, damage: Damage) -> None:
    assert damage("UPDATE tree SET config = '{' WHERE id = 1", "UPDATE attempt SET n = 7") == 2
    kinds = {each.kind for each in look(home).wrong}
    assert {"unreadable", "attempt-order"} <= kinds
    assert damage("UPDATE program SET code = CAST(x'ff' AS TEXT) WHERE id = 1") == 1
    assert {"unreadable", "attempt-order"} <= {each.kind for each in look(home).wrong}


def test_a_hundred_trees_take_seconds(home: Path) -> None:
    lab = Lab(home)
    for seed in range(8):
        run_stage(lab, "synthesize", {"sampler": f"fake:{seed}", "simulations": 6, "seed": seed})
    begun = time.monotonic()
    found = examine(lab, quick=False)
    lab.close()
    assert found.wrong == []
    assert (time.monotonic() - begun) * 100 / found.checked["tree"] < 10


def test_rl_rollouts_are_bound_by_the_verdicts_of_their_own_job(home: Path, damage: Damage, tmp_path: Path) -> None:
    """Another job may have asked the judge before, and been answered otherwise: a question is stored once."""
    from o1coder import stage
    from o1coder.checkpoints import add_model
    from o1coder.stages.rl import rollout_ingest
    from tests.lab.conftest import Quiet, add_job

    lab = Lab(home)
    job_id = add_job(lab, "synthesize", {"sampler": "fake:1"})
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    (tmp_path / "model" / "model.safetensors").write_bytes(b"weights")
    policy = add_model(lab, "policy", tmp_path / "model", "here", copy=True)
    with lab.reading() as connection:
        mark = connection.exec_driver_sql("SELECT digest FROM problem WHERE id = 1").scalar()
        cases = connection.exec_driver_sql(
            "SELECT t.digest FROM test_set s JOIN test_set_item i ON i.test_set_id = s.id JOIN test_case t "
            "ON t.id = i.test_case_id WHERE s.problem_id = 1 AND s.purpose = 'reward' ORDER BY i.ordinal"
        ).all()
    codes = {row[0]: "AC" if n else "WA" for n, row in enumerate(cases)}
    measured = {"cpu_ms": 1.0, "wall_ms": 1.0, "memory_kb": 1, "exit": 0, "detail": "", "layer": "L4"}
    record = {
        "iteration": 1, "attempt": 1, "problem": mark, "ordinal": 0, "text": "all of it", "error": None,
        "steps": [{"action": "structure", "text": "a plan"}, {"action": "code", "text": "x = 1"}], "code": "x = 1\n",
        "passed": len(cases) - 1, "total": len(cases), "compiled": True, "reward": 0.4, "cases": codes,
        "terms": {"outcome": 0.5, "process": None, "alpha": 1.0}, "step_scores": [],
        "verdicts": {case: {**measured, "code": code} for case, code in codes.items()},
    }  # fmt: skip
    config = stage.parse(stage.find("rl").config, {"policy": policy})
    with lab.writing() as connection:
        rollout_ingest(config, Quiet(job_id), "short", "sha256:p")(connection, [record])  # type: ignore[arg-type]
    lab.close()
    assert look(home).wrong == []
    own = f"job_id = {job_id} AND code = 'AC' AND id = (SELECT MAX(id) FROM verdict)"
    damage(f"UPDATE verdict SET code = 'WA' WHERE {own}")
    assert [each.kind for each in look(home).wrong] == ["rollout-passed"]
    damage("UPDATE verdict SET job_id = 1 WHERE id = (SELECT MAX(id) FROM verdict)")
    assert look(home).wrong == []
