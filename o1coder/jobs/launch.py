"""The worker's post: one worker per lab and host, kept by a lock file that says who holds it; started on demand.

`jobs/worker-<host>.lock` is flocked for the worker's life and holds its pid, so anyone can see it without taking the lock.
A worker that leaves empties the file before it looks at the queue for the last time, and whoever enqueues commits first and
looks at the file afterwards: one of the two always sees the other. A worker that hangs is not noticed here.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import o1coder
from o1coder.errors import LabError
from o1coder.jobs import alive
from o1coder.lab import Lab

WORKER_LOG_BYTES = 1 << 20


class Post(NamedTuple):
    """The live worker of a lab on this host."""

    pid: int
    slots: int
    gpus: int
    since: str


def lock_path(home: Path) -> Path:
    """The lock file of this host's worker."""
    return home / f"worker-{alive.host()}.lock"


def worker(home: Path) -> Post | None:
    """The worker that is alive on this host, or None."""
    try:
        words = json.loads(lock_path(home).read_text() or "null")
    except (FileNotFoundError, json.JSONDecodeError):  # none yet, or being written
        return None
    if words is None or not alive.is_alive(words["host"], words["boot_id"], words["pid"], words["create_time"]):
        return None
    return Post(words["pid"], words["slots"], words["gpus"], words["since"])


class Lock:
    """The post, as the worker that wants it sees it."""

    def __init__(self, home: Path) -> None:
        self.path = lock_path(home)
        self.descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)

    def acquire(self, patience_s: float) -> bool:
        """Take the lock, waiting while another worker leaves; False when it stays."""
        until = time.monotonic() + patience_s
        while True:
            try:
                fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except BlockingIOError:
                if time.monotonic() > until:
                    return False
                time.sleep(0.05)

    def sign(self, slots: int, gpus: int, since: str) -> None:
        """Say who holds the post."""
        mine = alive.standing(os.getpid())
        assert mine is not None
        words = {
            "host": alive.host(),
            "boot_id": alive.boot_id(),
            "pid": os.getpid(),
            "create_time": mine.create_time,
            "slots": slots,
            "gpus": gpus,
            "since": since,
        }
        self.clear()
        os.pwrite(self.descriptor, json.dumps(words).encode(), 0)

    def clear(self) -> None:
        """Say that nobody does, the lock still held."""
        os.ftruncate(self.descriptor, 0)

    def lost(self) -> bool:
        """Has the file been removed or replaced, so that another worker could lock its own?"""
        try:
            return self.path.stat().st_ino != os.fstat(self.descriptor).st_ino
        except FileNotFoundError:
            return True

    def close(self) -> None:
        """Let the post go."""
        os.close(self.descriptor)


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment for a worker or child: without a job's mark, which a coordinator would hand on.

    Run from a checkout, it makes sure that they run the same checkout.
    """
    kept = {name: value for name, value in os.environ.items() if name != alive.MARK}
    root = Path(o1coder.__file__).resolve().parent.parent
    if root.name != "site-packages":
        others = [entry for entry in kept.get("PYTHONPATH", "").split(os.pathsep) if entry and Path(entry) != root]
        kept["PYTHONPATH"] = os.pathsep.join([str(root), *others])
    return {**kept, **(extra or {})}


class _Started(NamedTuple):
    home: Path
    at: float
    process: subprocess.Popen[bytes]


_started: list[_Started] = []
START_S = 5.0  # how long a worker may take to sign; far less than an idle one stays
TRIES = 3


def ensure_worker(lab: Lab, arguments: Sequence[str] = ()) -> int | None:
    """Start this host's worker unless it is there or on its way; returns the pid of the one that was started.

    Only the lab's owner runs jobs: for others, and for a lab opened read-only, it does nothing. LabError when the workers
    that this process started have failed three times.
    """
    if lab.readonly or not lab.owned() or worker(lab.home) is not None:
        return None
    mine = [entry for entry in _started if entry.home == lab.home]
    if any(e.process.poll() is None and time.monotonic() - e.at < START_S for e in mine):
        return None
    folder = lab.home / "jobs"
    folder.mkdir(exist_ok=True)
    log = folder / f"worker-{alive.host()}.log"
    if sum((e.process.poll() or 0) > 0 for e in mine) >= TRIES:
        raise LabError("the worker does not start, so nothing queued will run", f"its log says why: {log}")
    if log.exists() and log.stat().st_size > WORKER_LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    command = [sys.executable, "-P", "-m", "o1coder.jobs.worker", "--home", str(lab.home), *arguments]
    with log.open("ab") as out:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=lab.home,
            env=environment(),
        )
    _started.append(_Started(lab.home, time.monotonic(), process))
    return process.pid
