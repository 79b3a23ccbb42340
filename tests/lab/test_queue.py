"""The label queue: it finds planted faults sooner than chance, passes over what is labelled, and comes out the same again."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from o1coder import labels
from o1coder.errors import LabError
from o1coder.labelling import gold
from o1coder.labelling.spreading import NEAR, PAGE, SHARE, spread
from o1coder.queries import picks, proposals, queue
from o1coder.queries.asked import Asked, progress
from tests.lab.planted import Planted, plant


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    return plant(tmp_path_factory.mktemp("planted") / "lab")


@pytest.fixture
def fresh(tmp_path: Path) -> Planted:
    return plant(tmp_path / "lab", trees=6)


@pytest.mark.parametrize("first", [50, 150])
def test_by_value_more_faults_are_among_the_first_than_at_random(planted: Planted, first: int) -> None:
    with planted.lab.reading() as connection:
        asked = Asked.parse("job:1 kind:search")
        ranked = [one.step for one in queue.ranked(connection, asked, limit=first) if one.step in planted.said]
        chance, _ = picks.drawn(connection, asked, upto=picks.last_step(connection), start=0, count=first)
    by_value = planted.wrong(ranked)
    at_random = planted.wrong([step for step in chance if step in planted.said])

    assert by_value > 2.5 * at_random


def test_what_grounds_propose_holds_the_best_of_a_whole_ranking(
    planted: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Asked.parse("kind:search")
    with planted.lab.reading() as connection:
        whole = queue.ranked(connection, asked, limit=30)
        monkeypatch.setattr(queue, "NARROW", 0)
        proposed = queue.ranked(connection, asked, limit=30)
        figures = [one.worth for one in proposed]
        assert all(max(figures[place:]) - one < NEAR + 1e-9 for place, one in enumerate(figures))
        assert len({one.step for one in whole} & {one.step for one in proposed}) >= 27
        monkeypatch.setattr(proposals, "PROPOSED", 1)
        filled = queue.ranked(connection, asked, limit=60)
    assert len(filled) == len({one.step for one in filled}) == 60


def most_in_a_row(trees: list[int]) -> int:
    """The most steps of one tree that are in any page of them."""
    return max(max(Counter(trees[at : at + PAGE]).values()) for at in range(max(1, len(trees) - PAGE + 1)))


def test_equals_of_few_trees_take_turns_and_none_is_lost() -> None:
    ranked = [(tree, 0.5) for tree in range(8) for _ in range(40)]
    order = spread(ranked, 400)
    trees = [ranked[place][0] for place in order]
    assert sorted(order) == list(range(320))
    assert most_in_a_row(trees[:200]) == SHARE
    assert order[: 2 * SHARE] == [0, 1, 2, 40, 41, 42]  # the first stay first
    for tree in range(8):
        assert [place for place in order if ranked[place][0] == tree] == list(range(40 * tree, 40 * tree + 40))
    assert spread(ranked, 50) == order[:50]


def test_what_is_worth_clearly_more_does_not_wait_for_other_trees() -> None:
    best = [(1, 0.9 - place / 1000) for place in range(10)]
    near = [(2, 0.87), (2, 0.87)]
    far = [(3, 0.8)] * 5
    order = spread(sorted([*best, *near, *far], key=lambda one: -one[1]), 99)
    ranked = sorted([*best, *near, *far], key=lambda one: -one[1])
    assert [ranked[place][0] for place in order] == [1, 1, 1, 2, 2, *[1] * 7, *[3] * 5]
    assert spread([], 5) == []
    assert spread([(1, 0.5)] * 30, 30) == list(range(30))  # one tree alone


def test_a_page_of_the_queue_is_of_many_trees(planted: Planted) -> None:
    with planted.lab.reading() as connection:
        found = queue.ranked(connection, Asked.parse("kind:search"), limit=100)
        whole = queue.ranked(connection, Asked.parse("kind:search"), limit=10**6)
    assert most_in_a_row([one.tree for one in found]) <= SHARE
    by_worth = sorted(whole, key=lambda one: (-one.worth, -one.step))
    assert most_in_a_row([one.tree for one in by_worth]) > SHARE
    assert [one.step for one in whole[:100]] == [one.step for one in found]
    assert len({one.step for one in whole}) == len(whole) == len(by_worth)


def test_each_row_says_why_in_words_that_fit_its_terms(planted: Planted) -> None:
    with planted.lab.reading() as connection:
        for one in queue.ranked(connection, Asked(), limit=200):
            assert ("tests disagree" in one.why) == (one.tests > 0)
            assert ("labelled otherwise" in one.why) == (one.siblings > 0)
            assert ("PRM" in one.why) == (one.gap >= 0.1)


def test_labelled_steps_questions_roots_and_other_trees_are_left_out(fresh: Planted) -> None:
    with fresh.lab.reading() as connection:
        before = queue.ranked(connection, Asked(), limit=500)
        start = progress(connection, Asked())
    assert len(before) == start.left == start.steps
    first, second, third = (one.step for one in before[:3])
    done = labels.add_human(fresh.lab, first, "valid", "ann")
    gold.put(fresh.lab, second, "invalid", "ann")
    with fresh.lab.reading() as connection:
        left = queue.ranked(connection, Asked(), limit=500)
        assert {one.step for one in before} - {one.step for one in left} == {first, second}
        told = progress(connection, Asked())
        assert (told.labelled, told.left) == (1, start.left - 2)
        assert third not in {one.step for one in queue.ranked(connection, Asked(), without=[third])}
        code = queue.ranked(connection, Asked.parse("action:code tree:2"), limit=500)
        assert {(one.action, one.tree) for one in code} == {("code", 2)}
        assert len(code) == progress(connection, Asked.parse("action:code tree:2")).left
    labels.undo(fresh.lab, done.id, "ann")
    with fresh.lab.reading() as connection:
        assert first in {one.step for one in queue.ranked(connection, Asked(), limit=500)}


@pytest.mark.parametrize("text", ["", "tree:3", "action:code", "split:test seed:4"])
def test_random_picks_are_repeatable_unread_and_reach_every_step(planted: Planted, text: str) -> None:
    asked = Asked.parse(text)
    with planted.lab.reading() as connection:
        upto = picks.last_step(connection)
        once, place = picks.drawn(connection, asked, upto=upto, start=0, count=8)
        halves, middle = picks.drawn(connection, asked, upto=upto, start=0, count=4)
        rest, end = picks.drawn(connection, asked, upto=upto, start=middle, count=4)
        assert len(once) == 8
        assert end <= place
        assert once[:4] == halves
        assert [one for one in rest if one not in halves] == [one for one in once[4:] if one in rest]
        everything, _ = picks.drawn(connection, Asked.parse("tree:3"), upto=upto, start=0, count=10**6)
        assert sorted(everything) == sorted(one.step for one in queue.ranked(connection, Asked.parse("tree:3")))


def test_a_test_that_is_withdrawn_or_measures_is_no_ground(fresh: Planted) -> None:
    from o1coder.problems.withdrawals import withdraw

    with fresh.lab.reading() as connection:
        disputed = next(one for one in queue.ranked(connection, Asked(), limit=500) if one.tests)
        case = connection.exec_driver_sql(
            "SELECT id FROM test_case WHERE origin = 'tcg' AND problem_id = ?", (disputed.problem,)
        ).scalar()
    with fresh.lab.writing() as connection:
        withdraw(connection, str(case), "wrong", "ann")
    with fresh.lab.reading() as connection:
        [again] = queue.of_steps(connection, [disputed.step])
    assert again.tests == 0
    assert again.worth < disputed.worth


@pytest.mark.parametrize(
    "text", ["action:root", "gold:2", "gold:nan", "seed:x", "colour:red", "label:human", "'", "split:nope"]
)
def test_a_word_that_is_none_is_named(text: str) -> None:
    with pytest.raises(LabError) as raised:
        Asked.parse(text)
    assert text.partition(":")[0].strip("'") in raised.value.message
    assert "agree:" not in raised.value.hint  # what is offered can be asked for


def test_the_text_of_a_filter_comes_back() -> None:
    text = "problem:3 split:train action:code gold:0.5 overlap:0 seed:4"
    assert Asked.parse(text).text().split() == sorted(text.split()[:2], reverse=True) + text.split()[2:]
    assert Asked.parse("").text() == Asked.parse("gold:0.1").text() == ""


def test_second_readings_are_found_the_same_among_few_and_among_many(
    fresh: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = sorted(fresh.said)[:30]
    for number, step in enumerate(steps):
        labels.add_human(fresh.lab, step, "valid", "ann")
        if number % 3 == 0:
            labels.add_human(fresh.lab, step, "invalid", "bob")
    once = {step for number, step in enumerate(steps) if number % 3}
    with fresh.lab.reading() as connection:
        assert set(picks.read_by_one(connection, Asked(), "cid", limit=99)) == once
        assert picks.read_by_one(connection, Asked(), "ann", limit=99) == []
        assert picks.read_by_one(connection, Asked(), "cid", start=1) != picks.read_by_one(connection, Asked(), "cid")
        monkeypatch.setattr(picks, "MANY", 10)
        some = set(picks.read_by_one(connection, Asked(), "cid", limit=99))
        assert some
        assert some <= once
