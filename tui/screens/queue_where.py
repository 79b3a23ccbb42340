"""Where the label queue stands: what a target asks of it, the command that says the same, what `o` opens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.text import GLYPHS

if TYPE_CHECKING:
    from tui.screens.queue import QueueScreen


def goto(screen: QueueScreen, target: str) -> None:
    """Show a step, or ask for steps in another order or by another filter."""
    first, _, rest = target.strip().partition(" ")
    if first.startswith("step:"):
        word_ = first.removeprefix("step:")
        if word_.isascii() and word_.isdecimal():
            screen.wanted_step = int(word_)
            screen.reload()
        else:
            screen.say(f"{first} names no step {GLYPHS.dot} step:ID, value, random, or a filter")
    elif target:
        order, filtered = (first, rest) if first in ("value", "random") else (screen.order, target)
        screen.turn(order, filtered.strip())


def twin(screen: QueueScreen) -> str:
    """The command that lists the same steps."""
    query = f" --query '{screen.filtered}'" if screen.filtered else ""
    return f"o1coder labels queue --order {screen.order}{query}"


def outside(screen: QueueScreen) -> tuple[str, str] | None:
    """The program of the step, else the statement with the path to it."""
    if screen.now is None:
        return None
    around = screen.now.around
    if around.code is not None:
        return f"step-{around.step}.py", around.code
    return f"step-{around.step}.txt", "\n\n".join([around.statement, *(one.text for one in around.path)])
