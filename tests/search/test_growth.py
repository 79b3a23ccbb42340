"""One tree: its shape, its counts, and that neither order of arrival nor an interruption changes it."""

from __future__ import annotations

import random

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
    label_values,
    visits,
)
from o1coder.search.growth import Growth
from tests.search.grow import grow, tree
from tests.search.world import CASES, TASK, Prompt, Reader, Sample, World, spec, verdict


def kinds(facts):
    return (
        [f for f in facts if isinstance(f, CompletionFact)],
        [f for f in facts if isinstance(f, StepFact)],
        [f for f in facts if isinstance(f, RolloutFact)],
    )


def golden(prompt: str, seed: int) -> str:
    """Two equal structures of three, one unparsable refinement, programs that pass, half pass and fail."""
    del seed
    golden.calls += 1  # type: ignore[attr-defined]
    action = prompt.split("|")[0]
    texts = {"structure": ["S", "T", "S"], "refine": ["R", "?", "Q"], "code": ["pass", "half", "fail"]}[action]
    return texts[(golden.calls - 1) % 3]  # type: ignore[attr-defined]


def test_golden_tree_of_one_simulation() -> None:
    golden.calls = 0  # type: ignore[attr-defined]
    facts = tree(spec(seed=1, simulations=1), golden)
    completions, steps, rollouts = kinds(facts)
    assert [(c.parent, c.ordinal, c.step, c.error) for c in completions[:3]] == [
        ((), 0, (0,), None),
        ((), 1, (1,), None),
        ((), 2, (0,), None),
    ]
    refined = completions[3].parent
    assert [(c.ordinal, c.step, c.error) for c in completions[3:6]] == [
        (0, (*refined, 0), None),
        (1, None, "unparsable"),
        (2, (*refined, 2), None),
    ]
    coded = completions[6].parent
    assert [s.action for s in steps] == ["structure"] * 2 + ["refine"] * 2 + ["code"] * 3
    assert [(r.leaf, r.passed, r.reward, r.solved) for r in rollouts] == [
        ((*coded, 0), 2, 1.0, True),
        ((*coded, 1), 1, 0.5, False),
        ((*coded, 2), 0, 0.0, False),
    ]
    assert rollouts[1].cases == {"sha256:a": "AC", "sha256:b": "WA"}
    assert facts[-1] == EndFact("simulations")
    values = label_values(completions, steps, rollouts)
    assert values[coded] == (0.5, pytest.approx(1 / 3), 3, 1)
    assert values[refined] == (0.25, pytest.approx(1 / 6), 4, 1)  # the unparsable sibling is a leaf of reward 0
    assert values[()] == values[refined]


def test_alpha_rewards_what_compiles() -> None:
    texts = iter(["S", "R", "fail", "broken"])
    facts = tree(spec(simulations=1, width=1, alpha=0.25), lambda prompt, seed: next(texts))
    rollout = kinds(facts)[2][0]
    assert (rollout.compiled, rollout.reward) == (True, 0.25)
    assert rollout.terms == {"alpha": 0.25, "compile": 1.0, "pass": 0.0}


def test_a_simulation_in_which_nothing_parses_is_one_rollout_of_nothing() -> None:
    facts = tree(spec(simulations=3), lambda prompt, seed: "S" if prompt == "structure" else "?")
    completions, steps, rollouts = kinds(facts)
    assert [(r.leaf, r.code, r.reward, r.total) for r in rollouts] == [((0,), None, 0.0, 2)]
    assert facts[-1] == EndFact("exhausted")
    assert label_values(completions, steps, rollouts)[(0,)] == (0.0, 0.0, 3, 0)


def test_equal_programs_are_one_step_one_rollout_and_two_draws() -> None:
    facts = tree(
        spec(simulations=9, width=2),
        lambda p, s: {"structure": "S", "refine": "R", "code": "pass"}[p[:9].split("|")[0]],
    )
    completions, steps, rollouts = kinds(facts)
    assert (len(completions), len(steps), len(rollouts)) == (6, 3, 1)
    assert label_values(completions, steps, rollouts)[()] == (1.0, 1.0, 2, 2)
    assert facts[-1] == EndFact("exhausted")


def test_a_judge_that_fails_is_masked_everywhere() -> None:
    texts = {"structure": ["S", "S"], "refine": ["R", "R"], "code": ["ill", "pass"]}
    turn = iter(range(100))
    facts = tree(spec(simulations=1, width=2), lambda p, s: texts[p.split("|")[0]][next(turn) % 2])
    completions, steps, rollouts = kinds(facts)
    assert [(r.reward, dict(r.cases)) for r in rollouts][0] == (None, {"sha256:a": "AC"})
    assert visits(rollouts)[()] == 1
    assert label_values(completions, steps, rollouts)[()] == (1.0, 1.0, 1, 1)


def test_what_ran_without_isolation_is_never_rewarded() -> None:
    texts = iter(["S", "R", "bare"])
    facts = tree(spec(simulations=1, width=1), lambda prompt, seed: next(texts))
    assert [(r.reward, dict(r.cases), dict(r.verdicts)) for r in kinds(facts)[2]] == [(None, {}, {})]


