"""A server with a thread of its own: what a search hands out is answered while the search goes on.

The judge and the scorer of a search run so. Answers and errors come back through one queue, on which the search can wait. A
process has few of these; closing one drops what is under way.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, NamedTuple

from o1coder.flow import Pull

TICK_S = 0.1

Serve = Callable[[Pull[Any], Callable[[], bool]], Iterator[tuple[int, Any]]]  # the second: nothing is wanted any more


class _Closing(Exception):
    """Raised out of `pull`: what is under way is not wanted any more."""


class Done(NamedTuple):
    """One answer, under the key it was asked with; or the error that ended the server."""

    errand: Errand
    key: Any
    answer: Any
    error: BaseException | None = None


class Errand:
    """`serve` in a thread. `ask` never blocks; what is done is put into `done`. A context manager."""

    def __init__(self, name: str, serve: Serve, done: queue.SimpleQueue[Done]) -> None:
        self.name = name
        self.pending = 0  # asked and not yet taken from `done`, by the caller's count
        self._serve = serve
        self._done = done
        self._asked: queue.SimpleQueue[tuple[Any, Any]] = queue.SimpleQueue()
        self._begun: dict[int, Any] = {}  # what is under way: an answered key would hold its tree
        self._numbered = 0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def ask(self, key: Any, question: Any) -> None:
        """Hand one thing out."""
        self.pending += 1
        self._asked.put((key, question))

    def _pull(self, room: int, idle: bool) -> Sequence[Any] | None:
        if self._closing.is_set():
            raise _Closing
        found: list[Any] = []
        while len(found) < room:
            try:
                key, question = self._asked.get(block=idle and not found, timeout=TICK_S)
            except queue.Empty:
                break
            self._begun[self._numbered] = key
            self._numbered += 1
            found.append(question)
        return found

    def _run(self) -> None:
        try:
            for number, answer in self._serve(self._pull, self._closing.is_set):
                if self._closing.is_set():
                    return
                self._done.put(Done(self, self._begun.pop(number), answer))
            ended = RuntimeError(f"{self.name} ended by itself with {len(self._begun)} things under way")
            self._done.put(Done(self, None, None, ended))
        except _Closing:
            return
        except BaseException as error:  # noqa: BLE001 - it is raised again in the thread that waits
            self._done.put(Done(self, None, None, error))

    def __enter__(self) -> Errand:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._thread.join()
