"""Labels out to the files of other tools and back: whose they are, what is turned down and why, the same file twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from o1coder import labels, standing
from o1coder.corrections import apply, first_error, undo_batch
from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.labelfiles import chains, store
from o1coder.labelfiles.record import Chain
from o1coder.treequery import Query
from o1coder.verify import examine
from tests.lab.conftest import Damage, run_stage

FORMATS = ("prm800k", "potato", "jsonl", "csv")
ALL = Query.parse("")


def words(lab: Lab) -> list[tuple[Any, ...]]:
    """What people say, without when and how it came: (step, author, value, reason, category)."""
    with lab.reading() as connection:
        found = connection.exec_driver_sql(
            "SELECT l.step_id, l.author, l.value, l.reason, l.category FROM label l WHERE l.source = 'human' "
            "AND l.retracts IS NULL AND NOT EXISTS (SELECT 1 FROM label r WHERE r.retracts = l.id) ORDER BY 1, 2"
        )
        return [tuple(row) for row in found]


def speak(lab: Lab) -> list[tuple[Any, ...]]:
    """Two people label steps of two trees, one of them a first error with all that follows."""
    with lab.reading() as connection:
        code = [
            row[0]
            for row in connection.exec_driver_sql(
                "SELECT s.id FROM step s WHERE s.action = 'code' AND NOT EXISTS (SELECT 1 FROM label l "
                "WHERE l.step_id = s.id AND l.source = 'human') ORDER BY s.tree_id DESC, s.id LIMIT 4"
            )
        ]
        parent = connection.exec_driver_sql("SELECT parent_id FROM step WHERE id = ?", (code[0],)).scalar()
        assert parent is not None
        changes = first_error(connection, parent)
    apply(lab, changes, "eve", reason="off by one")
    labels.add_human(lab, code[1], "unsure", "dan")
    labels.add_human(lab, code[2], "valid", "dan", category="edge case", reason='he said "no", and\nleft')
    return words(lab)


def forget(damage: Damage) -> None:
    """Take people's labels out of the lab, as if it had never had them."""
    damage("DELETE FROM label WHERE source = 'human' AND id NOT IN (SELECT label_id FROM dataset_label)")


def take(lab: Lab, path: Path, form: str | None = None, **options: Any) -> tuple[store.Plan, dict[str, Any]]:
    with lab.reading() as connection:
        found = store.plan(connection, path, form or store.guess(path), **options)
    return found, store.answer(found, store.write(lab, found))


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_written_is_read_back_as_it_was(lab: Lab, damage: Damage, tmp_path: Path, form: str) -> None:
    said = speak(lab)
    out = tmp_path / f"labels.{'csv' if form == 'csv' else 'jsonl'}"
    with lab.reading() as connection:
        assert store.write_file(out, form, chains.labelled(connection, ALL)) > 0
    before = (len(take(lab, out)[0].named), words(lab))
    assert before == (0, said)  # they are all known
    forget(damage)
    left = words(lab)
    found, done = take(lab, out)
    assert found.rejected == []
    assert (done["added"], done["known"]) == (len(said) - len(left), len(left))
    assert words(lab) == said
    again, nothing = take(lab, out)
    assert (again.named, nothing["added"], nothing["known"]) == ([], 0, len(said))
    with lab.reading() as connection:
        rows = connection.exec_driver_sql(
            "SELECT DISTINCT picked, seen IS NOT NULL FROM label WHERE batch = ?", (found.batch,)
        ).all()
    assert [tuple(row) for row in rows] == [("file", 1)]
    undo_batch(lab, found.batch, "ann")
    assert words(lab) == left
    assert take(lab, out)[1]["added"] == done["added"]
    assert examine(lab, quick=False).wrong == []


def tasks(lab: Lab, **options: Any) -> list[Chain]:
    with lab.reading() as connection:
        return list(chains.tasks(connection, ALL, **options))


def test_tasks_are_whole_paths_and_those_that_are_done_are_left_out(lab: Lab) -> None:
    found = tasks(lab)
    assert len({chain.links[-1].name for chain in found}) == len(found)
    assert {link.value for chain in found for link in chain.links} == {None}
    with lab.reading() as connection:
        leaves = connection.exec_driver_sql(
            "SELECT COUNT(*) FROM step s WHERE parent_id IS NOT NULL AND NOT EXISTS "
            "(SELECT 1 FROM step b WHERE b.parent_id = s.id)"
        ).scalar()
        step = connection.exec_driver_sql("SELECT MAX(id) FROM step WHERE action = 'code'").scalar()
        assert step is not None
        changes = [change._replace(value="valid") for change in first_error(connection, step)]
    assert len(found) == leaves
    apply(lab, changes, "eve")
    assert len(tasks(lab, unlabelled=True)) == len(found) - 1
    assert len(tasks(lab, limit=2)) == 2


