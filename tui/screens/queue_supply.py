"""Steps for the label queue, held and made ready before they are wanted, so that an answer is followed by a drawing alone.

It also keeps what is held from expiring, and counts what is left now and then.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from tui.screens.queue_desk import GOLD_STEP, Desk, Far
from tui.screens.queue_lines import Ready

if TYPE_CHECKING:
    from o1coder.queries.agreement import Share
    from tui.screens.queue import QueueScreen

AHEAD = 4  # steps that are made ready before they are wanted
RENEW_S = 60.0
RETRY_S = 5.0  # an empty queue is looked at again no sooner
BEHIND = 50  # steps that are kept where a lab is only browsed


class Supply:
    """See the head of this file. `since_far`: answers given since what is left was counted."""

    def __init__(self, screen: QueueScreen) -> None:
        self.screen = screen
        self.desk: Desk | None = None
        self.ahead: deque[Ready] = deque()
        self.behind: deque[Ready] = deque(maxlen=BEHIND)
        self.ended = False
        self.far: Far | None = None
        self.since_far = 0
        self.gold: Share | None = None
        self._tried = 0.0

    def look_again(self) -> None:
        """Begin, go on where steps are missing, or look whether an ended queue has new ones."""
        lab = self.screen.lab
        if self.desk is None and lab is not None:
            self.desk = Desk(lab, self.screen.order, self.screen.filtered)
        if self.ended and self.screen.now is None and time.monotonic() - self._tried > RETRY_S:
            self.ended = False
        self._fetch()

    def restart(self) -> None:
        """Other steps are asked for: what is held is given back."""
        old, self.desk = self.desk, None
        self.ended, self.far = False, None
        self.ahead.clear()
        self.behind.clear()
        if old is not None:
            self.screen.ask("leave", old.leave, lambda _: None)
        self.screen.take(None)
        self.look_again()

    def open(self, step: int) -> None:
        """Put a step before the person that was asked for by name."""
        lab = self.screen.lab
        if self.desk is None and lab is not None:
            self.desk = Desk(lab, self.screen.order, self.screen.filtered)
        if self.desk is not None:
            self.screen.ask("open", partial(self.desk.open, step), partial(self._opened, self.desk))

    def _opened(self, desk: Desk, found: Ready) -> None:
        now = self.screen.now
        if desk is self.desk:
            self.ahead = deque(one for one in self.ahead if one.held.step != found.held.step)
            if now is not None and now.held.step != found.held.step:
                self.ahead.appendleft(now)
            self.screen.take(found)

    def _fetch(self) -> None:
        desk = self.desk
        if desk is not None and len(self.ahead) < AHEAD and not self.ended:
            self._tried = time.monotonic()
            want = 1 if self.screen.now is None else AHEAD - len(self.ahead)  # somebody waits: the first one alone
            self.screen.ask("ahead", partial(desk.more, want), partial(self._arrived, desk))

    def _arrived(self, desk: Desk, found: list[Ready]) -> None:
        if desk is not self.desk:
            return
        now = self.screen.now
        self.ahead.extend(one for one in found if now is None or one.held.step != now.held.step)
        self.ended = not found
        if self.far is None:
            self._count()
        if now is None:
            self.advance()
        else:
            self._fetch()

    def advance(self) -> None:
        """The next step, and one more to be made ready."""
        if self.screen.now is not None and self.screen.lab_app.readonly:
            self.behind.append(self.screen.now)
        self.screen.take(self.ahead.popleft() if self.ahead else None)
        self._fetch()

    def before(self) -> None:
        """Back to the step before, where a lab is only browsed."""
        if self.behind:
            if self.screen.now is not None:
                self.ahead.appendleft(self.screen.now)
            self.screen.take(self.behind.pop())

    # keeping -------------------------------------------------------------------------------------------------------
    def renew(self) -> None:
        """Keep what is held, and count again."""
        desk = self.desk
        if desk is not None and desk.sitting is not None and not desk.lab.readonly:
            self.screen.ask("renew", desk.sitting.renew, self._renewed)
        self._count()

    def _renewed(self, lost: set[int]) -> None:
        self.ahead = deque(one for one in self.ahead if one.held.step not in lost)
        now = self.screen.now
        if now is not None and now.held.step in lost:
            self.screen.say("this step was left for too long and somebody else has it now")
            self.advance()

    def _count(self) -> None:
        if self.desk is not None:
            self.screen.ask("far", self.desk.far, self._counted)

    def _counted(self, far: Far) -> None:
        self.far, self.since_far = far, 0
        if self.gold is None or far.gold.n >= self.gold.n + GOLD_STEP or far.gold.n < self.gold.n:
            self.gold = far.gold
        self.screen.draw_pace()

    def leave(self) -> None:
        """Give back what is held, waiting for it only a moment: it expires by itself."""
        if self.desk is not None:
            leaving = threading.Thread(target=self.desk.leave, daemon=True)
            leaving.start()
            leaving.join(0.5)
