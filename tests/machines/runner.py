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
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from o1coder.errors import LabError
from o1coder.judge import LEVELS, Judge, Level, Question
from o1coder.judge.inside import landlock, seccomp
from o1coder.task import Case, Limits
from tests.judge.conftest import load
from tests.judge.test_assert import CHECK
from tests.judge.test_assert import ROWS as ASSERTS
from tests.judge.test_call import CALLS

MARK = "@@"  # the console also carries the kernel's words
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
THREADS = "import threading\nt = threading.Thread(target=lambda: print(42))\nt.start()\nt.join()"


@dataclass(frozen=True)
class Probe:
    """A question with the verdicts that are right."""

    name: str
    question: Question
    verdicts: set[str]


def say(**row: Any) -> None:
    """One line of the report."""
    print(f"{MARK}{json.dumps(row)}", flush=True)


def programs(level: Level) -> Iterator[Probe]:
    """The programs kept as data, the calls and the asserts."""
    for folder in ("honest", "hostile"):
        for one in load(folder):
            if one.machine in ("", platform.machine()) and level in one.levels.split():
                yield Probe(f"{folder}/{one.name}", one.question, one.verdicts)
    for name, (code, arguments, expected, verdict) in CALLS.items():
        case = Case(name, arguments, expected)
        yield Probe(f"call/{name}", Question(code, "call", case, "f", limits=Limits(1.0, 256)), {verdict})
    for name, (code, checks, verdicts) in ASSERTS.items():
        question = Question(code, "assert", Case(name, checks, ""), "f", limits=Limits(0.5, 256))
        yield Probe(f"assert/{name}", question, set(verdicts.split()))
    yield Probe("assert/again", Question("def f(x):\n    return x * x", "assert", Case("", CHECK, ""), "f"), {"AC"})
    yield Probe("stdio/thread", Question(THREADS, "stdio", Case("", "", "42")), {"AC"})


def mentioned() -> set[str]:
    """The calls that the filter has any rule for, or that no filter sees; all others must be refused."""
    pairs = {name.lower() for name, value in vars(seccomp).items() if name.isupper() and isinstance(value, tuple)}
    return {*seccomp.PLAIN, *seccomp.LOOKING, *pairs, "prlimit64", *UNFILTERED}


def sweep(calls: dict[str, int]) -> Probe:
    """Every call that must be refused, made."""
    known = {calls[name] for name in mentioned() if name in calls}
    rest = sorted((number, name) for name, number in calls.items() if number not in known)
    given = json.dumps([[name, number] for number, name in rest])
    return Probe("sweep", Question(SWEEP, "stdio", Case("", given, "[]"), limits=Limits(10.0, 256)), {"AC"})


def slower(probe: Probe, factor: float) -> Question:
    """The question with a CPU limit for a slower processor, unless the limit is the point."""
    if "TLE" in probe.verdicts:
        return probe.question
    factor = min(factor, IDLE_FACTOR) if "ILE" in probe.verdicts else factor
    limits = probe.question.limits
    return replace(probe.question, limits=Limits(limits.cpu_s * factor, limits.memory_mb))


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
        probes = [*programs(level), sweep(calls)]
        # One a call of the judge, so that one that hangs is named by the report's last line.
        wrong = 0
        codes: dict[str, int] = {}
        for probe in probes:
            [verdict] = judge.judge([slower(probe, factor)])
            codes[verdict.code] = codes.get(verdict.code, 0) + 1
            if verdict.code not in probe.verdicts:
                wrong += 1
                right = " ".join(sorted(probe.verdicts))
                say(level=level, program=probe.name, code=verdict.code, right=right, detail=verdict.detail)
        say(
            level=level, found=True, programs=len(probes), wrong=wrong, codes=codes,
            start_s=round(started - began, 2), run_s=round(time.monotonic() - started, 2),
        )  # fmt: skip


def as_user(uid: int, levels: list[Level], factor: float, calls: dict[str, int]) -> None:
    """All levels in a process of its own that is `uid`; the best one is also what the judge finds unasked."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        say(uid=uid, status=os.waitstatus_to_exitcode(status))
        return
    status = 1
    try:
        if uid:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
        try:
            with Judge(workers=1) as judge:
                say(uid=uid, best=judge.layer, refused=judge.refused)
        except LabError as error:
            say(uid=uid, best="", refused=error.message)
        for level in levels:
            judge_level(level, factor, calls)
        status = 0
    finally:
        sys.stderr.flush()
        os._exit(status)


def robust() -> None:
    """The tests of what is killed, cancelled and left behind, as they are."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/judge/test_robust.py"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    say(
        robust=done.stdout.strip().splitlines()[-1:],
        status=done.returncode,
        said=done.stdout[-3000:] * bool(done.returncode),
    )


def processes() -> int:
    """How many processes there are, the kernel's own aside."""
    return sum(bool(_command(name)) for name in os.listdir("/proc") if name.isdigit())


def _command(pid: str) -> bytes:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return b""


def main() -> None:
    """Argument: a file of JSON with `factor`, `uids`, `levels` (empty: all) and `calls`, the kernel's, by name."""
    with open(sys.argv[1], encoding="utf-8") as file:
        wish = json.load(file)
    say(
        machine=platform.machine(), kernel=platform.release(), python=platform.python_version(),
        libc=" ".join(platform.libc_ver()), landlock=landlock.available(), calls=len(wish["calls"]),
    )  # fmt: skip
    before = processes()
    for uid in wish["uids"]:
        as_user(uid, wish["levels"] or list(LEVELS), wish["factor"], wish["calls"])
    robust()
    say(left=processes() - before)


if __name__ == "__main__":
    main()
