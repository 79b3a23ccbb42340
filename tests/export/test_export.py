"""What an export writes: each format's rows, the same bytes for the same facts, a folder whole or not at all."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from o1coder import labels, mining, selection
from o1coder.clock import now
from o1coder.errors import LabError
from o1coder.export import folder, o1coder_prm
from o1coder.lab import Lab
from o1coder.models import Checkpoint
from o1coder.rows import add
from o1coder.selection import Excluded, Labelled, StepRow
from o1coder.stages.export import Export, export
from o1coder.stages.prm import pair_rows
from o1coder.task import Task
from o1coder.verify import verify
from tests.export.conftest import BAD, GOOD, PROBLEM, Report, grow, lines, new_job

KINDS = ("prompt-completion", "preference", "stepwise", "o1coder-prm")
HEAD = f"## Problem\n{PROBLEM.statement}\n"


def run(lab: Lab, kind: str, out: Path, job: int | None = None, **more: Any) -> dict[str, Any]:
    """Run the stage as a job; its answer."""
    report = Report(new_job(lab, "export") if job is None else job)
    config = Export.model_validate({"kind": kind, "out": str(out), **more})
    export(lab, config, report)
    found: dict[str, Any] = json.loads((lab.job_folder(report.job_id) / "answer.json").read_text())
    return found


def test_prompt_completion_is_a_passing_chain(lab: Lab, tmp_path: Path) -> None:
    grow(lab)
    answer = run(lab, "prompt-completion", tmp_path / "out")
    [row] = lines(tmp_path / "out")
    assert set(row) == {"prompt", "completion"}
    assert row["prompt"] == HEAD
    assert str(row["completion"]).startswith("### Structure\nFunction add(a, b). Plan: add them.\n### Refine\n")
    assert str(row["completion"]).endswith(f"### Code\n```python\n{GOOD}\n```")
    assert answer["excluded"] == {"not every reward test passed": 2, "a step is labelled invalid or unsure": 1}


def test_preference_takes_siblings(lab: Lab, tmp_path: Path) -> None:
    grow(lab)
    run(lab, "preference", tmp_path / "out")
    first, second = lines(tmp_path / "out")
    assert first["prompt"] == HEAD
    assert "add them" in str(first["chosen"])
    assert "guess" in str(first["rejected"])
    assert str(second["prompt"]).endswith("2. return the sum\n")
    assert second["chosen"] == f"### Code\n```python\n{GOOD}\n```"
    assert second["rejected"] == f"### Code\n```python\n{BAD}\n```"
    assert run(lab, "preference", tmp_path / "wide", margin=0.8)["rows"] == 1


def test_stepwise_joins_to_what_a_prm_reads(lab: Lab, tmp_path: Path) -> None:
    grow(lab)
    answer = run(lab, "stepwise", tmp_path / "out")
    rows = lines(tmp_path / "out")
    assert [row["labels"] for row in rows] == [[False, False], [True, True, True], [True, True, False]]
    assert answer["excluded"] == {"unsure": 1, "a step before it has no label": 1}
    for row in rows:
        texts = [str(row["prompt"]), *row["completions"]]  # type: ignore[misc]
        assert len(row["completions"]) == len(row["labels"])  # type: ignore[arg-type]
        assert "\n".join(texts).startswith(HEAD)
    chain = "\n".join([str(rows[1]["prompt"]), *rows[1]["completions"]])  # type: ignore[misc]
    run(lab, "prompt-completion", tmp_path / "chain")
    [whole] = lines(tmp_path / "chain")
    assert chain == str(whole["prompt"]) + str(whole["completion"])


def test_stepwise_values(lab: Lab, tmp_path: Path) -> None:
    grow(lab)
    run(lab, "stepwise", tmp_path / "out", target="value")
    assert [row["labels"] for row in lines(tmp_path / "out")] == [
        [0.0, 0.0],
        [0.75, 0.5, 1.0],
        [0.75, 0.5, 0.0],
        [0.75, 1.0, 1.0],
    ]


def test_values_of_two_policies_are_not_pooled(lab: Lab, tmp_path: Path) -> None:
    grow(lab)
    with lab.writing() as connection:
        policy = add(
            connection,
            Checkpoint,
            digest="sha256:p",
            role="policy",
            format="full",
            base_digest="sha256:p",
            bytes=1,
            path="blobs/p",
            author="t",
            created_at=now(),
        )
    grow(lab, policy)
    with pytest.raises(LabError, match="of 2 policies") as said:
        run(lab, "stepwise", tmp_path / "out", target="value")
    named = re.search("job:[0-9]+", said.value.hint or "")
    assert named is not None
    assert run(lab, "stepwise", tmp_path / "one", target="value", query=f"split:train {named[0]}")["rows"] == 4
    assert "maps\nto 0" in (tmp_path / "one" / "README.md").read_text()
    assert run(lab, "stepwise", tmp_path / "hard")["rows"] == 6
    assert "maps" not in (tmp_path / "hard" / "README.md").read_text()


def test_a_value_row_rests_on_the_persons_label_that_condemned_it(lab: Lab, tmp_path: Path) -> None:
    ids = grow(lab)
    human = labels.add_human(lab, ids[0, 0], "invalid", "t")
    answer = run(lab, "o1coder-prm", tmp_path / "out", target="value")
    with lab.reading() as connection:
        resting = connection.exec_driver_sql(
            "SELECT i.step_id FROM dataset_label d JOIN dataset_item i USING (dataset_id, ordinal) "
            "WHERE d.label_id = ? AND d.dataset_id = ?",
            (human.id, answer["dataset"]),
        ).all()
    assert {row[0] for row in resting} == {ids[0, 0], ids[0, 0, 0], ids[0, 0, 1]}
    _, wrong = verify(lab, quick=False)
    assert [each for each in wrong if each.table.startswith("dataset")] == []


def test_o1coder_rows_hard_and_soft(lab: Lab, tmp_path: Path) -> None:
    grow(lab)
    answer = run(lab, "o1coder-prm", tmp_path / "hard")
    rows = lines(tmp_path / "hard")
    assert json.loads((tmp_path / "hard" / "data.json").read_text(encoding="utf-8")) == rows
    assert [file["name"] for file in answer["files"]] == ["data.jsonl", "data.json"]
    assert {tuple(sorted(row)) for row in rows} == {("has_final_step", "label", "prompt", "response")}
    assert [row["label"] for row in rows].count(["positive"]) == 4
    assert [row["has_final_step"] for row in rows].count(True) == 4
    last = next(row for row in rows if GOOD in str(row["response"]))
    assert str(last["response"]).count("\nStep ") == str(last["response"]).count("[Pseudo End]")
    assert f"[Code Start]\n```python\n{GOOD}\n```\n[Code End]" in str(last["response"])
    run(lab, "o1coder-prm", tmp_path / "soft", target="value")
    assert {value for row in lines(tmp_path / "soft") for value in row["label"]} == {0.0, 0.5, 0.75, 1.0}  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", KINDS)
def test_the_folder_says_what_it_holds(lab: Lab, tmp_path: Path, kind: str) -> None:
    grow(lab)
    answer = run(lab, kind, tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    for file in answer["files"]:
        data = (tmp_path / "out" / file["name"]).read_bytes()
        assert file["sha256"] == "sha256:" + hashlib.sha256(data).hexdigest()
    assert answer["sha256"] == answer["files"][0]["sha256"] == manifest["sha256"]
    assert manifest["rows"] == answer["rows"] == len(lines(tmp_path / "out"))
    assert all(set(manifest["schema"]) == set(row) for row in lines(tmp_path / "out"))
    assert {path.name for path in tmp_path.iterdir()} == {"lab", "out"}
    assert kind in (tmp_path / "out" / "README.md").read_text()
    with lab.reading() as connection:
        dataset = connection.exec_driver_sql("SELECT digest, kind, rows FROM dataset").one()
        members = connection.exec_driver_sql("SELECT COUNT(*) FROM dataset_item").scalar()
    assert dataset == (answer["sha256"], kind, answer["rows"])
    assert members == answer["rows"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_label_added_and_undone_gives_the_first_bytes_back(lab: Lab, tmp_path: Path, kind: str) -> None:
    ids = grow(lab)
    first = run(lab, kind, tmp_path / "1")
    assert run(lab, kind, tmp_path / "2")["sha256"] == first["sha256"]
    added = labels.add_human(lab, ids[0, 0, 0], "invalid", "t")
    if kind in ("prompt-completion", "preference"):
        labels.add_human(lab, ids[0, 1], "valid", "t")
    changed = run(lab, kind, tmp_path / "3")
    assert changed["sha256"] != first["sha256"]
    assert run(lab, kind, tmp_path / "4", as_of=str(first["dataset"]))["sha256"] == first["sha256"]
    with lab.reading() as connection:
        mine = connection.exec_driver_sql("SELECT id FROM label WHERE source = 'human' ORDER BY id").all()
    for (label_id,) in mine:
        labels.undo(lab, label_id, "t")
    assert added.id == mine[0][0]
    assert run(lab, kind, tmp_path / "5")["sha256"] == first["sha256"]
    assert run(lab, kind, tmp_path / "6", as_of=str(changed["dataset"]))["sha256"] == changed["sha256"]


def test_two_labs_with_the_same_facts_give_the_same_bytes(lab: Lab, tmp_path: Path) -> None:
    other = Lab.create(tmp_path / "other")
    for _ in range(5):  # so that ids differ
        new_job(other, "noise")
    grow(lab)
    grow(other)
    for kind in KINDS:
        one, two = run(lab, kind, tmp_path / f"{kind}-1"), run(other, kind, tmp_path / f"{kind}-2")
        assert one["sha256"] == two["sha256"]
    other.close()


def test_an_existing_folder_is_refused_and_left_alone(lab: Lab, tmp_path: Path) -> None:
    grow(lab)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("keep")
    with pytest.raises(LabError, match="exists already"):
        run(lab, "stepwise", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]
    run(lab, "stepwise", tmp_path / "new")
    with pytest.raises(LabError, match="exists already"):
        run(lab, "stepwise", tmp_path / "new")
    with lab.reading() as connection:
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM dataset").scalar() == 1


def test_a_retried_job_ends_what_it_began(lab: Lab, tmp_path: Path) -> None:
    grow(lab)
    job = new_job(lab, "export")
    first = run(lab, "stepwise", tmp_path / "out", job=job)
    (lab.job_folder(job) / "answer.json").unlink()
    assert run(lab, "stepwise", tmp_path / "out", job=job) == first
    (tmp_path / "out").rename(tmp_path / "gone")
    assert run(lab, "stepwise", tmp_path / "out", job=job) == first
    for name in ("data.jsonl", "manifest.json", "README.md"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "gone" / name).read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"query": "colour:red"}, "no field"),
        ({"query": "split:test"}, "no rows"),
        ({"as_of": "yesterday"}, "neither now"),
        ({"as_of": "77"}, "no dataset 77"),
        ({"kind": "preference", "target": "value"}, "no value"),
        ({"out": "relative"}, "no full path"),
    ],
)
def test_what_a_user_can_mend(lab: Lab, tmp_path: Path, change: dict[str, str], message: str) -> None:
    grow(lab)
    values = {"kind": "stepwise", "out": str(tmp_path / "out"), **change}
    with pytest.raises(LabError, match=message):
        run(lab, values.pop("kind"), Path(values.pop("out")), **values)
    assert not (tmp_path / "out").exists()


def test_a_failed_write_leaves_nothing(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grow(lab)

    def full(path: Path) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folder, "digest_file", full)
    with pytest.raises(LabError, match="No space") as caught:
        run(lab, "stepwise", tmp_path / "out")
    assert caught.value.kind == "disk-full"
    assert {path.name for path in tmp_path.iterdir()} == {"lab"}


def test_rows_with_the_loaders_marker_are_left_out() -> None:
    step = StepRow(1, 0, "structure", "Compare the Rating of both.", None)
    item = Labelled(1, 1, Task("Rate.", "stdio"), (step,), (1,), "valid", "search", 1.0, 8, 1.0)
    excluded = Excluded()
    assert list(o1coder_prm.rows([item], "validity", excluded)) == []
    assert excluded.counts == {"the text holds the marker ' Rating'": 1}


def test_rows_have_one_schema(lab: Lab, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    grow(lab)
    for kind in KINDS:
        run(lab, kind, tmp_path / kind)
        rows = datasets.Dataset.from_list(lines(tmp_path / kind))
        assert rows.num_rows == len(lines(tmp_path / kind))


def test_training_takes_the_exported_rows_with_a_weight(lab: Lab, tmp_path: Path) -> None:
    grow(lab)
    run(lab, "preference", tmp_path / "out")
    with lab.reading() as connection:
        now, query = selection.as_of_now(connection), selection.Query.parse("split:train")
        trained = pair_rows(mining.pairs(connection, query, now, Excluded(), mining.rule()), mining.rule())
    assert [row.content for row in trained] == [{**row, "weight": 0.5} for row in lines(tmp_path / "out")]
