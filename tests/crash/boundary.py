"""The boundaries that a job's processes cross, and a SIGKILL at one of them.

A process that calls `watch` notes every commit of its main thread, every rename and every line appended to a training
folder, under the name of the function that does it ("commit trees.write"), before and after. `crash.json` in the lab's
home names one of them and a victim; the first process that crosses it kills the victim, once in the life of the lab. The
heartbeat's commits fall when they fall and are not noted: kills at random moments are for them.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Literal, NamedTuple

from sqlalchemy.engine import Connection

from o1coder.jobs import launch
from o1coder.lab import Lab
from o1coder.train.folder import Folder

PLAN, FIRED, CROSSED = "crash.json", "crash.fired", "crossed.log"
Victim = Literal["child", "trainer", "judge", "worker"]
When = Literal["before", "after"]


class Plan(NamedTuple):
    """Kill `victim` when `spot` is crossed for the `nth` time (from 1) in one process."""

    victim: Victim
    when: When
    spot: str
    nth: int = 1


def watch(home: Path) -> None:
    """Note what this process crosses from here on, and kill where the lab's plan says so."""
    file = home / PLAN
    plan = Plan(*json.loads(file.read_text())) if file.exists() else None
    counts: Counter[tuple[str, str]] = Counter()

    def cross(when: When, spot: str) -> None:
        with (home / CROSSED).open("a") as log:
            log.write(f"{when} {spot}\n")
        counts[when, spot] += 1
        if plan is not None and (when, spot) == plan[1:3] and counts[when, spot] == plan.nth:
            kill(home, plan.victim)

    _watch_commits(cross)
    for name in ("rename", "replace"):
        setattr(os, name, _noted(getattr(os, name), "rename", cross))
    Folder.append = _noted(Folder.append, "append", cross)  # type: ignore[method-assign]


def _watch_commits(cross: Callable[[When, str], None]) -> None:
    writing = Lab.writing

    @contextmanager
    def noted(self: Lab, *, durable: bool = False) -> Iterator[Connection]:
        spot = f"commit {_caller()}"
        here = threading.current_thread() is threading.main_thread()
        with writing(self, durable=durable) as connection:
            yield connection
            if here:
                cross("before", spot)
        if here:
            cross("after", spot)

    Lab.writing = noted  # type: ignore[method-assign]


def _noted(does: Callable[..., Any], kind: str, cross: Callable[[When, str], None]) -> Callable[..., Any]:
    def noted(*words: Any, **named: Any) -> Any:
        spot = f"{kind} {_caller()}"
        cross("before", spot)
        result = does(*words, **named)
        cross("after", spot)
        return result

    return noted


def _caller() -> str:
    """module.function of the nearest frame of the package, without the package's name."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.startswith("o1coder."):
            return f"{module.rpartition('.')[2]}.{frame.f_code.co_name}"
        frame = frame.f_back
    return "nobody"


def kill(home: Path, victim: Victim) -> None:
    """SIGKILL the victim as seen from this process, unless that has been done in this lab already."""
    try:
        os.close(os.open(home / FIRED, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    me, parent = os.getpid(), os.getppid()
    where = Path(sys.argv[0]).stem  # child, trainer or worker
    if victim == "worker":
        post = launch.worker(home)
        pids = [me] if where == "worker" else [] if post is None else [post.pid]
    elif victim == "judge":
        from o1coder.judge.worker import START

        pids = [pid for pid in children(me) if START.encode() in command(pid)]
    elif victim == "trainer":
        pids = [me] if where == "trainer" else [pid for pid in children(me) if b"trainer.py" in command(pid)]
    else:
        pids = [parent] if where == "trainer" else [me]
    (home / FIRED).write_text(f"{victim} {pids}")
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


def children(pid: int) -> list[int]:
    """The children of all threads of a process."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += map(int, (task / "children").read_text().split())
    return found


def command(pid: int) -> bytes:
    """A process's command line."""
    return Path(f"/proc/{pid}/cmdline").read_bytes()
