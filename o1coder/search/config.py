"""What a search is asked: its settings, the tree to grow, and the little it needs of a prompt.

Nothing here samples, judges or stores. The presets of other papers are added to `PRESETS` with the rules they need.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from o1coder.errors import LabError
from o1coder.search.facts import Fact
from o1coder.task import Action, Case, Comparator, Limits, Task

PRESETS = ("lab",)


@dataclass(frozen=True, slots=True)
class SearchConfig:
    """The settings of a tree, all of them recorded with it.

    `c` is UCT's exploration constant; `alpha` weighs compiling in the terminal reward α·compile + (1−α)·pass; `refines`
    is the number of refine steps between structure and code; `direct` goes straight to code; `max_depth` bounds a policy
    that chooses its own actions; `widths` gives levels a width of their own, from the root down, the rest have `width`
    (fresh draws below few prefixes: 2, 2, 8); `in_flight` simulations of one tree may be under way at
    once. LabError when impossible.
    """

    preset: str = "lab"
    prompt: str = "plain"
    chooses: Literal["search", "policy"] = "search"
    simulations: int = 6
    width: int = 3
    widths: tuple[int, ...] = ()
    c: float = 2.0
    alpha: float = 0.0
    refines: int = 1
    direct: bool = False
    max_depth: int = 8
    in_flight: int = 1
    temperature: float = 0.5
    top_p: float = 1.0

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise LabError(f"no search preset named {self.preset!r}", f"Presets: {', '.join(PRESETS)}.")
        if min(self.simulations, self.width, *self.widths, self.in_flight, self.max_depth) < 1 or self.refines < 0:
            raise LabError(
                "simulations, width, in_flight and max_depth are at least 1, refines at least 0",
                "Raise the setting that is too small.",
            )
        if not 0.0 <= self.alpha <= 1.0 or self.c < 0.0:
            raise LabError("alpha lies between 0 and 1, and c is not negative", "Change alpha or c.")
        if self.chooses == "search" and len(self.plan) > self.max_depth:
            raise LabError(
                f"{len(self.plan)} steps are deeper than max_depth={self.max_depth}",
                "Raise max_depth or lower refines.",
            )

    def width_at(self, depth: int) -> int:
        """How many completions are sampled below a step at `depth`."""
        return self.widths[depth] if depth < len(self.widths) else self.width

    @property
    def expected_rollouts(self) -> int:
        """Rollouts of a tree in which every completion parses and no two are equal."""
        return self.simulations * self.width_at(self.depth - 1)

    @property
    def plan(self) -> tuple[Action, ...]:
        """The actions of a chain in order, where the search chooses them."""
        if self.direct:
            return ("code",)
        middle: list[Action] = ["refine"] * self.refines
        return ("structure", *middle, "code")

    @property
    def depth(self) -> int:
        """The depth at which a chain ends, with code or without."""
        return len(self.plan) if self.chooses == "search" else self.max_depth

    def action(self, depth: int) -> Action:
        """The action asked for below a step at `depth`; where the policy chooses, only a suggestion to the prompt."""
        if self.chooses == "search":
            return self.plan[depth]
        return "structure" if depth == 0 else "refine"


class StepPrompt(Protocol):
    """What a search needs of a prompt; `o1coder.text.Prompt` is one."""

    @property
    def chooses(self) -> Literal["search", "policy"]: ...
    def render(self, task: Task, steps: Sequence[tuple[Action, str]], action: Action) -> str: ...
    def opening(self, action: Action, task: Task) -> str: ...
    def stops(self, action: Action) -> tuple[str, ...]: ...
    def max_tokens(self, action: Action, task: Task | None = None) -> int: ...


@dataclass(slots=True)
class TreeSpec:
    """One tree to grow: `key` is the caller's name for it, `cases` are frozen for its whole life, `stored` the facts of
    it that are already written (whole simulations, any order), over which a resumed search replays its selection."""

    key: Hashable
    task: Task
    cases: tuple[Case, ...]
    seed: int
    config: SearchConfig
    prompt: StepPrompt
    comparator: Comparator = field(default_factory=Comparator)
    limits: Limits = field(default_factory=Limits)
    stored: Sequence[Fact] = ()

    def __post_init__(self) -> None:
        if not self.cases:
            raise LabError("a tree needs at least one test case", "Give the problem a reward test set first.")
        if len({case.digest for case in self.cases}) < len(self.cases):
            raise LabError("a test case stands twice among a tree's cases", "Freeze a test set without repetitions.")
        if self.prompt.chooses != self.config.chooses:
            raise LabError(
                f"with this prompt the {self.prompt.chooses} chooses the action, but chooses={self.config.chooses}",
                f"Set chooses={self.prompt.chooses}, or take another prompt.",
            )
