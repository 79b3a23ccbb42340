"""A tree again without a model: the same bytes, and what changes when parser, verdicts, α or cases do."""

from __future__ import annotations

from dataclasses import replace as changed

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from o1coder.search import CompletionFact, EndFact, RolloutFact, canonical_json, export_facts, replay, rescore
from o1coder.search.reading import Reading
from tests.search.grow import tree
from tests.search.world import Reader, World, spec


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4), st.sampled_from([0.0, 0.2]))
def test_a_replay_gives_the_same_bytes(seed: int, in_flight: int, unparsable: float) -> None:
    asked = {"simulations": 6, "in_flight": in_flight}
    facts = tree(spec(seed, **asked), World(seed, 2, unparsable, programs=4).text)
    again = replay(spec(seed, facts[::-1], **asked), Reader())
    assert again.facts == facts
    assert again.coverage == 1.0
    config = spec(seed, **asked).config
    assert canonical_json(export_facts("p", config, again.facts)) == canonical_json(export_facts("p", config, facts))


def test_a_tree_that_a_clock_ended_is_replayed_to_where_it_ended() -> None:
    facts = tree(spec(5, simulations=3), World(5).text)
    cut = [*facts[:-1], EndFact("budget")]
    assert replay(spec(5, cut, simulations=9), Reader()).facts == cut


def test_another_parser_gives_another_tree() -> None:
    class Strict(Reader):
        def read(self, prompt, task, asked, text, finish_reason):
            if asked == "code" and text.startswith("fail"):
                return Reading(None, "", None, "stricter")
            return super().read(prompt, task, asked, text, finish_reason)

    facts = tree(spec(5, simulations=6), World(5).text)
    again = replay(spec(5, facts, simulations=6), Strict())
    errors = sum(isinstance(fact, CompletionFact) and fact.error == "stricter" for fact in again.facts)
    assert errors == sum(isinstance(f, RolloutFact) and str(f.code).startswith("fail") for f in facts)


def test_a_changed_verdict_is_found() -> None:
    facts = tree(spec(5, simulations=2), World(5).text)
    at = next(n for n, fact in enumerate(facts) if isinstance(fact, RolloutFact) and fact.reward == 0.0)
    wrong = [*facts[:at], changed(facts[at], reward=1.0), *facts[at + 1 :]]
    assert replay(spec(5, wrong, simulations=2), Reader()).facts != wrong


def test_rescoring_with_another_alpha_and_with_a_case_withdrawn() -> None:
    texts = iter(["S", "R", "half"])
    facts = tree(spec(simulations=1, width=1), lambda prompt, seed: next(texts))
    rollouts = [fact for fact in facts if isinstance(fact, RolloutFact)]
    assert [r.reward for r in rollouts] == [0.5]
    assert rescore(rollouts, 0.5)[0].reward == 0.75
    kept = rescore(rollouts, 0.0, ["sha256:a"])[0]
    assert (kept.reward, kept.passed, kept.total, kept.solved) == (1.0, 1, 1, True)
    assert rescore(rollouts, 0.0, ["sha256:a", "sha256:new"])[0].reward is None
    assert rescore(rollouts, 0.0) == rollouts


def test_a_rollout_of_nothing_stays_nothing() -> None:
    facts = tree(spec(simulations=1), lambda prompt, seed: "?")
    rollouts = [fact for fact in facts if isinstance(fact, RolloutFact)]
    assert rescore(rollouts, 0.5)[0].reward == pytest.approx(0.0)
