"""`Judge`: a worker a core, questions in, verdicts out in the same order.

A worker that dies, or answers nonsense, is replaced and its question asked again without the caller noticing; so is a
run that the judge itself spoilt (IE), twice, and then IE is returned: the caller masks it. No thread beside the
caller's, but for one that only starts workers (see worker.py). Calls from several threads wait for one another.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType

from ..errors import LabError
from . import canary
from .inside import wire
from .inside.seccomp import available
from .materials import SOURCE_BYTES, Materials, request_for
from .question import LEVELS, Level, Question, Verdict
from .verdicts import decide
from .worker import Worker, WorkerLost

ATTEMPTS = 3  # the first, and two on fresh workers
SILENCE_S = 30.0  # beyond a question's last wall limit: then the worker itself is taken for dead
TICK_MS = 100
CANCEL_GRACE_S = 5.0


@dataclass(slots=True)
class Flight:
    """A question that a worker has."""

    index: int
    attempt: int
    request: wire.Request
    materials: Materials
    deadline: float


class Judge:
    """Workers behind a wall. A context manager; `close` ends them. `level` asks for one level instead of the best."""

    def __init__(self, workers: int | None = None, unsafe: bool = False, level: Level | None = None) -> None:
        self._count = max(1, workers or len(os.sched_getaffinity(0)))
        self._started = 0
        self._number = 0
        self._lock = threading.Lock()
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="judge-starter")
        self._workers: list[Worker] = []
        self.refused: dict[Level, str] = {}
        try:
            self.layer: Level = self._find_level([level] if level else list(LEVELS), unsafe)
            while len(self._workers) < self._count:
                self._workers.append(self._start(self.layer))
        except BaseException:
            self.close()
            raise

    def _find_level(self, levels: list[Level], unsafe: bool) -> Level:
        for level in levels:
            reason = self._try(level) if available() or level == "L0" else "no table of system calls for this machine"
            if not reason:
                return level
            self.refused[level] = reason
        if unsafe:
            self._workers.append(self._start("L0"))
            return "L0"
        reasons = "; ".join(f"{level}: {reason}" for level, reason in self.refused.items())
        raise LabError(
            f"no isolation works on this machine ({reasons})",
            "`o1coder doctor` says what this machine lacks; programs are not run without a wall",
        )

    def _try(self, level: Level) -> str:
        """Start one worker at `level` and run the canaries in it: empty when all is well, else why not."""
        if level == "L0":
            return "it isolates nothing"
        try:
            worker = self._start(level)
        except OSError as error:
            return str(error)
        self._workers.append(worker)
        self.layer = level
        for name, question, expected in canary.CANARIES:
            try:
                [verdict] = self.judge([question])
            except LabError as error:  # its worker died, and so did the next
                return error.message
            if verdict.code != expected:
                self._workers.pop().close()
                return f"the canary {name!r} got {verdict.code} instead of {expected} {verdict.detail}"
        return ""

    def _start(self, level: Level) -> Worker:
        self._started += 1
        return self._starter.submit(Worker, level, self._started).result()

    def judge(self, questions: Sequence[Question], cancelled: Callable[[], bool] | None = None) -> list[Verdict]:
        """One verdict a question, in their order. Once `cancelled()`, what has not been answered is SK.

        LabError when a question is malformed (a call's arguments, an expected value, a comparator's name)."""
        with self._lock:
            return _Batch(self, questions, cancelled).run()

    def replace(self, worker: Worker) -> Worker:
        """A fresh worker in the place of one that is no longer trusted. LabError when none can be started."""
        place = self._workers.index(worker)
        worker.close()
        try:
            self._workers[place] = self._start(self.layer)
        except OSError as error:
            del self._workers[place]
            raise LabError(f"the judge cannot start a worker: {error}", "see o1coder doctor") from error
        return self._workers[place]

    @property
    def workers(self) -> tuple[Worker, ...]:
        """The workers as they are now."""
        return tuple(self._workers)

    def next_number(self) -> int:
        """A number that no earlier request had."""
        self._number += 1
        return self._number

    def pids(self) -> list[int]:
        """The workers' process ids: killing one kills all that runs in it."""
        return [worker.process.pid for worker in self._workers]

    def close(self) -> None:
        """End every worker."""
        while self._workers:
            self._workers.pop().close()
        self._starter.shutdown()

    def __enter__(self) -> Judge:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Batch:
    """One call of `Judge.judge`."""

    def __init__(self, pool: Judge, questions: Sequence[Question], cancelled: Callable[[], bool] | None) -> None:
        self.pool = pool
        self.questions = questions
        self.cancelled = cancelled or (lambda: False)
        self.verdicts: list[Verdict | None] = [None] * len(questions)
        self.waiting: deque[tuple[int, int]] = deque((index, 1) for index in range(len(questions)))
        self.flying: dict[Worker, Flight] = {}
        self.poll = select.poll()

    def run(self) -> list[Verdict]:
        by_descriptor = {worker.channel.fileno(): worker for worker in self.pool.workers}
        for descriptor in by_descriptor:
            self.poll.register(descriptor, select.POLLIN)
        stopping = False
        try:
            while self.waiting or self.flying:
                if not stopping and self.cancelled():
                    stopping = True
                    self.stop()
                self.feed()
                self.poll_once()
        except BaseException:
            self.abandon()
            raise
        return [verdict or Verdict("SK", layer=self.pool.layer) for verdict in self.verdicts]

    def feed(self) -> None:
        """Give every idle worker a question."""
        for worker in self.pool.workers:
            # One that dies of being asked has a successor by then.
            while self.waiting and worker not in self.flying and worker in self.pool.workers:
                index, attempt = self.waiting.popleft()
                question = self.questions[index]
                if len(question.code.encode("utf-8", "surrogatepass")) > SOURCE_BYTES:
                    self.verdicts[index] = Verdict("CE", detail="source too long", layer=self.pool.layer)
                    continue
                self.launch(worker, index, attempt)

    def launch(self, worker: Worker, index: int, attempt: int) -> None:
        question = self.questions[index]
        request = request_for(self.pool.next_number(), question)
        materials = Materials(question)
        deadline = time.monotonic() + wire.STARVED * request.wall_ms / 1000 + SILENCE_S
        self.flying[worker] = Flight(index, attempt, request, materials, deadline)
        try:
            worker.ask(request, materials.descriptors)
        except WorkerLost as error:
            self.lose(worker, str(error))

    def poll_once(self) -> None:
        """Wait a moment for answers, and take them."""
        ready = {descriptor for descriptor, _ in self.poll.poll(TICK_MS)}
        now = time.monotonic()
        for worker in self.pool.workers:
            flight = self.flying.get(worker)
            if worker.channel.fileno() in ready:
                self.take(worker)
            elif flight and now > flight.deadline:
                self.lose(worker, "silent beyond every limit")

    def take(self, worker: Worker) -> None:
        try:
            number, wall_us, processes = worker.answer()
        except WorkerLost as error:
            self.lose(worker, str(error))
            return
        flight = self.flying.pop(worker, None)
        if flight is None or number != flight.request.number:
            if flight:
                self.flying[worker] = flight
            self.lose(worker, "an answer to another question")
            return
        try:
            outcome = flight.materials.outcome(processes, wall_us, flight.request.output)
        finally:
            flight.materials.close()
        verdict = decide(self.questions[flight.index], outcome, flight.request, self.pool.layer)
        if verdict.code == "IE" and flight.attempt < ATTEMPTS:
            self.fresh(worker)
            self.waiting.appendleft((flight.index, flight.attempt + 1))
        else:
            self.verdicts[flight.index] = verdict

    def lose(self, worker: Worker, why: str) -> None:
        """Replace a worker; its question, if it had one, is asked again or becomes IE."""
        flight = self.flying.pop(worker, None)
        self.fresh(worker)
        if flight is None:
            return
        flight.materials.close()
        if flight.attempt < ATTEMPTS:
            self.waiting.appendleft((flight.index, flight.attempt + 1))
        else:
            self.verdicts[flight.index] = Verdict("IE", detail=f"the worker was lost: {why}", layer=self.pool.layer)

    def fresh(self, worker: Worker) -> None:
        self.poll.unregister(worker.channel.fileno())
        self.poll.register(self.pool.replace(worker).channel.fileno(), select.POLLIN)

    def stop(self) -> None:
        """Cancelled: nothing more is asked, and what runs is killed."""
        self.waiting.clear()
        for worker, flight in self.flying.items():
            flight.deadline = time.monotonic() + CANCEL_GRACE_S
            flight.attempt = ATTEMPTS
            worker.cancel()

    def abandon(self) -> None:
        """An error on this side: the workers that still have a question would answer the wrong one next time."""
        for worker in list(self.flying):
            flight = self.flying.pop(worker)
            flight.materials.close()
            self.pool.replace(worker)
