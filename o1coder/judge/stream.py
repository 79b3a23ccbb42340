"""One stream of questions through a judge's workers: who is asked what, what is asked again, and in what order it comes out.

One machine pulls questions as it has room and tells what has ended (`_ends`). `answers` gives each verdict as soon as it is
known; `in_order` waits for those before it, and may undo what a stop makes void. It runs in the caller's thread, only while
the caller waits for the next verdict.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from ..flow import Pull
from . import checker, materials
from .inside import wire
from .question import Question, Verdict
from .verdicts import JudgeFailed, Outcome, checker_end, decide, plain
from .worker import Worker, WorkerLost

if TYPE_CHECKING:
    from .pool import Judge, Place

Program = tuple[str, str, str | None]
AHEAD = 64  # questions a core between the first one not yet given out and the last one taken, in order
NEAR = 4  # the same where there is no order: what is asked now is not far behind
ATTEMPTS = 3  # the first, and two on fresh workers
SILENCE_S = 30.0  # beyond a question's last wall limit: then the worker itself is taken for dead
TICK_MS = 100
HUNGRY_MS = 5  # the same with a core to spare and nothing to ask: soon there may be
IDLE_S = 0.001
CANCEL_GRACE_S = 5.0
NUMPY = re.compile(r"\bnumpy\b")


@dataclass(slots=True)
class Entry:
    """A question that was taken, and how far it is."""

    index: int
    question: Question
    attempt: int = 1
    program: Verdict | None = None  # accepted so far, with a checker still to ask
    output: bytes = b""
    broken: str | None = None  # how the checker ended on that output, when it is being tried on the expected answer
    verdict: Verdict | None = None
    fault: bool = False


@dataclass(slots=True)
class Flight:
    """An entry that a worker has."""

    entry: Entry
    request: wire.Request
    deadline: float


def listed(questions: Iterable[Question]) -> Pull[Question]:
    """A pull that takes questions from an iterable, no sooner than there is room for them."""
    source = iter(questions)

    def pull(room: int, idle: bool) -> Sequence[Question] | None:
        return list(islice(source, room)) or None

    return pull


class Stream:
    """A stream of questions, of which `ahead` a core may be taken and not given out. It is read once, either way."""

    def __init__(
        self,
        judge: Judge,
        pull: Pull[Question | Verdict],
        cancelled: Callable[[], bool],
        ahead: int,
        stop_early: bool = False,
    ) -> None:
        self.judge = judge
        self.pull = pull
        self.cancelled = cancelled
        self.ahead = ahead
        self.stop_early = stop_early
        self.taken = 0
        self.dry = False  # no more questions
        self.stopping = False
        self.open: dict[int, Entry] = {}  # taken and not given out
        self.waiting: deque[Entry] = deque()
        self.flying: dict[Worker, Flight] = {}
        self.ended: deque[tuple[int, Verdict, bool | None]] = deque()  # number, verdict, fault (None: it was given)
        self.stopped: dict[Program, int] = {}  # the first of a program's cases that was not accepted

    def answers(self) -> Iterator[tuple[int, Verdict]]:
        """Each question's number and verdict, as soon as it is known."""
        for _ in self._turns():
            while self.ended:
                index, verdict, fault = self.ended.popleft()
                self.open.pop(index, None)
                yield index, verdict if fault is None else self.judge.count(verdict, fault)

    def in_order(self) -> Iterator[Verdict]:
        """The verdicts in the order of their questions, each as soon as it and those before it are known."""
        due = 0
        for _ in self._turns():
            self.ended.clear()
            while (entry := self.open.get(due)) is not None and (verdict := self.settled(entry)) is not None:
                del self.open[due]
                due += 1
                yield self.judge.count(verdict, entry.fault)

    def _turns(self) -> Iterator[None]:
        """The reader's turns: whenever something has ended, and the cores have been fed again."""
        while True:
            self.fill()
            if not self.stopping and self.cancelled():
                self.stop()
            self.feed()
            if self.ended:
                yield
            elif not self.open and self.dry:
                return
            elif self.flying:
                self.listen()
            elif not self.open:
                time.sleep(IDLE_S)  # the pull did not wait itself

    def room(self) -> int:
        """How many questions may be taken now."""
        return 0 if self.dry else self.ahead * len(self.judge.places) - len(self.open)

    def fill(self) -> None:
        """Take questions where there is room; a verdict among them has ended already."""
        room = self.room()
        if room <= 0:
            return
        asked = self.pull(room, not self.open)
        self.dry = asked is None
        for question in asked or ():
            if isinstance(question, Verdict):
                self.ended.append((self.taken, question, None))
            else:
                entry = Entry(self.taken, question)
                self.open[self.taken] = entry
                self.waiting.append(entry)
            self.taken += 1

    def settled(self, entry: Entry) -> Verdict | None:
        """The entry's verdict, once it and, where a stop may undo it, all before it are known."""
        if self.is_stopped(entry):
            return self.skipped("an earlier case was not accepted")
        return entry.verdict

    def is_stopped(self, entry: Entry) -> bool:
        return bool(self.stopped) and self.stopped.get(program_of(entry.question), entry.index) < entry.index

    def feed(self) -> None:
        """Give every idle place a question."""
        for place in self.judge.places:
            while self.waiting and not any(worker in self.flying for worker in place.workers.values()):
                entry = self.waiting.popleft()
                if self.stopping or self.is_stopped(entry):
                    self.end(entry, self.skipped())
                    continue
                source = materials.source_of(entry.question)
                if len(source) > materials.SOURCE_BYTES:
                    self.end(entry, Verdict("CE", detail="source too long", layer=self.judge.layer))
                    continue
                self.launch(place, entry, source)

    def launch(self, place: Place, entry: Entry, source: bytes) -> None:
        question = entry.question
        worker = self.judge.worker(place, wants_numpy(entry))
        number = self.judge.next_number()
        if entry.program is None:
            contents = materials.for_program(question, source)
            request = materials.request_for(number, question, len(source))
        else:
            contents = materials.for_checker(question, entry.output if entry.broken is None else None)
            request = materials.checker_request(number, question, len(contents[1]))
        deadline = time.monotonic() + wire.STARVED * request.wall_ms / 1000 + SILENCE_S
        self.flying[worker] = Flight(entry, request, deadline)
        try:
            worker.ask(request, contents)
        except WorkerLost as error:
            self.lose(worker, str(error))

    def listen(self) -> None:
        """Wait a moment for answers, and take them."""
        hungry = len(self.flying) < len(self.judge.places) and self.room() > 0
        for descriptor, _ in self.judge.poll.poll(HUNGRY_MS if hungry else TICK_MS):
            if descriptor in self.judge.by_descriptor:
                self.take(self.judge.by_descriptor[descriptor][1])
        now = time.monotonic()
        for worker, flight in list(self.flying.items()):
            if now > flight.deadline:
                self.lose(worker, "silent beyond every limit")

    def take(self, worker: Worker) -> None:
        try:
            number, wall_us, processes = worker.answer()
        except WorkerLost as error:
            self.lose(worker, str(error))
            return
        flight = self.flying.get(worker)
        if flight is None or number != flight.request.number or len(processes) != flight.request.processes:
            self.lose(worker, "an answer to another question")
            return
        del self.flying[worker]
        outcome = materials.outcome(worker.files, processes, wall_us, flight.request.output)
        if flight.entry.program is None:
            self.decided(worker, flight, outcome)
        else:
            self.checked(worker, flight, outcome)

    def decided(self, worker: Worker, flight: Flight, outcome: Outcome) -> None:
        """The program has run."""
        entry, layer = flight.entry, self.judge.layer
        decision = decide(entry.question, outcome, flight.request, layer)
        if decision.fault:
            self.again(worker, entry, decision.verdict)
        elif decision.verdict.code == "AC" and entry.question.comparator.name == checker.NAME:
            entry.program = decision.verdict
            entry.output = outcome.result if entry.question.kind == "call" else outcome.stdout
            self.waiting.appendleft(entry)
        else:
            self.end(entry, decision.verdict)

    def checked(self, worker: Worker, flight: Flight, outcome: Outcome) -> None:
        """The checker has run: on the program's output, or on the expected answer, to see whose fault it was that it broke."""
        entry = flight.entry
        assert entry.program is not None
        if self.stopping:
            self.end(entry, self.skipped())
            return
        try:
            end = checker_end(outcome, flight.request)
        except JudgeFailed as error:
            self.again(worker, entry, replace(entry.program, code="IE", detail=str(error)))
            return
        said = checker.verdict_of(*end) if entry.broken is None else checker.after_answer(entry.broken, *end)
        if said is None:
            entry.broken = checker.how(*end)
            self.waiting.appendleft(entry)
        else:
            self.end(entry, replace(entry.program, code=said[0], detail=plain(said[1])))

    def again(self, worker: Worker, entry: Entry, verdict: Verdict) -> None:
        """The judge spoilt a run: once more on a fresh worker, or IE."""
        self.judge.discard(worker)
        self.retry(entry, verdict)

    def lose(self, worker: Worker, why: str) -> None:
        """Let go of a worker; its question, if it had one, is asked again or becomes IE."""
        flight = self.flying.pop(worker, None)
        self.judge.discard(worker)
        if flight is not None:
            self.retry(flight.entry, Verdict("IE", detail=f"the worker was lost: {why}", layer=self.judge.layer))

    def retry(self, entry: Entry, verdict: Verdict) -> None:
        if self.stopping:
            self.end(entry, self.skipped())
        elif entry.attempt < ATTEMPTS:
            entry.attempt += 1
            self.waiting.appendleft(entry)
        else:
            entry.fault = True
            self.end(entry, verdict)

    def end(self, entry: Entry, verdict: Verdict) -> None:
        """The entry's last word."""
        entry.verdict = verdict
        self.ended.append((entry.index, verdict, entry.fault))
        if self.stop_early and verdict.code not in ("AC", "IE", "SK"):
            program = program_of(entry.question)
            self.stopped[program] = min(entry.index, self.stopped.get(program, entry.index))

    def stop(self) -> None:
        """Cancelled: nothing more is taken or asked, and what runs is killed."""
        self.dry = self.stopping = True
        for worker, flight in self.flying.items():
            flight.deadline = time.monotonic() + CANCEL_GRACE_S
            worker.cancel()

    def skipped(self, why: str = "cancelled") -> Verdict:
        """The verdict on what was not judged."""
        return Verdict("SK", detail=why, layer=self.judge.layer)

    def abandon(self) -> None:
        """Left early, or an error on this side: a worker that still has a question would answer the wrong one next."""
        for worker in list(self.flying):
            del self.flying[worker]
            self.judge.discard(worker)


def program_of(question: Question) -> Program:
    """What makes cases those of one program: its text, and how it is asked."""
    return question.code, question.kind, question.entry_point


def wants_numpy(entry: Entry) -> bool:
    """Whether what is about to run names NumPy anywhere."""
    question = entry.question
    if entry.program is not None:
        return NUMPY.search(str(question.comparator.args.get("source", ""))) is not None
    checks = question.case.input if question.kind == "assert" else ""
    return NUMPY.search(question.code) is not None or NUMPY.search(checks) is not None