def test_a_case_given_twice_is_refused() -> None:
    with pytest.raises(LabError, match="twice"):
        TreeSpec(0, TASK, (CASES[0], CASES[0]), 0, SearchConfig(), Prompt())


def test_a_policy_that_chooses_ends_at_code_or_at_the_depth_limit() -> None:
    facts = tree(
        spec(chooses="policy", max_depth=2, simulations=1, width=2),
        lambda prompt, seed: "think" if prompt == "structure" else ["deeper", "pass"][seed % 2],
    )
    completions, steps, rollouts = kinds(facts)
    by_text = {s.text: s.path for s in steps}
    ends = {r.leaf: r.reward for r in rollouts}
    assert all(ends[path] == (1.0 if text == "pass" else 0.0) for text, path in by_text.items() if len(path) == 2)
    assert label_values(completions, steps, rollouts)[()].k == 2


worlds = st.builds(World, st.integers(0, 10**6), st.integers(1, 4), st.sampled_from([0.0, 0.1, 0.5]), st.just(3))


@settings(max_examples=60, deadline=None)
@given(worlds, st.integers(0, 10**6), st.integers(1, 12), st.integers(1, 4), st.integers(1, 4))
def test_counts_agree_and_arrival_does_not_matter(world, seed, simulations, width, in_flight) -> None:
    asked = spec(seed, simulations=simulations, width=width, in_flight=in_flight)
    facts = tree(asked, world.text)
    for other in range(2):
        assert tree(asked, world.text, random.Random(other)) == facts
    completions, steps, rollouts = kinds(facts)
    counts = visits(rollouts)
    assert counts.get((), 0) == len(rollouts) == len({r.ordinal for r in rollouts})
    ended = [r.leaf for r in rollouts]
    children = {}
    for step in steps:
        children.setdefault(step.path[:-1], []).append(step)
    for path, below in children.items():
        assert counts.get(path, 0) == sum(counts.get(s.path, 0) for s in below) + ended.count(path)
        assert len({(s.action, s.text) for s in below}) == len(below)
    judged = [r.leaf for r in rollouts if r.code is not None]
    assert len(set(judged)) == len(judged)
    assert {s.path for s in steps if s.code is not None} == set(judged)
    assert len({(c.parent, c.ordinal) for c in completions}) == len(completions)
    assert {c.step for c in completions if c.step} == {s.path for s in steps}
    value = label_values(completions, steps, rollouts).get(())
    programs = sum(c.step in set(judged) for c in completions)
    assert value is not None
    assert value.k == programs + sum(c.step is None for c in completions)
    mixed = random.Random(seed)
    for facts_of_a_kind in (completions, steps, rollouts):
        mixed.shuffle(facts_of_a_kind)
    assert label_values(completions, steps, rollouts).get(()) == value


@settings(max_examples=40, deadline=None)
@given(worlds, st.integers(0, 10**6), st.integers(1, 4))
def test_a_tree_goes_on_from_any_simulation(world, seed, in_flight) -> None:
    asked = spec(seed, simulations=8, in_flight=in_flight)
    growth = Growth(asked, Reader())
    whole, cuts = [], []
    while growth.end is None:
        asks = growth.wanted()
        for simulation in {ask.simulation for ask in asks}:
            texts = [world.text(ask.prompt, ask.seed) for ask in asks if ask.simulation == simulation]
            growth.deliver(simulation, [Sample(text, 5, 3, -1.0, "stop") for text in texts])
        for simulation in {simulation for simulation, _ in growth.unjudged()}:
            _rule(growth, simulation)
        whole += growth.settle()
        cuts.append(len(whole))
    for cut in {0, *cuts}:
        stored = whole[:cut]
        random.Random(cut).shuffle(stored)
        again = Growth(spec(seed, stored, simulations=8, in_flight=in_flight), Reader())
        again.resume()
        assert again.tokens_out == 3 * sum(isinstance(f, CompletionFact) for f in stored)
        assert whole[:cut] + grow(again, world.text) == whole


def _rule(growth, simulation) -> None:
    codes = growth.codes(growth.simulations[simulation])
    growth.rule(simulation, {each: [verdict(each, case) for case in CASES] for each in codes})


def test_facts_of_another_config_are_refused() -> None:
    world = World(3)
    facts = tree(spec(5, simulations=4), world.text)
    for changed in ({"simulations": 4, "width": 2}, {"simulations": 2}, {"simulations": 4, "refines": 2}):
        with pytest.raises(LabError, match="do not fit"):
            Growth(spec(5, facts, **changed), Reader()).resume()
    incomplete = [f for f in facts if not (isinstance(f, CompletionFact) and f.ordinal == 1)]
    with pytest.raises(LabError, match="missing"):
        Growth(spec(5, incomplete, simulations=4), Reader()).resume()


@pytest.mark.parametrize(
    "wrong",
    [{"preset": "nope"}, {"simulations": 0}, {"alpha": 1.5}, {"c": -1.0}, {"refines": 9}, {"chooses": "policy"}],
)
def test_an_impossible_search_is_refused_in_one_line(wrong) -> None:
    with pytest.raises(LabError):
        TreeSpec(0, TASK, CASES, 0, SearchConfig(**wrong), Prompt())
