"""The fake policy's script: it reads the last problem in a prompt and answers with text out of the repertoire.

It often takes the idea whose keywords the statement holds, often another, and sometimes writes a text that does not
parse. Later steps mostly follow the plan of earlier ones, so that the steps of a tree differ in value. It answers
structure, refine, code and test prompts, in the plain form and the chat form.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from o1coder.sampling.dice import Dice
from o1coder.sampling.repertoire import IDEAS, Idea

UNPARSABLE = 0.07
ON_KEYWORD = 0.6
FOLLOWS_PLAN = 0.8
WRONG_CASE = 0.25

_SIGNATURE = re.compile(r"`([A-Za-z_]\w*)\(([^`]*)\)`")
_STEP_SIGNATURE = re.compile(r"(?:Function |def |define )([A-Za-z_]\w*)\(([^)\n]*)\)")
_TESTS = re.compile(r"### (\d+) tests?\n")
_WORD = re.compile(r"[a-z]+")


@dataclass(frozen=True, slots=True)
class ReadProblem:
    """What the fake policy understood of a prompt."""

    statement: str
    steps: str
    name: str | None
    arguments: tuple[str, ...]

    def fill(self, template: str) -> str:
        """An idea's template with this problem's arguments."""
        first = self.arguments[0] if self.arguments else "x"
        second = self.arguments[1] if len(self.arguments) > 1 else first
        return template.replace("{0}", first).replace("{1}", second)


def read_problem(prompt: str) -> ReadProblem:
    """The last problem in a prompt: its statement, the steps after it, and the function it names."""
    chat = "\n<|im_start|>assistant\n" in prompt
    opened = "The problem:\n" if chat else "## Problem\n"
    last = prompt[prompt.rfind(opened) + len(opened) :] if opened in prompt else prompt
    statement, _, steps = last.partition("<|im_end|>" if chat else "\n### ")
    found = _SIGNATURE.search(statement) or _STEP_SIGNATURE.search(last)
    if found is None or last.endswith("assert run"):
        called = re.search(r"(?:assert|def) ([A-Za-z_]\w*)\(?\Z", last)
        return ReadProblem(statement, steps, called.group(1) if called and called.group(1) != "run" else None, ())
    arguments = tuple(part.partition(":")[0].partition("=")[0].strip() for part in found.group(2).split(","))
    return ReadProblem(statement, steps, found.group(1), tuple(part for part in arguments if part.isidentifier()))


def fitting_ideas(problem: ReadProblem) -> list[Idea]:
    """The ideas with the most keywords in the statement, or none when no keyword is there."""
    words = set(_WORD.findall(problem.statement.lower()))
    hits = [len(words.intersection(idea.keywords)) for idea in IDEAS]
    return [idea for idea, count in zip(IDEAS, hits, strict=True) if count and count == max(hits)]


def planned_idea(problem: ReadProblem) -> Idea | None:
    """The idea that the latest step so far speaks of."""
    latest = []
    for number, idea in enumerate(IDEAS):
        expression = problem.fill(idea.expression)
        for text in (problem.fill(idea.plan), f"return {expression}\n", f"print({expression})"):
            latest.append((problem.steps.rfind(text), -number, idea))
    at, _, idea = max(latest, key=lambda entry: entry[:2])
    return idea if at >= 0 else None


def _choose(problem: ReadProblem, dice: Dice, greedy: bool) -> Idea:
    planned, fitting = planned_idea(problem), fitting_ideas(problem)
    follow, fit, free = dice.unit(), dice.unit(), dice.pick(IDEAS)
    if planned is not None and (greedy or follow < FOLLOWS_PLAN):
        return planned
    if fitting and (greedy or fit < ON_KEYWORD):
        return fitting[0] if greedy else dice.pick(fitting)
    return free


def write(prompt: str, dice: Dice, greedy: bool) -> str:
    """What the policy says after a prompt, stop string included; greedy takes the best keyword and never errs."""
    problem = read_problem(prompt)
    idea = _choose(problem, dice, greedy)
    broken = not greedy and dice.unit() < UNPARSABLE
    if re.search(r"## Step \d+\n\Z", prompt):
        return _chat_step(problem, idea, dice, broken)
    asked = list(_TESTS.finditer(prompt))
    code, refine = prompt.rfind("### Code\n"), prompt.rfind("### Refine\n")
    latest = max(code, refine, prompt.rfind("### Structure\n"))
    if asked and asked[-1].start() > latest:
        opening = re.search(r"assert \w+\Z", prompt)
        return _cases(problem, idea, dice, int(asked[-1].group(1)), broken).removeprefix(
            opening.group() if opening else ""
        )
    if latest < 0:
        return _code(problem, idea, broken) + "```\n"
    heading, _, opening_text = prompt[latest:].partition("\n")
    if heading == "### Structure":
        return _structure(problem, idea, dice, broken).removeprefix(opening_text) + "\n### "
    if heading == "### Refine":
        return _refine(problem, idea, dice, broken).removeprefix(opening_text) + "\n### "
    opening_text = opening_text.removeprefix("```python\n")
    return _code(problem, idea, broken).removeprefix(opening_text) + "```\n"


def _chat_step(problem: ReadProblem, idea: Idea, dice: Dice, broken: bool) -> str:
    taken = problem.steps.count("\nAction: ")
    if broken:
        return "I would rather not say.\n## Step"
    if taken == 0:
        return "Action: structure\n" + _structure(problem, idea, dice, False) + "\n## Step"
    if taken == 1 or (taken == 2 and dice.unit() < 0.3):
        return "Action: refine\n" + _refine(problem, idea, dice, False) + "\n## Step"
    return "Action: code\n```python\n" + _code(problem, idea, False) + "```\n## Step"


def _structure(problem: ReadProblem, idea: Idea, dice: Dice, broken: bool) -> str:
    arguments = ", ".join(problem.arguments) or "the numbers"
    subject = f"Function {problem.name}({', '.join(problem.arguments)})." if problem.name else "Program."
    if broken:
        return f"{subject} Input:"
    output = dice.pick(("the result", "one value", "what was asked for", "a single value"))
    return f"{subject} Input: {arguments}. Output: {output}. Plan: {problem.fill(idea.plan)}."


def _refine(problem: ReadProblem, idea: Idea, dice: Dice, broken: bool) -> str:
    if broken:
        return f"1. {problem.fill(idea.plan)}"
    begin = dice.pick(("look at {0}", "start from {0}", "take {0} as it is", "read {0}"))
    end = dice.pick(("return it", "return the result", "give it back"))
    return f"1. {problem.fill(begin)}\n2. {problem.fill(idea.plan)}\n3. {end}"


def _code(problem: ReadProblem, idea: Idea, broken: bool) -> str:
    expression = problem.fill(idea.expression)
    if broken:
        expression = f"({expression}"
    if problem.name is None:
        name = problem.arguments[0] if problem.arguments else "x"
        return f"{name} = [int(part) for part in input().split()]\nprint({expression})\n"
    return f"def {problem.name}({', '.join(problem.arguments)}):\n    return {expression}\n"


def _cases(problem: ReadProblem, idea: Idea, dice: Dice, n: int, broken: bool) -> str:
    if broken:
        return f"assert {problem.name or 'run'} is tested"
    lines = []
    for _ in range(n):
        values = [_argument(name, dice) for name in problem.arguments or ("xs",)]
        try:
            expected = idea.value(values[0], values[1] if len(values) > 1 else values[0])
        except (TypeError, AttributeError, IndexError, ValueError):
            expected = 0
        if dice.unit() < WRONG_CASE:
            expected = dice.below(10)
        if problem.name is None:
            given = " ".join(map(str, values[0] if isinstance(values[0], list) else values)) + "\n"
            lines.append(f"assert run({json.dumps(given)}) == {json.dumps(f'{expected}' + chr(10))}")
        else:
            lines.append(f"assert {problem.name}({', '.join(map(repr, values))}) == {expected!r}")
    return "\n".join(lines) + "\n\n"


def _argument(name: str, dice: Dice) -> int | str | list[int] | list[str]:
    words = ("ab", "tree", "a", "noon", "Sky")
    if name in {"words", "names", "parts", "strings"}:
        return [dice.pick(words) for _ in range(1 + dice.below(3))]
    if name in {"s", "t", "text", "word", "string", "name", "line"}:
        return dice.pick(words)
    if name in {"xs", "ys", "nums", "numbers", "items", "values", "lst", "arr", "data"}:
        return [dice.below(19) - 9 for _ in range(1 + dice.below(4))]
    return dice.below(19) - 9
