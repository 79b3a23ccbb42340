"""Many trees: kills at every flush, budgets, cancelling, one question once, one call for all."""

from __future__ import annotations

import itertools
from collections import defaultdict

import pytest

from o1coder.errors import LabError
from o1coder.search import CompletionFact, EndFact, RolloutFact, canonical_json, export_facts, run_search, tree_digest
from o1coder.search.growth import Growth
from tests.search.grow import tree
from tests.search.world import CASES, Judge, Reader, Said, Sampler, World, spec, verdict

WORLD = World(11, unparsable=0.15, programs=4)


class Killed(Exception):
    """A kill in the middle of a write."""


class Ledger:
    """What a lab would hold; `kill_at` is the flush whose transaction does not happen."""

    def __init__(self, kill_at: int | None = None) -> None:
        self.facts = defaultdict(list)
        self.flushes = 0
        self.kill_at = kill_at

    def write(self, facts) -> None:
        if self.flushes == self.kill_at:
            raise Killed
        self.flushes += 1
        for key, fact in facts:
            self.facts[key].append(fact)

    def exports(self, config):
        return {key: canonical_json(export_facts("sha256:p", config, facts)) for key, facts in self.facts.items()}


def search(ledger: Ledger, seeds=range(4), sampler=None, judge=None, settings=None, **options):
    asked = {"simulations": 5, **(settings or {})}
    specs = (spec(seed, list(ledger.facts[seed]), **asked) for seed in seeds)
    options = {"open_trees": 3, "flush_s": 0.0, "reader": Reader(), "clock": itertools.count().__next__, **options}
    return run_search(specs, sampler or Sampler(WORLD), judge or Judge(), write=ledger.write, **options)


@pytest.mark.parametrize("in_flight", [1, 3])
def test_killed_at_any_flush_and_resumed_the_trees_are_the_same_bytes(in_flight: int) -> None:
    asked = {"in_flight": in_flight}
    whole = Ledger()
    search(whole, settings=asked)
    config = spec(**{"simulations": 5, **asked}).config
    expected = whole.exports(config)
    assert len(expected) == 4
    for kill_at in range(whole.flushes):
        ledger = Ledger(kill_at)
        with pytest.raises(Killed):
            search(ledger, settings=asked)
        ledger.kill_at = None
        sampler = Sampler(WORLD)
        done = sum(isinstance(f, CompletionFact) for facts in ledger.facts.values() for f in facts)
        outcome = search(ledger, settings=asked, sampler=sampler)
        assert ledger.exports(config) == expected
        assert sampler.rows == sum(isinstance(f, CompletionFact) for fs in whole.facts.values() for f in fs) - done
        assert outcome.progress.rollouts == sum(isinstance(f, RolloutFact) for fs in whole.facts.values() for f in fs)
        for facts in ledger.facts.values():
            assert sum(isinstance(fact, EndFact) for fact in facts) == 1


def test_a_tree_is_the_same_alone_and_among_others() -> None:
    many = Ledger()
    search(many, seeds=range(30), open_trees=30)
    for seed in (0, 7, 29):
        assert many.facts[seed] == tree(spec(seed, simulations=5), WORLD.text)


def test_a_finished_lab_samples_judges_and_writes_nothing() -> None:
    ledger = Ledger()
    search(ledger)
    flushes, sampler, judge = ledger.flushes, Sampler(WORLD), Judge()
    outcome = search(ledger, sampler=sampler, judge=judge)
    assert (ledger.flushes, sampler.rows, judge.questions, outcome.ends) == (flushes, 0, [], {})


def test_a_kill_between_the_last_simulation_and_the_end_leaves_the_end_to_write() -> None:
    ledger = Ledger()
    search(ledger, seeds=[0])
    end = ledger.facts[0].pop()
    outcome = search(ledger, seeds=[0])
    assert ledger.facts[0][-1] == end
    assert outcome.ends == {end.reason: 1}


