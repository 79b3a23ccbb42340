"""Asking several servers at once: who gets which request, what is tried again, and when to say that nobody answers.

One thread with an event loop holds the connections; callers hand it requests and read answers from a queue. Each server
has at most `concurrency` requests under way; the one with the fewest gets the next. What went wrong decides what follows:

- no connection, one that breaks, 502 to 504: the server is set aside, and asked again with a single request after longer
  and longer pauses; its requests go to the others at once
- 429, or 503 with Retry-After: the server rests as long as it says and gets half as much at once, then slowly more again
- other 5xx, a time-out, an answer that cannot be read: that request is tried again a little later, elsewhere if there is
  an elsewhere, at most `attempts` times in all; STRIKES such in a row set the server aside
- other 4xx: a LabError with the server's own words, for asking again would change nothing

When no server has answered anything for `patience_s`, every waiting request gets a LabError that names each server and
its last error; a server that asks for a rest stretches that, to LONGEST_S at most. The log has each server's first rest,
and a line every SAID_EVERY_S while nobody answers. What a broken connection had begun is asked again: a completion may be
computed twice, and is delivered once. Nothing is streamed token by token.
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from o1coder.errors import LabError
from o1coder.sampling.spec import KEY, Endpoint
from o1coder.sampling.wire import CONNECT_S, Asking, Trouble, post, reason

if TYPE_CHECKING:
    import httpx

Done = SimpleQueue[tuple[int, Any]]  # (number, what was read, or the error it came to)

LONGEST_S = 180.0
SAID_EVERY_S = 60.0
PROBE_S = 30.0  # for a probe's answer: opening a sampler cannot be broken off
LONGEST_PAUSE_S = 30.0
STRIKES = 3
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Place:
    """What is known of one server."""

    endpoint: Endpoint
    limit: float  # of requests under way
    under_way: int = 0
    strikes: int = 0  # failures in a row
    asides: int = 0  # times set aside in a row
    since: float = 0.0  # when it was last set aside
    until: float = 0.0  # before which it is not asked
    rested: bool = False  # whether it has ever asked for a rest
    error: str = ""  # of the last request, if it came to nothing
    idle: list[httpx.AsyncClient] = field(default_factory=list)

    def free(self, now: float) -> bool:
        """Whether it may get a request now; one at a time until it has answered again."""
        return now >= self.until and self.under_way < (1 if self.asides else self.limit)


@dataclass(slots=True, eq=False)
class _Item:
    number: int
    asking: Asking
    done: Done
    tries: int = 0
    failed_at: Place | None = None
    not_before: float = 0.0


class Servers:
    """The servers of one spec. The thread begins at once, no server is asked; `close` ends it. Thread-safe."""

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        *,
        concurrency: int = 64,
        timeout_s: float = 300.0,
        patience_s: float = 60.0,
        backoff_s: float = 0.5,
        attempts: int = 6,
        models_path: str = "/models",
    ) -> None:
        self.places = [Place(endpoint, concurrency) for endpoint in endpoints]
        self.room = concurrency * len(self.places)  # how many requests may be under way, all servers together
        self.models_path = models_path
        self._concurrency = concurrency
        self._timeout_s = timeout_s
        self._patience_s = patience_s
        self._backoff_s = backoff_s
        self._attempts = attempts
        self._pending: list[_Item] = []
        self._running: dict[asyncio.Task[None], tuple[_Item, Place]] = {}
        self._heard = 0.0  # when a server last answered, or work began
        self._said = 0.0  # when the log was last told that nobody answers
        self._wake = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._clients: list[httpx.AsyncClient] = []
        self._trust: ssl.SSLContext | None = None
        self._thread = threading.Thread(target=self._run, name="servers", daemon=True)
        self._thread.start()

    def ask(self, numbered: Sequence[tuple[int, Asking]], done: Done) -> None:
        """Post every request to whichever server; (number, answer or error) comes to `done`, in any order."""
        items = [_Item(number, asking, done) for number, asking in numbered]
        self._loop.call_soon_threadsafe(self._add, items)

    def drop(self, done: Done) -> None:
        """Forget what was asked for `done`: what waits is not sent, what is under way is broken off."""
        self._loop.call_soon_threadsafe(self._forget, done)

    def probe(self, place: Place, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any, str]:
        """Ask one server once, now: (status, JSON or None, text). Status 0: it could not be reached, and text says why."""
        return asyncio.run_coroutine_threadsafe(self._probe(place, method, path, body), self._loop).result()

    def close(self) -> None:
        """Break everything off and end the thread."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    # --- in the thread of the connections ---

    @asynccontextmanager
    async def _client(self, place: Place) -> AsyncIterator[httpx.AsyncClient]:
        """A client of one connection, kept for the next request: one client of many looks through all at every request."""
        client = place.idle.pop() if place.idle else self._connect()
        try:
            yield client
        finally:
            place.idle.append(client)

    def _connect(self) -> httpx.AsyncClient:
        import httpx

        key = os.environ.get(KEY)
        self._trust = self._trust or httpx.create_ssl_context()
        client = httpx.AsyncClient(
            verify=self._trust,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(self._timeout_s, connect=CONNECT_S),
            mounts={f"all://{host}": None for host in LOOPBACK},  # never through a proxy
        )
        self._clients.append(client)
        return client

    def _run(self) -> None:
        dispatcher = self._loop.create_task(self._dispatch())
        self._loop.run_forever()
        tasks = [dispatcher, *self._running]
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        for client in self._clients:
            self._loop.run_until_complete(client.aclose())
        self._loop.close()

    def _add(self, items: list[_Item]) -> None:
        if not self._pending and not self._running:
            self._heard = self._loop.time()
        self._pending += items
        self._wake.set()

    def _forget(self, done: Done) -> None:
        self._pending = [item for item in self._pending if item.done is not done]
        for task, (item, _) in self._running.items():
            if item.done is done:
                task.cancel()

    async def _dispatch(self) -> None:
        while True:
            self._wake.clear()
            now = self._loop.time()
            self._pending = [item for item in self._pending if not self._begin(item, now)]
            gives_up = self._gives_up_at()
            if self._pending and not self._running and now >= gives_up:
                self._give_up()
            waits = bool(self._pending or self._running)
            silent = max(self._heard, self._said) + SAID_EVERY_S
            if waits and now >= silent:
                self._said = now
                silent = now + SAID_EVERY_S
                log.warning("no server has answered for %.0f s: %s", now - self._heard, self._errors())
            moments = [gives_up, silent, *(p.until for p in self.places), *(i.not_before for i in self._pending)]
            soonest = min((moment - now for moment in moments if moment > now), default=None)
            try:
                async with asyncio.timeout(
                    soonest if waits else None
                ):  # wait_for of 3.11 may swallow that it is cancelled
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _begin(self, item: _Item, now: float) -> bool:
        """Give a request to the server with the fewest; to the one that failed it last only where there is no other."""
        free = [place for place in self.places if place.free(now)]
        if not free or now < item.not_before:
            return False
        place = min(free, key=lambda place: (place is item.failed_at, place.under_way))
        place.under_way += 1
        task = self._loop.create_task(self._try(item, place))
        self._running[task] = (item, place)
        task.add_done_callback(self._over)
        return True

    def _over(self, task: asyncio.Task[None]) -> None:
        item, place = self._running.pop(task)
        place.under_way -= 1
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            item.done.put((item.number, error))

    def _gives_up_at(self) -> float:
        rests = max((place.until for place in self.places if not place.asides), default=0.0)
        return min(max(self._heard, rests) + self._patience_s, self._heard + max(LONGEST_S, self._patience_s))

    def _give_up(self) -> None:
        error = LabError(
            f"no server has answered for {self._loop.time() - self._heard:.0f} s: {self._errors()}",
            "start the server again, or name others; what was sampled is kept, and the job goes on when it is retried",
        )
        pending, self._pending = self._pending, []
        for item in pending:
            item.done.put((item.number, error))

    def _errors(self) -> str:
        return "; ".join(
            f"{p.endpoint.text}: {p.error or f'{p.under_way} under way, no answer yet'}" for p in self.places
        )

    async def _try(self, item: _Item, place: Place) -> None:
        began = self._loop.time()
        async with self._client(place) as client:
            got = await post(client, place.endpoint, item.asking, self.models_path)
        if not isinstance(got, Trouble):
            if place.asides:
                log.warning("%s answers again", place.endpoint.url)
            place.strikes = place.asides = 0
            place.error = ""
            place.limit = min(self._concurrency, place.limit + 1 / place.limit)
            self._heard = self._loop.time()
            item.done.put((item.number, got))
            return
        place.error = got.words
        if got.rest_s is None:
            self._failed(item, place, got, began)
            return
        now = self._loop.time()
        if now >= place.until:  # one of several that were sent off together says it for all
            place.limit = max(1.0, place.limit / 2)
        if not place.rested:
            place.rested = True
            rest = f"for {got.rest_s:g} s" if got.rest_s else "without saying for how long"
            log.warning(
                "%s asks to be left alone %s (%s); such rests go on unsaid", place.endpoint.url, rest, got.words
            )
        place.until = max(place.until, now + max(got.rest_s, self._backoff_s))
        self._pending.append(item)

    def _failed(self, item: _Item, place: Place, trouble: Trouble, began: float) -> None:
        now = self._loop.time()
        place.strikes += 1
        # What was begun before the server was set aside says nothing new of it.
        if (trouble.gone or place.strikes >= STRIKES) and began >= place.since:
            pause = min(LONGEST_PAUSE_S, self._backoff_s * 2**place.asides)
            place.asides, place.since, place.until = place.asides + 1, now, now + pause
            log.warning("%s is set aside for %.1f s: %s", place.endpoint.url, pause, trouble.words)
        item.failed_at = place
        if not trouble.gone:
            item.tries += 1
            item.not_before = now + min(LONGEST_PAUSE_S, self._backoff_s * 2 ** (item.tries - 1))
        if item.tries < self._attempts:
            self._pending.append(item)
            return
        words = f"{item.asking.words} failed {item.tries} times, last at {place.endpoint.text}: {trouble.words}"
        item.done.put((item.number, LabError(words, "look at the server's log; the job goes on when it is retried")))

    async def _probe(self, place: Place, method: str, path: str, body: dict[str, Any] | None) -> tuple[int, Any, str]:
        import httpx

        try:
            async with self._client(place) as client:
                answer = await client.request(
                    method, place.endpoint.url + path, json=body, timeout=min(PROBE_S, self._timeout_s)
                )
        except httpx.ReadTimeout:
            place.error = f"no answer within {min(PROBE_S, self._timeout_s):g} s"
            return 0, None, place.error
        except httpx.TransportError as error:
            place.error = reason(error)
            return 0, None, place.error
        try:
            return answer.status_code, answer.json(), answer.text
        except ValueError:
            return answer.status_code, None, answer.text
