"""Verdicts on a busy machine: programs that need half the CPU limit and twice it, idle and beside 4 × cores spinners.

No verdict may change. Wall times do, and are printed. A spinner watches whose child it is and so ends with the
benchmark, however that ends.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import Any, NamedTuple

from o1coder.judge import Judge, Question, Verdict
from o1coder.task import Case, Limits

from .arms import cores
from .figures import markdown

BUSY = 4  # spinners a core
CPU_S = 0.5
NEEDS = {"half the limit": 0.5, "twice the limit": 2.0}
SPIN = "import os, sys\nprint(flush=True)\nwhile os.getppid() == int(sys.argv[1]): pass"


class Line(NamedTuple):
    """One kind of program: the verdicts of all its runs, and the median wall times."""

    name: str
    idle: list[str]
    busy: list[str]
    idle_ms: float
    busy_ms: float


@contextmanager
def spinners(count: int) -> Iterator[list[int]]:
    """So many busy processes, running by the time this yields, gone when it ends."""
    command = [sys.executable, "-I", "-S", "-c", SPIN, str(os.getpid())]
    with ExitStack() as stack:
        started = []
        for _ in range(count):
            spinner = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE))
            stack.callback(spinner.kill)
            started.append(spinner)
        for spinner in started:
            assert spinner.stdout is not None
            spinner.stdout.readline()
        yield [spinner.pid for spinner in started]


def programs() -> dict[str, Question]:
    """Each kind with each need. They look at their own CPU clock, so the need holds on any machine."""
    found = {}
    limits = Limits(CPU_S, 256)
    for name, share in NEEDS.items():
        loop = f"import time\nwhile time.process_time() < {share * CPU_S}:\n    pass\n"
        function = f"def f(n):\n{indented(loop)}    return n * 2\n"
        found[f"stdio, {name}"] = Question(f"{loop}print(42)", "stdio", Case("", "", "42"), limits=limits)
        found[f"call, {name}"] = Question(function, "call", Case("", "[21]", "42"), "f", limits=limits)
        found[f"assert, {name}"] = Question(function, "assert", Case("", "assert f(21) == 42", ""), "f", limits=limits)
    return found


def indented(text: str) -> str:
    """Four spaces before each line."""
    return "".join(f"    {line}\n" for line in text.splitlines())


def run(each: int) -> tuple[Any, str]:
    """`each` runs of every program, idle and then busy; as data and as text."""
    asked = programs()
    names = [name for name in asked for _ in range(each)]
    questions = [asked[name] for name in names]
    with Judge() as judge:
        idle = judge.judge(questions)
        with spinners(BUSY * cores()):
            busy = judge.judge(questions)
    lines = [line(name, names, idle, busy) for name in asked]
    changed = sum(before.code != after.code for before, after in zip(idle, busy, strict=True))
    count = BUSY * cores()
    said = f"{len(questions)} runs idle, again beside {count} spinners on {cores()} cores: {changed} verdicts changed."
    report = {"changed": changed, "runs": len(questions), "lines": [one._asdict() for one in lines]}
    return report, f"{said}\n\n{table(lines)}"


def line(name: str, names: list[str], idle: list[Verdict], busy: list[Verdict]) -> Line:
    """One program's line."""
    before, after = ([v for called, v in zip(names, side, strict=True) if called == name] for side in (idle, busy))
    return Line(name, codes(before), codes(after), wall_ms(before), wall_ms(after))


def codes(verdicts: list[Verdict]) -> list[str]:
    """Each code that occurs, once."""
    return sorted({verdict.code for verdict in verdicts})


def wall_ms(verdicts: list[Verdict]) -> float:
    """The median wall time."""
    return median(verdict.wall_ms for verdict in verdicts)


def table(lines: list[Line]) -> str:
    """Verdicts and wall times, idle and busy."""
    header = [f"CPU limit {CPU_S} s", "idle", "busy", "idle wall s", "busy wall s", "stretch"]
    rows = [
        [
            one.name,
            " ".join(one.idle),
            " ".join(one.busy),
            f"{one.idle_ms / 1000:.2f}",
            f"{one.busy_ms / 1000:.2f}",
            f"× {one.busy_ms / one.idle_ms:.1f}",
        ]
        for one in lines
    ]
    return markdown(header, rows)