def test_one_call_serves_all_open_trees() -> None:
    calls = []

    class Counting(Sampler):
        def sample(self, requests):
            calls.append(len(requests))
            return super().sample(requests)

    search(Ledger(), seeds=range(8), open_trees=8, sampler=Counting(WORLD))
    assert calls[0] == 8 * 3


def test_a_deadline_ends_the_open_trees_and_opens_no_more() -> None:
    ticks = iter(range(1000))
    ledger = Ledger()
    outcome = search(ledger, seeds=range(9), deadline=lambda: next(ticks) > 3)
    assert outcome.ends == {"budget": 3}
    assert all(facts[-1] == EndFact("budget") for facts in ledger.facts.values() if facts)
    again = Ledger()
    again.facts = ledger.facts
    sampler = Sampler(WORLD)
    search(again, seeds=range(3), sampler=sampler)
    assert sampler.rows == 0


def test_a_token_budget_counts_what_is_stored() -> None:
    ledger = Ledger()
    outcome = search(ledger, token_budget=60)
    spent = outcome.progress.tokens_out
    assert 60 <= spent <= 60 + 3 * 3 * 9
    assert set(outcome.ends) <= {"budget", "exhausted", "simulations"}
    for facts in ledger.facts.values():
        facts[:] = [fact for fact in facts if not isinstance(fact, EndFact)]
    stored = 3 * sum(isinstance(fact, CompletionFact) for facts in ledger.facts.values() for fact in facts)
    sampler = Sampler(WORLD)
    search(ledger, sampler=sampler, token_budget=stored)
    assert sampler.rows == 0


def test_a_cancelled_search_keeps_what_it_has_and_goes_on() -> None:
    whole, ledger, ticks = Ledger(), Ledger(), iter(range(1000))
    search(whole)
    outcome = search(ledger, cancelled=lambda: next(ticks) > 8)
    assert outcome.cancelled
    assert not any(
        isinstance(facts[-1], EndFact) and facts[-1].reason == "budget" for facts in ledger.facts.values() if facts
    )
    search(ledger)
    config = spec(simulations=5).config
    assert ledger.exports(config) == whole.exports(config)


def test_what_a_cancelled_judge_skipped_is_not_applied() -> None:
    asked = []

    class Skipping(Judge):
        def judge(self, questions, cancelled=None):
            if questions:
                asked.append(1)
            return [Said("SK") for _ in questions]

    ledger = Ledger()
    outcome = search(ledger, judge=Skipping(), cancelled=lambda: bool(asked))
    assert outcome.cancelled
    assert not any(isinstance(f, RolloutFact) for facts in ledger.facts.values() for f in facts)


def test_verdicts_reach_the_writer_once_judged() -> None:
    ledger = Ledger()
    search(ledger, seeds=[0])
    judged = [f for f in ledger.facts[0] if isinstance(f, RolloutFact) and f.code is not None]
    assert judged
    assert all(set(f.verdicts) == {case.digest for case in CASES} for f in judged)


def test_the_export_has_its_digest_and_its_contract() -> None:
    ledger = Ledger()
    search(ledger, seeds=[0])
    exported = export_facts("sha256:p", spec(simulations=5).config, ledger.facts[0])
    assert set(exported) == {"format", "problem", "config", "completions", "steps", "rollouts"}
    assert set(exported["steps"][0]) == {"path", "action", "text", "visits", "value", "k", "c"}
    assert (exported["steps"][0]["path"], exported["steps"][0]["action"]) == ("", "root")
    assert exported["steps"][0]["visits"] == len(exported["rollouts"])
    assert exported["completions"][0]["parent"] == ""
    assert set(exported["rollouts"][0]) == {"ordinal", "leaf", "reward", "tests"}
    assert tree_digest(exported).startswith("sha256:")
    backwards = export_facts("sha256:p", spec(simulations=5).config, ledger.facts[0][::-1])
    assert canonical_json(backwards) == canonical_json(exported)


