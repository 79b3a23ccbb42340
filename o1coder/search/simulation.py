"""One simulation: expansions from a selected step down to code, in coordinates of its own.

A simulation sees only the tree that was applied when it was selected, and what it drew itself. So its paths are those it
drew under; `growth.py` maps them to the tree's when it applies the simulation (they differ only where another simulation
in flight drew an equal text first). It asks for samples, verdicts and scores, and never fetches them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from o1coder.search import chance
from o1coder.search.config import SearchConfig
from o1coder.search.facts import Path
from o1coder.task import Action


class Draw(NamedTuple):
    """One completion as sampled, with what the parser made of it: a step has an action, an unparsable one an error."""

    text: str
    tokens_in: int
    tokens_out: int
    logprob: float | None
    finish_reason: str
    action: Action | None
    step_text: str
    code: str | None
    error: str | None


class Judged(NamedTuple):
    """A program's outcome: verdict codes per case digest (never IE or SK), and its terminal reward, None if masked."""

    passed: int
    total: int
    compiled: bool
    reward: float | None
    terms: Mapping[str, float]
    cases: Mapping[str, str]
    verdicts: Mapping[str, Any]


class Child(NamedTuple):
    """A distinct text among the draws of one level: its first draw, and how many draws said it."""

    first: int
    draw: Draw
    multiplicity: int


@dataclass(slots=True)
class Level:
    """One expansion: the draws below `parent`, the first of which has completion ordinal `base` there. One that asked for
    another action than the config's (`aside`) leaves its parent to be expanded."""

    parent: Path
    base: int
    draws: Sequence[Draw]
    aside: bool = False


State = Literal["sampling", "judging", "ready", "void"]


@dataclass(slots=True)
class Simulation:
    """One descent under way. `parent`, `base` and `chain` are where it will draw next; `state` says what it waits for.

    `arrival`: selection reached a step that ends a chain, so there is nothing to draw. `ungraded`: its steps want scores.
    """

    ordinal: int
    parent: Path
    base: int
    chain: list[tuple[Action, str]]
    state: State = "sampling"
    width: int | None = None
    levels_left: int | None = None
    action: Action | None = None  # of the first expansion, where it is not the config's
    arrival: Path | None = None
    asked: bool = False  # what it waits for has been handed out
    ungraded: bool = False
    grading: bool = False  # its steps have been handed out to be scored
    levels: list[Level] = field(default_factory=list)
    scores: dict[tuple[tuple[Action, str], ...], float] = field(default_factory=dict)  # by the chain down to the step
    picked: int = -1  # the draw of the newest level that the simulation went on from, or ended at

    def width_here(self, config: SearchConfig) -> int:
        """How many completions the next expansion draws."""
        return config.width_at(len(self.parent)) if self.width is None else self.width

    def action_here(self, config: SearchConfig) -> Action:
        """The action that the next expansion asks for."""
        return config.action(len(self.parent)) if self.action is None else self.action

    @property
    def ready(self) -> bool:
        """Whether nothing is waited for."""
        return self.state == "void" or (self.state == "ready" and not self.ungraded)

    def take(self, draws: Sequence[Draw], seed: int, config: SearchConfig) -> None:
        """Add an expansion, then go on from a random child, or stop where the chain ends.

        The child is that of a uniformly random parsed draw, so that the first rollout below a step is one of the policy.
        """
        level = Level(self.parent, self.base, draws, self.action is not None)
        self.levels.append(level)
        self.asked, self.action = False, None
        if self.levels_left is not None:
            self.levels_left -= 1
        parsed = distinct(draws)
        depth = len(self.parent) + 1
        if not parsed:
            self.state = "ready"
            return
        self.ungraded = self.ungraded or config.guided
        number = chance.draw(seed, "descend", self.parent, self.ordinal)
        child = parsed[chance.pick([each.multiplicity for each in parsed], number)]
        self.picked = child.first
        if any(each.code is not None for each in self.ending(draws, config)):
            self.state = "judging"
        elif depth >= config.depth or self.levels_left == 0:
            self.state = "ready"
        else:
            assert child.draw.action is not None
            self.chain.append((child.draw.action, child.draw.step_text))
            self.parent = (*self.parent, level.base + child.first)
            self.base = 0

    def ending(self, draws: Sequence[Draw], config: SearchConfig) -> Sequence[Draw]:
        """The draws of the newest level of which code ends the simulation: all, or only the one it went to."""
        return [draws[self.picked]] if config.siblings == "one" else draws

    def codes(self, config: SearchConfig) -> list[str]:
        """The distinct programs of the newest level, to be judged."""
        if not self.levels:
            return []
        ending = self.ending(self.levels[-1].draws, config)
        return list(dict.fromkeys(draw.code for draw in ending if draw.code is not None))

    def prefixes(self) -> list[tuple[tuple[Action, str], ...]]:
        """The distinct chains, from the root, down to every step that was drawn."""
        above = self.chain[: len(self.levels[0].parent)] if self.levels else []
        found: dict[tuple[tuple[Action, str], ...], None] = {}
        for number, level in enumerate(self.levels):
            before = (*above, *self.chain[len(above) : len(above) + number])
            for draw in level.draws:
                if draw.action is not None:
                    found[(*before, (draw.action, draw.step_text))] = None
        return list(found)


def distinct(draws: Sequence[Draw]) -> list[Child]:
    """The parsed draws with equal (action, text) merged, in the order of their first draw."""
    found: dict[tuple[Action, str], Child] = {}
    for index, draw in enumerate(draws):
        if draw.action is None:
            continue
        key = (draw.action, draw.step_text)
        first = found.get(key, Child(index, draw, 0))
        found[key] = first._replace(multiplicity=first.multiplicity + 1)
    return list(found.values())


def ends(depth: int, draw: Draw, config: SearchConfig) -> bool:
    """Whether a parsed draw at `depth` is a leaf: it is code, or the chain may go no deeper."""
    return draw.code is not None or depth >= config.depth
