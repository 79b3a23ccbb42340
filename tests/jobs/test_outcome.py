"""What an exception or an exit status is called, and what it tells the user to change."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
from pathlib import Path

import pytest

from o1coder.errors import LabError
from o1coder.jobs import alive
from o1coder.jobs.outcome import EXIT_DISK_FULL, of_exception, of_exit

TorchOOM = type("OutOfMemoryError", (RuntimeError,), {"__module__": "torch.cuda"})


def caused(cause: BaseException) -> Exception:
    """An error that wraps another."""
    error = RuntimeError("outer")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (LabError("no", "do"), "lab-error"),
        (LabError("full", "free", "disk-full"), "disk-full"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk-full"),
        (caused(OSError(errno.ENOSPC, "No space left on device")), "disk-full"),
        (RuntimeError("(sqlite3.OperationalError) database or disk is full"), "disk-full"),
        (MemoryError(), "host-oom"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "host-oom"),
        (TorchOOM("CUDA"), "gpu-oom"),
        (caused(TorchOOM("CUDA")), "gpu-oom"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "host-oom"),
        (KeyError("x"), "bug"),
        (SystemExit(3), "bug"),
    ],
)
def test_kinds(error: BaseException, kind: str) -> None:
    assert of_exception(error, {}).kind == kind
    assert of_exception(error, {}).outcome == "failed"


def test_a_hint_names_the_setting_and_its_value() -> None:
    hint = of_exception(MemoryError(), {"batch": 16, "seed": 1, "max_length": 512}).hint
    assert hint == "lower batch (now 16) or max_length (now 512), or run fewer jobs at once (O1CODER_SLOTS)"


@pytest.mark.parametrize(
    ("status", "oom", "outcome", "kind"),
    [
        (-signal.SIGKILL, False, "lost", "signal"),
        (-signal.SIGKILL, True, "lost", "host-oom"),
        (-signal.SIGSEGV, True, "lost", "signal"),
        (None, False, "lost", "signal"),
        (1, False, "lost", "bug"),
        (EXIT_DISK_FULL, False, "failed", "disk-full"),
    ],
)
def test_silent_ends(status: int | None, oom: bool, outcome: str, kind: str) -> None:
    ended = of_exit(status, oom, {})
    assert (ended.outcome, ended.kind, ended.exit_status) == (outcome, kind, status)


def test_a_zombie_is_dead_and_a_reused_pid_is_another() -> None:
    process = subprocess.Popen(["sleep", "60"])
    born = alive.standing(process.pid)
    assert born is not None
    here = (alive.host(), alive.boot_id())
    assert alive.is_alive(*here, process.pid, born.create_time)
    assert alive.is_alive(*here, process.pid, born.create_time + 1) is False
    assert alive.is_alive(here[0], "another boot", process.pid, born.create_time) is False
    assert alive.is_alive("another host", here[1], process.pid, born.create_time) is None
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert Path(f"/proc/{process.pid}").exists()
    assert alive.is_alive(*here, process.pid, born.create_time) is False
    process.wait()
    assert alive.standing(process.pid) is None


def test_marks_are_inherited_and_sessions_catch_who_clears_them(tmp_path: Path) -> None:
    marked = {**os.environ, alive.MARK: alive.mark(tmp_path, 7)}
    script = "sleep 60 & env -i sleep 60 & wait"
    leader = subprocess.Popen(["sh", "-c", script], env=marked, start_new_session=True)
    other = subprocess.Popen(["sleep", "60"], env={**os.environ, alive.MARK: f"{tmp_path}x:7"})
    try:
        found: list[int] = []
        for _ in range(100):
            found = alive.marked(tmp_path, {leader.pid: 7}).get(7, [])
            if len(found) == 3 and len(alive.marked(tmp_path).get(7, [])) == 2:
                break
        assert len(found) == 3, "the shell, its child, and the child with an empty environment"
        assert len(alive.marked(tmp_path)[7]) == 2
        assert other.pid not in found
    finally:
        os.killpg(leader.pid, signal.SIGKILL)
        other.kill()
        leader.wait()
        other.wait()
