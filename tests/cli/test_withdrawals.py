"""Tests withdrawn, given back and added from the command line, and what is said of the trees that they judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import done, say


def case_of(tree: int, home: Path) -> int:
    query = (
        "select i.test_case_id as id from tree x join test_set_item i on i.test_set_id = x.test_set_id "
        f"where x.id = {tree} order by i.ordinal limit 1"
    )
    return int(done(["sql", query], home)[0]["id"])


def test_a_case_is_withdrawn_and_given_back_and_its_trees_are_labelled_again(copy: Path) -> None:
    case = case_of(1, copy)
    before = done("labels list --tree 1", copy)
    said = done(["problems", "withdraw", str(case), "--reason", "wrong output", "--author", "ann"], copy)
    assert (said["case"], said["withdrawn"], said["author"]) == (case, True, "ann")
    assert said["trees"] >= 1
    assert f"case {case}: " in say(f"problems show {said['problem']}", copy).out
    shown = done(f"problems show {said['problem']}", copy)
    assert [c["id"] for c in shown["test_cases"] if c["withdrawn"]] == [case]
    twice = say(f"problems withdraw {case} --reason again --json", copy)
    assert (twice.code, twice.error["error"]) == (2, f"case {case} is withdrawn already")
    assert say("trees replay 1", copy).code == 0
    told = say("trees relabel 1 --json", copy)
    assert told.value["tests"]["withdrawn"] == 1
    assert told.code == (0 if told.value["identical"] else 1)
    job = done("run relabel --withdrawn --wait", copy)
    assert job["state"] == "done"
    assert len(done("labels list --tree 1", copy)) == len(before) + len(
        [c for c in told.value["labels_changed"] if c["to"]]
    )
    assert done("verify", copy)["ok"]
    assert done(["problems", "restore", str(case)], copy)["withdrawn"] is False
    assert done("trees relabel 1", copy)["identical"]
    assert say(f"problems restore {case}", copy).code == 2


def test_a_tree_shows_its_first_word_and_that_of_its_re_score(copy: Path) -> None:
    failed = (
        "select distinct v.test_case_id as id from rollout r join verdict v on v.program_id = r.program_id "
        "where r.tree_id = 1 and r.passed = 1 and v.code <> 'AC'"
    )
    assert done("trees show 1", copy)["solved_rescored"] is None
    assert " → " not in say("trees show 1", copy).out
    for row in done(["sql", failed], copy):
        done(["problems", "withdraw", str(row["id"]), "--reason", "wrong output"], copy)
    done("run relabel --query tree:1 --wait", copy)
    again = done("trees show 1", copy)
    assert (again["solved"], again["solved_rescored"]) == (0, 4)
    problem = done(f"problems show {again['problem']}", copy)
    trees = done(f"trees list --problem {again['problem']}", copy)
    solved = sum(t["solved"] if t["solved_rescored"] is None else t["solved_rescored"] for t in trees)
    assert problem["judged"] == sum(t["rollouts"] for t in trees)
    assert problem["pass_rate"] == solved / problem["judged"]
    assert len(done(["problems", "list", "--query", f"id:{problem['id']} pass={problem['pass_rate']}"], copy)) == 1
    words = {(s["verdict"], s["verdict_rescored"]) for s in again["step_list"] if s["passed"]}
    assert words == {("WA", "AC")}
    assert " WA → AC " in say("trees show 1", copy).out
    assert [t["id"] for t in done("trees list", copy) if t["solved_rescored"] is not None] == [1]


def test_a_test_is_added_by_words_and_from_a_file(copy: Path, tmp_path: Path) -> None:
    made = done(["problems", "add-test", "add-three", "--input", "[4, 5, 6]", "--expected", "15"], copy)
    assert (made["added"], made["reference"], made["purpose"]) == (1, "AC", "reward")
    file = tmp_path / "tests.jsonl"
    file.write_text('{"args": [4, 5, 6], "expected": 15}\n\n{"args": [-40, 5, 6], "expected": -29}\n')
    more = done(["problems", "add-test", "add-three", str(file)], copy)
    assert (more["added"], more["test_set"] > made["test_set"]) == (1, True)
    before = done("trees list --problem add-three", copy)
    done("run relabel --newest --query problem:1 --wait", copy)
    assert [t["digest"] for t in done("trees list --problem add-three", copy)] == [t["digest"] for t in before]
    assert done("verify --quick", copy)["ok"]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("problems withdraw 1", "required"),
        ("problems withdraw 99999 --reason x", "there is no test case 99999"),
        ("problems withdraw sha256:0 --reason x", "there is no test case sha256:0"),
        ("problems withdraw 1 --reason ' '", "needs a reason"),
        ("problems restore 1", "is not withdrawn"),
        ("problems add-test add-three", "one of them"),
        ("problems add-test add-three --input '[1' --expected 2", "must be JSON"),
        ("problems add-test add-three --input 3 --expected 2", "must be an array"),
        ("problems add-test add-three --input '[1, 2, 3]' --expected 7", "reference program gets WA"),
        ("problems add-test add-three /nonexistent.jsonl", "cannot be read"),
        ("problems add-test nowhere --input 1", "there is no problem"),
        ("trees relabel 1 --test-set 99999", "there is no test set 99999"),
        ("run relabel --test-set 99999", "99999"),
        ("run relabel --newest --test-set 1 --dry-run", "give one"),
        ("problems withdraw 1 --reason x --readonly", "read-only"),
    ],
)
def test_what_cannot_be_done_is_said(copy: Path, line: str, error: str) -> None:
    said = say(line, copy)
    assert said.code == 2, said
    assert error in said.err