def test_a_slow_tree_holds_no_other() -> None:
    order = []

    class Stubborn(Sampler):
        """Answers the first tree's completions only when no other is left."""

        def stream(self, pull):
            kept, number = [], 0
            while (asked := pull(64, not kept)) is not None:
                numbered = list(enumerate(asked or (), start=number))
                number += len(asked or ())
                late = [each for each in numbered if each[1].seed in slow]
                kept += late
                quick = [each for each in numbered if each not in late]
                if len(order) == 3:
                    quick, kept = quick + kept, []
                for place, request in quick:
                    yield place, self.sample([request])[0]

    first = Growth(spec(0, simulations=5), Reader())
    slow = {ask.seed for ask in first.wanted()}
    ledger = Ledger()
    write = ledger.write

    def noted(facts) -> None:
        order.extend(key for key, fact in facts if isinstance(fact, EndFact))
        write(facts)

    ledger.write = noted  # type: ignore[method-assign]
    search(ledger, seeds=range(4), open_trees=4, sampler=Stubborn(WORLD))
    assert order[-1] == 0
    assert ledger.facts[0] == tree(spec(0, simulations=5), WORLD.text)


def test_a_slow_verdict_holds_no_other_tree() -> None:
    class Late(Judge):
        """Keeps its first question until there is nothing else to judge."""

        def serve(self, pull, cancelled=None):
            kept, number = None, 0
            while (asked := pull(64, kept is None)) is not None:
                for question in asked:
                    if number:
                        yield number, verdict(question.code, question.case)
                    else:
                        kept = question
                    number += 1
                if not asked and kept is not None and open_trees() == 1:
                    yield 0, verdict(kept.code, kept.case)
                    kept, number = None, max(number, 1)

    ended = []
    ledger = Ledger()
    write = ledger.write

    def noted(facts) -> None:
        ended.extend(key for key, fact in facts if isinstance(fact, EndFact))
        write(facts)

    def open_trees() -> int:
        return 4 - len(ended)

    ledger.write = noted  # type: ignore[method-assign]
    search(ledger, open_trees=4, judge=Late())
    assert len(ended) == 4
    for seed in range(4):
        assert ledger.facts[seed] == tree(spec(seed, simulations=5), WORLD.text)


def test_what_breaks_the_judge_ends_the_search_and_keeps_what_was_applied() -> None:
    class Breaking(Judge):
        def judge(self, questions, cancelled=None):
            if len(self.questions) > 20:
                raise LabError("the judge itself failed", "look")
            return super().judge(questions)

    ledger, whole = Ledger(), Ledger()
    with pytest.raises(LabError, match="itself failed"):
        search(ledger, judge=Breaking(), flush_s=1e9)
    assert ledger.facts
    search(ledger)
    search(whole)
    config = spec(simulations=5).config
    assert ledger.exports(config) == whole.exports(config)


def test_a_deadline_drops_what_is_under_way() -> None:
    sampler, ledger = Sampler(WORLD), Ledger()
    outcome = search(ledger, seeds=range(10), open_trees=10, sampler=sampler, deadline=lambda: sampler.rows > 0)
    assert sampler.rows == 30
    assert outcome.ends == {"budget": 10}


def test_open_trees_have_a_pulse() -> None:
    seen = []
    search(Ledger(), on_pulse=seen.extend)
    assert {pulse.key for pulse in seen} == set(range(4))
    assert {pulse.doing for pulse in seen} <= {"sampling", "judging"}
    assert not any(pulse.stuck for pulse in seen)


def test_a_search_that_is_cancelled_waits_for_no_answer() -> None:
    """A server that is full asks its caller with room 0 now and then: that is enough to end the search."""

    class Silent(Sampler):
        def stream(self, pull):
            begun = pull(64, True)
            assert begun
            while pull(0, False) is not None:
                pass
            yield from ()

    ledger = Ledger()
    outcome = search(ledger, sampler=Silent(WORLD), cancelled=iter([False] * 5 + [True] * 99).__next__)
    assert outcome.cancelled
