"""The defects of O1-CODER's search: the baseline written after it has them, and a tree of our default has none."""

from __future__ import annotations

import random
import re
from collections import Counter
from statistics import fmean, stdev

import pytest

from o1coder.search import CompletionFact, Fact, RolloutFact, StepFact, label_values, preset, run_search
from o1coder.task import Case
from tests.search import upstream
from tests.search.grow import tree
from tests.search.upstream import MOST_TESTS, Search
from tests.search.world import Judge, Reader, Sampler, World, spec

WORLDS = range(30)


def theirs(world: World, seed: int, simulations: int, **settings: object) -> Search:
    asked = spec(seed, simulations=simulations, **settings)
    return upstream.search(asked, Sampler(world), Judge(), Reader(), random.Random(f"{world.seed}/{seed}"))


def sorted_out(facts: list[Fact]) -> tuple[list[CompletionFact], list[StepFact], list[RolloutFact]]:
    return (
        [fact for fact in facts if isinstance(fact, CompletionFact)],
        [fact for fact in facts if isinstance(fact, StepFact)],
        [fact for fact in facts if isinstance(fact, RolloutFact)],
    )


def test_the_baseline_visits_judged_leaves_again_and_ours_never_does() -> None:
    again = 0
    for number in WORLDS:
        world = World(number)
        leaves = Counter(node.path for node in theirs(world, 0, 12).rollouts)
        again += sum(leaves.values()) - len(leaves)
        rollouts = sorted_out(tree(spec(0, simulations=12), world.text))[2]
        assert max(Counter(rollout.leaf for rollout in rollouts).values()) == 1
    assert again > len(WORLDS)


def test_the_baseline_divides_a_leaf_by_its_visits_and_ours_is_its_reward() -> None:
    world = World(3)
    halved = [node for node in theirs(world, 0, 24).nodes() if node.reward == 1.0 and node.visits > 1]
    assert halved
    assert all(node.value == 1.0 / node.visits for node in halved)
    found = sorted_out(tree(spec(0, simulations=24), world.text))
    values = label_values(*found)
    solved = [rollout.leaf for rollout in found[2] if rollout.solved]
    assert solved
    assert {values[leaf].v for leaf in solved} == {1.0}


def test_the_baseline_throws_code_siblings_away_and_ours_judges_and_keeps_them() -> None:
    world = World(5)
    found = theirs(world, 0, 12)
    above_code = [node for node in found.nodes() if node.children and node.children[0].code is not None]
    assert {len(node.children) for node in above_code} == {1}
    assert found.judged == 3 * len(above_code)
    completions, steps, rollouts = sorted_out(tree(spec(0, simulations=12), world.text))
    codes = {step.path for step in steps if step.code is not None}
    assert {rollout.leaf for rollout in rollouts} == codes
    assert Counter(len(each.parent) for each in completions)[2] == len(codes)  # of this world every program differs


def test_the_baseline_backs_up_the_best_of_its_siblings_so_its_root_is_worth_more_than_the_policy() -> None:
    bias = {count: fmean(_errors(count)) for count in (12, 48)}
    assert 0.2 < bias[12] < bias[48]
    ours = [
        label_values(*sorted_out(tree(spec(seed, simulations=12), World(number).text)))[()].v - World(number).value()
        for number in WORLDS
        for seed in range(8)
    ]
    assert abs(fmean(ours)) < 0.03


def _errors(simulations: int) -> list[float]:
    found = []
    for number in WORLDS:
        world = World(number)
        for seed in range(8):
            root = theirs(world, seed, simulations).root
            found.append(root.total / root.visits - world.value())
    return found


def test_the_baseline_forgets_tests_and_ours_asks_all_that_were_frozen() -> None:
    cases = tuple(Case(f"sha256:{n}", f"[{n}]", str(n + 1)) for n in range(MOST_TESTS + 4))
    asked = spec(0, simulations=3)
    asked.cases = cases
    world, judge = World(1), Judge()
    upstream.search(asked, Sampler(world), judge, Reader(), random.Random(0))
    assert len({digest for _, digest in judge.questions}) == MOST_TESTS
    mine, ours = Judge(), []
    run_search([asked], Sampler(world), mine, write=ours.extend, reader=Reader())
    rollouts = sorted_out([fact for _, fact in ours])[2]
    assert rollouts
    assert all(set(rollout.cases) == {case.digest for case in cases} for rollout in rollouts)


