"""The search benchmark: its arithmetic by hand, and that every part that needs no model runs. Its figures are not tested."""

from __future__ import annotations

import json

import pytest

from o1coder.search import CompletionFact, RolloutFact, SearchConfig, StepFact, run_search
from tests.benchmarks import search as bench
from tests.benchmarks.searching.figures import Run, interleaved, rates, ratio, table
from tests.benchmarks.searching.labels import effective
from tests.benchmarks.searching.load import TOKENS_OUT, FreeJudge, Scripted, specs


def test_rates_are_per_second_and_shares_repeat_by_repeat() -> None:
    ours = [Run(100, 90, 300, 2.0, 0.9), Run(300, 280, 900, 2.0, 0.7)]
    theirs = [Run(10, 5, 30, 1.0, 0.1), Run(10, 5, 30, 2.0, 0.1)]
    found = rates(ours)
    assert [found["rollouts/s"].median, found["judged programs/s"].median] == [100.0, 92.5]
    assert found["capacity used"].median == pytest.approx(0.8)
    assert "facts/s" not in found
    assert ratio(ours, theirs, lambda run: run.rollouts / run.wall_s).median == (5.0 + 30.0) / 2
    assert "80.0 %" in table({"ours": ours})


def test_arms_are_run_in_turns() -> None:
    order: list[str] = []
    arms = {name: lambda name=name: order.append(name) or Run(1, 1, 1, 1.0) for name in "ab"}
    measured = interleaved(arms, 3)
    assert "".join(order) == "abbaab"
    assert {name: len(runs) for name, runs in measured.items()} == {"a": 3, "b": 3}


def test_effective_labels_count_draws_and_no_visit_twice() -> None:
    steps = [
        StepFact((0,), "structure", "s", None),
        StepFact((0, 0), "code", "p", "p"),
        StepFact((0, 1), "code", "q", "q"),
    ]
    said = [((), 0, (0,)), ((0,), 0, (0, 0)), ((0,), 1, (0, 1)), ((0,), 2, None)]
    completions = [CompletionFact(above, n, "", 1, 1, None, "stop", step, None) for above, n, step in said]
    leaf = (1, 1, True, 1.0, {}, {})
    rollouts = [
        RolloutFact(0, (0, 0), "p", *leaf),
        RolloutFact(1, (0, 1), "q", *leaf),
        RolloutFact(2, (0, 1), "q", *leaf),
    ]
    assert effective([*steps, *completions, *rollouts]) == (3 / 5, 1 / 3 + 1 / 3)


def test_the_scripted_policy_parses_and_never_repeats_itself() -> None:
    facts: list[object] = []
    judge = FreeJudge()
    outcome = run_search(
        specs(SearchConfig(simulations=12), 3), Scripted(), judge, write=lambda found: facts.extend(f for _, f in found)
    )
    completions = [fact for fact in facts if isinstance(fact, CompletionFact)]
    assert len(completions) == 3 * 39 == outcome.progress.tokens_out / TOKENS_OUT
    assert all(fact.step is not None for fact in completions)
    assert outcome.progress.rollouts == 3 * 27
    assert judge.questions == 3 * 27 * 3


def test_every_part_without_a_model_runs(capsys: pytest.CaptureFixture[str]) -> None:
    bench.main(["--quick", "--json", "--only", "server", "engine", "memory"])
    found = json.loads(capsys.readouterr().out)
    arms = found["server"]["arms"]
    assert len(arms) == 4
    for arm in arms.values():
        assert arm["completions/s"][0] > 0
        assert 0 < arm["capacity used"][0] <= 1
    assert all(arm["rollouts/s"][0] > 0 for arm in found["engine"]["arms"].values())
    [memory] = found["memory"]["runs"]
    assert memory["open"] == memory["trees"] == 10
    assert memory["steps"] >= 100


def test_a_part_with_a_model_asks_for_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench.main(["--only", "labels"])
    assert "--model" in capsys.readouterr().err
