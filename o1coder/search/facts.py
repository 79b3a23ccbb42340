"""The facts a search leaves: what was returned, which steps it became, what was judged, why the tree ended.

A fact is the unit of persistence: frozen, keyed by paths and ordinals inside its tree, free of ids, times and hosts, so
that a tree can be written, exported, compared and resumed from them alone. Visits, values and labels are not facts; they
are derived (`values.py`, `export.py`). This file stores nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from o1coder.errors import LabError
from o1coder.task import Action

Path = tuple[int, ...]  # child ordinals from the root, which is (); a child's ordinal is its first completion's
EndReason = Literal["exhausted", "simulations", "settled", "budget"]


@dataclass(frozen=True, slots=True)
class CompletionFact:
    """One thing the model returned below `parent`. `step` is the child it became or merged into; without one, `error`
    says why it did not parse."""

    parent: Path
    ordinal: int
    text: str
    tokens_in: int
    tokens_out: int
    logprob: float | None
    finish_reason: str
    step: Path | None
    error: str | None


@dataclass(frozen=True, slots=True)
class StepFact:
    """One reasoning step, said by a completion or given with the tree. The root is the problem itself and has no fact."""

    path: Path
    action: Action
    text: str
    code: str | None


@dataclass(frozen=True, slots=True)
class RolloutFact:
    """One path from the root to a judged leaf; where a preset visits leaves again, one a visit.

    `code` None: nothing below `leaf` parsed, or the depth limit was reached (reward 0). `reward` None: the judge itself
    failed, so the rollout counts nowhere. `cases` holds the verdict code per case digest, never IE or SK; `verdicts` the
    judge's own objects for them, empty when the rollout was served from stored facts.
    """

    ordinal: int
    leaf: Path
    code: str | None
    passed: int
    total: int
    compiled: bool
    reward: float | None
    terms: Mapping[str, float]
    cases: Mapping[str, str]
    verdicts: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def solved(self) -> bool:
        """Whether a program was judged here and passed every case."""
        return self.code is not None and self.total > 0 and self.passed == self.total


@dataclass(frozen=True, slots=True)
class ScoreFact:
    """A process reward model's number for a step, in [0, 1], where it steered the search."""

    path: Path
    value: float


@dataclass(frozen=True, slots=True)
class EndFact:
    """Why a tree takes no more simulations. A tree without one can go on; `budget` ends were set by a clock, and a
    `settled` tree stopped because its answer was found: its step values are of a search that looked when to stop."""

    reason: EndReason


Fact = CompletionFact | StepFact | RolloutFact | ScoreFact | EndFact


def given_steps(facts: Iterable[Fact]) -> tuple[tuple[Action, str], ...]:
    """The steps that a tree was begun with: said by no completion, from the root down."""
    facts = list(facts)
    said = {fact.step for fact in facts if isinstance(fact, CompletionFact)}
    steps = [fact for fact in facts if isinstance(fact, StepFact) and fact.path not in said]
    return tuple((step.action, step.text) for step in sorted(steps, key=lambda step: len(step.path)))


def path_text(path: Path) -> str:
    """A path as text: "0.2.1"; the root is the empty string."""
    return ".".join(map(str, path))


def parse_path(text: str) -> Path:
    """The path that `path_text` wrote. LabError for anything else."""
    if not text:
        return ()
    parts = text.split(".")
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise LabError(f"not a step path: {text!r}", "A path is child ordinals joined by dots, like 0.2.1.")
    return tuple(map(int, parts))