class Distinct(World):
    """A world in which no two thoughts are equal: the baseline knows no equal texts, and ours would merge them."""

    def text(self, prompt: str, seed: int) -> str:
        said = super().text(re.sub(r"~\d+", "", prompt), seed)
        return said if said.startswith(("pass", "fail")) else f"{said}~{seed}"


@pytest.mark.parametrize("simulations", [12, 48])
def test_our_preset_of_its_code_is_distributed_as_the_baseline_is(simulations: int) -> None:
    differences: dict[str, list[float]] = {"root": [], "first": [], "leaves": [], "tries": []}
    for number in range(40):
        world = Distinct(number)
        both: list[dict[str, float]] = []
        for seeds in (range(8), range(8, 16)):
            measured = [(_of_theirs if seeds.start == 0 else _of_ours)(world, seed, simulations) for seed in seeds]
            both.append({name: fmean(each[name] for each in measured) for name in differences})
        for name, found in differences.items():
            found.append(both[0][name] - both[1][name])
    for name, found in differences.items():
        assert abs(fmean(found)) < 3 * stdev(found) / len(found) ** 0.5 + 1e-9, name
    assert fmean(_of_ours(Distinct(3), seed, simulations)["root"] for seed in range(20)) > Distinct(3).value() + 0.1


def _of_theirs(world: World, seed: int, simulations: int) -> dict[str, float]:
    found = theirs(world, seed, simulations)
    first = [child.total / child.visits for child in found.root.children if child.visits]
    leaves = {node.path for node in found.rollouts}
    return {
        "root": found.root.total / found.root.visits,
        "first": fmean(first),
        "leaves": len(leaves),
        "tries": found.completions,
    }


def _of_ours(world: World, seed: int, simulations: int) -> dict[str, float]:
    asked = spec(seed, simulations=simulations)
    asked.config = preset("o1coder-code", simulations=simulations)
    completions, steps, rollouts = sorted_out(tree(asked, world.text))
    values = label_values(completions, steps, rollouts, estimate="visits")
    assert len(rollouts) == simulations
    return {
        "root": values[()].v,
        "first": fmean(value.v for path, value in values.items() if len(path) == 1),
        "leaves": len({rollout.leaf for rollout in rollouts}),
        "tries": len(completions),
    }


def test_our_preset_of_its_code_has_what_it_must_show() -> None:
    asked = spec(0)
    asked.config = preset("o1coder-code", simulations=24)
    world = Distinct(3)
    completions, steps, rollouts = sorted_out(tree(asked, world.text))
    visited = Counter(rollout.leaf for rollout in rollouts)
    assert max(visited.values()) > 1
    values = label_values(completions, steps, rollouts, estimate="o1coder-code")
    solved = {rollout.leaf for rollout in rollouts if rollout.solved}
    assert {leaf: values[leaf].v for leaf in solved} == {leaf: 1.0 / visited[leaf] for leaf in solved}
    expanded = {completion.parent for completion in completions if len(completion.parent) == 2}
    assert len(visited) == len(expanded)  # one of the code siblings each: the best
    for parent in expanded:
        programs = [step for step in steps if step.path[:-1] == parent]
        passing = any(str(step.code).startswith("pass") for step in programs)
        [kept] = [rollout for rollout in rollouts if rollout.leaf[:-1] == parent][:1]
        assert kept.solved == passing


def test_a_search_of_the_baseline_counts_its_calls_and_its_facts_are_a_tree() -> None:
    found = theirs(World(2), 1, 12)
    assert found.completions == 3 * found.calls == 39
    assert found.root.visits == len(found.rollouts) == 12
    completions, steps, rollouts = sorted_out(found.facts(2))
    paths = {step.path for step in steps}
    assert {completion.step for completion in completions} == paths
    assert {rollout.leaf for rollout in rollouts} <= paths
    assert all(path[:-1] in paths for path in paths if len(path) > 1)


def test_what_holds_no_code_at_the_depth_limit_is_worth_nothing() -> None:
    found = theirs(World(1, unparsable=1.0), 0, 4)
    assert {node.reward for node in found.rollouts} == {0.0}
    assert {len(node.path) for node in found.rollouts} == {3}
    assert found.judged == 0
