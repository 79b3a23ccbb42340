"""A whole chain that a policy wrote in one go, cut into its steps: headings, then the parser of single steps.

The short form, as `o1coder.text.chain_text` writes it: `### Structure`, `### Refine` (any number), `### Code` with a
fence. Pure. It judges nothing and repairs nothing: the first thing out of place ends the chain with a reason.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from o1coder.task import Action, Task
from o1coder.text import parse_step

_HEADING = re.compile(r"^### (Structure|Refine|Code)[ \t]*$", re.MULTILINE)
_BLOCK = re.compile(r"```[a-z]*[ \t]*\n.*?\n```", re.DOTALL)
_ACTIONS: dict[str, Action] = {"Structure": "structure", "Refine": "refine", "Code": "code"}


@dataclass(frozen=True, slots=True)
class Chain:
    """The accepted steps in order, the program of the last one if it is code, and why the chain ended early."""

    steps: tuple[tuple[Action, str], ...]
    code: str | None
    error: str | None


def closed_blocks(text: str) -> int:
    """How many fenced blocks of the text are closed; a chain ends when this number rises."""
    return len(_BLOCK.findall(text))


def parse_chain(text: str, stopped: bool, task: Task) -> Chain:
    """Cut a chain into steps; `stopped` is whether the policy ended it (False: it hit the token cap)."""
    headings = list(_HEADING.finditer(text))
    if not headings:
        return Chain((), None, "no heading")
    if text[: headings[0].start()].strip():
        return Chain((), None, "text before the first heading")
    steps: list[tuple[Action, str]] = []
    for number, heading in enumerate(headings):
        last = number == len(headings) - 1
        body = text[heading.end() : None if last else headings[number + 1].start()]
        action = _ACTIONS[heading.group(1)]
        block = _BLOCK.search(body) if action == "code" else None
        whole = not last or stopped or block is not None
        step = parse_step(action, "", body, "stop" if whole else "length", task)
        if step.error is not None:
            return Chain(tuple(steps), None, f"{action}: {step.error}")
        steps.append((action, step.text))
        if action == "code":
            rest = body[block.end() :].strip() if block else ""
            error = "text after the code" if rest or not last else None
            return Chain(tuple(steps), step.code, error)
    return Chain(tuple(steps), None, "no code")
