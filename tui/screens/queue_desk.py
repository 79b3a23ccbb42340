"""The label queue's side in worker threads: the sitting, steps made ready ahead of time, and what is left.

On a lab that is open read-only nothing is held: the same steps are browsed in the same order.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from tui.screens.queue_lines import Ready, ready

if TYPE_CHECKING:
    from o1coder.lab import Lab
    from o1coder.queries.agreement import Agreed, Share
    from o1coder.queries.asked import Progress
    from o1coder.sitting import Held, Sitting

GOLD_STEP = 5  # answers to questions after which the figure moves: one alone would give the question away
BROWSED = 200


class Far(NamedTuple):
    """How far people are, and how this person does on known answers."""

    progress: Progress
    gold: Share


class Desk:
    """One person's work at the queue. Every method but the constructor waits for the lab."""

    def __init__(self, lab: Lab, order: str, filtered: str) -> None:
        self.lab = lab
        self.order = order
        self.filtered = filtered
        self.author = ""
        self.sitting: Sitting | None = None
        self._browsed: list[int] | None = None
        self._at = 0
        self._lock = Lock()
        self._left = False

    def sit(self) -> Sitting:
        """The sitting, begun when it is first needed. LabError for a filter that cannot be read."""
        from o1coder.home import author
        from o1coder.queries.asked import Asked
        from o1coder.sitting import ORDERS, Sitting

        if self.sitting is None:
            asked = Asked.parse(self.filtered)
            order = ORDERS[1] if self.order == ORDERS[1] else ORDERS[0]
            self.author = author()
            self.sitting = Sitting(self.lab, self.author, order=order, asked=asked)
        return self.sitting

    def more(self, count: int) -> list[Ready]:
        """Up to `count` more steps, made ready; none once the desk was left."""
        with self._lock:
            if self._left:
                return []
            sitting = self.sit()
            held = self._browse(count) if self.lab.readonly else sitting.next(count)
        return [self.ready(one) for one in held]

    def open(self, step: int) -> Ready:
        """A step by name."""
        from o1coder.sitting import Held

        return self.ready(Held(step, "tree") if self.lab.readonly else self.sit().open(step))

    def ready(self, held: Held) -> Ready:
        """A step with its lines."""
        from o1coder.queries.around import around

        with self.lab.reading() as connection:
            found = around(connection, held.step)
        return ready(held, found)

    def _browse(self, count: int) -> list[Held]:
        from o1coder.queries import picks, queue
        from o1coder.sitting import Held

        asked = self.sit().asked
        if self._browsed is None:
            with self.lab.reading() as connection:
                if self.order == "random":
                    last = picks.last_step(connection)
                    self._browsed, _ = picks.drawn(connection, asked, upto=last, start=0, count=BROWSED)
                else:
                    self._browsed = [one.step for one in queue.ranked(connection, asked, limit=BROWSED)]
        taken = self._browsed[self._at : self._at + count]
        self._at += len(taken)
        return [Held(step, self.order) for step in taken]

    def far(self) -> Far:
        """What is left, and the share of known answers found."""
        from o1coder.queries.agreement import gold_of
        from o1coder.queries.asked import progress

        sitting = self.sit()
        with self.lab.reading() as connection:
            return Far(progress(connection, sitting.asked), gold_of(connection, self.author))

    def agree(self) -> Agreed:
        """Agreement of people, for what is asked for."""
        from o1coder.queries import agreement

        asked = self.sit().asked
        with self.lab.reading() as connection:
            return agreement.agreement(connection, asked)

    def leave(self) -> None:
        """Give back what is held, and hold nothing more."""
        with self._lock:
            self._left = True
            if self.sitting is not None and not self.lab.readonly:
                self.sitting.leave()