def line(chain: Chain, ratings: list[Any], **about: Any) -> dict[str, Any]:
    """A line as PRM800K documents it, of a tool that knows nothing of our names."""
    steps = [
        {
            "completions": [{"text": link.text, "rating": rating, "flagged": False}],
            "human_completion": None,
            "chosen_completion": 0,
        }
        for link, rating in zip(chain.links, ratings, strict=False)
    ]
    return {
        "labeler": "340d89bc-f5b7-45e9-b272-909ba68ee363",
        "timestamp": "2023-01-22T04:34:27.052924",
        "generation": 9,
        "is_quality_control_question": False,
        "is_initial_screening_question": False,
        "question": {"problem": chain.statement, "ground_truth_answer": "3", "pre_generated_verifier_score": 0.01},
        "label": {"steps": steps, "total_time": 278270, "finish_reason": "found_error"},
    } | about


def test_lines_of_prm800k_find_their_steps_by_statement_and_texts(lab: Lab, tmp_path: Path) -> None:
    chain = next(chain for chain in tasks(lab) if len(chain.links) > 2)
    file = tmp_path / "phase2.jsonl"
    other = line(chain, [1])
    other["question"] = {"problem": "What is 2 + 2?"}
    rows = [
        line(chain, [1, 0, -1]),
        line(chain, [1], is_quality_control_question=True),
        line(chain, [1], labeler="bob", label=line(chain, [1])["label"] | {"finish_reason": "bad_problem"}),
        other,
        line(chain, [2], labeler="bob"),
        line(chain, [True], labeler="carl"),
        line(chain, [1]),
        line(chain, [-1]),
        line(chain, [None, None], labeler="dora"),
        {"labeler": "x"},
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows) + "not json\n")
    found, done = take(lab, file)
    assert [one.said.value for one in found.named] == ["valid", "unsure", "invalid"]
    assert (found.named[0].said.taken_ms, found.named[1].said.taken_ms) == (278270, None)
    assert done["authors"] == ["340d89bc-f5b7-45e9-b272-909ba68ee363"]
    assert [(one.row, one.reason) for one in found.rejected] == [
        (2, "a question of quality control or screening, asked to measure the labeller"),
        (3, "the labeller calls the problem bad"),
        (4, "no problem has this statement"),
        (5, "step 1: the rating 2 is none of -1, 0, 1"),
        (6, "step 1: the rating True is none of -1, 0, 1"),
        (7, "row 1 says the same of this step already"),
        (8, "row 1 says valid of this step already"),
        (10, "no line of PRM800K: it has no question with labelled steps"),
        (11, "not JSON: Expecting value at character 0"),
    ]


def test_texts_that_fit_several_steps_are_held_to_a_tree(lab: Lab, tmp_path: Path) -> None:
    run_stage(lab, "synthesize", {"sampler": "fake:7", "simulations": 4, "seed": 0})  # the same trees again
    chain = tasks(lab)[0]
    file = tmp_path / "lines.jsonl"
    file.write_text(json.dumps(line(chain, [1])) + "\n")
    assert "steps have these texts" in take(lab, file)[0].rejected[0].reason
    tree = chain.links[0].name.partition(":")[0]
    found, _ = take(lab, file, query=f"tree:{tree}")
    assert (len(found.named), found.rejected) == (1, [])


def test_answers_of_potato_keep_what_is_not_answered_apart_from_neutral(lab: Lab, tmp_path: Path) -> None:
    one, two, three = [chain for chain in tasks(lab) if len(chain.links) > 2][:3]
    last = [chain.links[-1].name for chain in (one, two, three)]
    native = {"steps": [{"index": 0, "reward": 1}, {"index": 1, "reward": 0}], "mode": "first_error"}
    answers = [
        {"instance_id": last[0], "annotator": "ann", "mode": "per_step", "steps": [{"index": 0, "reward": 0}]},
        {"instance_id": last[0], "annotator": "cleo", "mode": "per_step", "steps": [{"index": 1, "reward": None}]},
        {
            "instance_id": last[1],
            "annotator": "bea",
            "mode": "first_error",
            "steps": [{"index": n, "reward": reward} for n, reward in enumerate((1, -1, -1))],
        },
        {"id": last[2], "user_id": "eve", "labels": {"step_rewards": {"label": json.dumps(native)}}},
        {
            "instance_id": last[2],
            "annotator": "fay",
            "steps": [{"index": 0, "reward": 1, "source": "ai", "verified": False}, {"index": 9, "reward": 1}],
        },
        {"instance_id": last[2][:-1] + "x", "annotator": "fay", "steps": [{"index": 0, "reward": 1}]},
        {"instance_id": last[2].partition("@")[0] + "@00000000", "annotator": "fay", "steps": [{"reward": 1}]},
        {"id": last[2], "text": "a task", "steps": ["that", "nobody", "answered"]},
    ]
    file = tmp_path / "prm_training_data.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in answers))
    found, _ = take(lab, file)
    said = [(one.said.author, one.said.value, one.said.category) for one in found.named]
    assert said == [
        ("ann", "unsure", None),
        ("bea", "valid", None),
        ("bea", "invalid", None),
        ("bea", "invalid", "tainted"),
        ("eve", "valid", None),
    ]
    assert [(one.row, one.reason.partition(":")[0]) for one in found.rejected] == [
        (5, "step 0"),
        (5, f"the chain has {len(three.links)} steps, and this is its step 10"),
        (6, "it names no step"),
        (7, "the digest is not that of the step"),
        (8, "a step is no object with a reward"),
    ]


