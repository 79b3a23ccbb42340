"""OmegaPRM and brute Monte Carlo: published numbers, the first error found in long chains, cost, unbiased values, resuming."""

from __future__ import annotations

import hashlib
import random
from dataclasses import replace
from math import ceil, log2
from statistics import fmean

import pytest

from o1coder.search.config import TreeSpec, preset
from o1coder.search.facts import CompletionFact, EndFact, Path, RolloutFact, StepFact
from o1coder.search.growth import Growth
from o1coder.search.omega import exploration, mc_values, priority
from o1coder.search.values import Value, recorded_values, tree_values
from tests.search.scored import say_of, scored_tree
from tests.search.world import CASES, TASK, Prompt, Reader, World


def of(kind, facts):
    return [fact for fact in facts if isinstance(fact, kind)]


def parts(facts):
    return of(CompletionFact, facts), of(StepFact, facts), of(RolloutFact, facts)


def ask(name: str, seed: int = 0, stored=(), **changes) -> TreeSpec:
    config = preset(name, **changes)
    return TreeSpec(seed, TASK, CASES, seed, config, Prompt(config.chooses), stored=stored)


def test_published_numbers() -> None:
    assert priority(0.5, 100) == pytest.approx(0.6924, abs=5e-5)
    assert exploration(16, 3) == pytest.approx(0.125)


class Slips:
    """A policy that slips at any step with odds `slip` and never recovers; `clumsy` share of its texts do not parse."""

    def __init__(self, slip: float, clumsy: float = 0.0) -> None:
        self.slip, self.clumsy = slip, clumsy

    def say(self, prompt: str, seed: int) -> str:
        rng = random.Random(hashlib.blake2b(f"{prompt}/{seed}".encode(), digest_size=8).digest())
        action, *chain = prompt.split("|")
        if rng.random() < self.clumsy:
            return "?"
        bad = rng.random() < self.slip
        if action == "code":
            return f"{'fail' if bad or any(text.startswith('bad') for text in chain) else 'pass'} {rng.random()}"
        return f"{'bad' if bad else 'good'} {rng.random()}"


@pytest.mark.parametrize("clumsy", [0.0, 0.01])
@pytest.mark.parametrize("steps", [3, 30])
def test_the_first_error_is_found_at_a_logarithmic_price(steps: int, clumsy: float) -> None:
    slips = Slips(0.5 / steps, clumsy)
    searches, width = 6, 8
    located = 0
    for seed in range(5):
        spec = ask("omega", seed, simulations=searches, refines=steps - 2, max_depth=steps)
        facts = scored_tree(spec, slips.say)
        completions, said, rollouts = parts(facts)
        texts = {step.path: step.text for step in said}
        leaves = {rollout.leaf for rollout in rollouts}
        states = {p: v for p, v in mc_values(spec.config, facts).items() if p not in leaves or not texts.get(p)}
        for path, value in states.items():
            chain = [texts[path[:depth]] for depth in range(1, len(path) + 1)]
            slipped = any(text.startswith("bad") for text in chain)
            assert (value.c == 0) == slipped, (path, value)
            assert value.k == (2 * width if slipped else width)
        begun = sum(value.k for value in states.values())
        assert begun <= width + searches * ceil(log2(steps + 1)) * 2 * width
        assert len(states) > 1
        # The error lies where a step without success stands right below one with success.
        found = {path for path in states if states[path].c == 0 and states.get(path[:-1], Value(0, 0, 0, 0)).c > 0}
        assert all(texts[path].startswith("bad") for path in found)
        located += len(found)
    assert located >= 3


def test_a_policy_that_never_or_always_succeeds_leaves_nothing_to_search() -> None:
    for word in ("pass", "fail"):
        facts = scored_tree(ask("omega", simulations=9), lambda prompt, seed, w=word: f"{w} {seed}")
        assert len(of(CompletionFact, facts)) == 8 * 3
        assert of(EndFact, facts) == [EndFact("exhausted")]


def test_a_midpoint_without_success_is_confirmed_before_the_search_goes_left() -> None:
    """At the first midpoint only the ninth draw of eight and eight succeeds."""

    def say(prompt: str, seed: int) -> str:
        action, *chain = prompt.split("|")
        if action == "structure":
            counts["root"] = counts.get("root", 0) + 1
            return f"s{counts['root']}"
        if action == "refine":
            counts[chain[0]] = counts.get(chain[0], 0) + 1
            return f"r{counts[chain[0]]}"
        lucky = chain[0] == "s1" or (int(chain[1][1:]) == 10)
        return f"{'pass' if lucky else 'fail'} {seed}"

    for confirm, k, c in ((True, 16, 1), (False, 8, 0)):
        counts: dict[str, int] = {}
        spec = ask("omega", simulations=1, confirm=confirm)
        facts = scored_tree(spec, say)
        found = mc_values(spec.config, facts)
        (middle,) = [path for path in found if len(path) == 1]
        assert found[middle] == Value(c / k, c / k, k, c)
        # With success the search goes right and estimates the refinement; without, it ends at the structure.
        refined = [path for path, value in found.items() if len(path) == 2]
        assert len(refined) == (1 if confirm else 0)


