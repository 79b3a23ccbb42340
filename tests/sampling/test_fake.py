"""The scripted policy grows trees worth having: right and wrong leaves, some texts that do not parse, every prompt."""

from __future__ import annotations

import pytest

from o1coder.sampling import Request, open_sampler, open_scorer
from o1coder.task import Action, Task
from o1coder.text import case_prompt, load_prompt, parse_cases, parse_choice, parse_step, prefix_text

CALL = Task(
    "Write a Python function `total(xs)` that returns the sum of the numbers in xs.", "call", "total", "total(xs)"
)
STDIO = Task("Read numbers from one line and print their sum.", "stdio")


def grow(name: str, task: Task, seed: int) -> tuple[list[tuple[Action, str]], str | None]:
    """Steps of one chain, and why it broke off."""
    prompt, sampler = load_prompt(name), open_sampler("fake:7")
    steps: list[tuple[Action, str]] = []
    actions: list[Action] = ["code"] if name == "direct" else ["structure", "refine", "code"]
    if name == "chat-cards":
        actions *= 2
    for action in actions:
        shown = prompt.render(task, steps, action)
        [sample] = sampler.sample(
            [Request(shown, prompt.max_tokens(action, task), prompt.stops(action), 0.5, 1.0, seed)]
        )
        said = sample.text
        if prompt.chooses == "policy":
            choice = parse_choice(said)
            if choice is None:
                return steps, "no action"
            action, said = choice
        step = parse_step(action, prompt.opening(action, task), said, sample.finish_reason, task)
        if step.error is not None:
            return steps, step.error
        steps.append((action, step.text))
        if action == "code":
            return steps, None
    return steps, "no code"


@pytest.mark.parametrize("task", [CALL, STDIO])
@pytest.mark.parametrize("name", ["plain", "short", "direct", "chat-cards"])
def test_chains(name: str, task: Task) -> None:
    grown = [grow(name, task, seed) for seed in range(40)]
    codes = [steps[-1][1] for steps, error in grown if error is None]
    right = sum("sum(" in code and "if" not in code for code in codes)
    assert len(codes) >= 20
    assert 8 <= right < len(codes)
    assert any(error is not None for _, error in grown)


@pytest.mark.parametrize("task", [CALL, STDIO])
@pytest.mark.parametrize("name", ["tcg-code", "tcg-statement", "tcg-code-short", "tcg-statement-short"])
def test_cases(name: str, task: Task) -> None:
    prompt = load_prompt(name)
    code = "def total(xs):\n    return sum(xs)" if "code" in name else None
    shown = case_prompt(prompt, task, code, 3)
    requests = [Request(shown, 120, prompt.stops("cases"), 0.8, 1.0, seed) for seed in range(120)]
    found = [
        parse_cases(prompt.opening("cases", task) + sample.text, task)
        for sample in open_sampler("fake:7").sample(requests)
    ]
    assert sum(len(cases) == 3 for cases in found) >= 60
    assert any(not cases for cases in found)


def test_the_spec_s_seed_matters() -> None:
    requests = [
        Request(load_prompt("short").render(CALL, [], "code"), 50, ("```",), 0.5, 1.0, seed) for seed in range(6)
    ]
    assert open_sampler("fake:1").sample(requests) == open_sampler("fake:1").sample(requests)
    assert open_sampler("fake:1").sample(requests) != open_sampler("fake:2").sample(requests)


def test_the_fake_scorer_prefers_a_fitting_plan() -> None:
    scorer = open_scorer("fake:7")
    good = [prefix_text(CALL, [("code", f"def total(xs):\n    return sum(xs)\n# {k}")]) for k in range(20)]
    bad = [prefix_text(CALL, [("code", f"def total(xs):\n    return max(xs)\n# {k}")]) for k in range(20)]
    assert sum(scorer.score(good)) / 20 > 0.6 > 0.4 > sum(scorer.score(bad)) / 20