def test_zero_is_no_answer_where_a_file_has_no_word_for_none(lab: Lab, tmp_path: Path) -> None:
    name = tasks(lab)[0].links[-1].name
    file = tmp_path / "older.jsonl"
    steps = [{"index": 0, "reward": 1}, {"index": 1, "reward": 0}]
    file.write_text(json.dumps({"instance_id": name, "annotator": "ann", "mode": "per_step", "steps": steps}) + "\n")
    assert [one.said.value for one in take(lab, file)[0].named] == ["valid"]


def test_rows_that_are_no_labels_are_told_one_by_one(lab: Lab, tmp_path: Path) -> None:
    step = tasks(lab)[0].links[0].name
    rows: list[dict[str, Any]] = [
        {"step": step, "value": "valid", "author": "ann"},
        {"step": step, "value": "fine", "author": "ann"},
        {"step": "1", "value": "valid", "author": "ann"},
        {"step": "1:", "value": "valid", "author": "ann"},
        {"step": "999999", "value": "valid", "author": "ann"},
        {"step": "99:0", "value": "valid", "author": "ann"},
        {"step": "1:77", "value": "valid", "author": "ann"},
        {"step": "here", "value": "valid", "author": "ann"},
        {"step": "9" * 30, "value": "valid", "author": "ann"},
        {"step": True, "value": "valid", "author": "ann"},
        {"step": step, "value": "valid", "author": 7},
        {"step": step, "value": "valid", "author": "bob", "taken_ms": -4},
        {"step": step, "value": "valid", "author": "\ud800"},
        {"step": step, "value": "", "author": "zoe"},
    ]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found, done = take(lab, file)
    assert (done["added"], [one.row for one in found.rejected]) == (1, list(range(2, 14)))
    reasons = {one.row: one.reason for one in found.rejected}
    assert all("root" in reasons[row] for row in (3, 4))
    assert reasons[5] == "there is no step 999999"
    assert reasons[6] == "there is no tree 99"
    assert reasons[13].startswith("a lone surrogate")


def test_a_later_word_is_not_overruled_by_the_same_file_again(lab: Lab, tmp_path: Path) -> None:
    name = tasks(lab)[0].links[0].name
    file = tmp_path / "rows.csv"
    file.write_text(f"step,value,author\n{name},valid,ann\n")
    found, _ = take(lab, file)
    labels.add_human(lab, found.named[0].step, "invalid", "ann")
    assert take(lab, file)[1]["added"] == 0


def test_a_row_that_names_nobody_is_a_jobs_and_counts_least(lab: Lab, tmp_path: Path) -> None:
    with lab.reading() as connection:
        spare = connection.exec_driver_sql(
            "SELECT s.id FROM step s JOIN label l ON l.step_id = s.id AND l.value = 'valid' "
            "WHERE s.id NOT IN (SELECT step_id FROM label WHERE source = 'human') ORDER BY s.id LIMIT 1"
        ).scalar()
    file = tmp_path / "rows.jsonl"
    file.write_text(json.dumps({"step": spare, "value": "invalid"}) + "\n")
    found, done = take(lab, file)
    assert (found.named, len(found.unnamed), done["added"]) == ([], 1, 0)
    job = run_stage(lab, "import-labels", {"path": str(file)})
    answer = json.loads((lab.job_folder(job) / "answer.json").read_text())
    assert (answer["added"], answer["unnamed"]) == (1, 1)
    with lab.reading() as connection:
        row = connection.exec_driver_sql(
            "SELECT source, job_id, author FROM label WHERE batch = ?", (found.batch,)
        ).one()
        counts = connection.exec_driver_sql(
            f"SELECT l.value FROM label l WHERE l.id = {standing.current_label(str(spare))}"
        ).scalar()
    assert tuple(row) == ("import", job, None)
    assert counts == "valid"
    again = run_stage(lab, "import-labels", {"path": str(file)})
    assert json.loads((lab.job_folder(again) / "answer.json").read_text())["added"] == 0
    assert [one.said.author for one in take(lab, file, author="ann")[0].named] == ["ann"]


def test_files_that_cannot_be_told_are_refused(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "what.jsonl"
    file.write_text('{"colour": "red"}\n')
    with pytest.raises(LabError, match="cannot be told"):
        store.guess(file)
    with pytest.raises(LabError, match="cannot be read"):
        store.guess(tmp_path / "absent.jsonl")
    table = tmp_path / "what.csv"
    table.write_text("colour\nred\n")
    with lab.reading() as connection, pytest.raises(LabError, match="no columns step and value"):
        store.plan(connection, table, "csv")
    with lab.reading() as connection, pytest.raises(LabError, match="exists already"):
        store.write_file(file, "jsonl", chains.tasks(connection, ALL))
