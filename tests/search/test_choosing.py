"""Choosing among programs: an example on which every rule differs, properties, what tests tell, when an answer is settled."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from o1coder.errors import LabError
from o1coder.search.choosing import (
    Candidate,
    aggregate,
    candidates_of,
    chain_scores,
    choose,
    groups,
    settled,
    telling,
)
from o1coder.search.facts import CompletionFact, RolloutFact, ScoreFact

RULES = ("agreement", "weighted", "prm", "majority")
AGGREGATES = ("last", "min", "product", "mean")


def candidate(key: int, draws: int, passed: str, *scores: float, outputs: object = None) -> Candidate:
    return Candidate(key, draws, tuple(mark == "+" for mark in passed), scores, outputs)


def test_aggregates() -> None:
    scores = (0.5, 0.2, 0.8)
    assert [aggregate(scores, how) for how in AGGREGATES] == [0.8, 0.2, pytest.approx(0.08), pytest.approx(0.5)]


def test_an_example_on_which_every_rule_chooses_another_program() -> None:
    """One program that the PRM loves; a mediocre crowd; a smaller group that passes more; one more whose scores add up."""
    programs = [
        candidate(1, 1, "----+", 0.99),
        candidate(2, 6, "+----", 0.10),
        candidate(3, 4, "+++--", 0.20),
        candidate(4, 3, "-+++-", 0.60),
    ]
    chosen = {rule: choose(programs, rule) for rule in RULES}
    assert {rule: each and each.candidate.key for rule, each in chosen.items()} == {
        "prm": 1,
        "majority": 2,
        "agreement": 3,
        "weighted": 4,
    }
    assert chosen["agreement"] is not None
    assert (chosen["agreement"].agree, chosen["agreement"].passed, chosen["agreement"].telling) == (4, 3, 5)


def test_programs_that_pass_nothing_agree_on_nothing() -> None:
    failures = [candidate(key, 1, "---") for key in range(5)]
    assert len(groups(failures)) == 5
    chosen = choose([*failures, candidate(9, 2, "+--")], "majority")
    assert chosen is not None
    assert chosen.candidate.key == 9
    answered_alike = [candidate(key, 1, "---", outputs="sha256:x") for key in range(5)]
    assert len(groups(answered_alike)) == 1


def test_outputs_part_programs_that_pass_the_same_tests() -> None:
    programs = [
        candidate(0, 3, "+-", outputs="a"),
        candidate(1, 2, "+-", outputs="b"),
        candidate(2, 2, "+-", outputs="b"),
    ]
    chosen = choose(programs, "majority")
    assert chosen is not None
    assert (chosen.candidate.key, chosen.agree) == (1, 4)


@pytest.mark.parametrize("trivial", [1, 18])
def test_tests_that_everything_passes_do_not_drown_those_that_tell(trivial: int) -> None:
    """Two draws that pass two tests more than three others: by |programs|·|tests| eighteen trivial tests would hide it."""
    small = [candidate(0, 3, "--"), candidate(1, 2, "++")]
    programs = [each._replace(passed=(True,) * trivial + each.passed) for each in small]
    chosen = choose(programs, "agreement")
    assert chosen is not None
    assert (chosen.candidate.key, chosen.telling) == (1, 2)


def test_many_that_agree_outweigh_one_that_alone_passes_a_wrong_test() -> None:
    programs = [candidate(0, 9, "+++++-"), candidate(1, 1, "++++++")]
    chosen = choose(programs, "agreement")
    assert chosen is not None
    assert chosen.candidate.key == 0


def test_a_rule_that_goes_by_scores_says_so_when_there_are_none() -> None:
    for rule in ("prm", "weighted"):
        with pytest.raises(LabError, match="PRM"):
            choose([candidate(0, 1, "+")], rule)
    assert choose([], "prm") is None


tables = st.integers(1, 6).flatmap(
    lambda tests: st.lists(
        st.tuples(
            st.integers(1, 5),
            st.lists(st.booleans(), min_size=tests, max_size=tests),
            st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.9, 1.0]), min_size=1, max_size=4),
        ),
        min_size=1,
        max_size=8,
    )
)


def made(table) -> list[Candidate]:
    return [Candidate(key, draws, tuple(passed), tuple(scores)) for key, (draws, passed, scores) in enumerate(table)]


@settings(max_examples=60, deadline=None)
@given(tables, st.sampled_from(RULES), st.sampled_from(AGGREGATES), st.randoms(use_true_random=False))
def test_neither_the_order_of_programs_nor_of_tests_matters(table, rule, how, rng: random.Random) -> None:
    programs = made(table)
    expected = choose(programs, rule, how)
    shuffled = rng.sample(programs, len(programs))
    assert choose(shuffled, rule, how) == expected
    order = list(range(len(programs[0].passed)))
    rng.shuffle(order)
    turned = [each._replace(passed=tuple(each.passed[test] for test in order)) for each in programs]
    found = choose(turned, rule, how)
    assert found is not None
    assert expected is not None
    assert found.candidate.key == expected.candidate.key


@settings(max_examples=60, deadline=None)
@given(tables, st.sampled_from(RULES), st.sampled_from(AGGREGATES))
def test_more_of_what_is_chosen_keeps_it_chosen(table, rule, how) -> None:
    """Another draw of the chosen program, or a better score of it, never makes another one win."""
    programs = made(table)
    chosen = choose(programs, rule, how)
    assert chosen is not None
    taken = chosen.candidate
    better = taken._replace(draws=taken.draws + 1, scores=tuple(min(1.0, each + 0.1) for each in taken.scores))
    again = choose([better if each.key == taken.key else each for each in programs], rule, how)
    assert again is not None
    group = next(members for members in groups(programs) if taken in members)
    assert again.candidate.key in {each.key for each in group}


@settings(max_examples=60, deadline=None)
@given(tables, st.sampled_from(("agreement", "weighted")))
def test_of_equal_groups_the_one_that_passes_more_is_taken(table, rule) -> None:
    """No group is chosen that another one matches in draws and scores and beats in every test and one more."""
    programs = [each._replace(draws=1, scores=(0.5,)) for each in made(table)]
    unique = list({each.passed: each for each in programs}.values())
    chosen = choose(unique, rule)
    assert chosen is not None
    mine = set(_which(chosen.candidate))
    assert not any(mine < set(_which(each)) for each in unique)


def _which(each: Candidate) -> list[int]:
    return [number for number, passed in enumerate(each.passed) if passed]


@pytest.mark.parametrize(
    ("programs", "yes"),
    [
        ([], False),
        ([("+++", 1)], False),  # nothing tells it apart
        ([("++", 3), ("-+", 1)], False),  # two tests are too few
        ([("+++", 3), ("-++", 1)], True),
        ([("++--", 3), ("-+--", 1)], True),
        ([("+---", 3), ("----", 1)], False),  # less than half
    ],
)
def test_settled(programs, yes: bool) -> None:
    candidates = [candidate(key, draws, passed) for key, (passed, draws) in enumerate(programs)]
    assert settled(choose(candidates)) is yes


def test_tests_tell_when_some_pass_and_some_do_not() -> None:
    assert telling([candidate(0, 1, "++-"), candidate(1, 1, "+--")]) == 1
    assert telling([candidate(0, 1, "++-")]) == 0
    assert telling([]) == 0


def test_candidates_of_facts() -> None:
    def completion(parent, ordinal, step) -> CompletionFact:
        return CompletionFact(parent, ordinal, "x", 1, 1, None, "stop", step, None if step else "unparsable")

    def rollout(ordinal, leaf, code, reward, **cases) -> RolloutFact:
        passed = sum(said == "AC" for said in cases.values())
        return RolloutFact(ordinal, leaf, code, passed, 2, True, reward, {}, cases)

    facts = [
        completion((), 0, (0,)),
        completion((0,), 0, (0, 0)),
        completion((0,), 1, (0, 0)),
        completion((0,), 2, (0, 2)),
        completion((0,), 3, None),
        rollout(2, (0, 0), "a", 0.5, x="AC", y="WA"),
        rollout(0, (0, 2), "b", 1.0, x="AC", y="AC"),
        rollout(1, (0, 3), "c", None),
        rollout(3, (0, 0), "a", 0.5, x="AC", y="WA"),
        rollout(4, (0,), None, 0.0),
        ScoreFact((0,), 0.5),
        ScoreFact((0, 0), 0.75),
    ]
    found = {each.key: each for each in candidates_of(facts)}
    assert found == {2: candidate(2, 2, "+-", 0.5, 0.75), 0: candidate(0, 1, "++")}


def test_a_chain_without_one_of_its_scores_has_none() -> None:
    assert chain_scores({(0,): 0.5, (0, 1): 0.25}, (0, 1)) == (0.5, 0.25)
    assert chain_scores({(0, 1): 0.25}, (0, 1)) == ()
