"""PRM-guided searches: published numbers, who is expanded, what it costs, what a PRM that knows buys, adaptive stops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import blake2b
from statistics import fmean

import pytest

from o1coder.errors import LabError
from o1coder.search import export_facts, replay, run_search
from o1coder.search.choosing import candidates_of, choose
from o1coder.search.config import TreeSpec, preset
from o1coder.search.facts import CompletionFact, EndFact, RolloutFact, ScoreFact, StepFact
from o1coder.search.growth import Growth
from o1coder.search.guided import priors, puct_bound
from o1coder.search.tree import Node
from tests.search.scored import say_of, scored_tree
from tests.search.test_driver import Killed, Ledger
from tests.search.world import CASES, TASK, Judge, Prompt, Reader, Sampler, World

GUIDED = ("puct", "beam", "dvts")


def of(kind, facts):
    return [fact for fact in facts if isinstance(fact, kind)]


def ask(name: str, seed: int = 0, stored=(), **changes) -> TreeSpec:
    config = preset(name, **changes)
    return TreeSpec(seed, TASK, CASES, seed, config, Prompt(config.chooses), stored=stored)


def knowing(world: World):
    """A PRM that knows the value of every step."""

    def score(chain) -> float:
        last = chain[-1]
        return float(last.startswith("pass")) if last.startswith(("pass", "fail")) else world.value(chain)

    return score


def test_published_numbers() -> None:
    assert puct_bound(3, 16, 0.5) == pytest.approx(0.62543, abs=1e-5)
    assert puct_bound(0, 0, 1.0) == 0.0


def test_priors_are_mean_token_likelihoods_made_to_sum_to_one() -> None:
    def node(logprob, tokens) -> Node:
        return Node((0,), "refine", "x", None, logprob=logprob, tokens=tokens)

    assert priors([node(-2.0, 2), node(-4.0, 4)]) == pytest.approx([0.5, 0.5])
    assert priors([node(-1.0, 1), node(-2.0, 1)]) == pytest.approx([0.73106, 0.26894], abs=1e-5)
    assert priors([node(None, 1), node(-2.0, 1)]) == [0.5, 0.5]


@pytest.mark.parametrize("name", GUIDED)
def test_a_guided_search_without_scores_says_that_a_prm_is_needed(name: str) -> None:
    growth = Growth(ask(name), Reader())
    grade = growth.grade
    growth.grade = lambda simulation, scores: grade(simulation, {})  # type: ignore[method-assign]
    with pytest.raises(LabError, match="process reward model"):
        say_of(growth, World(0).text, lambda chain: 0.5)


def test_best_of_n_is_n_whole_chains_and_asks_no_prm() -> None:
    facts = scored_tree(ask("best-of-n", simulations=7), World(1).text)
    assert len(of(CompletionFact, facts)) == 7 * 3
    assert len({fact.leaf for fact in of(RolloutFact, facts)}) == 7
    assert of(ScoreFact, facts) == []


def test_beam_search_expands_the_best_of_each_level() -> None:
    """A PRM that likes larger numbers: the two largest of a level are expanded, and no others."""
    counter = iter(range(1000))

    def say(prompt: str, seed: int) -> str:
        return f"pass {next(counter)}" if prompt.startswith("code") else f"{next(counter)}"

    spec = ask("beam", beams=2, width=3, refines=2)
    facts = scored_tree(spec, say, lambda chain: int(chain[-1].removeprefix("pass ")) / 1000)
    texts = {fact.path: fact.text for fact in of(StepFact, facts)}
    for depth, expected in ((1, {"4", "5"}), (2, {"10", "11"}), (3, {"16", "17"})):
        expanded = {texts[fact.parent] for fact in of(CompletionFact, facts) if len(fact.parent) == depth}
        assert expanded == expected
    assert len(of(CompletionFact, facts)) == 4 * 2 * 3
    assert len(of(RolloutFact, facts)) == 2 * 3


@pytest.mark.parametrize(("how", "kept"), [("last", "a"), ("min", "b"), ("product", "a"), ("mean", "a")])
def test_the_aggregate_ranks_a_path(how: str, kept: str) -> None:
    """Below the better first step the second ones are worse: `min` stays with it, the others do not."""
    worth = {"a": 0.6, "b": 0.7, "a1": 0.9, "a2": 0.85, "b1": 0.68, "b2": 0.66}

    def say(prompt: str, seed: int) -> str:
        action, *chain = prompt.split("|")
        if action == "structure":
            return "ab"[seed % 2]
        return f"{chain[0]}{1 + seed % 2}" if action == "refine" else f"pass {seed}"

    facts = scored_tree(ask("beam", beams=2, width=8, aggregate=how), say, lambda chain: worth.get(chain[-1], 0.5))
    texts = {fact.path: fact.text for fact in of(StepFact, facts)}
    expanded = {texts[fact.parent] for fact in of(CompletionFact, facts) if len(fact.parent) == 2}
    assert expanded == {f"{kept}1", f"{kept}2"}


@pytest.mark.parametrize(("simulations", "width", "trees"), [(12, 4, 3), (3, 4, 1)])
def test_dvts_follows_one_child_in_each_of_its_subtrees(simulations: int, width: int, trees: int) -> None:
    counter = iter(range(1000))

    def say(prompt: str, seed: int) -> str:
        return f"pass {next(counter)}" if prompt.startswith("code") else f"{next(counter)}"

    spec = ask("dvts", simulations=simulations, width=width)
    facts = scored_tree(spec, say, lambda chain: int(chain[-1].removeprefix("pass ")) / 1000)
    completions = of(CompletionFact, facts)
    assert len(completions) == trees * width * 3
    first = sorted({fact.parent[0] for fact in completions if len(fact.parent) == 1})
    assert first == [width * (tree + 1) - 1 for tree in range(trees)]  # the last, and best, of each subtree's own draws


def test_puct_goes_where_the_prm_points_and_closes_what_is_judged() -> None:
    world = World(7)
    best = max(world.structures, key=lambda text: world.value([text]))
    facts = scored_tree(ask("puct", simulations=12, width=4), world.text, knowing(world))
    texts = {fact.path: fact.text for fact in of(StepFact, facts)}
    expanded = [texts[fact.parent] for fact in of(CompletionFact, facts) if len(fact.parent) == 1]
    assert expanded[0] == best or best not in {text for path, text in texts.items() if len(path) == 1}
    leaves = [fact.leaf for fact in of(RolloutFact, facts)]
    assert len(leaves) == len(set(leaves))


def test_puct_expands_one_step_a_simulation_and_no_step_twice() -> None:
    facts = scored_tree(ask("puct", simulations=9, width=3, refines=3), World(2, levels=4).text, lambda chain: 0.5)
    parents = [fact.parent for fact in of(CompletionFact, facts)]
    assert len(set(parents)) == 9
    assert {parents.count(parent) for parent in parents} == {3}


@pytest.mark.parametrize("name", GUIDED)
def test_a_prm_that_knows_beats_one_that_does_not(name: str) -> None:
    """Mean reward of what was judged, same policy and same budget, over 40 worlds."""
    settings = {"simulations": 4 if name == "puct" else 12, "width": 4, "beams": 2}
    known, blind = [], []
    for seed in range(40):
        world = World(seed)
        for found, score in ((known, knowing(world)), (blind, lambda chain: 0.5)):
            facts = scored_tree(ask(name, seed, **settings), world.text, score)
            rewards = [fact.reward for fact in of(RolloutFact, facts)]
            found.append(fmean(rewards) if rewards else 0.0)
    assert fmean(known) >= fmean(blind) + 0.1


@pytest.mark.parametrize("name", [*GUIDED, "best-of-n"])
@pytest.mark.parametrize("most", [12, 40])
def test_an_interrupted_tree_goes_on_to_the_same_facts(name: str, most: int) -> None:
    world = World(3, unparsable=0.1)
    settings = {"simulations": 15, "width": 3, "beams": 2, "most_simulations": 15 if name == "best-of-n" else 0}
    whole = scored_tree(ask(name, 1, **settings), world.text, knowing(world))
    growth = Growth(ask(name, 1, **settings), Reader())
    seen: list[int] = []

    def stop_at(prompt: str, seed: int) -> str:
        seen.append(seed)
        if len(seen) > most:
            raise KeyboardInterrupt
        return world.text(prompt, seed)

    stored: list[object] = []
    settle = growth.settle
    growth.settle = lambda: stored.extend(new := settle()) or new  # type: ignore[method-assign]
    try:
        say_of(growth, stop_at, knowing(world))
    except KeyboardInterrupt:
        assert len(stored) < len(whole)
    again = Growth(ask(name, 1, stored=stored, **settings), Reader())
    again.resume()
    assert stored + say_of(again, world.text, knowing(world)) == whole


def test_an_adaptive_best_of_n_stops_when_its_answer_is_settled_and_goes_on_while_it_is_not() -> None:
    def answer(word: str):
        return lambda prompt, seed: f"{word} {seed}" if prompt.startswith("code") else f"s{seed}"

    spec = ask("best-of-n", simulations=6, width=3, most_simulations=9)
    spec.settled = lambda leaves: any(leaf.solved for leaf in leaves)
    easy = scored_tree(spec, answer("pass"))
    hard = scored_tree(spec, answer("fail"))
    assert len(of(RolloutFact, easy)) == 3
    assert of(EndFact, easy) == [EndFact("settled")]
    assert len(of(RolloutFact, hard)) == 9


def test_direct_answers_come_first_and_may_be_enough() -> None:
    spec = ask("best-of-n", simulations=6, width=3, most_simulations=9, direct_first=4)
    spec.settled = lambda leaves: len(leaves) >= 4
    facts = scored_tree(spec, lambda prompt, seed: f"pass {seed}" if prompt.startswith("code") else f"s{seed}")
    assert {len(fact.leaf) for fact in of(RolloutFact, facts)} == {1}
    assert len(of(CompletionFact, facts)) == 4


def test_candidates_are_what_a_tree_judged() -> None:
    world = World(3)
    facts = scored_tree(ask("beam", beams=2, width=3), world.text, knowing(world))
    candidates = candidates_of(facts)
    assert len(candidates) == len(of(RolloutFact, facts)) == 6
    assert all(len(each.scores) == 3 for each in candidates)
    chosen = choose(candidates, "prm", "last")
    assert chosen is not None
    assert chosen.candidate.scores[-1] == max(each.scores[-1] for each in candidates)
    assert of(EndFact, facts)


@pytest.mark.parametrize("name", [*GUIDED, "best-of-n", "omega", "openr", "mc"])
def test_a_tree_of_every_method_replays_without_a_model(name: str) -> None:
    world = World(2, unparsable=0.1)
    spec = ask(name, 1, simulations=6)
    facts = scored_tree(spec, world.text, knowing(world))
    again = replay(replace(spec, stored=facts), Reader())
    assert again.coverage == 1.0
    assert export_facts("p", spec.config, again.facts) == export_facts("p", spec.config, facts)


class Digests:
    """A scorer whose number is a function of the text alone; as a stream, the last asked is answered first."""

    spec = "digests"

    def score(self, texts: Sequence[str]) -> list[float]:
        return [int.from_bytes(blake2b(text.encode(), digest_size=4).digest(), "big") / 2**32 for text in texts]

    def stream(self, pull):
        number = 0
        while (texts := pull(5, True)) is not None:
            numbered = list(enumerate(self.score(texts), number))
            number += len(texts)
            yield from reversed(numbered)

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("name", "in_flight"), [("puct", 1), ("puct", 3), ("beam", 1), ("dvts", 1), ("best-of-n", 1), ("omega", 1)]
)
def test_killed_at_any_flush_and_resumed_the_trees_are_the_same_bytes(name: str, in_flight: int) -> None:
    """Through the driver, two trees at once, scored by a server that answers out of order."""
    world = World(2, unparsable=0.1)
    settings = {"simulations": 5, "beams": 2, "in_flight": in_flight}
    config = preset(name, **settings)

    def search(ledger: Ledger) -> None:
        run_search(
            (ask(name, seed, list(ledger.facts[seed]), **settings) for seed in range(2)),
            Sampler(world),
            Judge(),
            write=ledger.write,
            scorer=Digests(),
            flush_s=0.0,
            reader=Reader(),
        )

    whole = Ledger()
    search(whole)
    expected = whole.exports(config)
    scores = {seed: set(of(ScoreFact, facts)) for seed, facts in whole.facts.items()}
    assert any(scores.values()) is (name in GUIDED)
    killed = 0
    for kill_at in range(0, whole.flushes, max(1, whole.flushes // 4)):
        ledger = Ledger(kill_at)
        try:
            search(ledger)
        except Killed:  # how many flushes there are depends on when answers come
            killed += 1
        ledger.kill_at = None
        search(ledger)
        assert ledger.exports(config) == expected
        assert {seed: set(of(ScoreFact, facts)) for seed, facts in ledger.facts.items()} == scores
    assert killed
