"""What ships as starter problems: how many of what, balanced tests, and no leak between splits or from the prompts.

Runs no program (`test_starter_programs.py` does) and breaks no file (`test_starter_loader.py` does).
"""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest

import o1coder.text
from o1coder.problems.starter import StarterProblem, starter_problems
from o1coder.text.code import ast_shape
from o1coder.text.leaks import jaccard, ngrams, statement_tokens

PROBLEMS = starter_problems()
EASY = [p for p in PROBLEMS if p.kind == "call" and p.difficulty == "easy"]
CONSTANTS: tuple[object, ...] = (None, 0, 1, "", [], True, False)
MAX_CONSTANT = 0.60
MAX_ALIKE = 0.55  # token Jaccard of two statements without the frame that all of them share
WINDOW = 13
FRAME = re.compile(r"\AWrite a Python function `[^`]*` that returns ")
EXAMPLES = {  # worked examples of the prompts and of the design: statement -> programs
    "Write a Python function `count_above(xs, limit)` that returns how many numbers in xs are greater than limit.": (
        "def f(xs, k):\n    count = 0\n    for x in xs:\n        if x > k:\n            count += 1\n    return count\n",
        "def f(xs, k):\n    return sum(1 for x in xs if x > k)\n",
        "def f(xs, k):\n    return len([x for x in xs if x > k])\n",
    ),
    "Write a Python function `is_even(n)` that returns True if n is even.": ("def f(n):\n    return n % 2 == 0\n",),
}


def test_there_are_as_many_as_promised() -> None:
    hard = [p for p in PROBLEMS if p.difficulty == "hard"]
    assert len(PROBLEMS) >= 90
    assert len(EASY) >= 62
    assert len({p.family for p in EASY}) >= 20
    assert sum(p.kind == "stdio" for p in PROBLEMS) >= 16
    assert len(hard) >= 16
    for some in (EASY, hard, [p for p in PROBLEMS if p.kind == "stdio"]):
        assert {p.split for p in some} == {"train", "validation", "test"}


def test_easy_problems_fill_every_split() -> None:
    count = Counter(p.split for p in EASY)
    assert count["train"] >= 28
    assert count["validation"] >= 16
    assert count["test"] >= 18


def test_slices_are_what_the_demo_needs() -> None:
    count = Counter((p.slice, p.split) for p in PROBLEMS if p.slice)
    assert count == {("demo", "train"): 16, ("demo", "validation"): 12, ("demo", "test"): 16, ("tcg", "validation"): 8}
    assert all(p in EASY for p in PROBLEMS if p.slice)
    trained = {p.family for p in PROBLEMS if p.slice == "demo" and p.split == "train"}
    assert trained.isdisjoint(p.family for p in PROBLEMS if p.slice == "tcg")
    for split, least in (("train", 8), ("validation", 8), ("test", 8)):
        assert len({p.family for p in PROBLEMS if p.slice == "demo" and p.split == split}) >= least


def test_keys_and_entry_points_are_unique() -> None:
    assert len({p.key for p in PROBLEMS}) == len(PROBLEMS)
    entries = Counter(p.entry_point for p in PROBLEMS if p.entry_point)
    assert [name for name, n in entries.items() if n > 1] == []


