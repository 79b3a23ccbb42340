"""Walking a chain to its first error: `a` says a step is fine and goes on, `x` calls it the first error and shows what that
changes before it is written.

Nothing is written before the walk ends: an error, an unsure step, or the last step of the chain. Then every step that was
passed is said to be valid, in one batch that one key takes back.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from tui.screens.queue_answering import Begun, Value, answered, seen
from tui.screens.queue_lines import Ready

if TYPE_CHECKING:
    from o1coder.corrections import Change, Preview
    from o1coder.lab import Lab
    from tui.screens.queue import QueueScreen


def step_on(screen: QueueScreen, value: Value, category: str | None = None, reason: str | None = None) -> Begun:
    """What a value said of the step under the eye begins. `category` and `reason` are of that step, never of another."""
    ready, desk = screen.now, screen.supply.desk
    if ready is None or desk is None:
        return None
    here = ready.around.path[screen.place].id
    if value == "valid" and screen.place < len(ready.around.path) - 1:
        screen.place += 1
        screen.draw()
        return None
    if value == "invalid":
        return partial(_first_error, desk.lab, here, category), partial(_ask, screen, ready)
    from o1coder.corrections import Change

    passed = [Change(one.id, "valid") for one in ready.around.path[: screen.place]]
    return _write(screen, ready, [*passed, Change(here, value, category)], reason)


def _first_error(lab: Lab, step: int, category: str | None) -> tuple[list[Change], Preview]:
    """In a thread: what calling a step the first error would write, and what that touches."""
    from o1coder import corrections
    from o1coder.home import author

    with lab.reading() as connection:
        changes = [
            one._replace(category=category) if one.step == step else one
            for one in corrections.first_error(connection, step)
        ]
        return changes, corrections.preview(connection, changes, author())


def _ask(screen: QueueScreen, ready: Ready, found: tuple[list[Change], Preview]) -> None:
    """Show what a first error changes; yes writes it."""
    from tui.screens.preview import PreviewCorrections

    changes, preview = found
    names = {one.id: one.path for one in ready.around.path}
    what = f"call {ready.around.tree}:{ready.around.path[screen.place].path} the first error"

    def answered(yes: bool | None) -> None:
        if yes and screen.now is ready:
            screen.act(partial(_write, screen, ready, changes))

    screen.app.push_screen(PreviewCorrections(what, changes, preview, names), answered)


def _write(screen: QueueScreen, ready: Ready, changes: list[Change], reason: str | None = None) -> Begun:
    """Write what was said of a chain, and then the next one."""
    desk = screen.supply.desk
    if desk is None:
        return None
    taken, reason = time.monotonic() - screen.since, reason or screen.note or None
    work = partial(
        desk.sit().answer_chain,
        ready.held,
        changes,
        reason=reason,
        seen=seen(screen, ready) | {"walked": True},
        taken_ms=round(taken * 1000),
    )
    return work, partial(answered, screen, ready, taken, reason, None)
