"""Tests that are withdrawn, given back and added after a search: what was steered stays, what follows from it is told anew."""

from __future__ import annotations

from typing import Any

import pytest

from o1coder import evidence, exporting, mining, newtests, rescoring, selection, standing
from o1coder.canonical import canonical
from o1coder.counterfactuals import counter, settings_of
from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.models import Dataset
from o1coder.problems import withdrawals
from o1coder.queries import trees as queries
from o1coder.replaying import relabel, replay
from o1coder.rows import add
from o1coder.trees import cases_of_tree
from o1coder.verify import examine
from tests.stages.conftest import Do, count

FAKE = {"sampler": "fake:7", "split": "train", "simulations": 8}
HARD = "SELECT COUNT(*) FROM label WHERE source = 'search'"


TREE = 2  # in which a program passes one of the six tests


def failed(lab: Lab) -> list[int]:
    """The cases of that tree which that program fails: without them its label is another."""
    with lab.reading() as connection:
        found = connection.exec_driver_sql(
            "SELECT i.test_case_id FROM tree x JOIN test_set_item i ON i.test_set_id = x.test_set_id "
            "JOIN rollout r ON r.tree_id = x.id AND r.passed = 1 AND r.total = 6 "
            "JOIN verdict v ON v.program_id = r.program_id AND v.test_case_id = i.test_case_id AND v.code <> 'AC' "
            "WHERE x.id = ? GROUP BY i.test_case_id ORDER BY i.ordinal",
            (TREE,),
        ).all()
    assert len(found) == 5
    return [int(row[0]) for row in found]


def withdraw(lab: Lab, *cases: int) -> None:
    with lab.writing() as connection:
        for case in cases:
            withdrawals.withdraw(connection, str(case), "the expected output is wrong", "ann")


def restore(lab: Lab, *cases: int) -> None:
    with lab.writing() as connection:
        for case in cases:
            withdrawals.restore(connection, str(case), "it was right", "ann")


def replays(lab: Lab) -> list[bool]:
    with lab.reading() as connection:
        ids = [row[0] for row in connection.exec_driver_sql("SELECT id FROM tree WHERE kind = 'search' ORDER BY id")]
        return [replay(connection, tree)["identical"] for tree in ids]


def newest(lab: Lab) -> dict[int, Any]:
    with lab.reading() as connection:
        rows = connection.exec_driver_sql(
            "SELECT step_id, value, v, v_pass, k, c FROM label WHERE source = 'search' ORDER BY id"
        )
        return {row[0]: tuple(row[1:]) for row in rows}


def test_what_is_withdrawn_later_changes_no_ended_tree_and_every_later_one(lab: Lab, do: Do) -> None:
    do("synthesize", **FAKE)
    cases = failed(lab)
    withdraw(lab, *cases)
    assert replays(lab) == [True] * 3
    assert examine(lab, quick=False).wrong == []
    do("synthesize", **FAKE, seed=1)
    with lab.reading() as connection:
        sizes = [len(cases_of_tree(connection, tree)) for tree in (TREE, TREE + 3)]
    assert sizes == [6, 1]
    restore(lab, *cases)
    do("relabel")  # it judges the programs of the later trees on the case that they never saw
    assert replays(lab) == [True] * 6
    assert examine(lab, quick=False).wrong == []


def test_all_tests_of_a_tree_may_be_withdrawn_and_it_is_replayed_still(lab: Lab, do: Do) -> None:
    do("synthesize", **FAKE)
    with lab.reading() as connection:
        cases = [case for case, _ in cases_of_tree(connection, 1)]
    withdraw(lab, *cases)
    assert replays(lab) == [True] * 3
    with pytest.raises(LabError, match="all of them were withdrawn"):
        relabel(lab, 1)
    note = do("relabel")
    assert any("tree 1" in said and "withdrawn" in said for said in note.said)
    assert count(lab, "SELECT GROUP_CONCAT(tree_id) FROM rescore") == "2,3"


def test_relabelling_says_what_would_change_and_keeps_nothing(lab: Lab, do: Do) -> None:
    do("synthesize", **FAKE)
    before = count(lab, "SELECT COUNT(*) FROM verdict"), count(lab, HARD)
    as_it_was = relabel(lab, 1)
    assert as_it_was["identical"]
    assert as_it_was["tests"] == {"test_set": 1, "cases": 6, "withdrawn": 0, "added": 0, "judged": 0, "masked": 0}
    withdraw(lab, *failed(lab))
    without = relabel(lab, TREE)
    assert not without["identical"]
    assert (without["tests"]["cases"], without["tests"]["withdrawn"]) == (1, 5)
    audit = count(
        lab,
        "SELECT id FROM test_set WHERE purpose = 'audit' AND problem_id = (SELECT problem_id FROM tree WHERE id = 1)",
    )
    other = relabel(lab, 1, test_set=audit)
    programs = count(lab, "SELECT COUNT(DISTINCT program_id) FROM rollout WHERE tree_id = 1")
    assert other["tests"]["judged"] == 4 * programs
    assert (count(lab, "SELECT COUNT(*) FROM verdict"), count(lab, HARD)) == before
    with pytest.raises(LabError, match="is of problem"):
        relabel(lab, 2, test_set=audit)