def counting(rules):
    """A policy that says the n-th text of its kind below a prefix, from n = 0 on; `rules(action, chain, n)` gives the text."""
    counts: dict[str, int] = {}

    def say(prompt: str, seed: int) -> str:
        number = counts[prompt] = counts.get(prompt, -1) + 1
        action, *chain = prompt.split("|")
        return rules(action, chain, number)

    return say


def estimated(spec: TreeSpec, say) -> set[str]:
    """The texts of the states that a search estimated, the root and judged leaves left out."""
    facts = scored_tree(spec, say)
    leaves = {fact.leaf for fact in of(RolloutFact, facts)}
    values = mc_values(spec.config, facts)
    return {step.text for step in of(StepFact, facts) if step.path in values and step.path not in leaves}


def test_of_two_wrong_rollouts_the_shorter_is_searched_first() -> None:
    def rules(action: str, chain: list[str], number: int) -> str:
        if action == "structure":
            return {2: "long " * 200, 5: "short"}.get(number, f"s{number}")
        wrong = chain[0] in ("short", ("long " * 200))
        return f"{action}{number}" if action == "refine" else f"{'fail' if wrong else 'pass'} {chain} {number}"

    assert estimated(ask("omega", simulations=1), counting(rules)) == {"short"}


@pytest.mark.parametrize(("c", "second"), [(0.0, "w5"), (10.0, "other")])
def test_u_turns_to_states_that_were_chosen_less(c: float, second: str) -> None:
    """By Q alone the root's second wrong rollout comes next; by U a rollout of the state found in the first search."""

    def rules(action: str, chain: list[str], number: int) -> str:
        if action == "structure":
            return f"w{number}" if number in (2, 5) else f"s{number}"
        if action == "refine":
            return "bad" if chain[0] == "w5" or number == 0 else ("other" if number % 2 else f"good{number}")
        wrong = chain[1] in ("bad", "other") and chain[0][0] == "w"
        return f"{'fail' if wrong else 'pass'} {chain} {number}"

    found = estimated(ask("omega", simulations=2, c=c), counting(rules))
    assert {"w2", "bad", second} == found


def test_what_the_judge_fails_on_counts_in_no_estimate() -> None:
    facts = scored_tree(
        ask("omega", simulations=3), lambda prompt, seed: f"ill {seed}" if prompt.startswith("code") else f"s{seed}"
    )
    config = preset("omega")
    assert mc_values(config, facts) == {}


def errors(name: str, values, **changes) -> tuple[float, float]:
    """Mean error of `values` (of an estimator) at the root and at depth 1, over 20 worlds × 10 trees."""
    root, first = [], []
    for number in range(20):
        world = World(number, unparsable=0.1)
        for seed in range(10):
            spec = ask(name, seed, **changes)
            facts = scored_tree(spec, world.text)
            texts = {step.path: step.text for step in of(StepFact, facts)}
            for path, value in values(spec.config, facts).items():
                if not path:
                    root.append(value.v_pass - world.value())
                elif len(path) == 1:
                    first.append(value.v_pass - world.value([texts[path]]))
    return fmean(root), fmean(first)


def test_fresh_draws_are_unbiased_where_the_recursion_over_an_omega_tree_is_not() -> None:
    root, first = errors("omega", mc_values, simulations=20)
    assert abs(root) <= 0.03
    assert abs(first) <= 0.03
    assert errors("omega", lambda config, facts: tree_values(facts), simulations=20)[0] >= 0.04


def test_brute_monte_carlo_gives_every_prefix_of_a_chain_k_draws_of_its_own() -> None:
    root, first = errors("mc", mc_values, simulations=1)
    assert abs(root) <= 0.03
    assert abs(first) <= 0.03
    spec = ask("mc", 3, simulations=1)
    facts = scored_tree(spec, World(3).text)
    values = mc_values(spec.config, facts)
    inner = [path for path in values if len(path) < 3]
    assert sorted(map(len, inner)) == [0, 1, 2]
    assert {values[path].k for path in inner} == {8}
    # one chain of three steps, then eight completions to the end from depths 0, 1 and 2
    assert len(of(CompletionFact, facts)) == 3 + 8 * (3 + 2 + 1)


