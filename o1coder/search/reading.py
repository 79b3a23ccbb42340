"""From a sampled text to a step: the text package's parser, asked in the way the prompt speaks.

Where the search chooses, the driver asked for one action and wrote its opening; where the policy chooses, the text itself
names its action. Nothing here decides what parses: `o1coder.text` does.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from o1coder.search.config import StepPrompt
from o1coder.task import Action, Task
from o1coder.text import compiles, parse_choice, parse_step


class Reading(NamedTuple):
    """`action` None: unparsable, `error` says why. `code` is set for code steps only."""

    action: Action | None
    text: str
    code: str | None
    error: str | None


class Reader(Protocol):
    """Reads one continuation; `synthetic` policies in measurements bring their own."""

    def read(self, prompt: StepPrompt, task: Task, asked: Action, text: str, finish_reason: str) -> Reading: ...
    def compiles(self, code: str, entry_point: str | None) -> bool: ...


class TextReader:
    """The reader of real trees."""

    def read(self, prompt: StepPrompt, task: Task, asked: Action, text: str, finish_reason: str) -> Reading:
        """The step that `text`, a continuation after the driver's opening, is."""
        opening = prompt.opening(asked, task) if prompt.chooses == "search" else ""
        action = asked
        if prompt.chooses == "policy":
            choice = parse_choice(text)
            if choice is None:
                return Reading(None, "", None, "names no action")
            action, text = choice
        parsed = parse_step(action, opening, text, finish_reason, task)
        if parsed.error is not None:
            return Reading(None, "", None, parsed.error)
        return Reading(action, parsed.text, parsed.code, None)

    def compiles(self, code: str, entry_point: str | None) -> bool:
        """Whether `compile()` succeeds and the entry point exists."""
        return compiles(code, entry_point)