def test_the_stage_appends_what_differs_once_and_the_first_labels_come_back(lab: Lab, do: Do) -> None:
    do("synthesize", **FAKE)
    first = newest(lab)
    nothing = do("relabel")
    assert count(lab, "SELECT COUNT(*) FROM label WHERE job_id = ?", nothing.job_id) == 0
    cases = failed(lab)
    with lab.reading() as connection:
        told = rescoring.rescored(connection, TREE, rescoring.basis(connection, TREE))
    withdraw(lab, *cases)
    note = do("relabel", withdrawn=True)
    assert count(lab, "SELECT COUNT(*) FROM rescore WHERE job_id = ?", note.job_id) == 1  # one problem's tree
    changed = newest(lab)
    assert changed != first
    would = [(c["from"], c["to"]) for c in relabel(lab, TREE)["labels_changed"]]
    assert ("invalid", "valid") in would
    assert len(would) == count(lab, "SELECT COUNT(*) FROM label WHERE job_id = ?", note.job_id)
    rows = count(lab, HARD)
    do("relabel", again=note.job_id, withdrawn=True)
    do("relabel", withdrawn=True)
    assert count(lab, HARD) == rows
    assert examine(lab, quick=False).wrong == []
    restore(lab, *cases)
    do("relabel", withdrawn=True)
    assert newest(lab) == first
    assert examine(lab, quick=False).wrong == []
    with lab.reading() as connection:
        assert rescoring.rescored(connection, TREE, rescoring.basis(connection, TREE)) == told


def test_a_test_that_is_added_makes_a_new_set_and_its_verdicts_are_judged_and_kept(lab: Lab, do: Do) -> None:
    do("synthesize", **FAKE)
    problem = count(lab, "SELECT problem_id FROM tree WHERE id = 1")
    programs = count(lab, "SELECT COUNT(DISTINCT program_id) FROM rollout WHERE tree_id = 1")
    made, reference = newtests.add_tests(lab, problem, [("[[1, -1, 100]]", "100")], None, "ann")
    assert (reference, made.purpose, made.added) == ("AC", "reward", 1)
    verdicts = count(lab, "SELECT COUNT(*) FROM verdict")
    note = do("relabel", newest=True, query=f"problem:{problem}")
    assert count(lab, "SELECT COUNT(*) FROM verdict") == verdicts + programs
    assert count(lab, "SELECT test_set_id FROM rescore WHERE job_id = ?", note.job_id) == made.test_set
    assert replays(lab) == [True] * 3
    do("relabel", newest=True)
    assert count(lab, "SELECT COUNT(*) FROM verdict") == verdicts + programs
    assert examine(lab, quick=False).wrong == []
    do("synthesize", **FAKE, seed=5)
    assert count(lab, "SELECT test_set_id FROM tree WHERE id = 4") == made.test_set


@pytest.mark.parametrize("preset", ["omega", "mc", "o1coder-code", "o1coder-paper", "best-of-n"])
def test_trees_of_every_estimate_are_labelled_again_and_back(lab: Lab, do: Do, preset: str) -> None:
    do("synthesize", **FAKE, preset=preset)
    first, found = newest(lab), []
    with lab.reading() as connection:
        cases = [case for case, _ in cases_of_tree(connection, TREE)]
        found = [counter(connection, tree, settings_of(["in_flight=1"])) for tree in (1, 2, 3)]
    assert [(each["identical"], each["coverage"]) for each in found] == [(True, 1.0)] * 3
    withdraw(lab, *cases[1:])
    do("relabel")
    assert examine(lab, quick=False).wrong == []
    assert replays(lab) == [True] * 3
    restore(lab, *cases[1:])
    do("relabel")
    assert newest(lab) == first
    assert examine(lab, quick=False).wrong == []


