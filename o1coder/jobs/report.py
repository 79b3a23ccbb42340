"""The Reporter of a running job: batches metrics and progress, beats once a second, and writes the attempt's end.

The beat is a thread with short transactions of its own, so a stage never waits for the database to say where it stands. A
beat that fails (a lock that never came, a full disk) is logged and its rows are kept for the next; the last transaction is
the one that may fail. It does not catch what a stage raises: child.py does.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Connection

from o1coder.clock import now
from o1coder.errors import LabError
from o1coder.jobs.outcome import Ended, record
from o1coder.lab import Lab

BEAT_S = 1.0
_METRIC = text(
    "INSERT INTO metric (job_id, attempt, iteration, name, value, created_at) "
    "VALUES (:job_id, :attempt, :iteration, :name, :value, :created_at)"
)
_BEAT = text(
    "UPDATE attempt SET heartbeat_at = :now, done = coalesce(:done, done), total = coalesce(:total, total) "
    "WHERE id = :id"
)


class JobReporter:
    """What a stage is handed as `report`."""

    def __init__(self, lab: Lab, job_id: int, attempt: int, attempt_id: int, remaining_s: float | None) -> None:
        """`remaining_s`: what is left of the job's budget as this attempt begins, None without a budget."""
        self.job_id = job_id
        self.attempt = attempt
        self._lab = lab
        self._attempt_id = attempt_id
        self._until = None if remaining_s is None else time.monotonic() + remaining_s
        self._guard = threading.Lock()  # of what is batched; never held while the database is waited for
        self._storing = threading.Lock()  # one transaction at a time, so that no row is stored twice
        self._metrics: list[dict[str, Any]] = []
        self._progress: tuple[int, int] | None = None
        self._stopped: str | None = None
        self._terminated = False
        self._cancel_requested = False
        self._seen_cancel = False
        self._finish = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def metric(self, iteration: int, **values: float) -> None:
        """Numbers of one iteration; they are stored within a second."""
        at = now()
        rows = [
            {
                "job_id": self.job_id,
                "attempt": self.attempt,
                "iteration": iteration,
                "name": name,
                "value": float(value),
                "created_at": at,
            }
            for name, value in values.items()
        ]
        with self._guard:
            self._metrics += rows

    def progress(self, done: int, total: int) -> None:
        """How much of the job is done, in whatever unit its stage counts; `done` covers earlier attempts too."""
        with self._guard:
            self._progress = (done, total)

    def log(self, text: str) -> None:
        """One line for the job's log."""
        print(text, flush=True)

    def stopped(self, reason: str) -> None:
        """The stage ended early and kept what it had, e.g. "budget"."""
        with self._guard:
            self._stopped = reason

    @property
    def cancelled(self) -> bool:
        """Has anyone asked that the job end: through the lab, or by SIGTERM?"""
        if self._cancel_requested or self._terminated:
            self._seen_cancel = True
        return self._seen_cancel

    @property
    def remaining_s(self) -> float | None:
        """Seconds left of the budget over all attempts, never below 0; None without one."""
        return None if self._until is None else max(0.0, self._until - time.monotonic())

    def terminate(self) -> None:
        """SIGTERM came."""
        self._terminated = True

    def end(self, ended: Ended) -> Ended:
        """Write the attempt's end with all that is still unstored, as the job's last transaction; returns what it says.

        Who asked for the end decides its name: a stage that fails or returns early because the job was cancelled is
        cancelled; one that saw a SIGTERM that nobody asked for through the lab is lost, and so tried again.
        """
        self._finish.set()
        if self._thread.is_alive():
            self._thread.join()
        final = ended

        def last(connection: Connection) -> None:
            nonlocal final
            final = self._named(ended)
            record(connection, self._attempt_id, final, self._stopped)

        self._store(last)
        return final

    def _named(self, ended: Ended) -> Ended:
        failed = ended.outcome == "failed"
        if self._cancel_requested and (failed or self._seen_cancel):
            return Ended("cancelled", 130)
        if self._terminated and (failed or self._seen_cancel):
            why = "it was ended by a SIGTERM that nobody asked for through the lab"
            return Ended("lost", 143, "signal", why, "`o1coder jobs retry` goes on with it")
        return ended

    def _beat(self) -> None:
        while not self._finish.wait(BEAT_S):
            try:
                self._store()
            except LabError as error:
                print(f"heartbeat: {error.message}; {error.hint}", file=sys.stderr, flush=True)

    def _store(self, last: Callable[[Connection], None] | None = None) -> None:
        """One transaction: what is batched, the beat, and then `last`. What was batched is let go once it is stored."""
        with self._storing:
            with self._guard:
                rows = list(self._metrics)
                done, total = self._progress or (None, None)
            with self._lab.writing() as connection:
                if rows:
                    connection.execute(_METRIC, rows)
                connection.execute(_BEAT, {"now": now(), "done": done, "total": total, "id": self._attempt_id})
                asked = text("SELECT cancel_requested FROM job WHERE id = :id")
                self._cancel_requested = bool(connection.execute(asked, {"id": self.job_id}).scalar())
                if last is not None:
                    last(connection)
            with self._guard:
                del self._metrics[: len(rows)]
