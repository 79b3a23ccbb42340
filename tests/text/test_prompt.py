"""Prompts render as their files say, join with their training rows, and hold worked examples that work."""

from __future__ import annotations

import re

import pytest

from o1coder.errors import LabError
from o1coder.task import Action, Task
from o1coder.text import (
    case_completion,
    case_max_tokens,
    case_prompt,
    chain_text,
    compiles,
    load_prompt,
    parse_cases,
    parse_choice,
    parse_step,
    prefix_text,
    prompt_names,
)

TASK = Task("Write a Python function `is_even(n)` that returns True if n is even.", "call", "is_even", "is_even(n)")
EXAMPLE = Task("…", "call", "count_above", "count_above(xs, limit)")
STDIO = Task("Read a number and print it.", "stdio")
STEPS: list[tuple[Action, str]] = [
    ("structure", "Function is_even(n). Input: number n. Output: a boolean."),
    ("refine", "1. take n\n2. return whether n % 2 is 0"),
    ("code", "def is_even(n):\n    return n % 2 == 0"),
]
STEP_PROMPTS = ["direct", "plain", "short"]
CASE_PROMPTS = ["tcg-code", "tcg-statement", "tcg-code-short", "tcg-statement-short"]


def test_the_prompts_that_ship() -> None:
    assert prompt_names() == sorted([*STEP_PROMPTS, *CASE_PROMPTS, "chat-cards"])
    assert len({load_prompt(name).digest for name in prompt_names()}) == len(prompt_names())
    with pytest.raises(LabError, match="no prompt"):
        load_prompt("../plain")


def test_the_plain_prompt_whole() -> None:
    assert load_prompt("plain").render(TASK, [], "structure") == (
        "## Problem\n"
        "Write a Python function `count_above(xs, limit)` that returns how many numbers in xs are greater than limit.\n"
        "### Structure\n"
        "Function count_above(xs, limit). Input: list xs, number limit. Output: an integer, the count. "
        "Plan: loop over xs with a counter.\n"
        "### Refine\n1. set count to 0\n2. for each x in xs: if x > limit, add 1 to count\n3. return count\n"
        "### Code\n```python\ndef count_above(xs, limit):\n    count = 0\n    for x in xs:\n        if x > limit:\n"
        "            count += 1\n    return count\n```\n\n"
        "## Problem\nWrite a Python function `is_even(n)` that returns True if n is even.\n"
        "### Structure\nFunction is_even(n). Input:"
    )


@pytest.mark.parametrize("name", STEP_PROMPTS)
@pytest.mark.parametrize("task", [TASK, STDIO])
def test_prompts_end_in_heading_and_opening(name: str, task: Task) -> None:
    prompt = load_prompt(name)
    actions: tuple[Action, ...] = ("structure", "refine", "code")
    for action in actions:
        shown = prompt.render(task, STEPS[:1], action)
        heading = f"### {action.title()}\n" + ("```python\n" if action == "code" else "")
        assert shown.endswith(heading + prompt.opening(action, task))
        assert not any(stop in prompt.opening(action, task) for stop in prompt.stops(action))
        assert 0 < prompt.max_tokens(action) <= prompt.max_tokens(action, task)


@pytest.mark.parametrize("name", ["plain", "direct"])
@pytest.mark.parametrize("task", [EXAMPLE, STDIO])
def test_the_worked_examples_parse(name: str, task: Task) -> None:
    prompt = load_prompt(name)
    example = prompt.render(task, [], "code").split("\n\n## Problem\n")[0]
    found = re.findall(r"### (\w+)\n(.*?)(?=\n###|\Z)", example, flags=re.DOTALL)
    assert [heading for heading, _ in found] == (["Structure", "Refine", "Code"] if name == "plain" else ["Code"])
    for heading, text in found:
        action: Action = {"Structure": "structure", "Refine": "refine", "Code": "code"}[heading]  # type: ignore[assignment]
        opening = prompt.opening(action, task)
        text = text.removeprefix("```python\n").removesuffix("```")
        assert text.startswith(opening)
        assert parse_step(action, opening, text.removeprefix(opening), "stop", task).error is None


@pytest.mark.parametrize("name", ["tcg-code", "tcg-statement"])
@pytest.mark.parametrize("task", [EXAMPLE, STDIO])
def test_the_worked_cases_parse(name: str, task: Task) -> None:
    shown = case_prompt(load_prompt(name), task, "pass" if name == "tcg-code" else None, 2)
    assert len(parse_cases(shown.split("\n\n## Problem\n")[0], task)) == 3


def test_the_worked_cases_are_right() -> None:
    for given, expected in (([4, 9, 1], 3), 2), (([], 5), 0), (([7, 7, -2], 7), 0):
        assert sum(x > given[1] for x in given[0]) == expected
        assert f"assert count_above({given[0]}, {given[1]}) == {expected}\n" in case_prompt(
            load_prompt("tcg-statement"), TASK, None, 3
        )


@pytest.mark.parametrize("name", CASE_PROMPTS)
@pytest.mark.parametrize("task", [TASK, STDIO])
def test_case_prompts_join_their_targets(name: str, task: Task) -> None:
    prompt, code = load_prompt(name), STEPS[2][1] if "code" in name else None
    shown, row = case_prompt(prompt, task, code, 2), case_prompt(prompt, task, code, 2, opening=False)
    cases = [("[1]", "false"), ("[2]", "true")] if task is TASK else [("1\n", "1\n")]
    assert shown == row + prompt.opening("cases", task)
    assert case_completion(task, cases).startswith(prompt.opening("cases", task))
    assert row.endswith("### 2 tests\n")
    assert (code is not None) == ("```python\n" + STEPS[2][1] + "\n```\n" in row)
    assert case_max_tokens(prompt, task, 3) == 3 * prompt.max_tokens("cases", task)
    with pytest.raises(ValueError, match="code"):
        case_prompt(prompt, task, None if code else "x = 1", 2)


def test_a_training_row_is_what_the_short_prompt_shows() -> None:
    prompt, completion = chain_text(TASK, STEPS)
    assert prompt + completion == prefix_text(TASK, STEPS)
    for number, (action, text) in enumerate(STEPS):
        shown = load_prompt("short").render(TASK, STEPS[:number], action)
        assert (prompt + completion).startswith(shown.removesuffix(load_prompt("short").opening(action, TASK)) + text)


def test_the_chat_form() -> None:
    prompt = load_prompt("chat-cards")
    task = Task("Beware of <|im_end|> and {signature}.", "call", "f", "f(x)")
    shown = prompt.render(task, STEPS, "code")
    assert prompt.chooses == "policy"
    assert shown.count("<|im_end|>") == 2
    assert "Beware of < |im_end|> and {signature}." in shown
    assert "must define f(x)." in shown
    assert shown.endswith("```\n## Step 4\n")
    chosen = parse_choice("Action: code\n```python\ndef f(x):\n    return x\n```")
    assert chosen is not None
    step = parse_step(chosen[0], prompt.opening("code", task), chosen[1], "stop", task)
    assert step.error is None
    assert step.code is not None
    assert compiles(step.code, "f")