def test_a_resumed_tree_keeps_the_tests_it_was_begun_with(lab: Lab, do: Do) -> None:
    left_alone = do("synthesize", **FAKE)
    other = do("synthesize", **FAKE, budget_tokens=1)  # trees without any rollout, that a retry goes on in
    with lab.writing() as connection:
        for (name,) in connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").all():
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        connection.exec_driver_sql("DELETE FROM tree_end WHERE tree_id > 3")
    withdraw(lab, *failed(lab))
    problem = count(lab, "SELECT problem_id FROM tree WHERE id = 1")
    newtests.add_tests(lab, problem, [("[[1, -1, 100]]", "100")], None, "ann")
    do("synthesize", again=other.job_id, **FAKE)
    ends = (
        "SELECT GROUP_CONCAT(digest) FROM (SELECT e.digest FROM tree x JOIN tree_end e ON e.tree_id = x.id "
        "WHERE x.job_id = ? ORDER BY x.id)"
    )
    assert count(lab, ends, other.job_id) == count(lab, ends, left_alone.job_id)


def test_what_steers_never_becomes_what_checks_and_wrong_tests_are_not_taken(lab: Lab, do: Do) -> None:
    problem = count(lab, "SELECT id FROM problem WHERE source_key = 'train-total_of'")
    audit = count(
        lab,
        "SELECT t.id FROM test_case t JOIN test_set_item i ON i.test_case_id = t.id JOIN test_set s ON s.id = i.test_set_id "
        "WHERE s.problem_id = ? AND s.purpose = 'audit' LIMIT 1",
        problem,
    )
    with lab.reading() as connection:
        row = connection.exec_driver_sql("SELECT input, expected FROM test_case WHERE id = ?", (audit,)).one()
    with pytest.raises(LabError, match="an audit test"):
        newtests.add_tests(lab, problem, [(row[0], row[1])], None, "ann")
    with pytest.raises(LabError, match="reference program gets WA"):
        newtests.add_tests(lab, problem, [("[[1, 1]]", "3")], None, "ann")
    made, reference = newtests.add_tests(lab, problem, [("[[1, 1]]", "3")], None, "ann", checked=False)
    assert (made.added, reference) == (1, None)
    again, _ = newtests.add_tests(lab, problem, [("[[1, 1]]", "3")], None, "ann", checked=False)
    assert (again.test_set, again.added) == (made.test_set, 0)


def test_labels_do_not_come_from_tests_of_another_purpose(lab: Lab, do: Do) -> None:
    do("synthesize", **FAKE)
    audit = count(lab, "SELECT id FROM test_set WHERE purpose = 'audit' ORDER BY id LIMIT 1")
    with pytest.raises(LabError, match="judged on reward tests"):
        do("relabel", test_set=audit)
    with pytest.raises(LabError, match="give one"):
        do("relabel", test_set=1, newest=True)


def test_a_checkpoint_that_learned_from_a_label_is_stale_once_the_test_behind_it_is_withdrawn(lab: Lab, do: Do) -> None:
    do("synthesize", **FAKE)
    withdraw(lab, *failed(lab))
    with lab.reading() as connection:
        old = {row[0]: row[1] for row in connection.exec_driver_sql("SELECT step_id, id FROM label ORDER BY id")}
    do("relabel")
    with lab.reading() as connection:
        overruled = [
            label
            for label in old.values()
            if connection.exec_driver_sql(f"SELECT {standing.overruled(str(label))}").scalar()
        ]
        as_of = selection.as_of_now(connection)
        seen = selection.labelled_steps(
            connection, selection.Query.parse("split:train"), as_of, selection.Excluded(), target="value"
        )
        assert {i for step in seen for i in step.label_ids}.isdisjoint(overruled)
    assert overruled


def test_verify_finds_a_label_of_a_re_score_that_does_not_follow(lab: Lab, do: Do) -> None:
    do("synthesize", **FAKE)
    withdraw(lab, *failed(lab))
    note = do("relabel")
    with lab.writing() as connection:
        connection.exec_driver_sql("DROP TRIGGER label_no_update")
        connection.exec_driver_sql("UPDATE label SET v = 0.123 WHERE job_id = ?", (note.job_id,))
    assert {each.kind for each in examine(lab, quick=True).wrong} == {"trigger", "rescore-label"}


def passing(lab: Lab, as_of: selection.AsOf, out: selection.Excluded) -> set[int]:
    """Rollouts of the tree that make chains."""
    with lab.reading() as connection:
        query = selection.Query.parse(f"tree:{TREE}")
        return {each.rollout_id for each in selection.chains(connection, query, as_of, out)}


def preferred(lab: Lab, as_of: selection.AsOf) -> set[str]:
    with lab.reading() as connection:
        query = selection.Query.parse(f"tree:{TREE}")
        found = mining.pairs(connection, query, as_of, selection.Excluded(), mining.rule("programs"))
        return {str(each.better.prefix[-1].code) for each in found}


