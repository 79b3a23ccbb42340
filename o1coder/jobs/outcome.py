"""How an attempt ended: the words for it, and the one place that writes them.

Exceptions and exit statuses become an outcome, a kind and a hint that names the setting to change. Nothing here decides
that a process is dead (alive.py, worker.py).
"""

from __future__ import annotations

import errno
import signal
from collections.abc import Mapping
from typing import Literal, NamedTuple

from sqlalchemy import text
from sqlalchemy.engine import Connection

from o1coder.clock import now
from o1coder.errors import ErrorKind, LabError

EXIT_DISK_FULL = errno.ENOSPC  # how a child that can no longer write its outcome says why
SIZES = ("batch", "max_length", "group", "in_flight", "width", "n", "threads")  # settings that memory grows with


class Ended(NamedTuple):
    """One attempt's end, as its row will say it."""

    outcome: Literal["done", "failed", "cancelled", "lost"]
    exit_status: int | None = None
    kind: ErrorKind | None = None
    message: str | None = None
    hint: str | None = None


DONE = Ended("done", 0)


def of_exception(error: BaseException, config: Mapping[str, object]) -> Ended:
    """The failure that an exception out of a stage means; `config` holds the settings a hint may name."""
    kind = _kind(error)
    if isinstance(error, LabError):
        # A part of the job that somebody's signal ended (a trainer killed with -9) is a loss, not a failure: tried again.
        return Ended("lost" if kind == "signal" else "failed", 1, kind, error.message, error.hint or hint(kind, config))
    return Ended("failed", 1, kind, f"{type(error).__name__}: {error}"[:2000], hint(kind, config))


def _kind(error: BaseException) -> ErrorKind:
    if isinstance(error, LabError):
        return error.kind
    words = str(error)
    for cause in _causes(error):
        if isinstance(cause, LabError) and cause.kind != "lab-error":
            return cause.kind
        if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
            return "disk-full"
        if type(cause).__name__ == "OutOfMemoryError" and type(cause).__module__.startswith("torch"):
            return "gpu-oom"
        if isinstance(cause, MemoryError) or (isinstance(cause, OSError) and cause.errno == errno.ENOMEM):
            return "host-oom"
    if "CUDA out of memory" in words:
        return "gpu-oom"
    if "DefaultCPUAllocator" in words and "memory" in words:
        return "host-oom"
    if "database or disk is full" in words:
        return "disk-full"
    return "bug"


def _causes(error: BaseException) -> list[BaseException]:
    out: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in out:
        out.append(link)
        link = link.__cause__
    return out


def of_exit(status: int | None, oom_killed: bool, config: Mapping[str, object]) -> Ended:
    """The end of a process that wrote no outcome: lost, save where its status says that the disk was full.

    `status` is Popen's (negative: a signal), None when nobody was there to see it; `oom_killed` says that the kernel
    killed something for memory meanwhile, which makes memory the likely reason of a SIGKILL.
    """
    if status == EXIT_DISK_FULL:
        return Ended("failed", status, "disk-full", "the disk was full", hint("disk-full", config))
    if status == -signal.SIGKILL and oom_killed:
        why = "its process was killed (SIGKILL) while the kernel was killing for want of memory"
        return Ended("lost", status, "host-oom", why, hint("host-oom", config))
    if status is not None and status < 0:
        why = f"its process was ended by {signal.Signals(-status).name}"
        return Ended("lost", status, "signal", why, "the log may say more; `o1coder jobs retry` goes on with it")
    if status is None:
        why = "its process ended without an outcome while no worker watched"
        return Ended("lost", None, "signal", why, "`o1coder jobs retry` goes on with it")
    why = f"its process ended with status {status} without an outcome"
    return Ended("lost", status, "bug", why, "its log says more")


def hint(kind: ErrorKind, config: Mapping[str, object]) -> str:
    """What to change, with the setting's present value where the stage has one."""
    sizes = [f"{name} (now {config[name]})" for name in SIZES if isinstance(config.get(name), int)]
    lower = "lower " + " or ".join(sizes) if sizes else "give the stage less to do at once"
    match kind:
        case "gpu-oom":
            return f"{lower}, or free the GPU of what else uses it"
        case "host-oom":
            return f"{lower}, or run fewer jobs at once (O1CODER_SLOTS)"
        case "disk-full":
            return "free some space, then `o1coder jobs retry`; what was stored is kept"
        case "bug":
            return "its log holds the traceback"
        case _:
            return ""


def record(connection: Connection, attempt_id: int, ended: Ended, stopped: str | None = None) -> bool:
    """Write how an attempt ended, unless it says so already; the first loss of a job asks for one more attempt."""
    changed = connection.execute(
        text(
            "UPDATE attempt SET outcome = :outcome, exit_status = :exit_status, error_kind = :kind, error = :message, "
            "hint = :hint, stopped = :stopped, ended_at = :now WHERE id = :id AND outcome IS NULL"
        ),
        {**ended._asdict(), "stopped": stopped, "now": now(), "id": attempt_id},
    )
    if changed.rowcount and ended.outcome == "lost":
        connection.execute(
            text(
                "UPDATE job SET attempts_wanted = attempts_wanted + 1 "
                "WHERE id = (SELECT job_id FROM attempt WHERE id = :id) AND cancel_requested = 0 "
                "AND attempts_wanted = (SELECT count(*) FROM attempt WHERE job_id = job.id) "
                "AND 1 = (SELECT count(*) FROM attempt WHERE job_id = job.id AND outcome = 'lost')"
            ),
            {"id": attempt_id},
        )
    return bool(changed.rowcount)
