"""From a completion to a step: what was said, which program it holds, or why it does not count.

A completion that does not parse is data with a name (`error`), never an exception. The rules are those under which
the prompts were measured; a change of them changes PARSER_VERSION, and with it every prompt's digest.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from o1coder.task import Action, Task
from o1coder.text.code import compiles, program_text

PARSER_VERSION = "1"
STRUCTURE_MAX_CHARS = 400
REFINE_MAX_CHARS = 4000

_LISTED = re.compile(r"^\s*(?:\d+\s*[.):]|[-*•])\s*\S", re.MULTILINE)
_FENCED = re.compile(r"```(?:python|py)?[ \t]*\n(.*?)(?:\n?```|\Z)", re.DOTALL | re.IGNORECASE)
_CHOICE = re.compile(r"\A\s*(?:##\s*Step\s*\d+\s*\n)?\s*Action:\s*(structure|refine|code)\b[ \t]*\n?", re.IGNORECASE)


class ParsedStep(NamedTuple):
    """A step's text (opening and continuation, stripped), its program if it has one, and why it was refused."""

    text: str
    code: str | None
    error: str | None


def parse_step(action: Action, opening: str, continuation: str, finish_reason: str, task: Task) -> ParsedStep:
    """Parse what a model wrote after the driver's opening.

    Refused, with the reason as `error`: a text that hit its token cap; an empty continuation; a structure that does
    not name the function or is 400 characters or longer; a refinement with fewer than two numbered or dashed lines; a
    heading or fence inside either; code that does not compile or does not define the entry point. Only code has
    `code`, in the normal form of `program_text`, and only when it was accepted.
    """
    text = (opening + continuation).strip()
    if not continuation.strip():
        return ParsedStep(text, None, "empty")
    if finish_reason != "stop":
        return ParsedStep(text, None, "did not stop within its token cap")
    if action == "code":
        fenced = _FENCED.search(text)
        text = program_text(fenced.group(1) if fenced else text.removesuffix("```")).rstrip("\n")
        error = _code_error(text, task)
        return ParsedStep(text, program_text(text) if error is None else None, error)
    error = _structure_error(text, task) if action == "structure" else _refine_error(text)
    return ParsedStep(text, None, error)


def parse_choice(continuation: str) -> tuple[Action, str] | None:
    """The action a policy chose by itself and what follows it; None when the text does not begin with `Action: …`."""
    found = _CHOICE.match(continuation)
    if found is None:
        return None
    chosen: dict[str, Action] = {"structure": "structure", "refine": "refine", "code": "code"}
    return chosen[found.group(1).lower()], continuation[found.end() :]


def _structure_error(text: str, task: Task) -> str | None:
    if task.entry_point is not None and task.entry_point not in text:
        return "does not name the function"
    if len(text) >= STRUCTURE_MAX_CHARS:
        return "too long"
    return _markup_error(text)


def _refine_error(text: str) -> str | None:
    if len(_LISTED.findall(text)) < 2:
        return "fewer than two numbered or dashed lines"
    if len(text) >= REFINE_MAX_CHARS:
        return "too long"
    return _markup_error(text)


def _markup_error(text: str) -> str | None:
    return "contains a heading or a fence" if "###" in text or "\n## " in text or "```" in text else None


def _code_error(text: str, task: Task) -> str | None:
    if compiles(text, task.entry_point):
        return None
    return "does not define the function" if compiles(text, None) else "does not compile"
