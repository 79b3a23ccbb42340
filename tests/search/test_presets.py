"""Presets: what each one's rules do to a tree, that every one of them can be resumed anywhere and replayed, and what is
recorded with it. Whether their values are right is calibrate's."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from o1coder.errors import LabError
from o1coder.search import (
    CompletionFact,
    EndFact,
    RolloutFact,
    SearchConfig,
    StepFact,
    TreeSpec,
    preset,
    replay,
    run_search,
    tree_values,
)
from o1coder.search.growth import Growth
from o1coder.task import Case
from tests.search.grow import grow
from tests.search.world import CASES, TASK, Judge, Prompt, Reader, Sampler, World, spec

VISITING = ("o1coder-code", "o1coder-paper")


def asked(name: str, seed: int = 0, stored=(), **changes) -> TreeSpec:
    config = preset(name, **changes)
    return TreeSpec(seed, TASK, CASES, seed, config, Prompt(config.chooses), stored=stored)


def grown(name: str, world: World, seed: int = 0, shuffle=None, **changes) -> list:
    return grow(Growth(asked(name, seed, **changes), Reader()), world.text, shuffle)


def rollouts(facts) -> list[RolloutFact]:
    return [fact for fact in facts if isinstance(fact, RolloutFact)]


def test_every_rule_is_recorded_with_the_tree() -> None:
    stored = asdict(preset("o1coder-code", simulations=3))
    assert (stored["siblings"], stored["revisit"], stored["estimate"]) == ("best", True, "o1coder-code")
    assert SearchConfig(**stored | {"widths": tuple(stored["widths"])}) == preset("o1coder-code", simulations=3)
    with pytest.raises(LabError, match="no search preset"):
        preset("nope")


def test_a_tree_stored_before_the_rules_had_names_is_the_labs() -> None:
    config = SearchConfig(preset="lab", simulations=2, width=2)
    assert (config.method, config.siblings, config.revisit, config.estimate) == ("uct", "all", False, "weighted")


def test_o1coder_code_keeps_the_best_sibling_and_comes_back_to_it() -> None:
    texts = {"structure": ["S"] * 3, "refine": ["R"] * 3, "code": ["fail 1", "half 2", "fail 3"]}
    turn = Counter()

    def say(prompt: str, seed: int) -> str:
        action = prompt.split("|")[0]
        turn[action] += 1
        return texts[action][(turn[action] - 1) % 3]

    facts = grow(Growth(asked("o1coder-code", simulations=4), Reader()), say)
    found = rollouts(facts)
    assert [r.code for r in found] == ["half 2"] * 4
    assert len({r.leaf for r in found}) == 1
    assert turn["code"] == 3
    values = tree_values(facts, "o1coder-code")
    leaf = found[0].leaf
    assert values[leaf].v == pytest.approx(0.5 / 4)  # divided by its visits once more
    assert values[leaf[:-1]].v == pytest.approx(0.5)
    assert (values[leaf].k, values[()].k) == (1, 1)  # visits are no draws
    assert tree_values(facts)[leaf].v == 0.5


def test_the_paper_has_one_rollout_a_simulation_and_leaves_the_other_programs_to_later_ones() -> None:
    world = World(3, variants=1)
    facts = grown("o1coder-paper", world, simulations=6)
    found = rollouts(facts)
    assert len(found) == 6
    codes = [fact for fact in facts if isinstance(fact, StepFact) and fact.code is not None]
    assert len(codes) == 3
    assert {r.leaf for r in found[:3]} == {step.path for step in codes}  # the unexplored first
    assert sum(isinstance(fact, CompletionFact) for fact in facts) == 9
    values = tree_values(facts, "visits")
    assert values[()].v == pytest.approx(sum(r.reward for r in found) / 6)


def test_a_masked_leaf_is_not_visited_again() -> None:
    texts = {"structure": "S", "refine": "R", "code": "ill"}
    facts = grow(Growth(asked("o1coder-paper", simulations=5, width=1), Reader()), lambda p, s: texts[p.split("|")[0]])
    assert [r.reward for r in rollouts(facts)] == [None]
    assert facts[-1] == EndFact("exhausted")


def test_lab_never_visits_a_leaf_twice() -> None:
    for seed in range(20):
        found = rollouts(grown("lab", World(seed, programs=3), seed, simulations=12))
        assert len({r.leaf for r in found if r.code is not None}) == sum(r.code is not None for r in found)


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(["lab", *VISITING]),
    st.builds(World, st.integers(0, 10**6), st.integers(1, 3), st.sampled_from([0.0, 0.3]), st.just(3)),
    st.integers(0, 10**6),
    st.integers(1, 3),
)
def test_arrival_interruption_and_replay_change_nothing(name, world, seed, in_flight) -> None:
    changes = {"simulations": 9, "in_flight": in_flight}
    facts = grown(name, world, seed, **changes)
    assert grown(name, world, seed, random.Random(1), **changes) == facts
    assert replay(asked(name, seed, facts[::-1], **changes), Reader()).facts == facts
    for cut in _cuts(name, world, seed, changes):
        again = Growth(asked(name, seed, cut[::-1], **changes), Reader())
        again.resume()
        assert cut + grow(again, world.text) == facts


def _cuts(name, world, seed, changes) -> list[list]:
    """What is stored after each flush of a search."""
    flushed: list[list] = [[]]
    run_search(
        [asked(name, seed, **changes)],
        Sampler(world),
        Judge(),
        write=lambda found: flushed.append([*flushed[-1], *(fact for _, fact in found)]),
        flush_s=0.0,
        reader=Reader(),
    )
    return flushed[:-1]


TELLING = (Case("sha256:a", "[1]", "2"), Case("sha256:b", "[2]", "3"), Case("sha256:c", "[3]", "4"))


def adaptive(say, **changes) -> list:
    config = preset("lab", simulations=2, most_simulations=7, **changes)
    return grow(Growth(TreeSpec(0, TASK, TELLING, 0, config, Prompt()), Reader()), say)


def test_an_adaptive_tree_stops_when_its_answer_is_settled() -> None:
    turn = iter(range(1000))
    facts = adaptive(
        lambda prompt, seed: f"{['fail', 'pass'][next(turn) % 2]} {seed}" if "code" in prompt else f"s{seed}"
    )
    assert facts[-1] == EndFact("settled")
    assert len(rollouts(facts)) == 3


def test_a_hard_tree_goes_on_beyond_its_simulations() -> None:
    facts = adaptive(lambda prompt, seed: f"fail {seed}" if "code" in prompt else f"s{seed}")
    assert facts[-1] == EndFact("simulations")
    assert len(rollouts(facts)) == 7 * 3


def test_a_direct_answer_that_is_enough_is_the_whole_tree() -> None:
    turn = iter(range(1000))
    facts = adaptive(lambda prompt, seed: f"{['fail', 'pass'][next(turn) % 2]} {seed}", direct_first=4)
    assert facts[-1] == EndFact("settled")
    steps = [fact for fact in facts if isinstance(fact, StepFact)]
    assert {step.action for step in steps} == {"code"}
    assert {len(step.path) for step in steps} == {1}
    assert len(rollouts(facts)) == 4


def test_programs_that_no_test_tells_apart_settle_nothing() -> None:
    facts = adaptive(lambda prompt, seed: f"pass {seed}" if "code" in prompt else f"s{seed}")
    assert facts[-1] == EndFact("simulations")


def test_an_adaptive_tree_decides_each_round_by_the_one_before() -> None:
    with pytest.raises(LabError, match="decides each round"):
        preset("lab", most_simulations=9, in_flight=2)


def test_given_steps_stand_below_the_root_and_are_no_draws() -> None:
    world = World(5)
    given_steps = (("structure", "S1"), ("refine", "R0"))
    asked_for = spec(1, simulations=1, width=6)
    asked_for.given = given_steps
    facts = grow(Growth(asked_for, Reader()), world.text)
    steps = [fact for fact in facts if isinstance(fact, StepFact)]
    assert [(s.path, s.action, s.text) for s in steps[:2]] == [((0,), "structure", "S1"), ((0, 0), "refine", "R0")]
    completions = [fact for fact in facts if isinstance(fact, CompletionFact)]
    assert {c.parent for c in completions} == {(0, 0)}
    values = tree_values(facts)
    assert values[()].k == values[(0,)].k == values[(0, 0)].k == 6
    assert (
        replay(TreeSpec(1, TASK, CASES, 1, asked_for.config, Prompt(), stored=facts, given=given_steps), Reader()).facts
        == facts
    )


def test_a_guided_search_without_a_scorer_is_refused() -> None:
    with pytest.raises(LabError, match="process reward model"):
        run_search([asked("puct")], Sampler(World(1)), Judge(), write=lambda found: None, reader=Reader())


def test_a_policy_out_of_order_is_unparsable_where_the_grammar_says_so() -> None:
    def say(prompt: str, seed: int) -> str:
        return "pass" if "|" in prompt else f"think {seed}"  # a refinement first

    def errors(**changes) -> set:
        config = preset("lab", chooses="policy", simulations=1, **changes)
        facts = grow(Growth(TreeSpec(0, TASK, CASES, 0, config, Prompt("policy")), Reader()), say)
        return {fact.error for fact in facts if isinstance(fact, CompletionFact)}

    assert errors() == {None}
    assert errors(grammar="ordered") == {"refine may not stand here"}
