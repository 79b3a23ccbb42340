"""A completion becomes a step, or data that says why not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from o1coder.task import Action, Task
from o1coder.text import compiles, parse_choice, parse_step

TASK = Task("Write a Python function `f(xs)` that returns xs.", "call", "f", "f(xs)")
STDIO = Task("Read a line and print it.", "stdio")


@pytest.mark.parametrize(
    ("action", "opening", "continuation", "finish", "error"),
    [
        ("structure", "Function f(xs). Input:", " list xs. Output: xs.\n", "stop", None),
        ("structure", "", " list xs.", "stop", "does not name the function"),
        ("structure", "Function f(xs). Input:", " x" * 200, "stop", "too long"),
        ("structure", "Function f(xs). Input:", " \n", "stop", "empty"),
        ("structure", "Function f(xs). Input:", " xs. ### Refine", "stop", "contains a heading or a fence"),
        ("structure", "Function f(xs). Input:", " list xs.", "length", "did not stop within its token cap"),
        ("refine", "1.", " take xs\n2. return it", "stop", None),
        ("refine", "", "- take xs\n- return it", "stop", None),
        ("refine", "1.", " take xs and return it", "stop", "fewer than two numbered or dashed lines"),
        ("refine", "1.", " take\n2.\n", "stop", "fewer than two numbered or dashed lines"),
        ("code", "def f(", "xs):\n    return xs\n", "stop", None),
        ("code", "def f(", "xs):\n    return (xs\n", "stop", "does not compile"),
        ("code", "", "def g(xs):\n    return xs\n", "stop", "does not define the function"),
        ("code", "", "return 1", "stop", "does not compile"),
        ("code", "", "Here:\n```python\ndef f(xs):\n    return xs\n```\nDone.", "stop", None),
    ],
)
def test_rules(action: Action, opening: str, continuation: str, finish: str, error: str | None) -> None:
    step = parse_step(action, opening, continuation, finish, TASK)
    assert step.error == error
    assert (step.code is not None) == (action == "code" and error is None)


def test_code_is_kept_in_normal_form() -> None:
    step = parse_step("code", "def f(", "xs):  \r\n    return xs \n\n", "stop", TASK)
    assert step == ("def f(xs):\n    return xs", "def f(xs):\n    return xs\n", None)


def test_a_program_needs_no_entry_point() -> None:
    assert parse_step("code", "", "print(input())\n", "stop", STDIO).error is None
    assert parse_step("structure", "Program. Input:", " a line.", "stop", STDIO).error is None


def test_a_policy_names_its_action() -> None:
    assert parse_choice("Action: refine\n1. a\n2. b") == ("refine", "1. a\n2. b")
    assert parse_choice("## Step 3\nAction: Code\n```python\nx\n```") == ("code", "```python\nx\n```")
    assert parse_choice("I will refine.") is None


@given(st.sampled_from(["structure", "refine", "code"]), st.text(), st.text())
def test_any_text_is_parsed_or_named(action: Action, opening: str, continuation: str) -> None:
    step = parse_step(action, opening, continuation, "stop", TASK)
    assert step.error is None or step.error
    assert step.code is None or compiles(step.code, "f")
