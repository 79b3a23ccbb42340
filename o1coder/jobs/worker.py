"""The one process per lab and host that schedules, leases, watches and cancels.

    python -P -m o1coder.jobs.worker --home HOME [--foreground]          (`ensure_worker` starts it; @reboot may, too)

It claims queued jobs (oldest first, as slots and GPUs allow), starts a child for each, and writes down the end of a child
that could not do so itself. Children outlive it: the next worker adopts them, and starts what was claimed and not started.
A cancel sends TERM to the child alone, so that a stage can end its own processes in order, and after the grace KILL to its
group and to all that carry the job's mark. When its own code changes on disk it becomes the new one (exec, same pid); when
the lab's schema does, it leaves. It never imports a stage, and it does not notice a job that runs but makes no progress.
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Event

from o1coder import db
from o1coder.clock import now
from o1coder.errors import LabError
from o1coder.jobs import launch
from o1coder.jobs.lease import cpu_slots, gpu_uuids
from o1coder.jobs.watch import Watcher
from o1coder.lab import Lab

POLL_S = 0.1
LOOK_S = 1.0  # how often it looks at everything, whether or not the database has changed
CODE_S = 1.0
IDLE_S = 30.0
CODE = "its code has changed"
GRACE_S = 10.0


def serve(lab: Lab, watcher: Watcher, lock: launch.Lock, idle_s: float | None, asked_to_leave: Event) -> str:
    """Schedule until idle for `idle_s` seconds (None: for ever), asked to leave, or out of date; returns which."""
    loaded = changed = own_code()
    checked = looked = busy = time.monotonic()
    looked -= LOOK_S
    seen, complaint = -1, ""
    raw = lab.engine.raw_connection()  # held, so that data_version compares with what this connection saw before
    try:
        cursor = raw.cursor()
        while not asked_to_leave.is_set():
            moment = time.monotonic()
            version = int(cursor.execute("PRAGMA data_version").fetchone()[0])
            if version != seen or moment - looked >= LOOK_S or watcher.pressing():
                seen, looked = version, moment
                try:
                    watcher.look(moment)
                    idle = not watcher.start_queued() and not watcher.watches
                    complaint = ""
                except LabError as error:  # a full disk or a long lock: what runs goes on, and so does this
                    if error.message != complaint:
                        print(f"{now()} {error.message}; {error.hint}", flush=True)
                    complaint, idle = error.message, False
                    asked_to_leave.wait(LOOK_S)
                if not idle:
                    busy = moment
            if moment - checked >= CODE_S:
                checked = moment
                if lock.lost():
                    return "its lock file was removed"
                with lab.reading() as connection:
                    if db.version_of(connection) != db.HEAD:
                        return "the lab's schema is another one now"
                found = own_code()
                if found != loaded and found == changed:  # changed, and not just now: an installation has settled
                    return CODE
                changed = found
            if idle_s is not None and moment - busy >= idle_s:
                lock.clear()  # from here on whoever enqueues starts a worker; what came before is seen by the next line
                if not watcher.anything_queued():
                    return "idle"
                watcher.sign(lock)
                busy = moment
            asked_to_leave.wait(POLL_S)
        return f"asked to; {len(watcher.watches)} jobs go on"
    finally:
        raw.close()


def own_code() -> dict[str, float]:
    """{file: time of change} of this package's modules that are loaded here."""
    files = [module.__file__ for name, module in list(sys.modules.items()) if name.startswith("o1coder")]
    return {file: os.stat(file).st_mtime for file in files if file is not None and os.path.exists(file)}


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of the worker."""
    parser = argparse.ArgumentParser(prog="o1coder.jobs.worker", description="Run a lab's jobs on this host.")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--foreground", action="store_true", help="stay when idle")
    parser.add_argument("--idle-s", type=float, default=IDLE_S, help="leave after so many idle seconds")
    parser.add_argument("--grace-s", type=float, default=GRACE_S, help="seconds from TERM to KILL")
    parser.add_argument("--patience-s", type=float, default=5.0, help="seconds to wait while another worker leaves")
    parser.add_argument(
        "--child", default=shlex.join([sys.executable, "-P", "-m", "o1coder.jobs.child"]), help="what starts a child"
    )
    asked = parser.parse_args(arguments)
    lab = Lab(asked.home)
    if not lab.owned():
        raise LabError(f"the lab at {lab.home} belongs to another user", "only its owner runs jobs")
    if lab.group_shared:
        os.umask(0o007)
    lock = launch.Lock(lab.home)
    if not lock.acquire(asked.patience_s):
        print(f"{now()} another worker is there", flush=True)
        return 0
    asked_to_leave = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked_to_leave.set())
    watcher = Watcher(lab, shlex.split(asked.child), cpu_slots(), gpu_uuids(), asked.grace_s)
    watcher.sign(lock)
    print(f"{now()} worker {os.getpid()}: {watcher.slots} slots, {len(watcher.gpus)} GPUs", flush=True)
    why = serve(lab, watcher, lock, None if asked.foreground else asked.idle_s, asked_to_leave)
    print(f"{now()} worker {os.getpid()} leaves: {why}", flush=True)
    lock.clear()
    if why == CODE:
        again = list(sys.argv[1:] if arguments is None else arguments)
        os.execv(sys.executable, [sys.executable, "-P", "-m", "o1coder.jobs.worker", *again])
    lock.close()
    lab.close()
    return 0


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except LabError as error:
        print(f"{error.message}\n{error.hint}", file=sys.stderr)
        raise SystemExit(2) from error
