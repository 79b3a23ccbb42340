"""From how the processes ended and what they wrote to a verdict: pure, in the parent, trusting nothing that was said.

Priority: IE, SK, SV, OLE, TLE, ILE, CE, MLE, RE, then the comparison. AC needs status 0 and an accepted output.
"""

from __future__ import annotations

import json
import os
import re
import signal
from dataclasses import dataclass

from . import checker
from .compare import comparator_for, compare
from .inside import wire
from .inside.wire import Process
from .question import Code, Level, Question, Verdict

DETAIL_CHARACTERS = 300
OUT_OF_MEMORY = re.compile(r"MemoryError\b|(numpy\.[\w.]+\.)?_ArrayMemoryError\b")
NEARLY = 0.9  # a kill from outside at this share of the memory limit was the kernel's for want of memory


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one run left: the bytes may be cut at the output limit, `written` is the true size of the largest."""

    processes: list[Process]
    wall_us: int
    stdout: bytes
    stderr: bytes
    result: bytes
    written: int


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict, and whether it is the judge that failed: then the question is asked again. A question whose own checks
    do not compile is IE too, but asking again would not help."""

    verdict: Verdict
    fault: bool


class JudgeFailed(Exception):
    """This run says nothing about the program."""


def decide(question: Question, outcome: Outcome, request: wire.Request, level: Level) -> Decision:
    """The verdict of one run. Where a checker program compares, AC means that there is an output to show it."""
    program = outcome.processes[0]
    fault = False
    code: Code
    try:
        code, detail = judge(question, outcome, request)
    except JudgeFailed as error:
        code, detail, fault = "IE", str(error), True
    verdict = Verdict(
        code,
        cpu_ms=round(program.cpu_us / 1000, 3),
        wall_ms=round(outcome.wall_us / 1000, 3),
        memory_kb=program.peak_kb,
        exit=exit_of(program),
        detail=plain(detail),
        layer=level,
    )
    return Decision(verdict, fault)


def plain(detail: str) -> str:
    """A detail that can be stored and shown: cut, with what is no printable character escaped."""
    text = detail[:DETAIL_CHARACTERS]
    if not text.isprintable():
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return text[:DETAIL_CHARACTERS]


def exit_of(program: Process) -> int | None:
    """The status or minus the signal; None where the judge ended a program that only waited for more calls."""
    status = os.waitstatus_to_exitcode(program.status)
    return None if program.reason == wire.SPENT else status


def judge(question: Question, outcome: Outcome, request: wire.Request) -> tuple[Code, str]:
    """(code, detail)."""
    program = outcome.processes[0]
    if any(one.reason == wire.CANCELLED for one in outcome.processes):
        return "SK", "cancelled"
    if any(not one.stages.startswith(b"s") for one in outcome.processes):
        raise JudgeFailed("a process ended before its jail was complete")
    exceeded = limits_exceeded(program, outcome, request)
    if exceeded:
        return exceeded
    if b"c" not in program.stages[1:2]:
        return not_compiled(program, outcome, request)
    if question.kind == "assert":
        return judge_checks(outcome, request)
    if program.status:
        return failed(program, outcome, request)
    return judge_output(question, outcome)


def limits_exceeded(program: Process, outcome: Outcome, request: wire.Request) -> tuple[Code, str] | None:
    """SV, OLE, TLE or ILE."""
    ended_by = -os.waitstatus_to_exitcode(program.status)
    if ended_by == signal.SIGSYS:
        return "SV", "a call of another architecture"
    if outcome.written > request.output:
        return "OLE", f"more than {request.output} bytes of output"
    if program.reason == wire.OVER_CPU or program.cpu_us > request.cpu_ms * 1000:
        return "TLE", f"more than {request.cpu_ms / 1000:g} s of CPU"
    if any(one.reason == wire.OVER_WALL for one in outcome.processes):
        return "ILE", f"not done after {request.wall_ms / 1000:g} s, most of them idle"
    return None


