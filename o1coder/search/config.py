"""What a search is asked: its settings, the tree to grow, and the little it needs of a prompt.

A preset is a name for the rules of one paper or program; every rule is a field, so that a tree records what was done and not
only what it was called. Nothing here samples, judges or stores.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from o1coder.errors import LabError
from o1coder.search.facts import Fact, Path
from o1coder.task import Action, Case, Comparator, Limits, Task

Method = Literal["uct", "puct", "omega", "mc", "beam", "dvts", "best-of-n"]
Estimate = Literal["weighted", "visits", "o1coder-code", "mc"]
GUIDED: tuple[Method, ...] = ("puct", "beam", "dvts")  # they ask a PRM for every step
IN_ORDER: tuple[Method, ...] = ("uct", "puct")  # they need no result of the round before to begin one


@dataclass(frozen=True, slots=True)
class SearchConfig:
    """The settings of a tree, all of them recorded with it. LabError when impossible.

    Shape: `refines` steps between structure and code; `direct` goes straight to code. Where the policy chooses its actions
    `max_depth` bounds it, and `grammar` says which action may follow which (any, as the paper has it, or structure, refine*,
    code): one out of order is an unparsable completion. `widths` gives levels a width of their own, from the root down; the
    rest have `width`.
    Search: `method`; `c` is the exploration constant of UCT and of OmegaPRM's U; `alpha` weighs compiling in the terminal
    reward α·compile + (1−α)·pass; `in_flight` simulations of one tree may be under way at once.
    Rules of UCT: which code `siblings` become rollouts (all, one drawn at random, or the best, which evicts the others);
    `revisit`: judged leaves stay selectable. `estimate` says how label values follow from the facts (values.py).
    Monte Carlo and OmegaPRM: `draws` completions a state; `confirm` draws as many again before a midpoint counts as wrong;
    `omega_alpha`, `omega_beta`, `omega_length` (words) of its Q; `counted_at`: when a state's N grows; `requeue` puts a
    searched rollout back. Guided: `beams`, and the `aggregate` of step scores that ranks a path.
    Adaptive, when `most_simulations` > 0: a tree stops once its answer is settled, after `direct_first` programs without any
    pseudocode if it can, and goes on beyond `simulations` up to `most_simulations` while it is not.
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
    grammar: Literal["any", "ordered"] = "any"
    in_flight: int = 1
    temperature: float = 0.5
    top_p: float = 1.0
    method: Method = "uct"
    siblings: Literal["all", "one", "best"] = "all"
    revisit: bool = False
    estimate: Estimate = "weighted"
    draws: int = 8
    confirm: bool = True
    omega_alpha: float = 0.5
    omega_beta: float = 0.9
    omega_length: int = 500
    counted_at: Literal["selection", "creation"] = "selection"
    requeue: bool = False
    beams: int = 4
    aggregate: Literal["last", "min", "product", "mean"] = "last"
    most_simulations: int = 0
    direct_first: int = 0

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise LabError(f"no search preset named {self.preset!r}", f"Presets: {', '.join(PRESETS)}.")
        least_one = (self.simulations, self.width, *self.widths, self.in_flight, self.max_depth, self.draws, self.beams)
        if min(least_one) < 1 or min(self.refines, self.most_simulations, self.direct_first) < 0:
            raise LabError(
                "simulations, width, in_flight, max_depth, draws and beams are at least 1, refines at least 0",
                "Raise the setting that is too small.",
            )
        if not 0.0 <= self.alpha <= 1.0 or self.c < 0.0:
            raise LabError("alpha lies between 0 and 1, and c is not negative", "Change alpha or c.")
        if self.chooses == "search" and len(self.plan) > self.max_depth:
            raise LabError(
                f"{len(self.plan)} steps are deeper than max_depth={self.max_depth}",
                "Raise max_depth or lower refines.",
            )
        if self.adaptive and self.method in ("omega", "mc"):
            raise LabError(
                f"{self.method} estimates step values, and a search that stops by what it finds has none",
                "Take another preset, or leave out --adaptive.",
            )
        if self.in_flight > 1 and (self.method not in IN_ORDER or self.adaptive):
            raise LabError(
                f"{'an adaptive search' if self.adaptive else self.method} decides each round by the one before",
                "Set in_flight=1: its rounds are already made of many completions.",
            )

    @property
    def adaptive(self) -> bool:
        """Whether the tree may stop, or go on, by what it has found: then its step values are of no use to a PRM."""
        return self.most_simulations > 0

    @property
    def guided(self) -> bool:
        """Whether a process reward model must be asked for every step."""
        return self.method in GUIDED

    def width_at(self, depth: int) -> int:
        """How many completions are sampled below a step at `depth`."""
        return self.widths[depth] if depth < len(self.widths) else self.width

    @property
    def expected_rollouts(self) -> int:
        """About how many rollouts a tree makes in which every completion parses and no two are equal."""
        match self.method:
            case "omega" | "mc":
                return self.simulations * self.draws * max(1, self.depth - 1)
            case "best-of-n" | "beam" | "dvts":
                return self.simulations
            case _:
                a_simulation = self.width_at(self.depth - 1) if self.siblings == "all" else 1
                return self.simulations * a_simulation + self.direct_first

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

    def may_follow(self, action: Action, depth: int) -> bool:
        """Whether the policy may choose `action` below a step at `depth`."""
        return self.chooses == "search" or self.grammar == "any" or (action == "structure") == (depth == 0)


