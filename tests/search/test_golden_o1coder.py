"""The only tree that O1-CODER ships: its documented counts, its own step values, and what ours are for the same rollouts."""

from __future__ import annotations

import json

import pytest

from o1coder.judge import Judge, Question
from o1coder.reward import terminal_reward
from o1coder.search import CompletionFact, RolloutFact, StepFact, label_values, visits
from o1coder.search.tree import uct
from o1coder.task import Case
from tests.search import golden
from tests.search.golden import FOLDER, WIDTH, Golden

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="O1-CODER's run is not beside this checkout"),
]
REVISITED = 18  # the leaf two steps deep that four rollouts return


@pytest.fixture(scope="module")
def run() -> Golden:
    return golden.read()


def facts(run: Golden) -> tuple[list[CompletionFact], list[StepFact], list[RolloutFact]]:
    found = run.facts()
    return (
        [fact for fact in found if isinstance(fact, CompletionFact)],
        [fact for fact in found if isinstance(fact, StepFact)],
        [fact for fact in found if isinstance(fact, RolloutFact)],
    )


def test_one_of_the_files_is_no_json_and_is_read_all_the_same(run: Golden) -> None:
    text = (FOLDER / "Question 0000 - Rollout Solutions.json").read_text()
    with pytest.raises(json.JSONDecodeError, match="char 7482"):
        json.loads(text)
    assert list(golden.objects('{"a": 1}, {"a": 2},\n')) == list(golden.objects('[{"a": 1}, {"a": 2}]'))
    assert len(run.rollouts) == 12


def test_the_documented_counts(run: Golden) -> None:
    assert run.calls == run.expansions * WIDTH == 48
    assert len(run.nodes) + 1 == 31
    leaves = {number for number, node in run.nodes.items() if node.leaf}
    assert len(leaves) == 9
    assert {rollout.leaf for rollout in run.rollouts} == leaves
    assert [n for n, rollout in enumerate(run.rollouts) if rollout.leaf == REVISITED] == [2, 4, 7, 10]
    thrown_away = run.calls - len(run.nodes)
    assert (thrown_away, thrown_away / run.calls) == (18, 0.375)


def test_visits_are_theirs(run: Golden) -> None:
    counted = visits(facts(run)[2])
    assert [counted[run.nodes[number].path] for number in (1, 2, 3)] == [4, 4, 4]
    assert counted[()] == 12
    assert counted[run.nodes[REVISITED].path] == 4


def test_the_totals_that_each_rollout_saw_are_theirs(run: Golden) -> None:
    rollouts = facts(run)[2]
    for number, theirs in enumerate(run.rollouts):
        counted = visits(rollouts[: number + 1])  # every reward of this run is 1
        path = run.nodes[theirs.leaf].path
        inner = [float(counted[path[:depth]]) for depth in range(1, len(path))]
        assert theirs.totals == (*inner, theirs.reward)


def test_where_all_children_were_tried_the_next_is_the_first_of_largest_uct(run: Golden) -> None:
    rollouts = facts(run)[2]
    children: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
    for node in run.nodes.values():
        children.setdefault(node.path[:-1], []).append(node.path)
    compared = 0
    for number, rollout in enumerate(rollouts):
        before = visits(rollouts[:number])
        for depth in range(len(rollout.leaf)):
            here, went = rollout.leaf[:depth], rollout.leaf[: depth + 1]
            if all(child in before for child in children[here]):
                best = max(
                    children[here], key=lambda child: uct(float(before[child]), before[child], before[here], 2.0)
                )
                assert went == best
                compared += 1
            elif here in before:
                assert went not in before
    assert compared == 9 + 3 + 2  # at the root from the fourth on, above the leaf that comes back, below nodes 1 and 3


def test_their_estimate_gives_every_step_value_in_the_files(run: Golden) -> None:
    values = label_values(*facts(run), estimate="o1coder-code")
    theirs = {node.path: node.value for node in run.nodes.values() if node.value is not None}
    assert len(theirs) == 24
    assert {path: values[path].v for path in theirs} == theirs
    assert values[run.nodes[REVISITED].path].v == 0.25
    assert set(values) == {(), *theirs}


def test_the_papers_estimate_does_not_divide_the_leaf_again(run: Golden) -> None:
    values = label_values(*facts(run), estimate="visits")
    assert {value.v for value in values.values()} == {1.0}


def test_by_the_weighted_recursion_the_leaf_is_worth_what_it_earned_once(run: Golden) -> None:
    values = label_values(*facts(run))
    leaf = values[run.nodes[REVISITED].path]
    assert (leaf.v, leaf.k, leaf.c) == (1.0, 1, 1)
    assert values[()] == (1.0, 1.0, 9, 9)
    assert set(values) == {(), *(node.path for node in run.nodes.values() if node.value is not None)}


def test_their_programs_pass_their_tests_in_our_judge(run: Golden) -> None:
    asked = run.problem["test_case"]
    pairs = zip(asked["inputs"], asked["outputs"], strict=True)
    cases = [Case(str(n), json.dumps(given), json.dumps(out[0])) for n, (given, out) in enumerate(pairs)]
    leaves = {rollout.leaf: rollout.reward for rollout in run.rollouts}
    questions = [Question(str(run.code(leaf)), "call", case, asked["fn_name"]) for leaf in leaves for case in cases]
    with Judge(1) as judge:
        codes = [verdict.code for verdict in judge.judge(questions)]
    for number, reward in enumerate(leaves.values()):
        passed = codes[number * len(cases) : (number + 1) * len(cases)].count("AC")
        assert terminal_reward(True, passed, len(cases), alpha=0.0) == reward
