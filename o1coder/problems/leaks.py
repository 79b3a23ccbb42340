"""Whether a problem would carry one split into another: an index of what is in the splits and in the prompts.

A leak is, between a problem and one of another split (or a worked example of a prompt, which every model may see):
the same family; the same reference program, under whatever names; a run of WINDOW words that both statements hold; or
statements whose sets of words have a Jaccard index of ALIKE or more. The words that most statements begin with are left
out. ALIKE is high because short statements that differ in one word ("odd", "even") ask for different things: in MBPP,
pairs from 0.8 on are mostly such. A retelling in other words, with another program, is not found.

Runs are found by their hashes. Alike statements share one of their rarer words, so that only those are compared: a
statement is entered under how many words it has and the few longest, of which another cannot lack all and be alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from o1coder.problems.record import NewProblem
from o1coder.text import ast_shape, jaccard, load_prompt, ngrams, prompt_names, statement_body, statement_tokens

WINDOW = 13  # words
ALIKE = 0.9
PROMPTS = "the prompts"
SPLITS = ("train", "validation", "test", PROMPTS)
_EXAMPLE = re.compile(r"^## Problem\n(.*?)\n(?:#|\Z)", re.DOTALL | re.MULTILINE)
_PROGRAM = re.compile(r"```python\n(.*?)```", re.DOTALL)


@dataclass
class _Side:
    """What one split holds, with the name of the problem that was entered first."""

    families: dict[str, str] = field(default_factory=dict)
    shapes: dict[str, str] = field(default_factory=dict)
    runs: dict[int, str] = field(default_factory=dict)
    by_mark: dict[tuple[str, int], list[int]] = field(default_factory=dict)
    statements: list[tuple[frozenset[str], str]] = field(default_factory=list)


class Leaks:
    """The index. `upto` is the last problem of the lab that is in it; keeping it is for who fills the index."""

    def __init__(self) -> None:
        self.upto = 0
        self._sides = {split: _Side() for split in SPLITS}

    def add(self, name: str, split: str, family: str | None, statement: str, references: Iterable[str]) -> None:
        """Enter a problem (or a worked example: no family) under the name that reasons shall call it by."""
        side = self._sides[split]
        if family is not None:
            side.families.setdefault(family, name)
        for reference in references:
            side.shapes.setdefault(ast_shape(reference), name)
        tokens = statement_tokens(statement_body(statement))
        for run in _runs(tokens):
            side.runs.setdefault(hash(run), name)
        words = frozenset(tokens)
        for word in _marks(words):
            side.by_mark.setdefault((word, len(words)), []).append(len(side.statements))
        side.statements.append((words, name))

    def reason(self, problem: NewProblem) -> str | None:
        """Why `problem` must not come into its split, naming the other problem; None when it may."""
        others = [(split, side) for split, side in self._sides.items() if split != problem.split]
        for split, side in others:
            if name := side.families.get(problem.family):
                return f"its family {problem.family!r} is in {split} already: {name}"
        shapes = [ast_shape(one.code) for one in problem.programs if one.origin == "reference"]
        for split, side in others:
            for shape in shapes:
                if name := side.shapes.get(shape):
                    return f"its reference is that of {name}, which is in {split}"
        tokens = statement_tokens(statement_body(problem.statement))
        for split, side in others:
            for run in _runs(tokens):
                if name := side.runs.get(hash(run)):
                    return f"its statement shares {WINDOW} words with {name}, which is in {split}: {' '.join(run)}"
        words = frozenset(tokens)
        marks = [(word, size) for word in _marks(words) for size in _sizes(len(words))]
        for split, side in others:
            for number in sorted({n for mark in marks for n in side.by_mark.get(mark, ())}):
                other, name = side.statements[number]
                if (alike := jaccard(words, other)) >= ALIKE:
                    return f"its statement is like that of {name}, which is in {split}: {alike:.2f} of their words"
        return None


def with_prompts() -> Leaks:
    """An index that holds the worked examples of all prompts."""
    leaks = Leaks()
    for prompt in map(load_prompt, prompt_names()):
        name = f"an example in prompt {prompt.name}"
        for kind in ("call", "stdio"):
            before = str(prompt.settings.get(kind, {}).get("before", ""))
            leaks.add(name, PROMPTS, None, before, _PROGRAM.findall(before))
            for statement in _EXAMPLE.findall(before):
                leaks.add(name, PROMPTS, None, statement, ())
    return leaks


def _runs(tokens: Sequence[str]) -> list[tuple[str, ...]]:
    """The runs of WINDOW words in a fixed order; a text shorter than that has none."""
    return sorted(ngrams(tokens, WINDOW)) if len(tokens) >= WINDOW else []


def _marks(words: frozenset[str]) -> list[str]:
    """Words of which two sets with Jaccard >= ALIKE share at least one: the first |A| - ⌈ALIKE·|A|⌉ + 1 in one order for
    all, in which long words, which are rare, come first (prefix filtering; Chaudhuri et al. 2006)."""
    return sorted(words, key=lambda word: (-len(word), word))[: len(words) - _least(len(words)) + 1] if words else []


def _sizes(size: int) -> range:
    """How many words a set can have that is alike to one of `size`."""
    return range(_least(size), size * 100 // round(ALIKE * 100) + 1)


def _least(size: int) -> int:
    """⌈ALIKE · size⌉ without the float's error."""
    return -(-size * round(ALIKE * 100) // 100)