@pytest.mark.parametrize("name", ["omega", "openr", "mc"])
def test_an_interrupted_tree_goes_on_to_the_same_facts(name: str) -> None:
    world = World(2, unparsable=0.1)
    whole = scored_tree(ask(name, 1, simulations=4), world.text)
    for most in (60, 80):
        growth = Growth(ask(name, 1, simulations=4), Reader())
        seen: list[object] = []

        def stop_at(prompt: str, seed: int, seen=seen, most=most) -> str:
            seen.append(seed)
            if len(seen) > most:
                raise KeyboardInterrupt
            return world.text(prompt, seed)

        stored: list[object] = []
        settle = growth.settle
        growth.settle = lambda settle=settle, stored=stored: stored.extend(new := settle()) or new  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            say_of(growth, stop_at)
        assert 0 < len(stored) < len(whole)
        again = Growth(ask(name, 1, stored=stored, simulations=4), Reader())
        again.resume()
        assert stored + say_of(again, world.text) == whole


def test_openr_counts_at_creation_and_searches_again_what_it_searched() -> None:
    """With one wrong rollout, OpenR searches it `simulations` times and draws its midpoints afresh each time."""

    def say(prompt: str, seed: int) -> str:
        action, *chain = prompt.split("|")
        if action == "structure":
            number = counts.setdefault("root", 0)
            counts["root"] += 1
            return "wrong" if number == 0 else f"s{number}"
        if action == "refine":
            return f"r{seed}"
        return f"{'fail' if chain[0] == 'wrong' else 'pass'} {seed}"

    for name, searched in (("omega", 1), ("openr", 3)):
        counts: dict[str, int] = {}
        spec = ask(name, simulations=3)
        facts = scored_tree(spec, say)
        found = mc_values(spec.config, facts)
        draws = spec.config.draws
        (wrong,) = (step.path for step in of(StepFact, facts) if step.text == "wrong")
        assert found[()] == Value(1 - 1 / draws, 1 - 1 / draws, draws, draws - 1)
        assert found[wrong] == Value(0.0, 0.0, 16 * searched, 0)


def test_values_do_not_depend_on_the_order_of_the_facts() -> None:
    facts = scored_tree(ask("omega", 2, simulations=6), World(2, unparsable=0.1).text)
    config = preset("omega", simulations=6)
    expected = mc_values(config, facts)
    assert any(len(path) == 2 for path in expected)
    random.Random(0).shuffle(facts)
    assert mc_values(config, facts) == expected


def test_rescored_rollouts_are_tallied_as_the_search_went_by_the_first_ones() -> None:
    """With every program passing, each estimate is 1 and its draws stay those that the search drew."""
    spec = ask("omega", 2, simulations=6)
    facts = scored_tree(spec, World(2, unparsable=0.1).text)
    before = recorded_values(spec.config, facts)
    passing = [
        replace(fact, passed=fact.total, reward=1.0) if isinstance(fact, RolloutFact) and fact.code else fact
        for fact in facts
    ]
    after = recorded_values(spec.config, passing, of(RolloutFact, facts))
    assert {path: value.k for path, value in after.items()} == {path: value.k for path, value in before.items()}
    assert any(value.c > before[path].c for path, value in after.items())
    parsed = [value for path, value in after.items() if len(path) == 3]
    assert {value.v for value in parsed} == {1.0}


def test_a_tree_cut_short_keeps_the_estimates_it_finished() -> None:
    spec = ask("omega", 2, simulations=6)
    growth = Growth(spec, Reader())
    world = World(2)
    rounds: list[list[object]] = []
    settle = growth.settle

    def keep():
        rounds.append(settle())
        return rounds[-1]

    growth.settle = keep  # type: ignore[method-assign]
    say_of(growth, world.text)
    written = [some for some in rounds if some]
    whole = mc_values(spec.config, [fact for some in written for fact in some])
    first: dict[Path, Value] = mc_values(spec.config, written[0])
    assert first[()] == whole[()]
    assert first[()].k == 8


def test_given_steps_are_searched_below() -> None:
    world = World(4)
    spec = replace(ask("omega", 1, simulations=4), given=(("structure", world.structures[0]),))
    facts = scored_tree(spec, world.text)
    values = mc_values(spec.config, facts)
    assert {fact.parent[:1] for fact in of(CompletionFact, facts)} == {(0,)}
    assert values[(0,)].k == 8
    assert () not in values