@pytest.mark.parametrize("problem", [p for p in PROBLEMS if p.kind == "call"], ids=lambda p: p.key)
def test_statement_names_the_function(problem: StarterProblem) -> None:
    assert problem.signature is not None
    assert f"`{problem.signature}`" in problem.statement
    function = next(
        node
        for node in ast.parse(problem.reference).body
        if isinstance(node, ast.FunctionDef) and node.name == problem.entry_point
    )
    names = ", ".join(argument.arg for argument in function.args.args)
    assert problem.signature == f"{problem.entry_point}({names})"
    for test in problem.tests:
        assert len(json.loads(test.input)) == len(function.args.args)


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: p.key)
def test_no_constant_program_passes_most_tests(problem: StarterProblem) -> None:
    """Over all tests, and over those of each purpose that decides something."""
    for purpose in (None, "reward", "audit", "held-out"):
        tests = [t for t in problem.tests if purpose is None or t.purpose == purpose]
        for value in (*CONSTANTS, "first argument"):
            passed = 0
            for test in tests:
                if problem.kind == "stdio":
                    out = test.input.partition("\n")[0] if value == "first argument" else str(value)
                    passed += out.split() == test.expected.split()
                else:
                    first = json.loads(test.input)[:1]
                    answer = first[0] if value == "first argument" and first else value
                    passed += json.dumps(answer, sort_keys=True) == canonical(test.expected)
            assert passed <= MAX_CONSTANT * len(tests), f"{value!r} passes {passed} of {len(tests)} ({purpose})"


def test_statements_differ_across_splits() -> None:
    bodies = {p.key: statement_tokens(FRAME.sub("", p.statement)) for p in PROBLEMS}
    worst = (0.0, "", "")
    for left, right in across_splits():
        shared = long_runs(bodies[left.key]) & long_runs(bodies[right.key])
        assert not shared, f"{left.key} and {right.key} share: {' '.join(min(shared))}"
        worst = max(worst, (jaccard(bodies[left.key], bodies[right.key]), left.key, right.key))
    print(f"most alike statements across splits: {worst[1]}, {worst[2]}: {worst[0]:.2f} (limit {MAX_ALIKE})")
    assert worst[0] <= MAX_ALIKE, worst


def test_references_differ_across_splits() -> None:
    shapes = {p.key: ast_shape(p.reference) for p in PROBLEMS}
    assert [(a.key, b.key) for a, b in across_splits() if shapes[a.key] == shapes[b.key]] == []


def test_worked_examples_are_in_no_split() -> None:
    prompts = [path.read_text("utf-8") for path in sorted(prompt_folder().glob("*.txt"))]
    assert prompts
    shown = set().union(*(long_runs(statement_tokens(text)) for text in prompts))
    examples = {ast_shape(code) for programs in EXAMPLES.values() for code in programs}
    examples |= {ast_shape(code) for text in prompts for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL)}
    for problem in PROBLEMS:
        tokens = statement_tokens(FRAME.sub("", problem.statement))
        assert not long_runs(tokens) & shown, problem.key
        assert ast_shape(problem.reference) not in examples, problem.key
        for statement in EXAMPLES:
            assert jaccard(tokens, statement_tokens(FRAME.sub("", statement))) <= MAX_ALIKE, problem.key
        assert not any(re.search(rf"\b{problem.entry_point}\(", text) for text in prompts), problem.key


def test_renaming_does_not_hide_a_copy() -> None:
    assert ast_shape("def f(xs):\n    return sum(x for x in xs)") == ast_shape(
        "def g(ys):\n    return sum(y for y in ys)"
    )
    assert ast_shape("def f(xs):\n    'Adds.'\n    return sum(xs)") == ast_shape("def f(a):\n    return sum(a)")
    assert ast_shape("def f(xs: list) -> int:\n    return sum(xs)") == ast_shape("def f(a):\n    return sum(a)")
    assert ast_shape("def f(xs):\n    return sum(xs)") != ast_shape("def f(xs):\n    return max(xs)")


def canonical(text: str) -> str:
    """A JSON value in one spelling; True and 1, and 1 and 1.0, stay apart."""
    return json.dumps(json.loads(text), sort_keys=True)


def across_splits() -> Iterator[tuple[StarterProblem, StarterProblem]]:
    return ((a, b) for a, b in combinations(PROBLEMS, 2) if a.split != b.split)


def long_runs(tokens: list[str]) -> set[tuple[str, ...]]:
    return ngrams(tokens, WINDOW) if len(tokens) >= WINDOW else set()


def prompt_folder() -> Path:
    return Path(o1coder.text.__file__).with_name("prompts")
