"""What a search does next: a strategy is a generator over the applied tree that yields rounds and is sent what they came to.

A round is a list of descents that are under way together and are applied together, in order; the facts of a round are written
whole. A strategy decides by the tree and by what it is sent alone, so that it comes to the same rounds again when a tree is
resumed. UCT is here; the others have files of their own. Nothing here samples, judges or scores.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import NamedTuple

from o1coder.search.config import SearchConfig, Settled
from o1coder.search.facts import EndReason, Path
from o1coder.search.tree import Tree
from o1coder.task import Action


class Descent(NamedTuple):
    """Expand below `parent`, and below a random child again, down to code: at most `levels` expansions (None: to the end),
    `width` completions each (None: the config's width of that depth), asking for `action` first (None: the config's)."""

    parent: Path
    width: int | None = None
    levels: int | None = None
    action: Action | None = None


class Landed(NamedTuple):
    """What a descent came to, as it stands in the tree: `reached`, the step that its last expansion stands below; `steps`,
    the distinct parsed children it drew there; `leaves`, those of them that were judged (or are at the depth limit)."""

    reached: Path
    steps: tuple[Path, ...]
    leaves: tuple[Path, ...]


# Returned: why it ended; None: by its number of rounds.
Strategy = Generator[list[Descent], list[Landed], EndReason | None]


def strategy(tree: Tree, config: SearchConfig, settled: Settled) -> Strategy:
    """The strategy of `config.method` over `tree`."""
    match config.method:
        case "uct":
            return uct(tree, config, settled)
        case "omega" | "mc":
            from o1coder.search.omega import monte_carlo, omega

            return (omega if config.method == "omega" else monte_carlo)(tree, config)
        case _:
            from o1coder.search.guided import guided

            return guided(tree, config, settled)


def uct(tree: Tree, config: SearchConfig, settled: Settled) -> Strategy:
    """Simulations from the step that UCT selects; an empty round where nothing is open at that moment."""
    if config.direct_first and not config.direct:
        yield [Descent((), config.direct_first, 1, "code")]
    for simulation in range(max(config.simulations, config.most_simulations)):
        if config.adaptive and settled(tree.judged()):
            return "settled"
        path = tree.select(simulation)
        yield [] if path is None else [Descent(path)]
    return None
