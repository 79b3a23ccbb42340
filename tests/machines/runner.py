"""What runs in the system under test: every level, every program, every call of the kernel; prints JSON lines.

Needs Debian's python3-pytest (only because the tables it reads live in test files) and no other package. Limits are
raised by `factor` where an emulated processor must not decide, never where a time limit is what a program is to meet.

    python3 -m tests.machines.runner wish.json
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import replace
from typing import Any

from o1coder.errors import LabError
from o1coder.judge import LEVELS, Judge, Level, Question
from o1coder.judge.inside import landlock
from o1coder.task import Case, Limits
from tests.judge.conftest import HONEST, HOSTILE, Program, load, wrong

from .headers import mentioned

MARK = "@@"  # the console also carries the kernel's words
TEST_FILES = ("test_robust.py", "test_stream.py", "test_checked.py", "test_call.py", "test_assert.py")
IDLE_FACTOR = 4  # for programs that idle: more would only take longer, less would let the start-up decide
# Calls of the kernel's own trampolines on x86-64, which it takes past every filter and answers others with SIGILL.
UNFILTERED = {"uretprobe", "uprobe"}
# Makes every system call of the kernel that the filter does not mention and prints those that are not refused.
SWEEP = """
import ctypes, json
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
found = []
for name, number in json.loads(input()):
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(-1)] * 6)
    if (result, ctypes.get_errno()) != (-1, 1):
        found.append([name, result, ctypes.get_errno()])
print(json.dumps(found))
"""


def say(**row: Any) -> None:
    """One line of the report."""
    print(f"{MARK}{json.dumps(row)}", flush=True)


def sweep(calls: dict[str, int]) -> Program:
    """Every call that must be refused, made."""
    # By number: a call that the kernel has under two names is one call.
    known = {calls[name] for name in (*mentioned(), *UNFILTERED) if name in calls}
    given = json.dumps([[name, number] for name, number in calls.items() if number not in known])
    question = Question(SWEEP, "stdio", Case("", given, "[]"), limits=Limits(10.0, 256))
    return Program("sweep", frozenset({"AC"}), "", question, "", LEVELS)


def slower(program: Program, factor: float) -> Program:
    """The program with a CPU limit for a slower processor, unless the limit is the point."""
    limits = program.question.limits
    if "TLE" in program.verdicts:
        factor = 1
    elif "ILE" in program.verdicts:
        factor = min(factor, IDLE_FACTOR)
    changed = replace(program.question, limits=Limits(limits.cpu_s * factor, limits.memory_mb))
    return replace(program, question=changed)


def judge_level(level: Level, factor: float, calls: dict[str, int]) -> None:
    """Report one level: whether it is to be had, and what got another verdict than it should."""
    began = time.monotonic()
    try:
        judge = Judge(workers=1, level=level)
    except LabError as error:
        say(level=level, found=False, reason=error.message)
        return
    with judge:
        started = time.monotonic()
        programs = [one for one in [*load(*HONEST, *HOSTILE), sweep(calls)] if one.runs_at(level)]
        found: list[str] = []
        for program in programs:  # one at a time, so that the report's last line is near one that hangs
            try:
                faults = wrong(judge, [slower(program, factor)])
            except LabError as error:
                faults = [f"{program.name}: not judged: {error.message}"]
            for fault in faults:
                say(level=level, fault=fault.replace(f" at {level}", ""))
            found += faults
        say(
            level=level, found=True, programs=len(programs), wrong=len(found),
            start_s=round(started - began, 2), run_s=round(time.monotonic() - started, 2),
        )  # fmt: skip


def judge_levels(uid: int, wish: dict[str, Any]) -> None:
    """What the judge finds unasked, then each level, as the user that this process is."""
    try:
        with Judge(workers=1) as judge:
            say(uid=uid, best=judge.layer, refused=judge.refused)
    except LabError as error:
        say(uid=uid, best="", refused=error.message)
    for level in wish["levels"] or list(LEVELS):
        judge_level(level, wish["factor"], wish["calls"])


def test_files() -> None:
    """The tests of what is killed, streamed, cancelled, checked and left behind, as they are."""
    for name in TEST_FILES:
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-m",
            "not slow",
            f"tests/judge/{name}",
        ]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        rows = done.stdout.strip().splitlines()
        said = {"said": "\n".join(rows)[-3000:]} if done.returncode else {}
        say(tests=name, status=done.returncode, end=rows[-1:], **said)


def processes() -> dict[str, str]:
    """The command line of every process by its id, the kernel's own and the dead aside."""
    found = {name: _command(name) for name in os.listdir("/proc") if name.isdigit()}
    return {name: command for name, command in found.items() if command}


def _command(pid: str) -> str:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ").decode("utf-8", "replace")
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return ""


def left_over(before: dict[str, str]) -> list[str]:
    """The processes that were not there before and do not end by themselves: a killed worker takes its tests along,
    but not at once."""
    end = time.monotonic() + 10
    while (new := processes().keys() - before.keys()) and time.monotonic() < end:
        time.sleep(0.1)
    return [command for name, command in processes().items() if name in new]


def main() -> None:
    """Arguments: a file of JSON with `factor`, `uids`, `levels` (empty: all), `tests` and `calls`, the kernel's, by name;
    and in the process of one user, its id."""
    with open(sys.argv[1], encoding="utf-8") as file:
        wish = json.load(file)
    if sys.argv[2:]:
        judge_levels(int(sys.argv[2]), wish)
        return
    say(
        machine=platform.machine(), kernel=platform.release(), python=platform.python_version(),
        libc=" ".join(platform.libc_ver()), landlock=landlock.available(), calls=len(wish["calls"]),
    )  # fmt: skip
    before = processes()
    for uid in wish["uids"]:
        command = [sys.executable, "-m", "tests.machines.runner", sys.argv[1], str(uid)]
        say(uid=uid, status=subprocess.run(command, user=uid, group=uid, extra_groups=[]).returncode)
    if wish["tests"]:
        test_files()
    say(left=left_over(before))


if __name__ == "__main__":
    main()