def checker_end(outcome: Outcome, request: wire.Request) -> tuple[int, str, str]:
    """(status or minus the signal, the verdict code of a limit that it ran over or "", its last line) of a checker's run."""
    process = outcome.processes[0]
    if process.reason == wire.CANCELLED or not process.stages.startswith(b"s"):
        raise JudgeFailed("a checker's process ended before its jail was complete")
    exceeded = limits_exceeded(process, outcome, request)
    if exceeded is None and os.waitstatus_to_exitcode(process.status) == -signal.SIGKILL:
        exceeded = failed(process, outcome, request)
    over = exceeded[0] if exceeded else ""
    return os.waitstatus_to_exitcode(process.status), over, last_line(outcome.stderr)


def not_compiled(program: Process, outcome: Outcome, request: wire.Request) -> tuple[Code, str]:
    """CE with the compiler's words, or MLE."""
    stage = program.stages[1:]
    if stage.startswith(b"e"):
        return "CE", stage[1:].decode("utf-8", "replace")
    if stage.startswith(b"m"):
        return "MLE", "MemoryError in the compiler"
    code, detail = failed(program, outcome, request)
    return ("CE" if code == "RE" else code), f"the compiler ended: {detail}"


def failed(program: Process, outcome: Outcome, request: wire.Request) -> tuple[Code, str]:
    """MLE, RE, or IE for a process that someone else killed."""
    status = os.waitstatus_to_exitcode(program.status)
    last = last_line(outcome.stderr)
    if status == -signal.SIGKILL:
        if program.peak_kb * 1024 >= NEARLY * request.memory:
            return "MLE", "killed for want of memory"
        raise JudgeFailed("killed from outside")
    if status < 0:
        return "RE", signal_name(-status)
    if OUT_OF_MEMORY.match(last):
        return "MLE", last
    return "RE", last or f"exit status {status}"


def judge_output(question: Question, outcome: Outcome) -> tuple[Code, str]:
    """AC or WA by the question's comparator."""
    call = question.kind == "call"
    data = outcome.result if call else outcome.stdout
    if call and not data:
        return "WA", "the function did not return"
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        return "WA", f"the output is not UTF-8 at byte {error.start}"
    if question.comparator.name == checker.NAME:
        return "WA" if unpassable(text) and call else "AC", unpassable(text) if call else ""
    found = compare(question.case.expected, text, comparator_for(question.kind, question.comparator))
    if found.code == "AC":
        return "AC", found.detail
    return found.code, (unpassable(text) if call else "") or found.detail


def unpassable(text: str) -> str:
    """Why a result could not pass by value, if that was it."""
    if not text.startswith('{"~object"'):
        return ""
    try:
        return str(json.loads(text)["~object"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""


def judge_checks(outcome: Outcome, request: wire.Request) -> tuple[Code, str]:
    """The verdict that the checks' process came to, and the program's own end where it ended too early."""
    program, checks = outcome.processes
    for one in outcome.processes:
        if one.reason == wire.ENDED and os.waitstatus_to_exitcode(one.status) == -signal.SIGKILL:
            return failed(one, outcome, request)
    if checks.stages[1:2] != b"c":
        return "IE", f"the checks do not compile: {checks.stages[2:].decode('utf-8', 'replace')}"
    if checks.reason == wire.OVER_CPU:
        return "TLE", "the checks of what the program returned took too long"
    try:
        said = json.loads(outcome.result)
        verdict, detail = said["outcome"], said["detail"]
    except (ValueError, KeyError, TypeError, RecursionError):
        verdict = detail = None
    if type(verdict) is not str or type(detail) is not str:
        return "WA", "the checks could not deal with what the program returned"
    if verdict == "passed" and checks.status == 0:
        return "AC", ""
    if verdict == "raised":
        return ("MLE" if OUT_OF_MEMORY.match(detail) else "RE"), detail
    if verdict == "died":
        status = os.waitstatus_to_exitcode(program.status)
        return failed(program, outcome, request) if status not in (0, -signal.SIGKILL) else ("RE", detail)
    return "WA", detail


def last_line(stderr: bytes) -> str:
    """The last line that says something: of a traceback, the exception's name and message."""
    rows = [row for row in stderr[-4000:].decode("utf-8", "replace").splitlines() if row.strip()]
    return rows[-1].strip() if rows else ""


def signal_name(number: int) -> str:
    """SIGSEGV, …"""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