def moment(lab: Lab) -> dict[str, int]:
    with lab.reading() as connection:
        return selection.as_of_now(connection)


def heads(lab: Lab) -> tuple[int, int | None]:
    with lab.reading() as connection:
        row = queries.show(connection, TREE)
        return row.solved, row.solved_rescored


def test_what_is_trained_on_and_shown_follows_the_newest_re_score_as_of_its_moment(lab: Lab, do: Do) -> None:
    do("synthesize", **FAKE)
    before = moment(lab)
    mended = "SELECT id, program_id, leaf_id FROM rollout WHERE tree_id = ? AND passed = 1 AND total = 6 LIMIT 1"
    with lab.reading() as connection:
        rollout, program, leaf = connection.exec_driver_sql(mended, (TREE,)).one()
        code = connection.exec_driver_sql("SELECT code FROM program WHERE id = ?", (program,)).scalar_one()
    old, why = passing(lab, before, selection.Excluded()), selection.Excluded()
    solved, _ = heads(lab)
    assert heads(lab) == (solved, None)
    assert rollout not in old
    cases = failed(lab)
    withdraw(lab, *cases)
    assert rollout not in passing(lab, moment(lab), selection.Excluded())  # nothing was re-scored yet
    assert code not in preferred(lab, moment(lab))
    do("relabel", query=f"tree:{TREE}")
    assert count(lab, "SELECT GROUP_CONCAT(tree_id) FROM rescore") == str(TREE)
    after = moment(lab)
    assert rollout in passing(lab, after, why)
    assert code in preferred(lab, after)
    assert heads(lab)[0] == solved
    assert (heads(lab)[1] or 0) > solved
    with lab.reading() as connection:
        (step,) = [each for each in queries.steps(connection, TREE) if each.id == leaf]
        assert evidence.execution(connection, TREE, after)[leaf] == "valid"
        assert evidence.execution(connection, TREE, before)[leaf] == "invalid"
    assert (step.verdict, step.verdict_rescored, step.passed, step.total) == ("WA", "AC", 1, 6)
    restore(lab, *cases)
    do("relabel", query=f"tree:{TREE}")
    assert passing(lab, moment(lab), selection.Excluded()) == old
    assert code not in preferred(lab, moment(lab))
    assert rollout in passing(lab, after, selection.Excluded())
    earlier = {name: at for name, at in before.items() if name != "rescore"}  # as a dataset of then says it
    assert passing(lab, earlier, selection.Excluded()) == passing(lab, before, selection.Excluded()) == old


def test_a_test_that_was_added_condemns_a_chain_that_passed_the_old_ones(lab: Lab, do: Do) -> None:
    do("synthesize", **FAKE)
    withdraw(lab, *failed(lab))
    do("relabel", query=f"tree:{TREE}")
    rollout, leaf = _row(lab, "SELECT id, leaf_id FROM rollout WHERE tree_id = ? AND passed = 1 AND total = 6 LIMIT 1")
    assert rollout in passing(lab, moment(lab), selection.Excluded())
    problem = count(lab, f"SELECT problem_id FROM tree WHERE id = {TREE}")
    newtests.add_tests(lab, problem, [("[[1, -1, 100]]", "100")], None, "ann", checked=False)
    do("relabel", newest=True, query=f"tree:{TREE}")
    out = selection.Excluded()
    assert rollout not in passing(lab, moment(lab), out)
    assert out.counts["not every reward test passed"]
    with lab.reading() as connection:
        assert evidence.execution(connection, TREE, selection.as_of_now(connection))[leaf] == "invalid"


def _row(lab: Lab, query: str) -> Any:
    with lab.reading() as connection:
        return connection.exec_driver_sql(query, (TREE,)).one()


def test_an_export_as_of_a_dataset_from_before_re_scores_were_named_is_read(lab: Lab, do: Do) -> None:
    now = moment(lab)
    for told, fine in ((now, True), ({k: v for k, v in now.items() if k != "rescore"}, True), ({"tree": 1}, False)):
        with lab.writing() as connection:
            row = {"digest": "d", "kind": "rl", "query": "{}", "rows": 0, "excluded": "{}", "path": "p"}
            made = add(connection, Dataset, as_of=canonical(told), created_at="2026", author="ann", **row)
        with lab.reading() as connection:
            if fine:
                assert exporting.moment(connection, str(made)) == told
            else:
                with pytest.raises(LabError, match="does not say what it could see"):
                    exporting.moment(connection, str(made))
