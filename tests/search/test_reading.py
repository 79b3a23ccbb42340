"""Real texts through the search: the text package's parser, its prompts, the scripted sampler, the judge itself."""

from __future__ import annotations

import json

import pytest

from o1coder.flow import in_calls
from o1coder.judge import Judge
from o1coder.sampling import open_sampler
from o1coder.search import (
    CompletionFact,
    RolloutFact,
    SearchConfig,
    StepFact,
    TreeSpec,
    canonical_json,
    export_facts,
    run_search,
)
from o1coder.search.reading import TextReader
from o1coder.task import Case, Task
from o1coder.text import load_prompt
from tests.search.world import Sample, verdict

TASK = Task("Write a Python function `total(xs)` that returns the sum of the list.", "call", "total", "total(xs)")
CASES = tuple(Case(f"sha256:{n}", json.dumps([[n, 1, 2]]), json.dumps(n + 3)) for n in range(3))


def grown(judge: Judge, prompt: str, seeds: range, **settings: object) -> dict[int, list[object]]:
    loaded = load_prompt(prompt)
    config = SearchConfig(prompt=prompt, chooses=loaded.chooses, **settings)  # type: ignore[arg-type]
    facts: dict[int, list[object]] = {seed: [] for seed in seeds}
    specs = (TreeSpec(seed, TASK, CASES, seed, config, loaded) for seed in seeds)
    run_search(
        specs,
        open_sampler("fake:7"),
        judge,
        write=lambda found: [facts[key].append(fact) for key, fact in found] and None,
    )
    return facts


def test_the_scripted_policy_grows_judged_trees_that_are_the_same_alone_and_together() -> None:
    with Judge(1) as judge:
        facts = grown(judge, "plain", range(6), simulations=3)
        alone = grown(judge, "plain", range(2, 3), simulations=3)
    assert canonical_json(export_facts("p", {}, alone[2])) == canonical_json(export_facts("p", {}, facts[2]))
    every = [fact for found in facts.values() for fact in found]
    assert {fact.action for fact in every if isinstance(fact, StepFact)} == {"structure", "refine", "code"}
    assert all((f.step is None) == (f.error is not None) for f in every if isinstance(f, CompletionFact))
    rollouts = [fact for fact in every if isinstance(fact, RolloutFact)]
    assert {rollout.solved for rollout in rollouts} == {True, False}
    assert all(set(r.cases) == {c.digest for c in CASES} for r in rollouts if r.code is not None)


def test_straight_to_code() -> None:
    with Judge(1) as judge:
        facts = grown(judge, "direct", range(1), simulations=1, width=6, direct=True)[0]
    assert {fact.path for fact in facts if isinstance(fact, StepFact)} <= {(n,) for n in range(6)}
    assert any(isinstance(fact, RolloutFact) and fact.code is not None for fact in facts)


class Cards:
    """A policy that names its own actions: structure, two refinements, code; every seventh text names none."""

    spec, reproducible = "cards", True

    def sample(self, requests):
        return [self.answer(request) for request in requests]

    def answer(self, request):
        step = request.prompt.count("\nAction:")
        texts = {
            "structure": "Function total(xs). Input: list xs. Output: a number.",
            "refine": f"1. start at 0\n2. add each x\n3. return it ({step})",
            "code": "```python\ndef total(xs):\n    return sum(xs)\n```",
        }
        done = request.prompt.rpartition("The problem:")[2].count("\nAction:")
        action = ["structure", "refine", "refine", "code"][done]
        text = "no action here" if request.seed % 7 == 0 else f"Action: {action}\n{texts[action]}"
        return Sample(text, 5, 3, None, "stop")

    def stream(self, pull):
        return in_calls(self.sample, pull, 64)

    def close(self) -> None:
        pass


class Passing:
    def serve(self, pull, cancelled=None):
        return in_calls(lambda questions: [verdict("pass", question.case) for question in questions], pull, 64)


@pytest.mark.parametrize(("max_depth", "deepest"), [(8, 4), (3, 3)])
def test_a_policy_that_chooses_its_actions_is_read_by_its_cards(max_depth: int, deepest: int) -> None:
    prompt = load_prompt("chat-cards")
    config = SearchConfig(prompt="chat-cards", chooses="policy", simulations=4, max_depth=max_depth)
    facts: list[object] = []
    spec = TreeSpec(0, TASK, CASES, 3, config, prompt)
    run_search([spec], Cards(), Passing(), write=lambda found: facts.extend(fact for _, fact in found))
    steps = [fact for fact in facts if isinstance(fact, StepFact)]
    actions = {len(step.path): step.action for step in steps}
    assert actions == dict(list({1: "structure", 2: "refine", 3: "refine", 4: "code"}.items())[:deepest])
    rollouts = [fact for fact in facts if isinstance(fact, RolloutFact)]
    assert rollouts
    assert all(r.reward == (1.0 if len(r.leaf) == 4 else 0.0) for r in rollouts)
    assert TextReader().read(prompt, TASK, "structure", "no action here", "stop").error == "names no action"
