"""`Judge`: a place to run a core, questions in, verdicts out, in the same order or as soon as they are known.

A worker that dies, or answers nonsense, is replaced and its question asked again without the caller noticing; so is a
run that the judge itself spoilt (IE), twice, and then IE is returned: the caller masks it. Where IE becomes common, the
judge stops with LabError instead of feeding holes to its caller.

No thread beside the caller's, but for one that only starts workers (see worker.py): a stream works while its caller waits
for the next verdict. Calls from several threads wait for one another.
"""

from __future__ import annotations

import os
import select
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import TracebackType

from ..errors import LabError
from ..flow import Pull
from . import canary
from .inside.seccomp import available
from .question import LEVELS, Level, Question, Verdict
from .stream import AHEAD, NEAR, Stream, listed
from .worker import Worker, numpy_folder

RECENT, TOO_MANY = 100, 10  # so many IE of so many questions, and the judge gives up


class Place:
    """One of the judge's cores: a lean worker, and one with NumPy, each started when it is first needed."""

    def __init__(self) -> None:
        self.workers: dict[bool, Worker] = {}


class Judge:
    """Workers behind a wall. A context manager; `close` ends them. `level` asks for one level instead of the best."""

    def __init__(self, workers: int | None = None, unsafe: bool = False, level: Level | None = None) -> None:
        self._started = 0
        self._number = 0
        self._lock = threading.Lock()
        self._owner: threading.Thread | None = None
        self._closed = False
        self._recent: deque[bool] = deque(maxlen=RECENT)
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="judge-starter")
        self.places = [Place() for _ in range(max(1, workers or len(os.sched_getaffinity(0))))]
        self.by_descriptor: dict[int, tuple[Place, Worker]] = {}
        self.poll = select.poll()
        self.refused: dict[Level, str] = {}
        try:
            self.layer: Level = self._find_level([level] if level else list(LEVELS), unsafe)
            for place in self.places:
                self.worker(place, numpy=False)
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
            return "L0"
        reasons = "; ".join(f"{level}: {reason}" for level, reason in self.refused.items())
        raise LabError(
            f"no isolation works on this machine ({reasons})",
            "o1coder doctor says what this machine lacks; only `judge --unsafe` runs programs without a wall, and keeps nothing",
        )

    def _try(self, level: Level) -> str:
        """Start one worker at `level` and run the canaries in it: empty when all is well, else why not."""
        if level == "L0":
            return "it isolates nothing"
        self.layer = level
        place = Place()
        every, self.places = self.places, [place]
        try:
            self.worker(place, numpy=False)
            for name, question, expected in canary.CANARIES:
                [verdict] = self.judge([question])
                if verdict.code != expected:
                    self.end(place)
                    return f"the canary {name!r} got {verdict.code} instead of {expected} {verdict.detail}"
        except LabError as error:  # it cannot be started, or its worker died and so did the next
            self.end(place)
            return str(error.__cause__ or error.message)
        finally:
            self.places = every
            self._recent.clear()
        self.places[0] = place
        return ""

    def worker(self, place: Place, numpy: bool) -> Worker:
        """The worker of a place, started if need be. LabError when that fails."""
        if self._closed:
            raise RuntimeError("the judge is closed")
        numpy = numpy and numpy_folder() is not None
        if numpy not in place.workers:
            self._started += 1
            try:
                worker = self._starter.submit(Worker, self.layer, self._started, numpy).result()
            except OSError as error:
                raise LabError(f"the judge cannot start a worker: {error}", "see o1coder doctor") from error
            place.workers[numpy] = worker
            self.by_descriptor[worker.channel.fileno()] = place, worker
            self.poll.register(worker.channel, select.POLLIN)
        return place.workers[numpy]

    def discard(self, worker: Worker) -> None:
        """End a worker that is no longer trusted; its place gets another when it next needs one."""
        place, _ = self.by_descriptor.pop(worker.channel.fileno(), (None, worker))
        if place is None:
            return  # ended already, by `close` while a stream was open
        self.poll.unregister(worker.channel)
        for numpy, one in list(place.workers.items()):
            if one is worker:
                del place.workers[numpy]
        worker.close()

    def judge(
        self, questions: Sequence[Question], cancelled: Callable[[], bool] | None = None, stop_early: bool = False
    ) -> list[Verdict]:
        """One verdict a question, in their order. Once `cancelled()`, what has not been answered is SK.

        `stop_early`: after a program's first case that is not accepted, its later cases are SK; which ones does not
        depend on timing. A program is its text, kind and entry point: ask about one problem at a time.

        LabError when a question is malformed (a call's arguments, an expected value, a comparator's name, a limit), when
        no worker can be started, or when the judge itself fails too often. RuntimeError once it is closed."""
        verdicts = list(self.stream(questions, cancelled, stop_early))
        return verdicts + [Verdict("SK", layer=self.layer)] * (len(questions) - len(verdicts))

    def stream(
        self, questions: Iterable[Question], cancelled: Callable[[], bool] | None = None, stop_early: bool = False
    ) -> Iterator[Verdict]:
        """`judge` for any number of questions: verdicts come in order, each as soon as it and those before it are known.

        Questions are taken from their iterable only as there is room (stream.AHEAD), so that neither side outruns the
        other. Once `cancelled()`, no more are taken and the stream ends. A stream that is left early kills what it runs.
        While one is open, this judge has no time for another: from the same thread that is a RuntimeError."""
        with self._stream(listed(questions), cancelled, AHEAD, stop_early) as stream:
            yield from stream.in_order()

    def serve(
        self, pull: Pull[Question | Verdict], cancelled: Callable[[], bool] | None = None
    ) -> Iterator[tuple[int, Verdict]]:
        """Questions as they come (flow.py): (number, verdict) in any order, each as soon as it is known, so that a program
        that runs into its limit on one core holds back nothing that is done on another.

        At most stream.NEAR questions a core are taken and not answered. A verdict that is pulled is given back as it is.
        Once `cancelled()`, no more are taken, what was taken and not answered is SK, and the stream ends. A stream that is
        left early kills what it runs. It may be read in any one thread; errors, and one stream at a time, as for `stream`."""
        with self._stream(pull, cancelled, NEAR) as stream:
            yield from stream.answers()

    @contextmanager
    def _stream(
        self,
        pull: Pull[Question | Verdict],
        cancelled: Callable[[], bool] | None,
        ahead: int,
        stop_early: bool = False,
    ) -> Iterator[Stream]:
        if self._closed:
            raise RuntimeError("the judge is closed")
        if self._owner is threading.current_thread():
            raise RuntimeError("a stream of this judge is still open in this thread")
        with self._lock:
            self._owner = threading.current_thread()
            stream = Stream(self, pull, cancelled or (lambda: False), ahead, stop_early)
            try:
                yield stream
            finally:
                stream.abandon()
                self._owner = None

    def count(self, verdict: Verdict, fault: bool) -> Verdict:
        """Note whether the judge itself failed. LabError when it does so too often."""
        self._recent.append(fault)
        if fault and sum(self._recent) >= TOO_MANY:
            many = f"{sum(self._recent)} of its last {len(self._recent)} runs"
            self._recent.clear()
            raise LabError(
                f"the judge itself failed in {many}, each tried three times; the last: {verdict.detail}",
                "these are no verdicts on programs: look for what kills its processes (memory, process limits), "
                "and at o1coder doctor",
            )
        return verdict

    def next_number(self) -> int:
        """A number that no earlier request had."""
        self._number += 1
        return self._number

    @property
    def workers(self) -> tuple[Worker, ...]:
        """The workers as they are now."""
        return tuple(worker for _, worker in self.by_descriptor.values())

    def pids(self) -> list[int]:
        """The workers' process ids: killing one kills all that runs in it."""
        return [worker.process.pid for worker in self.workers]

    def end(self, place: Place) -> None:
        """End the workers of a place."""
        for worker in list(place.workers.values()):
            self.discard(worker)

    def close(self) -> None:
        """End every worker."""
        self._closed = True
        for worker in self.workers:
            self.discard(worker)
        self._starter.shutdown()

    def __enter__(self) -> Judge:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
