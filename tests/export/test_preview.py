"""A preview holds what the export will hold, writes nothing, and counts what the rows rest on; two datasets are compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from o1coder import labels
from o1coder.apart import Previewing
from o1coder.clock import now
from o1coder.errors import LabError
from o1coder.export import sides
from o1coder.lab import Lab
from o1coder.models import Checkpoint, JobInput
from o1coder.previewing import KINDS, line, preview, wish
from o1coder.problems.record import NewCase, NewProblem, NewProgram
from o1coder.problems.store import add_problem
from o1coder.queries import datasets
from o1coder.queries.datasetdiff import diff
from o1coder.rows import By, add
from tests.export.conftest import GOOD, PROBLEM, grow, lines, new_job
from tests.export.test_export import run


@pytest.mark.parametrize("kind", KINDS)
def test_a_preview_is_what_the_export_writes(lab: Lab, tmp_path: Path, kind: str) -> None:
    grow(lab)
    seen = preview(lab, wish(kind, "split:train"))
    with lab.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM dataset").scalar() == 0
    assert seen.known == []
    answer = run(lab, kind, tmp_path / "out")
    assert (seen.sha256, seen.rows, seen.excluded, seen.as_of) == tuple(
        answer[name] for name in ("sha256", "rows", "excluded", "as_of")
    )
    assert [one.row for one in seen.first] == lines(tmp_path / "out")
    assert seen.card == (tmp_path / "out" / "README.md").read_text()
    assert preview(lab, wish(kind, "split:train")).known == [answer["dataset"]]
    stored = datasets.rows(lab, answer["dataset"])
    assert [one._replace(sound=True) for one in stored] == seen.first
    assert all(one.sound for one in stored)
    with lab.reading() as connection:
        assert datasets.counts(connection, answer["dataset"]) == seen.by
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["counts"]["source"] == {"jsonl": answer["rows"]}


def test_rows_are_counted_by_what_they_rest_on(lab: Lab) -> None:
    ids = grow(lab)
    labels.add_human(lab, ids[0, 0, 1], "valid", "ann")
    labels.add_human(lab, ids[0, 1], "invalid", "bob")
    found = preview(lab, wish("o1coder-prm", ""))
    assert found.words == {"invalid": 3, "valid": 5}
    assert (found.by.problems, found.by.split, found.by.source) == (1, {"train": 8}, {"jsonl": 8})
    assert found.by.ends_with == {"code": 4, "structure": 2, "refine": 2}
    assert found.by.label_sources == {"search": 6, "human": 2}
    assert found.by.people == {"ann": 1, "bob": 1}
    assert [(share.title, share.rows) for share in found.by.largest] == [("add", 8)]
    mixed = preview(lab, wish("stepwise", "")).by.label_sources
    assert mixed == {"human+search": 2, "search": 2}
    values = preview(lab, wish("o1coder-prm", "target:value")).words
    assert values == {"invalid": 4, "valid": 1, "value .5": 1, "value .7": 1}


def test_rows_are_paged(lab: Lab, tmp_path: Path) -> None:
    grow(lab)
    run(lab, "o1coder-prm", tmp_path / "out")
    whole = lines(tmp_path / "out")
    assert [one.row for one in preview(lab, wish("o1coder-prm", ""), skip=2, first=3).first] == whole[2:5]
    assert [(one.ordinal, one.row) for one in datasets.rows(lab, 1, first=5, count=9)] == [(5, whole[5]), (6, whole[6])]
    assert datasets.rows(lab, 1, first=70) == []
    with lab.reading() as connection:
        folder = lab.home / datasets.show(connection, 1).path
    file = folder / "data.jsonl"
    file.chmod(0o644)
    file.write_text(file.read_text().replace('"positive"', '"negative"', 1))
    assert [one.sound for one in datasets.rows(lab, 1)].count(False) == 1
    file.unlink()
    with pytest.raises(LabError, match="cannot be read"):
        datasets.rows(lab, 1)


def test_equal_rows_and_contradictions_are_counted(lab: Lab) -> None:
    grow(lab)
    once = preview(lab, wish("o1coder-prm", ""))
    assert (once.equal, once.contradicting) == (0, 0)
    again = grow(lab)  # the same problem, searched a second time with the same words
    assert preview(lab, wish("o1coder-prm", "")).equal == once.rows
    labels.add_human(lab, again[0, 0], "invalid", "ann")
    found = preview(lab, wish("o1coder-prm", ""))
    assert (found.equal, found.contradicting) == (once.rows - 1, 1)
    assert preview(lab, wish("preference", "")).contradicting == 0


def test_a_problem_that_another_split_holds_is_named(lab: Lab) -> None:
    grow(lab)
    assert preview(lab, wish("stepwise", "")).leaks == (1, 0, [])
    copied = NewProblem(
        "jsonl", "copy", "test", "other", "call", "sum", "Sum both.", (NewCase("[1, 2]", "3", ("held-out",)),),
        (NewProgram("def total(x, y):\n    return x + y\n", "correct", "reference"),), "total", "total(x, y)",
    )  # fmt: skip
    with lab.writing() as connection:
        add_problem(connection, copied, By(author="t"))
    found = preview(lab, wish("stepwise", "")).leaks
    assert (found.checked, found.against) == (1, 1)
    assert [(leak.problem, "its reference is that of jsonl/copy" in leak.reason) for leak in found.found] == [(1, True)]


def test_too_many_problems_to_compare_are_said_not_to_be(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    grow(lab)
    with lab.writing() as connection:
        other = NewProblem("jsonl", "far", "test", "far", "call", "far", "Count letters.", PROBLEM.cases[:1])
        add_problem(connection, other, By(author="t"))
    monkeypatch.setattr("o1coder.queries.leaks.MOST_COMPARED", 0)
    assert preview(lab, wish("stepwise", "")).leaks == (0, 0, [])
    assert preview(lab, wish("stepwise", ""), every_leak=True).leaks == (1, 1, [])


def test_a_preview_apart_is_the_same_preview(lab: Lab) -> None:
    grow(lab)
    apart = Previewing(lab.home, "stepwise", "split:train target:value", first=2).answer()
    assert apart == preview(lab, wish("stepwise", "split:train target:value"), first=2)
    with pytest.raises(LabError, match="no field 'colour:red'") as caught:
        Previewing(lab.home, "stepwise", "colour:red", first=2).answer()
    assert "split:" in (caught.value.hint or "")
    stopped = Previewing(lab.home, "stepwise", "", first=2)
    stopped.cancel()
    with pytest.raises(LabError, match="stopped"):
        stopped.answer()


def test_a_wish_is_one_line() -> None:
    found = wish("preference", "split:train pairs:strict 'slice:a b' margin:0.4 as_of:7")
    assert (found.query, found.pairs, found.margin, found.as_of) == ("split:train 'slice:a b'", "strict", 0.4, "7")
    assert line(found) == "split:train 'slice:a b' as_of:7 pairs:strict margin:0.4"
    assert line(wish("stepwise", "target:validity")) == ""
    assert wish("stepwise", "split:train", {"target": "value", "margin": None}).target == "value"
    for kind, text in (("stepwise", "target:both"), ("poem", ""), ("stepwise", "'open"), ("preference", "margin:7")):
        with pytest.raises(LabError):
            wish(kind, text)


def test_what_became_of_rows(lab: Lab, tmp_path: Path) -> None:
    ids = grow(lab)
    run(lab, "o1coder-prm", tmp_path / "1")
    human = labels.add_human(lab, ids[0, 0, 0], "invalid", "ann")
    labels.add_human(lab, ids[0, 1], "valid", "ann")
    labels.add_human(lab, ids[1, 0], "unsure", "ann")
    run(lab, "o1coder-prm", tmp_path / "2")
    found = diff(lab, 1, 2)
    assert (found.same, found.relabelled, found.added, found.removed, found.changed) == (5, 1, 1, 1, 0)
    by_sort = {one.sort: one for one in found.differences}
    changed = by_sort["relabelled"]
    assert (changed.step, changed.problem, changed.before, changed.after) == (ids[0, 0, 0], 1, ["valid"], ["invalid"])
    assert changed.labels_b == [human.id]
    assert changed.labels_a != changed.labels_b
    assert GOOD in changed.text
    assert (by_sort["added"].step, by_sort["added"].before) == (ids[0, 1], None)
    assert (by_sort["removed"].step, by_sort["removed"].after) == (ids[1, 0], None)
    back = diff(lab, 2, 1)
    assert (back.relabelled, back.added, back.removed) == (1, 1, 1)
    assert diff(lab, 1, 1).same == 7
    with pytest.raises(LabError, match="no dataset 9"):
        diff(lab, 1, 9)
    assert [one.sort for one in diff(lab, 1, 2, shown=1).differences] == ["relabelled", "removed", "added"]


def test_pairs_that_are_turned_round_are_relabelled(lab: Lab, tmp_path: Path) -> None:
    ids = grow(lab)
    run(lab, "preference", tmp_path / "1")
    labels.add_human(lab, ids[0, 0, 0], "invalid", "ann")
    labels.add_human(lab, ids[0, 0, 1], "valid", "ann")
    run(lab, "preference", tmp_path / "2")
    assert sides.about({"prompt": "p", "chosen": "a", "rejected": "b"}) == sides.about(
        {"prompt": "p", "chosen": "b", "rejected": "a", "weight": 0.5}
    )
    found = diff(lab, 1, 2)
    # The member is the rejected step, which is another one now: a row went, a row came.
    assert (found.same, found.removed, found.added) == (1, 1, 1)
    run(lab, "stepwise", tmp_path / "3")
    assert diff(lab, 1, 3).same == 0


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"prompt": "p", "completions": ["a", "b"], "labels": [True, False]}, ["valid", "invalid"]),
        ({"prompt": "p", "completions": ["a"], "labels": [0.25]}, ["value .2"]),
        ({"text": "p", "value": 1.0, "weight": 0.1}, ["valid"]),
        ({"prompt": "p", "response": "r", "label": ["negative"]}, ["invalid"]),
        ({"prompt": "p", "completion": "c"}, []),
    ],
)
def test_what_a_row_says(row: dict[str, Any], said: list[str]) -> None:
    assert sides.words(row) == said
    assert bool(sides.says(row)) == bool(said)
    other = {**row, "weight": 0.7, "label" if "label" in row else "labels": ["positive"]}
    other.pop("value", None)
    assert sides.about(other) == sides.about(row)


def test_a_dataset_says_who_uses_it_and_which_labels_no_longer_hold(lab: Lab, tmp_path: Path) -> None:
    ids = grow(lab)
    run(lab, "stepwise", tmp_path / "1")
    trained = new_job(lab, "prm")
    with lab.writing() as connection:
        add(connection, JobInput, job_id=trained, name="rows", ordinal=0, dataset_id=1)
        weights = dict(role="prm", format="full", base_digest="sha256:b", bytes=1, path="blobs/c", created_at=now())
        prm = add(connection, Checkpoint, digest="sha256:c", job_id=trained, **weights)
    with lab.reading() as connection:
        found = datasets.show(connection, 1)
        assert found.used_by == [prm]
        assert datasets.page(connection) == datasets.newest(connection) == [found]
        assert datasets.stale(connection) == {}
    human = labels.add_human(lab, ids[0, 0], "invalid", "ann")
    labels.add_human(lab, ids[0,], "valid", "ann")  # says what the search said: it overrules nothing
    run(lab, "stepwise", tmp_path / "2")
    with lab.reading() as connection:
        assert datasets.stale(connection) == {1: 1}
        [gone] = datasets.stale_labels(connection, 1)
        assert connection.exec_driver_sql("SELECT step_id FROM label WHERE id = ?", (gone,)).scalar() == ids[0, 0]
    labels.undo(lab, human.id, "ann")
    with lab.reading() as connection:
        assert datasets.stale(connection) == {2: 1}
        assert datasets.stale_labels(connection, 1) == []
        assert datasets.stale_labels(connection, 2) == [human.id]
