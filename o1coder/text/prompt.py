"""What a model sees: the files in `prompts/`, and the texts built from them. Pure; a prompt is data with a digest.

A prompt file is TOML: its form, who chooses the next action, sampling settings, and for each kind of task (`call`,
`stdio`) the openings the driver writes and the text that stands before the problem (a worked example, or nothing).
The driver writes every heading, so it chooses the action; the model goes on from the opening.

The chat form is written in ChatML, the form of SmolLM2 and Qwen; a model with another chat template needs a prompt
file of its own. Prompts are not tuned to a token budget here: that statement, steps and example fit is not checked.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from o1coder.errors import LabError
from o1coder.task import Action, Task
from o1coder.text.cases import case_name
from o1coder.text.steps import PARSER_VERSION

Slot = Literal["structure", "refine", "code", "cases"]
Form = Literal["steps", "chat", "cases-with-code", "cases-from-statement"]

HEADINGS: Mapping[Action, str] = {
    "structure": "### Structure\n",
    "refine": "### Refine\n",
    "code": "### Code\n```python\n",
}
FORMAT_DIGEST = "sha256:" + hashlib.sha256(b"prefix 1: problem, then headed steps, as in the short prompt").hexdigest()
_FOLDER = Path(__file__).parent / "prompts"


@dataclass(frozen=True)
class Prompt:
    """A prompt file. `digest` is `sha256:…` over its bytes and PARSER_VERSION; `chooses` says who names an action."""

    name: str
    digest: str
    form: Form
    chooses: Literal["search", "policy"]
    temperature: float
    settings: Mapping[str, Any] = field(repr=False, compare=False)

    def render(self, task: Task, steps: Sequence[tuple[Action, str]], action: Action) -> str:
        """Exactly what the model sees before it writes: it ends in the driver's heading and opening.

        In the chat form it ends in the next step's heading, and `action` is the policy's to choose: `parse_choice`
        reads it from what comes back.
        """
        if self.form == "chat":
            return self._render_chat(task, steps)
        if self.form != "steps":
            raise ValueError(f"prompt {self.name} asks for test cases, not for steps")
        return self._before(task) + problem_text(task, steps) + HEADINGS[action] + self.opening(action, task)

    def opening(self, action: Slot, task: Task) -> str:
        """The words the driver puts in the model's mouth; they belong to the step's text."""
        text = str(self._part(task)["openings"][action])
        name = case_name(task)
        return text.replace("{signature}", task.signature or f"{name}(...)").replace("{name}", name)

    def stops(self, action: Slot) -> tuple[str, ...]:
        """The strings at which a completion ends; they are not part of it."""
        return tuple(self.settings["stops"])

    def max_tokens(self, action: Slot, task: Task | None = None) -> int:
        """The token cap of one completion (of one case for `cases`); a stdin/stdout task may have a higher one."""
        caps = dict(self.settings["max_tokens"])
        if task is not None:
            caps |= self._part(task).get("max_tokens", {})
        return int(caps[action])

    def _part(self, task: Task) -> Mapping[str, Any]:
        part: Mapping[str, Any] = self.settings["stdio" if task.entry_point is None else "call"]
        return part

    def _before(self, task: Task) -> str:
        return str(self._part(task)["before"])

    def _render_chat(self, task: Task, steps: Sequence[tuple[Action, str]]) -> str:
        # A statement must not be able to end the user's turn.
        statement = task.statement.strip().replace("<|", "< |")
        signature = task.signature or task.entry_point or ""
        text = self._before(task).replace("{signature}", signature).replace("{statement}", statement)
        for number, (action, content) in enumerate(steps, start=1):
            body = f"```python\n{content}\n```" if action == "code" else content
            text += f"## Step {number}\nAction: {action}\n{body}\n"
        return text + f"## Step {len(steps) + 1}\n"


@cache
def load_prompt(name: str) -> Prompt:
    """The prompt of that name; LabError naming those there are when it does not exist."""
    file = _FOLDER / f"{name}.txt"
    if name not in prompt_names():
        raise LabError(f"no prompt is called {name!r}", "there are " + ", ".join(prompt_names()))
    content = file.read_bytes()
    settings = tomllib.loads(content.decode("utf-8"))
    digest = hashlib.sha256(content + b"\0parser " + PARSER_VERSION.encode()).hexdigest()
    return Prompt(
        name, f"sha256:{digest}", settings["form"], settings["chooses"], float(settings["temperature"]), settings
    )


def prompt_names() -> list[str]:
    """The names of the prompts that ship with the project, sorted."""
    return sorted(file.stem for file in _FOLDER.glob("*.txt"))


def problem_text(task: Task, steps: Sequence[tuple[Action, str]]) -> str:
    """A problem with the steps accepted so far under their headings; it ends in a newline."""
    return f"## Problem\n{task.statement.strip()}\n" + "".join(_step_text(action, text) for action, text in steps)


def prefix_text(task: Task, steps: Sequence[tuple[Action, str]]) -> str:
    """What a process reward model reads: problem and steps so far. FORMAT_DIGEST names this format."""
    return problem_text(task, steps).rstrip("\n")


def chain_text(task: Task, steps: Sequence[tuple[Action, str]]) -> tuple[str, str]:
    """(prompt, completion) of the short form: a fine-tuning row for a policy.

    The two join to what `load_prompt("short").render` shows step by step; the cut is after a newline, where no
    tokenizer merges across. The trainer appends the end-of-text token.
    """
    whole = prefix_text(task, steps)
    prompt = problem_text(task, ())
    return prompt, whole[len(prompt) :]


def case_prompt(prompt: Prompt, task: Task, code: str | None, n: int, opening: bool = True) -> str:
    """What a test case generator sees when asked for n cases, ending in the driver's opening.

    `code` must be given to a prompt with code and only to it. Without the opening it ends in the heading's newline:
    that is the prompt of a training row whose completion is `case_completion`.
    """
    if (prompt.form == "cases-with-code") != (code is not None):
        raise ValueError(f"prompt {prompt.name} {'needs' if code is None else 'takes no'} code")
    steps: list[tuple[Action, str]] = [] if code is None else [("code", code.strip("\n"))]
    before = str(prompt._part(task)["before"]) + problem_text(task, steps)
    heading = f"### {n} tests\n" if n != 1 else "### 1 test\n"
    return before + heading + (prompt.opening("cases", task) if opening else "")


def case_max_tokens(prompt: Prompt, task: Task, n: int) -> int:
    """The token cap of a completion that holds n cases."""
    return n * prompt.max_tokens("cases", task)


def _step_text(action: Action, text: str) -> str:
    return HEADINGS[action] + text.strip("\n") + ("\n```\n" if action == "code" else "\n")
