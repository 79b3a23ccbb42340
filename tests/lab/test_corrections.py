"""What a word brings with it, on a tree made by hand: taint, re-valuing, the preview, one batch and its undo."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from o1coder import corrections, labels
from o1coder.corrections import Change
from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.revaluing import outline
from o1coder.rows import By
from o1coder.search.facts import CompletionFact, EndFact, RolloutFact, StepFact, parse_path
from o1coder.search.values import recorded_values
from o1coder.treefacts import step_ids, stored_facts
from o1coder.trees import TreeWriter, add_tree
from tests.lab.conftest import run_stage
from tests.lab.grown import add_job
from tests.lab.test_labels import checkpoint

# Two structures: under "0" two refines (one of eight draws passes; one of one), under "1" a program drawn ten times that fails.
PASSING = "0.0.0"
DRAWS = {"0.0.0": 1, **{f"0.0.{n}": 1 for n in range(1, 8)}, "0.1.0": 1, "1.0.0": 10}


class Tree(NamedTuple):
    """The tree and its steps by path."""

    lab: Lab
    id: int
    at: dict[str, int]


@pytest.fixture
def tree(lab: Lab) -> Tree:
    """The hand-made tree, ended and labelled by its search."""
    job = add_job(lab, "synthesize", {"sampler": "fake:1", "seed": 5})
    inner = ["0", "1", "0.0", "0.1", "1.0"]
    facts: list[Any] = []
    for name in inner:
        path = parse_path(name)
        facts += [StepFact(path, "structure" if len(path) == 1 else "refine", f"step {name}", None)]
        facts += [CompletionFact(path[:-1], path[-1], f"step {name}", 1, 1, None, "stop", path, None)]
    for n, (name, draws) in enumerate(DRAWS.items()):
        path, code, passed = parse_path(name), f"code {name}", int(name == PASSING)
        facts.append(StepFact(path, "code", code, code))
        for more in range(draws):
            facts.append(CompletionFact(path[:-1], path[-1] + more, code, 1, 1, None, "stop", path, None))
        facts.append(RolloutFact(n, path, code, passed, 1, True, float(passed), {}, {}))
    facts.append(EndFact("simulations"))
    with lab.writing() as connection:
        values = {"kind": "search", "preset": "lab", "prompt_digest": "p", "sampler": "fake:1", "reproducible": True}
        made = add_tree(connection, job, 1, 0, config={"simulations": 10}, seed=1, **values)
        writer = TreeWriter(By(job_id=job), 1, "search")
        writer.open(connection, made, 1, None, {})
        writer.write(connection, [(made, fact) for fact in facts])
        at = {".".join(map(str, path)): step for path, step in step_ids(connection, made).items()}
    return Tree(lab, made, at)


def propagate(tree: Tree, path: str, value: str, *, after: bool = False, ancestors: bool = False) -> dict[str, Any]:
    """The changes by path."""
    with tree.lab.reading() as connection:
        found = corrections.propagate(connection, tree.at[path], value, after=after, ancestors=ancestors)
    names = {step: name for name, step in tree.at.items()}
    assert names[found[0].step] == path
    return {names[change.step]: (change.value, change.category) for change in found}


def test_a_first_error_taints_what_follows_and_nothing_else(tree: Tree) -> None:
    below = {path: ("invalid", "tainted") for path in tree.at if path.startswith("0.0.")}
    assert len(below) == 8
    assert propagate(tree, "0.0", "invalid", after=True) == {"0.0": ("invalid", None)} | below
    assert propagate(tree, "0.0", "invalid") == {"0.0": ("invalid", None)}
    assert propagate(tree, "0.0", "valid", after=True) == {"0.0": ("valid", None)}
    assert propagate(tree, "0.0", "unsure", after=True) == {"0.0": ("unsure", None)}


def test_a_corrected_program_revalues_the_steps_above_it_whose_word_turns(tree: Tree) -> None:
    # Of the eight draws below 0.0 none passes now: invalid. Below 0 there are nine: invalid too.
    assert propagate(tree, "0.0.0", "invalid", ancestors=True) == {
        "0.0.0": ("invalid", None),
        "0.0": ("invalid", "revalued"),
        "0": ("invalid", "revalued"),
    }
    # Masked, it leaves seven draws below 0.0, too few to say no; eight below 0 are enough.
    assert propagate(tree, "0.0.0", "unsure", ancestors=True) == {
        "0.0.0": ("unsure", None),
        "0.0": ("unsure", "revalued"),
        "0": ("invalid", "revalued"),
    }
    assert propagate(tree, "1.0.0", "valid", ancestors=True) == {
        "1.0.0": ("valid", None),
        "1.0": ("valid", "revalued"),
        "1": ("valid", "revalued"),
    }
    assert propagate(tree, "0.0.1", "invalid", ancestors=True) == {"0.0.1": ("invalid", None)}  # as it was judged
    assert propagate(tree, "0.1.0", "valid", ancestors=True) == {"0.1.0": ("valid", None), "0.1": ("valid", "revalued")}


def test_what_a_person_said_of_an_ancestor_itself_stands(tree: Tree) -> None:
    labels.add_human(tree.lab, tree.at["0.0"], "valid", "ann")
    assert set(propagate(tree, "0.0.0", "invalid", ancestors=True)) == {"0.0.0", "0"}


def test_a_word_that_followed_is_no_evidence_and_turns_back(tree: Tree) -> None:
    with tree.lab.reading() as connection:
        changes = corrections.propagate(connection, tree.at["0.0.0"], "invalid", after=False, ancestors=True)
    corrections.apply(tree.lab, changes, "ann")
    again = propagate(tree, "0.0.0", "valid", ancestors=True)
    assert again == {"0.0.0": ("valid", None), "0.0": ("valid", "revalued"), "0": ("valid", "revalued")}


def test_an_inner_step_called_invalid_is_worth_nothing_to_those_above(tree: Tree) -> None:
    found = propagate(tree, "0.0", "invalid", after=True, ancestors=True)
    assert found["0"] == ("invalid", "revalued")
    assert "0.1" not in found
    assert propagate(tree, "0.1", "valid", ancestors=True) == {"0.1": ("valid", None)}  # no figure follows from that


def test_first_error_mode_speaks_of_the_whole_path(tree: Tree) -> None:
    with tree.lab.reading() as connection:
        found = corrections.first_error(connection, tree.at["0.0"])
    assert found[:2] == [Change(tree.at["0"], "valid"), Change(tree.at["0.0"], "invalid")]
    assert {change.step for change in found[2:]} == {tree.at[path] for path in tree.at if path.startswith("0.0.")}
    assert {change[1:] for change in found[2:]} == {("invalid", "tainted")}


def test_values_are_those_of_the_search_until_somebody_speaks(tree: Tree) -> None:
    with tree.lab.reading() as connection:
        for (tree_id,) in connection.exec_driver_sql("SELECT id FROM tree").all():
            found, facts = outline(connection, tree_id), stored_facts(connection, tree_id)
            by_path = {found.paths[step]: value for step, value in found.values({}).items()}
            assert by_path == recorded_values(found.settings, facts)
            assert by_path


def test_the_preview_says_what_is_then_done(tree: Tree) -> None:
    dataset = freeze(tree)
    prm = checkpoint(tree.lab, "prm", dataset)
    with tree.lab.reading() as connection:
        changes = corrections.propagate(connection, tree.at["0.0.0"], "invalid", after=True, ancestors=True)
        before = corrections.preview(connection, changes, "ann")
    at = tree.at
    assert before.values == [
        (at["0"], 1 / 16, 0.0),
        (at["0.0"], 1 / 8, 0.0),
        (at["0.0.0"], 1.0, 0.0),
    ]
    assert (before.steps, before.changed, before.dataset_rows) == (3, 3, 3)
    assert (before.datasets, before.checkpoints) == ([dataset], [prm])
    done = corrections.apply(tree.lab, changes, "ann", reason="tests too weak", seen={"score": None}, taken_ms=900)
    assert (done.stale_checkpoints, len(done.labels)) == ([prm], 3)
    with tree.lab.reading() as connection:
        rows = connection.exec_driver_sql(
            "SELECT value, category, picked, reason, seen, taken_ms, author, v_pass FROM label WHERE batch = ? ORDER BY id",
            (done.batch,),
        ).all()
        again = corrections.preview(connection, changes, "ann")
    assert rows[0] == ("invalid", None, "tree", "tests too weak", '{"score": null}', 900, "ann", None)
    assert rows[1] == ("invalid", "revalued", "tree", "tests too weak", '{"score": null}', None, "ann", None)
    assert (again.changed, again.values, again.checkpoints) == (0, [], [prm])


def test_a_preview_says_whose_words_it_turns(tree: Tree) -> None:
    at = tree.at
    for path, value, who in (
        ("0", "valid", "bob"),  # the same is said
        ("0.0.0", "valid", "bob"),
        ("0.0.1", "valid", "cid"),
        ("0.0.2", "valid", "cid"),
        ("0.0.3", "valid", "ann"),  # one's own word
        ("0.0.4", "valid", "dot"),
        ("0.0.5", "unsure", "eve"),
        ("0.0.6", "invalid", "fay"),  # the same is said
    ):
        labels.add_human(tree.lab, at[path], value, who)  # type: ignore[arg-type]
    labels.add_human(tree.lab, at["0.0.4"], "valid", "ann")  # dot's word does not count any more
    withdrawn = labels.add_human(tree.lab, at["0.0.7"], "valid", "gus")
    labels.undo(tree.lab, withdrawn.id, "gus")
    with tree.lab.reading() as connection:
        newest = connection.exec_driver_sql("SELECT MAX(id) FROM label").scalar()
        changes = corrections.first_error(connection, at["0.0"])
        found = corrections.preview(connection, changes, "ann")
        hers = corrections.preview(connection, changes, "cid")
        assert connection.exec_driver_sql("SELECT MAX(id) FROM label").scalar() == newest  # nothing is written
    assert (found.overruled, found.people) == (4, ("cid", "bob", "eve"))
    assert "  4 of them turn what somebody else said: cid, bob, eve" in corrections.told(changes, found)
    assert (hers.overruled, hers.people) == (4, ("ann", "bob", "eve"))
    many = corrections.told(changes, found._replace(people=("cid", "bob", "eve", "flo", "gil")))
    assert "  4 of them turn what somebody else said: cid, bob, eve and 2 more" in many
    one = corrections.told(changes, found._replace(overruled=1, people=("bob",)))
    assert "  1 of them turns what somebody else said: bob" in one


def test_a_preview_says_which_trees_it_did_not_value(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    with tree.lab.reading() as connection:
        other = connection.exec_driver_sql(
            "SELECT id FROM step WHERE tree_id < ? AND action = 'code' ORDER BY id LIMIT 1", (tree.id,)
        ).scalar()
        assert other is not None
        changes = [Change(tree.at["0.0.0"], "invalid"), Change(other, "invalid")]
        assert corrections.preview(connection, changes, "ann").unvalued == 0
        monkeypatch.setattr(corrections, "MOST_LOOKED", len([path for path in tree.at if path.startswith("0")]) + 1)
        found = corrections.preview(connection, changes, "ann")
    assert (found.unvalued, len(found.values)) == (1, 3)
    assert "in 1 more tree not looked at" in " ".join(corrections.told(changes, found))
    told = " ".join(corrections.told(changes, found._replace(values=[])))
    assert "values not looked at, 1 tree too large" in told
    assert "0 values" not in told


def freeze(tree: Tree) -> int:
    """A dataset of every labelled step of the tree; its id."""
    from o1coder import datasets, selection

    query, out = selection.Query.parse(f"tree:{tree.id}"), selection.Excluded()
    with tree.lab.writing() as connection:
        problem = connection.exec_driver_sql("SELECT problem_id FROM tree WHERE id = ?", (tree.id,)).scalar()
        sets = "SELECT MIN(id) FROM test_set WHERE problem_id = ? AND purpose = 'reward'"
        test_set = connection.exec_driver_sql(sets, (problem,)).scalar()
        connection.exec_driver_sql("DROP TRIGGER tree_no_update")
        connection.exec_driver_sql("UPDATE tree SET test_set_id = ? WHERE id = ?", (test_set, tree.id))
    with tree.lab.reading() as connection:
        as_of = selection.as_of_now(connection)
        found = list(selection.labelled_steps(connection, query, as_of, out, target="validity"))
    rows = [datasets.Row({"n": n}, p.prefix[-1].id, label_ids=p.label_ids) for n, p in enumerate(found)]
    assert {row.step_id for row in rows} >= {tree.at["0.0.0"], tree.at["0.0"], tree.at["0"]}
    return datasets.freeze(tree.lab, "prm-point", rows, query={}, as_of=as_of, by=By(author="t"), target="validity").id


def test_nothing_is_written_of_a_batch_that_has_one_fault(tree: Tree) -> None:
    good, root = Change(tree.at["0"], "valid"), tree.at[""]
    wrong = [
        ([good, Change(root, "valid")], "root"),
        ([good, Change(10**6, "valid")], "no step"),
        ([good, Change(tree.at["1"], "fine")], "no label"),
        ([good, Change(tree.at["0"], "invalid")], "at once"),
        ([], "nothing to label"),
    ]
    for changes, said in wrong:
        with pytest.raises(LabError, match=said):
            corrections.apply(tree.lab, changes, "ann")
        with tree.lab.reading() as connection, pytest.raises(LabError, match=said):
            corrections.preview(connection, changes, "ann")
    with tree.lab.reading() as connection:
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM label WHERE batch IS NOT NULL").scalar() == 0


def test_an_export_is_the_same_again_when_a_batch_is_taken_back(lab: Lab, tmp_path: Path) -> None:
    def digest(name: str) -> str:
        run_stage(lab, "export", {"kind": "stepwise", "out": str(tmp_path / name)})
        found: str = json.loads((tmp_path / name / "manifest.json").read_text())["sha256"]
        return found

    before = digest("before")
    with lab.reading() as connection:
        step = connection.exec_driver_sql(
            "SELECT s.id FROM step s JOIN label l ON l.step_id = s.id AND l.value = 'valid' WHERE s.depth = 1 "
            "AND EXISTS (SELECT 1 FROM step b WHERE b.parent_id = s.id) ORDER BY s.id LIMIT 1"
        ).scalar()
        assert step is not None
        changes = corrections.propagate(connection, step, "invalid", after=True, ancestors=True)
    done = corrections.apply(lab, changes, "ann")
    assert digest("corrected") != before
    undone = corrections.undo_batch(lab, done.batch, "bob")
    assert [step for _, step in undone.labels] == [change.step for change in changes]
    assert undone.stale_checkpoints == []
    assert digest("after") == before
    with pytest.raises(LabError, match="taken back already"):
        corrections.undo_batch(lab, done.batch, "bob")
    with pytest.raises(LabError, match="no labels were given in a batch"):
        corrections.undo_batch(lab, "none", "bob")


def test_a_batch_of_which_one_label_was_taken_back_is_taken_back_for_the_rest(tree: Tree) -> None:
    with tree.lab.reading() as connection:
        changes = corrections.first_error(connection, tree.at["1.0"])
    done = corrections.apply(tree.lab, changes, "ann")
    labels.undo(tree.lab, done.labels[0][0], "ann")
    assert len(corrections.undo_batch(tree.lab, done.batch, "ann").labels) == len(done.labels) - 1
