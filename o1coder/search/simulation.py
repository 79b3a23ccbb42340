"""One simulation: expansions from a selected step down to code, in coordinates of its own.

A simulation sees only the tree that was applied when it was selected, and what it drew itself. So its paths are those it
drew under; `growth.py` maps them to the tree's when it applies the simulation (they differ only where another simulation
in flight drew an equal text first). It asks for samples and verdicts, and never fetches them.
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
    """One expansion: the draws below `parent`, the first of which has completion ordinal `base` there."""

    parent: Path
    base: int
    draws: Sequence[Draw]


@dataclass(slots=True)
class Simulation:
    """`parent` and `base` say where the next expansion goes; `void` was selected when all was closed, and does nothing."""

    ordinal: int
    parent: Path
    base: int
    chain: list[tuple[Action, str]]
    state: Literal["sampling", "judging", "ready", "void"] = "sampling"
    levels: list[Level] = field(default_factory=list)
    chosen: int = -1  # the draw of the newest level that the simulation went on from

    def take(self, draws: Sequence[Draw], seed: int, config: SearchConfig) -> None:
        """Add an expansion, then go on from a random child, or stop where the chain ends.

        The child is that of a uniformly random parsed draw, so that the first rollout below a step is one of the policy.
        """
        level = Level(self.parent, self.base, draws)
        self.levels.append(level)
        parsed = distinct(draws)
        depth = len(self.parent) + 1
        if any(child.draw.code is not None for child in parsed):
            self.state = "judging"
        elif not parsed or depth >= config.depth:
            self.state = "ready"
        else:
            number = chance.draw(seed, "descend", self.parent, self.ordinal)
            child = parsed[chance.pick([each.multiplicity for each in parsed], number)]
            assert child.draw.action is not None
            self.chosen = child.first
            self.chain.append((child.draw.action, child.draw.step_text))
            self.parent = (*self.parent, level.base + child.first)
            self.base = 0

    def codes(self) -> list[str]:
        """The distinct programs of the newest level, to be judged."""
        return list(dict.fromkeys(draw.code for draw in self.levels[-1].draws if draw.code is not None))


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
