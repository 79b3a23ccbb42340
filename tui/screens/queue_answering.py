"""An answer of the label queue: written with what was in view and how long it took, and then the next step comes.

An answer begins when its turn comes (tui/screens/frame.py `act`), so that fast keys answer one step each. Chains that are
walked are queue_walk.py's; taking back and changing is queue_said.py's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from tui.screens.queue_lines import Decision, Ready
from tui.text import GLYPHS, Cell, state
from tui.widgets.line import Line

if TYPE_CHECKING:
    from o1coder.sitting import Answered
    from tui.screens.queue import QueueScreen

Value = Literal["valid", "invalid", "unsure"]
Begun = tuple[Callable[[], Any], Callable[[Any], None]] | None


def begin(screen: QueueScreen, value: Value, category: str | None, reason: str | None) -> Begun:
    """When its turn comes, what is on the screen is what is answered."""
    ready, desk = screen.now, screen.supply.desk
    if ready is None or desk is None:
        return None
    if screen.walking:
        from tui.screens.queue_walk import step_on

        return step_on(screen, value, category, reason)
    taken, said = time.monotonic() - screen.since, reason or screen.note or None
    work = partial(
        desk.sit().answer,
        ready.held,
        value,
        reason=said,
        category=category,
        seen=seen(screen, ready),
        taken_ms=round(taken * 1000),
    )
    told = state(value)
    screen.query_one("#pace", Line).say([Cell(f" {told.text}{GLYPHS.ellipsis}", told.style)])
    return work, partial(answered, screen, ready, taken, said, category)


def seen(screen: QueueScreen, ready: Ready) -> dict[str, Any]:
    """What the person had in view, for the label's record."""
    shown = "word" in screen.looked
    found, desk = ready.around.grounds, screen.supply.desk
    told: dict[str, Any] = {"hidden": not shown, "tabs": sorted(screen.looked - {"word"})}
    told |= {"prm": found.prm, "label": found.label} if shown else {}
    return told | (desk.sitting.drawn_from() if desk is not None and desk.sitting is not None else {})


def answered(
    screen: QueueScreen, ready: Ready, taken: float, reason: str | None, category: str | None, done: Answered
) -> None:
    """It is on disk: the next one."""
    screen.said.add(Decision(ready, done, taken, reason, category))
    screen.supply.since_far += 1
    if done.stale_checkpoints:
        screen.say(f"stale now: checkpoint {' '.join(map(str, done.stale_checkpoints[:8]))}")
    if screen.now is ready:
        screen.supply.advance()
    else:
        screen.draw()


def begin_skip(screen: QueueScreen) -> Begun:
    """When its turn comes, the step on the screen is passed over."""
    ready, desk = screen.now, screen.supply.desk
    if ready is None or desk is None:
        return None
    if not desk.lab.readonly:
        screen.skipped += 1

    def let_go() -> None:
        if not desk.lab.readonly:
            desk.sit().skip(ready.held)

    return let_go, lambda _: screen.supply.advance()
