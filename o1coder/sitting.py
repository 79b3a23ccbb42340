"""One person's sitting at the label queue: what comes next, held ahead of time; what was said of it, on disk; taken back.

A sitting mixes three things that nobody can tell apart: steps by value or at random, second readings of what somebody else
labelled, and questions whose answer is known. It holds the steps it hands out (labelling/leases.py) and gives them back when
it is left. It draws nothing; its methods wait for the disk and belong in a worker thread. Two threads may use one sitting.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from threading import RLock
from typing import Any, Literal, NamedTuple

from o1coder import corrections, labels
from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.labelling import drawing, gold, leases
from o1coder.labels import Value
from o1coder.queries import picks, queue
from o1coder.queries.asked import Asked

Order = Literal["value", "random"]
ORDERS: tuple[Order, Order] = ("value", "random")
POOL = 100  # steps ranked at a time
WALKED = "walk"  # how the steps of a chain were picked: they were on the way


class Held(NamedTuple):
    """A step that a person has before them, and how it was picked; `gold` is the question that it is, if it is one."""

    step: int
    picked: str
    gold: int | None = None


class Answered(NamedTuple):
    """What was written for a step: a label, a batch of labels, or the answer to a question."""

    held: Held
    value: str
    label: int | None
    batch: str | None
    stale_checkpoints: list[int]


class Sitting:
    """See the head of this file. `session` names it among leases; `asked` may be changed between two calls of `next`."""

    def __init__(self, lab: Lab, author: str, *, order: Order = "value", asked: Asked = Asked()) -> None:  # noqa: B008
        self.lab = lab
        self.author = author
        self.order: Order = order
        self.asked = asked
        self.session = uuid.uuid4().hex[:12]
        self.lost: set[int] = set()  # steps that expired here and that somebody else has now
        self._lock = RLock()
        self._out: dict[int, Held] = {}
        self._skipped: set[int] = set()
        self._asked_gold: set[int] = set()
        self._pool: list[int] = []
        self._read: list[int] = []  # read by one other person
        self._dealt = 0
        self._place = 0
        self._upto: int | None = None

    @property
    def out(self) -> list[Held]:
        """What is handed out and not answered yet."""
        with self._lock:
            return list(self._out.values())

    def turn(self, order: Order, asked: Asked) -> None:
        """Ask for other steps: what is held ahead is given back."""
        with self._lock:
            self.order, self.asked = order, asked
            self._pool, self._read, self._place, self._upto = [], [], 0, None
            self.leave()

    # what comes next -----------------------------------------------------------------------------------------------
    def next(self, count: int = 1) -> list[Held]:
        """Up to `count` more steps, held for this person; fewer where the queue ends."""
        with self._lock:
            found: list[Held] = []
            while len(found) < count:
                dealt = self._dealt
                self._dealt += 1
                one = self._mixed_in(dealt) or self._regular()
                if one is None:
                    break
                self._out[one.step] = one
                found.append(one)
            return found

    def open(self, step: int) -> Held:
        """A step by name, held for this person. LabError when it is a root, or somebody else has it now."""
        with self._lock:
            with self.lab.reading() as connection:
                row = connection.exec_driver_sql("SELECT action FROM step WHERE id = ?", (step,)).first()
            if row is None or row[0] == "root":
                raise LabError(f"there is no step {step} to label", "`o1coder trees show ID` lists a tree's steps")
            lease = leases.hold(self.lab, step, self.author, self.session)
            if lease.session != self.session:
                raise LabError(f"{lease.author} has step {step} before them", f"it is free again by {lease.until}")
            self._out[step] = self._out.get(step, Held(step, "tree"))
            return self._out[step]

    def _mixed_in(self, dealt: int) -> Held | None:
        """A question or a second reading, where this place of the sitting's sequence is for one and there is one."""
        at = drawing.share(self.session, dealt)
        if at < self.asked.gold:
            with self.lab.reading() as connection:
                waiting = gold.unanswered(connection, self.author)
            for question, step in waiting:
                if question not in self._asked_gold and step not in self._skipped and step not in self._out:
                    self._asked_gold.add(question)
                    return Held(step, "gold", question)
        elif at < self.asked.gold + self.asked.overlap:
            if not self._read:
                with self.lab.reading() as connection:
                    self._read = picks.read_by_one(connection, self.asked, self.author, start=dealt)
            free = [step for step in self._read if step not in self._skipped and step not in self._out]
            self._read = free[1:]
            for step in leases.claim(self.lab, free, self.author, self.session, again=True):
                return Held(step, "overlap")
        return None

    def _regular(self) -> Held | None:
        fresh = False
        while True:
            free = [step for step in self._pool if step not in self._skipped and step not in self._out]
            taken = leases.claim(self.lab, free, self.author, self.session)
            if taken:
                self._pool = free[free.index(taken[0]) + 1 :]
                return Held(taken[0], self.order)
            if fresh:
                return None
            fresh = self.order == "value"
            self._pool = self._ask()
            if not self._pool:
                return None

    def _ask(self) -> list[int]:
        with self.lab.reading() as connection:
            if self.order == "value":
                theirs = {one.step for one in leases.standing(connection) if one.session != self.session}
                without = self._skipped | set(self._out) | theirs
                return [one.step for one in queue.ranked(connection, self.asked, limit=POOL, without=without)]
            if self._upto is None:
                self._upto = picks.last_step(connection)
            found, self._place = picks.drawn(
                connection, self.asked, upto=self._upto, start=self._place, count=POOL // 4
            )
            return found

    def drawn_from(self) -> dict[str, int]:
        """By what the random order can be had again: its seed, and the largest step id when it began."""
        return {"seed": self.asked.seed, "upto": self._upto or 0} if self.order == "random" else {}

    # what was said -------------------------------------------------------------------------------------------------
    def answer(
        self,
        held: Held,
        value: Value,
        *,
        reason: str | None = None,
        category: str | None = None,
        seen: Mapping[str, Any] | None = None,
        taken_ms: int | None = None,
    ) -> Answered:
        """Write what was said of a step, on disk before it returns, and let the step go."""
        if held.gold is not None:
            gold.answer(self.lab, held.gold, value, self.author, taken_ms)
            self.let_go(held)
            return Answered(held, value, None, None, [])
        done = labels.add_human(
            self.lab,
            held.step,
            value,
            self.author,
            reason=reason,
            seen=None if seen is None else dict(seen),
            taken_ms=taken_ms,
            category=category,
            picked=held.picked,
        )
        self.let_go(held)
        return Answered(held, value, done.id, None, done.stale_checkpoints)

    def answer_chain(
        self,
        held: Held,
        changes: Sequence[corrections.Change],
        *,
        reason: str | None = None,
        seen: Mapping[str, Any] | None = None,
        taken_ms: int | None = None,
    ) -> Answered:
        """Write what was said of a whole chain of steps as one batch. Of a question only its own answer is kept. A chain is
        no random pick, not even where its last step was drawn at random: the steps above it are there the more often the
        more is below them, and after an error nobody reads on."""
        said = next((one.value for one in changes if one.step == held.step), "invalid")
        if held.gold is not None:
            gold.answer(self.lab, held.gold, _value(said), self.author, taken_ms)
            self.let_go(held)
            return Answered(held, said, None, None, [])
        done = corrections.apply(
            self.lab,
            changes,
            self.author,
            picked=WALKED,
            named={} if held.picked == "random" else {held.step: held.picked},
            reason=reason,
            seen=seen,
            taken_ms=taken_ms,
        )
        self.let_go(held)
        return Answered(held, said, None, done.batch, done.stale_checkpoints)

    def take_back(self, done: Answered) -> leases.Lease | None:
        """Take back what was said and hold the step again; where another sitting has taken it meanwhile, it is not handed
        out here and the other's lease is returned. A question's answer stands until the person answers anew."""
        if self._stands(done):
            if done.batch is not None:
                corrections.undo_batch(self.lab, done.batch, self.author)
            elif done.label is not None:
                labels.undo(self.lab, done.label, self.author)
        if done.held.gold is None:
            lease = leases.hold(self.lab, done.held.step, self.author, self.session)
            if lease.session != self.session:
                return lease
        with self._lock:
            self._out[done.held.step] = done.held
        return None

    def _stands(self, done: Answered) -> bool:
        """Whether it is still to be taken back: in the tree, or by another command, it may have been already."""
        with self.lab.reading() as connection:
            found = connection.exec_driver_sql(
                "SELECT 1 FROM label l WHERE (l.id = ?1 OR l.batch = ?2) AND l.value IS NOT NULL "
                "AND NOT EXISTS (SELECT 1 FROM label r WHERE r.retracts = l.id)",
                (done.label, done.batch),
            )
            return found.first() is not None

    def skip(self, held: Held) -> None:
        """Let a step go unanswered; this sitting is not handed it again."""
        with self._lock:
            self._skipped.add(held.step)
        self.let_go(held)

    def let_go(self, held: Held) -> None:
        """Give one step back: it may be handed out again."""
        with self._lock:
            self._out.pop(held.step, None)
        if held.gold is None:
            leases.release(self.lab, self.session, [held.step])

    # holding -------------------------------------------------------------------------------------------------------
    def renew(self) -> set[int]:
        """Hold what is handed out for another while; the steps that were lost meanwhile, which are out no more."""
        with self._lock:
            mine = [one.step for one in self._out.values() if one.gold is None]
            kept = set(leases.renew(self.lab, self.session, mine)) if mine else set()
            gone = [one for one in mine if one not in kept]
            unread = [one for one in gone if self._out[one].picked in ORDERS]
            kept |= set(leases.claim(self.lab, unread, self.author, self.session, 99))
            for one in set(gone) - set(unread):  # labelled before, and asked for nevertheless
                if leases.hold(self.lab, one, self.author, self.session).session == self.session:
                    kept.add(one)
            lost = set(mine) - kept
            for step in lost:
                del self._out[step]
            self.lost |= lost
            return lost

    def leave(self) -> None:
        """Give everything back that was not answered."""
        with self._lock:
            for one in self._out.values():
                if one.gold is not None:
                    self._asked_gold.discard(one.gold)
            self._out.clear()
            leases.release(self.lab, self.session)


def _value(word: str) -> Value:
    return next(one for one in labels.VALUES if one == word)