PRESETS: Mapping[str, Mapping[str, Any]] = {
    "lab": {},
    # As released (search.md §1.2): best of the code siblings, leaves visited again, a leaf's reward divided by its visits.
    "o1coder-code": {"siblings": "best", "revisit": True, "estimate": "o1coder-code", "alpha": 0.0},
    # As written (arXiv 2412.00154 §3.2): one rollout a simulation, v = sum of rewards / visits.
    "o1coder-paper": {"siblings": "one", "revisit": True, "estimate": "visits"},
    "omega": {"method": "omega", "estimate": "mc", "c": 0.125},
    "openr": {
        "method": "omega",
        "estimate": "mc",
        "c": 0.125,
        "draws": 16,
        "confirm": False,
        "counted_at": "creation",
        "requeue": True,
    },
    "mc": {"method": "mc", "estimate": "mc"},
    "best-of-n": {"method": "best-of-n"},
    "beam": {"method": "beam"},
    "dvts": {"method": "dvts"},
    "puct": {"method": "puct"},
    # Nested fresh draws, and programs after a pseudocode that was given: what decides an outcome (anatomy).
    "anatomy": {},
    "anatomy-swap": {},
}


def preset(name: str, **changes: Any) -> SearchConfig:
    """The settings of that name, with `changes`. LabError when there is no such preset."""
    if name not in PRESETS:
        raise LabError(f"no search preset named {name!r}", f"Presets: {', '.join(PRESETS)}.")
    return SearchConfig(**{"preset": name, **PRESETS[name], **changes})


def stored_config(settings: Mapping[str, Any]) -> SearchConfig:
    """The settings of a tree from the JSON that was stored with it; fields that are younger than it have their defaults."""
    return SearchConfig(**{**settings, "widths": tuple(settings.get("widths", ()))})


class StepPrompt(Protocol):
    """What a search needs of a prompt; `o1coder.text.Prompt` is one."""

    @property
    def chooses(self) -> Literal["search", "policy"]: ...
    def render(self, task: Task, steps: Sequence[tuple[Action, str]], action: Action) -> str: ...
    def opening(self, action: Action, task: Task) -> str: ...
    def stops(self, action: Action) -> tuple[str, ...]: ...
    def max_tokens(self, action: Action, task: Task | None = None) -> int: ...


class JudgedLeaf(NamedTuple):
    """A program that a tree has judged: how many draws said it, and the verdict codes by case digest."""

    path: Path
    code: str
    draws: int
    solved: bool
    cases: Mapping[str, str]


Settled = Callable[[Sequence[JudgedLeaf]], bool]


def passes_telling_tests(leaves: Sequence[JudgedLeaf]) -> bool:
    """Some program passed every test, there are at least three, and one of them tells the sampled programs apart or there
    is only one program (measurement.md §8). For tests that can be trusted; generated ones need agreement."""
    solved = [leaf for leaf in leaves if leaf.solved]
    if not solved or len(solved[0].cases) < 3:
        return False
    told = any(len({leaf.cases.get(case) == "AC" for leaf in leaves}) > 1 for case in solved[0].cases)
    return told


@dataclass(slots=True)
class TreeSpec:
    """One tree to grow: `key` is the caller's name for it, `cases` are frozen for its whole life, `stored` the facts of
    it that are already written (whole rounds, any order), over which a resumed search replays its selection. `given` steps
    stand below the root before anything is sampled. `settled` decides for an adaptive tree, from its judged programs."""

    key: Hashable
    task: Task
    cases: tuple[Case, ...]
    seed: int
    config: SearchConfig
    prompt: StepPrompt
    comparator: Comparator = field(default_factory=Comparator)
    limits: Limits = field(default_factory=Limits)
    stored: Sequence[Fact] = ()
    given: tuple[tuple[Action, str], ...] = ()
    settled: Settled = passes_telling_tests

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
        if len(self.given) >= self.config.depth:
            raise LabError("the given steps leave nothing to search", "Give fewer steps, or raise max_depth.")
