"""Who is alive: processes by (host, boot id, pid, create time), and every process that carries a job's mark.

A zombie is dead; a silent process is not. A process belongs to a job when its environment holds `O1CODER_JOB=<home>:<id>`,
which children inherit through fork and exec, or when it sits in the session that the job's child leads. It reads /proc, so
it knows Linux only, and it cannot see into another host or another pid namespace: there it says None, "not known".
"""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

MARK = "O1CODER_JOB"
PROC = Path("/proc")


class Standing(NamedTuple):
    """A live process: when it began (seconds since boot, so no clock adjustment moves it) and its session."""

    create_time: float
    session: int


@cache
def host() -> str:
    """This machine's name."""
    return socket.gethostname()


@cache
def boot_id() -> str:
    """The kernel's id of this boot; empty where the kernel does not say."""
    try:
        return (PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def standing(pid: int) -> Standing | None:
    """The process `pid`, or None when there is none or it is a zombie."""
    try:
        raw = (PROC / str(pid) / "stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = raw[raw.rindex(b")") + 2 :].split()  # the name before it may hold blanks and brackets
    if fields[0] in (b"Z", b"X", b"x"):
        return None
    return Standing(int(fields[19]) / os.sysconf("SC_CLK_TCK"), int(fields[3]))


def is_alive(where: str, boot: str, pid: int, create_time: float) -> bool | None:
    """Is that very process alive? None when it ran on another host, which cannot be seen from here."""
    if where != host():
        return None
    if boot != boot_id():
        return False
    found = standing(pid)
    return found is not None and abs(found.create_time - create_time) < 0.005


def mark(home: Path, job_id: int) -> str:
    """The value of `O1CODER_JOB` in a job's processes. `home` must be resolved, as `Lab.home` is."""
    return f"{home}:{job_id}"


def marked(home: Path, leaders: Mapping[int, int] | None = None) -> dict[int, list[int]]:
    """{job id: pids} of live processes that carry a job of this lab; `leaders` maps session leaders to their jobs.

    The sessions catch what cleared its environment, or hides it; the kernel gives a session's number to nobody else while
    a member lives.
    """
    sessions = leaders or {}
    prefix = f"{MARK}={home}:".encode(errors="surrogateescape")
    found: dict[int, list[int]] = {}
    for pid in _pids():
        process = standing(pid)
        if process is None or pid == os.getpid():
            continue
        job = _marked_job(pid, prefix)
        if job is None:
            job = sessions.get(process.session)
        if job is not None:
            found.setdefault(job, []).append(pid)
    return found


def _pids() -> Iterator[int]:
    return (int(name) for name in os.listdir(PROC) if name.isdigit())


def _marked_job(pid: int, prefix: bytes) -> int | None:
    try:
        environment = (PROC / str(pid) / "environ").read_bytes()
    except OSError:  # gone meanwhile, or another user's
        return None
    for entry in environment.split(b"\0"):
        if entry.startswith(prefix) and entry[len(prefix) :].isdigit():
            return int(entry[len(prefix) :])
    return None


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Send a signal to each process; one that has gone meanwhile is no error."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def oom_kills() -> int:
    """How many processes this kernel has killed for want of memory since boot; 0 where it does not count them."""
    try:
        lines = (PROC / "vmstat").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
