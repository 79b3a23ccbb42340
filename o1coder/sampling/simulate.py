"""A server that does not exist: any sampler behind calls of a set length and width, to see what a search makes of one.

`--simulate latency=50ms,batch=64` is a server that runs one call at a time, takes at most `batch` requests into it,
answers all of them `latency` after it began, and begins the next call at once if requests wait. The texts are the inner
sampler's, made while the call lasts, so that their cost hides in the latency; where they take longer, the call takes
longer. It counts what it could have served and what it did. It does not imitate calls of unequal length, continuous
batching, or a queue that overflows.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from queue import Empty, SimpleQueue
from typing import NamedTuple

from o1coder.errors import LabError
from o1coder.flow import Pull, answers
from o1coder.sampling import Request, Sample, Sampler

ASK_AGAIN_S = 0.005  # while there is room and the caller has nothing to ask
log = logging.getLogger(__name__)
UNITS = {"ms": 1e-3, "s": 1.0, "": 1.0}


class Server(NamedTuple):
    """The server that is imitated: seconds a call takes, requests that fit into one."""

    latency_s: float
    batch: int

    @property
    def text(self) -> str:
        """As it is written on the command line."""
        return f"latency={self.latency_s * 1e3:g}ms,batch={self.batch}"


class Use(NamedTuple):
    """What a simulated server did. `busy_s`: seconds inside calls; `wall_s`: from its first call to its last answer."""

    rows: int
    calls: int
    busy_s: float
    wall_s: float
    server: Server

    @property
    def used(self) -> float:
        """Share of the capacity of its whole time that was used: rows / (wall_s / latency · batch); pauses count."""
        return _share(self.rows, self.wall_s / self.server.latency_s * self.server.batch)

    @property
    def filled(self) -> float:
        """Share of its calls' places that held a request: rows / (calls · batch); pauses between calls do not count."""
        return _share(self.rows, self.calls * self.server.batch)


def parse_simulate(text: str) -> Server:
    """Read `latency=50ms,batch=64`. LabError where it says something else."""
    hint = "write latency=50ms,batch=64 (latency in ms or s, above 0; batch at least 1)"
    found = dict(part.strip().partition("=")[::2] for part in text.split(","))
    latency = re.fullmatch(r"(\d+(?:\.\d+)?|\.\d+)\s*(ms|s|)", found.get("latency", ""))
    batch = found.get("batch", "")
    if set(found) != {"latency", "batch"} or latency is None or not (batch.isascii() and batch.isdecimal()):
        raise LabError(f"{text!r} describes no server to simulate", hint)
    server = Server(float(latency[1]) * UNITS[latency[2]], int(batch))
    if not 0 < server.latency_s <= 3600 or server.batch < 1:
        raise LabError(f"{text!r} describes no server to simulate", hint)
    return server


class SimulatedSampler:
    """An inner sampler behind a simulated server; its texts and whether they are reproducible are the inner one's."""

    def __init__(self, inner: Sampler, server: Server) -> None:
        self.inner = inner
        self.server = server
        self.spec = f"{inner.spec} behind {server.text}"
        self.reproducible = inner.reproducible
        self._rows = self._calls = 0
        self._busy_s = self._wall_s = 0.0
        self._closed = False

    @property
    def use(self) -> Use:
        """What it has done so far, all streams together."""
        return Use(self._rows, self._calls, self._busy_s, self._wall_s, self.server)

    def sample(self, requests: Sequence[Request]) -> list[Sample]:
        """Complete every request, in order."""
        return answers(self.stream, requests)

    def stream(self, pull: Pull[Request]) -> Iterator[tuple[int, Sample]]:
        """Answer a call's requests together when it ends; at most one call runs and one more waits."""
        calls = _Calls(self.inner, self.server)
        begun = answered = 0
        more = True
        try:
            while more or answered < begun:
                room = 2 * self.server.batch - (begun - answered)
                if more and room > 0:
                    asked = pull(room, begun == answered)
                    more = asked is not None
                    calls.add([(begun + place, request) for place, request in enumerate(asked or ())])
                    begun += len(asked or ())
                    if begun == answered:
                        continue  # the caller has waited inside pull
                for number, sample in calls.ended(ASK_AGAIN_S if more and room > 0 else None):
                    answered += 1
                    yield number, sample
        finally:
            calls.close()
            self._rows += calls.rows
            self._calls += calls.calls
            self._busy_s += calls.busy_s
            self._wall_s += calls.wall_s

    def close(self) -> None:
        """Close the inner sampler, and say in the job's log how much of the server was used."""
        if self._calls and not self._closed:
            use = self.use
            log.warning("simulated server: %d rows in %d calls, %.1f %% of its capacity", *use[:2], 100 * use.used)
        self._closed = True
        self.inner.close()


class _Calls:
    """The server's own thread: one call after another, for one stream."""

    def __init__(self, inner: Sampler, server: Server) -> None:
        self.rows = self.calls = 0
        self.busy_s = self.wall_s = 0.0
        self._inner = inner
        self._server = server
        self._waiting: deque[tuple[int, Request]] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._answers: SimpleQueue[list[tuple[int, Sample]] | Exception] = SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="simulated-server", daemon=True)
        self._thread.start()

    def add(self, requests: Sequence[tuple[int, Request]]) -> None:
        """Let requests wait for a place in a call."""
        if requests:
            with self._changed:
                self._waiting.extend(requests)
                self._changed.notify()

    def ended(self, timeout_s: float | None) -> list[tuple[int, Sample]]:
        """The answers of the next call that ends, or none within the time; what went wrong in it is raised here."""
        try:
            got = self._answers.get(timeout=timeout_s)
        except Empty:
            return []
        if isinstance(got, Exception):
            raise got
        return got

    def close(self) -> None:
        """Drop what waits and let the running call end unheard."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _serve(self) -> None:
        first: float | None = None
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                taken = [self._waiting.popleft() for _ in range(min(self._server.batch, len(self._waiting)))]
            began = time.monotonic()
            first = began if first is None else first
            try:
                samples = self._inner.sample([request for _, request in taken])
            except Exception as error:  # noqa: BLE001 - raised again in the thread that waits for the answers
                self._answers.put(error)
                return
            with self._changed:  # a stream that is left does not wait for the rest of the call
                self._changed.wait_for(lambda: self._closed, began + self._server.latency_s - time.monotonic())
            ended = time.monotonic()
            self.rows += len(taken)
            self.calls += 1
            self.busy_s += ended - began
            self.wall_s = ended - first
            self._answers.put([(number, sample) for (number, _), sample in zip(taken, samples, strict=True)])


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
