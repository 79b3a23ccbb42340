"""What the worker does at each look: start what is queued, end what is cancelled, write down what died.

One `Watch` for every attempt on this host that has no outcome, or whose processes are not all gone yet: its slots and GPUs
are given back only when none is left. All of it is derived from rows and processes, so a worker that begins anew (adoption)
runs the same code as one that goes on. When to look is worker.py's affair.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Connection

from o1coder.clock import now
from o1coder.jobs import alive, launch, lease, log
from o1coder.jobs.outcome import Ended, of_exit, record
from o1coder.lab import Lab
from o1coder.queries.jobs import LAST

LIVE = (
    "SELECT attempt.*, job.stage, job.config, job.cancel_requested, job.slots, job.gpus, "
    "(SELECT group_concat(gpu) FROM gpu_lease WHERE attempt_id = attempt.id) AS leased "
    "FROM attempt JOIN job ON job.id = attempt.job_id WHERE attempt.host = :host "
    "AND (attempt.outcome IS NULL OR EXISTS (SELECT 1 FROM gpu_lease WHERE attempt_id = attempt.id))"
)
QUEUED = (
    f"SELECT job.id, job.slots, job.gpus FROM job {LAST} WHERE NOT job.cancel_requested "
    "AND (last.id IS NULL OR (last.outcome IS NOT NULL AND last.n < job.attempts_wanted)) ORDER BY job.id"
)


@dataclass
class Watch:
    """One attempt under watch. `process` is set where this worker started it; `terminated_at` once TERM was sent."""

    attempt_id: int
    job_id: int
    n: int
    slots: int
    gpus: tuple[str, ...]
    oom_kills: int
    process: subprocess.Popen[bytes] | None = None
    pid: int | None = None
    status: int | None = None
    terminated_at: float | None = None
    ended_at: float | None = None  # when its outcome was first seen while its process lived
    gone: bool = False


class Watcher:
    """The state of a worker: what it watches and what it has to give."""

    def __init__(self, lab: Lab, child: Sequence[str], slots: int, gpus: Sequence[str], grace_s: float) -> None:
        """`child` is the command that starts a child; --home, --job and --attempt are added to it."""
        self.lab = lab
        self.child = list(child)
        self.slots = slots
        self.gpus = tuple(gpus)
        self.grace_s = grace_s
        self.since = now()
        self.watches: dict[int, Watch] = {}
        self._swept = False

    def sign(self, lock: launch.Lock) -> None:
        """Say in the lock file who works here."""
        lock.sign(self.slots, len(self.gpus), self.since)

    def pressing(self) -> bool:
        """Has a child ended, or must someone be killed soon? Then the next look should not wait."""
        return any(
            w.gone or w.terminated_at is not None or (w.process is not None and w.process.poll() is not None)
            for w in self.watches.values()
        )

    def anything_queued(self) -> bool:
        """Is any job queued or claimed in this lab? Asked once more before an idle worker leaves."""
        with self.lab.reading() as connection:
            return bool(
                connection.execute(text(QUEUED)).first()
                or connection.execute(text(LIVE), {"host": alive.host()}).first()
            )

    def look(self, moment: float) -> None:
        """Bring every live attempt of this host one step further: adopt, start, trim, stop, bury."""
        with self.lab.reading() as connection:
            rows = {row.id: row for row in connection.execute(text(LIVE), {"host": alive.host()})}
            missing = [attempt_id for attempt_id in self.watches if attempt_id not in rows]
            for attempt_id in missing:  # its outcome is written and nothing is leased; its processes may linger
                rows[attempt_id] = connection.execute(
                    text(
                        "SELECT attempt.*, job.config, job.cancel_requested FROM attempt "
                        "JOIN job ON job.id = attempt.job_id WHERE attempt.id = :id"
                    ),
                    {"id": attempt_id},
                ).one()
        if not self._swept:
            self._sweep({row.job_id for row in rows.values()})
        for attempt_id, row in rows.items():
            watch = self.watches.get(attempt_id) or self._adopted(row)
            self._step(watch, row, moment)

    def start_queued(self) -> bool:
        """Claim and start what fits; returns whether anything is queued or was started."""
        with self.lab.reading() as connection:
            if not self._grants(connection):
                return connection.execute(text(QUEUED)).first() is not None
        self.lab.require_space()
        host, boot = alive.host(), alive.boot_id()
        claimed: list[Watch] = []
        with self.lab.writing() as connection:
            for grant in self._grants(connection):
                claimed.append(claim(connection, grant, host, boot))
        for watch in claimed:
            self.watches[watch.attempt_id] = watch
            self._spawn(watch)
        return True

    def _grants(self, connection: Connection) -> list[lease.Grant]:
        queue = [lease.Need(*row) for row in connection.execute(text(QUEUED))]
        if not queue:
            return []
        held = lease.held(connection, alive.host())
        free_slots = self.slots - sum(watch.slots for watch in self.watches.values())
        free_gpus = [gpu for gpu in self.gpus if gpu not in held]
        return lease.choose(queue, self.slots, free_slots, len(self.gpus), free_gpus)

    def _adopted(self, row: Any) -> Watch:
        gpus = tuple(row.leased.split(",")) if row.leased else ()
        need = lease.Need(row.job_id, row.slots, row.gpus)
        slots = 0 if gpus else lease.demand(need, self.slots, 0)[0]
        watch = Watch(row.id, row.job_id, row.n, slots, gpus, alive.oom_kills())
        self.watches[row.id] = watch
        return watch

    def _sweep(self, live: set[int]) -> None:
        """Kill what a former worker's ended jobs left behind."""
        for job_id, pids in alive.marked(self.lab.home).items():
            if job_id not in live:
                alive.send(pids, signal.SIGKILL)
        self._swept = True

    def _spawn(self, watch: Watch) -> None:
        folder = self.lab.job_folder(watch.job_id)
        extra = {alive.MARK: alive.mark(self.lab.home, watch.job_id)}
        if self.gpus:
            extra["CUDA_VISIBLE_DEVICES"] = ",".join(watch.gpus)  # none for a CPU job: it must not take one
        words = ["--home", str(self.lab.home), "--job", str(watch.job_id), "--attempt", str(watch.n)]
        watch.oom_kills = alive.oom_kills()
        try:
            with log.path_of(self.lab.home, watch.job_id).open("ab") as out:
                watch.process = subprocess.Popen(
                    [*self.child, *words],
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    cwd=folder,
                    env=launch.environment(extra),
                )
        except OSError as error:
            why = f"its process could not be started: {error}"
            self._bury(watch, Ended("lost", None, "bug", why, "`o1coder doctor` looks at the installation"))
            return
        watch.pid = watch.process.pid

    def _step(self, watch: Watch, row: Any, moment: float) -> None:
        if watch.process is None:
            watch.pid = row.pid
        if not watch.gone and self._lives(watch, row):
            self._trim(watch)
            if row.outcome is not None:
                watch.ended_at = watch.ended_at or moment
                if moment - watch.ended_at > self.grace_s:  # it has said its last word and will not go
                    self._kill(watch)
            elif row.cancel_requested:
                self._stop(watch, moment)
            return
        if watch.pid is None:  # claimed by a worker that died before it could start it
            if row.cancel_requested:
                self._bury(watch, Ended("cancelled", 130))
            else:
                self._spawn(watch)
            return
        if watch.process is not None and row.pid not in (None, watch.process.pid) and row.outcome is None:
            watch.process = None  # another child took this attempt first; that one is watched now
            return
        watch.gone = True
        leftovers = self._marked(watch)
        if leftovers:
            alive.send(leftovers, signal.SIGKILL)
            return
        ended = of_exit(watch.status, alive.oom_kills() > watch.oom_kills, json.loads(row.config))
        self._bury(watch, Ended("cancelled", watch.status) if row.cancel_requested else ended)

    def _lives(self, watch: Watch, row: Any) -> bool:
        if watch.process is not None:
            watch.status = watch.process.poll()
            return watch.status is None
        if watch.pid is None:  # perhaps started, and not come to say so
            return row.boot_id == alive.boot_id() and bool(self._marked(watch))
        watch.status = _reaped(watch.pid) if watch.status is None else watch.status
        return bool(alive.is_alive(row.host, row.boot_id, row.pid, row.create_time))

    def _stop(self, watch: Watch, moment: float) -> None:
        if watch.pid is None:
            return
        if watch.terminated_at is None:
            watch.terminated_at = moment
            alive.send([watch.pid], signal.SIGTERM)
        elif moment - watch.terminated_at >= self.grace_s:
            self._kill(watch)

    def _kill(self, watch: Watch) -> None:
        alive.send(self._marked(watch), signal.SIGKILL)

    def _marked(self, watch: Watch) -> list[int]:
        leaders = {} if watch.pid is None else {watch.pid: watch.job_id}
        return alive.marked(self.lab.home, leaders).get(watch.job_id, [])

    def _trim(self, watch: Watch) -> None:
        path = log.path_of(self.lab.home, watch.job_id)
        if path.exists():
            log.trim(path)

    def _bury(self, watch: Watch, ended: Ended) -> None:
        """No process of it is left: say how it ended, if it has not, and give back what it held."""
        with self.lab.writing() as connection:
            record(connection, watch.attempt_id, ended)
            lease.release(connection, watch.attempt_id)
        del self.watches[watch.attempt_id]


def claim(connection: Connection, grant: lease.Grant, host: str, boot: str) -> Watch:
    """Write down that this host tries a job now: a new attempt, with its leases."""
    at = now()
    n = connection.execute(text("SELECT count(*) + 1 FROM attempt WHERE job_id = :job"), {"job": grant.job_id}).scalar()
    assert n is not None
    made = connection.execute(
        text(
            "INSERT INTO attempt (job_id, n, host, boot_id, started_at, heartbeat_at, done, total, versions, code_digest) "
            "VALUES (:job, :n, :host, :boot, :now, :now, 0, 0, '{}', '')"
        ),
        {"job": grant.job_id, "n": n, "host": host, "boot": boot, "now": at},
    )
    attempt_id = int(made.lastrowid)
    lease.take(connection, host, grant.gpus, attempt_id)
    return Watch(attempt_id, grant.job_id, n, grant.slots, grant.gpus, alive.oom_kills())


def _reaped(pid: int) -> int | None:
    """The exit status of an adopted child that is this very process's (after an exec); None for others'."""
    try:
        found, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return None
    return os.waitstatus_to_exitcode(status) if found else None
