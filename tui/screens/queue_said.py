"""The last decisions of a sitting: taken back, given again, changed. What counts is in the lab; this is the way back to it.

A changed answer is a newer label, written before anything else happens, so that no moment is without one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from tui.screens.queue_answering import Begun, answered, seen
from tui.screens.queue_lines import Decision
from tui.text import GLYPHS

if TYPE_CHECKING:
    from o1coder.labelling.leases import Lease
    from o1coder.sitting import Answered
    from tui.screens.queue import QueueScreen
    from tui.screens.queue_overlays import Changed

KEPT = 10  # decisions that can be changed


class Said:
    """See the head of this file. `taken`: seconds of every answer of the sitting that stands."""

    def __init__(self, screen: QueueScreen) -> None:
        self.screen = screen
        self.decisions: deque[Decision] = deque(maxlen=KEPT)
        self.undone: list[Decision] = []
        self.taken: list[float] = []

    def add(self, one: Decision) -> None:
        """Something was said: what was taken back before cannot be given again."""
        self.decisions.append(one)
        self.undone.clear()
        self.taken.append(one.taken_s)

    def begin_undo(self, place: int, go_there: bool) -> Begun:
        """Take back the decision at a place, the newest at 0; and show its step again."""
        screen, desk = self.screen, self.screen.supply.desk
        if desk is None or place >= len(self.decisions):
            screen.say("nothing to take back: no answer was given in this sitting")
            return None
        one = self.decisions[-1 - place]

        def take_back() -> Lease | None:
            elsewhere = desk.sit().take_back(one.done)
            for before in one.earlier:  # else the answer that was changed would count again
                elsewhere = desk.sit().take_back(before)
            if not go_there:
                desk.sit().let_go(one.done.held)
            return elsewhere

        def taken_back(elsewhere: Lease | None) -> None:
            self.decisions.remove(one)
            self.undone.append(one)
            screen.supply.since_far -= 1
            if one.taken_s in self.taken:
                self.taken.remove(one.taken_s)
            there = go_there and elsewhere is None
            if there:
                if screen.now is not None:
                    screen.supply.ahead.appendleft(screen.now)
                screen.take(one.ready)
            else:
                screen.draw()
            who = "Z gives it again"
            if go_there and elsewhere is not None:
                who = f"{elsewhere.author} has the step before them now"
            screen.say(f"{one.ready.around.name} {one.done.value} is taken back {GLYPHS.dot} {who}")

        return take_back, taken_back

    def begin_redo(self) -> Begun:
        """Give the answer that was taken back last once more."""
        if not self.undone:
            self.screen.say("nothing to give again: no answer was taken back")
            return None
        one, rest = self.undone[-1], self.undone[:-1]
        if one.done.batch is not None:
            self.screen.say("a whole chain is not given again: walk it once more (e)")
            return None

        def given(done: Answered) -> None:
            answered(self.screen, one.ready, one.taken_s, one.reason, one.category, done)
            self.undone = rest

        return self._answer(one, one.done.value), given

    def change(self, changed: Changed | None) -> None:
        """What was asked for in the list of the last decisions."""
        screen = self.screen
        if changed is None or changed.place >= len(self.decisions):
            return
        one = self.decisions[-1 - changed.place]
        if changed.what == "open":
            screen.lab_app.go("tree", f"step:{one.ready.around.step}")
        elif screen.refused("change answers"):
            return
        elif changed.what == "undo":
            screen.act(partial(self.begin_undo, changed.place, False))
        elif one.done.batch is not None:
            screen.say("a whole chain can be taken back (z), and walked once more (e)")
        else:
            screen.act(lambda: (self._answer(one, changed.what), partial(self._changed, one)))

    def _changed(self, one: Decision, done: Answered) -> None:
        newer = one._replace(done=done, earlier=(*one.earlier, one.done))
        kept = [newer if other is one else other for other in self.decisions]
        self.decisions = deque(kept, maxlen=KEPT)
        self.screen.draw()
        self.screen.say(f"{one.ready.around.name} is {done.value} now; it was {one.done.value}")

    def _answer(self, one: Decision, value: str) -> Callable[[], Answered]:
        desk = self.screen.supply.desk
        assert desk is not None
        # its word was told after the first answer
        again = seen(self.screen, one.ready) | {"hidden": False, "again": True}
        answer: Callable[..., Answered] = desk.sit().answer
        return partial(
            answer,
            one.done.held,
            value,
            reason=one.reason,
            category=one.category,
            seen=again,
            taken_ms=round(one.taken_s * 1000),
        )
