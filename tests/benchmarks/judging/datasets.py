"""Every canonical program of HumanEval and MBPP: by the judge on all cores, and as plain processes, as many at a time.

The plain side is the program's own `python FILE` with its asserts appended: no wall, no limits but a time-out, and a
pass is a status of 0, which any program could have for the asking. It is there for the time only.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from o1coder.judge import Judge, Question
from tests.judge import test_datasets

from .arms import cores
from .figures import Spread, markdown, spread
from .meter import Meter

TIME_OUT_S = 60


class Pass(NamedTuple):
    """One way through all programs. `refused` names those that were not accepted."""

    total: int
    refused: list[str]
    wall_s: float
    cpu_s: float


class Line(NamedTuple):
    """One way's line: the refused of every repeat together."""

    name: str
    total: int
    refused: list[str]
    wall_s: Spread
    cpu_s: Spread


def questions(folder: Path) -> list[Question]:
    """One a problem. FileNotFoundError when the data sets are not in `folder`."""
    test_datasets.DATA = folder
    return [*test_datasets.humaneval(), *test_datasets.mbpp()]


def plain_source(question: Question) -> str:
    """The program with its checks as one file. HumanEval's define `check`; MBPP's are bare asserts."""
    call = f"\ncheck({question.entry_point})\n" if "def check(" in question.case.input else "\n"
    return f"{question.code}\n\n{question.case.input}\n{call}"


def by_judge(judge: Judge, asked: list[Question], _scratch: Path) -> list[str]:
    """The programs that were not accepted."""
    verdicts = judge.judge(asked)
    return [
        f"{question.case.digest}: {verdict.code}"
        for question, verdict in zip(asked, verdicts, strict=True)
        if verdict.code != "AC"
    ]


def by_processes(asked: list[Question], scratch: Path) -> list[str]:
    """The programs that did not end with status 0."""

    def failed(numbered: tuple[int, Question]) -> str | None:
        number, question = numbered
        path = scratch / f"{number}.py"
        path.write_text(plain_source(question), encoding="utf-8")
        done = subprocess.run([sys.executable, str(path)], capture_output=True, cwd=scratch, timeout=TIME_OUT_S)
        return f"{question.case.digest}: status {done.returncode}" if done.returncode else None

    with ThreadPoolExecutor(cores()) as pool:
        return [one for one in pool.map(failed, enumerate(asked)) if one]


@contextmanager
def ways() -> Iterator[dict[str, Callable[[list[Question], Path], list[str]]]]:
    """The two ways, by name."""
    with Judge() as judge:
        yield {
            f"judge, {judge.layer}": lambda asked, scratch: by_judge(judge, asked, scratch),
            "python FILE": by_processes,
        }


def run(folder: Path, repeats: int, meter: Meter, scratch: Path) -> tuple[Any, str]:
    """Interleaved passes, as data and as a table."""
    asked = questions(folder)
    passes: dict[str, list[Pass]] = {}
    with ways() as found:
        for _ in range(repeats):
            for name, way in found.items():
                cpu, wall = meter.cpu_s(), time.perf_counter()
                refused = way(asked, scratch)
                wall, cpu = time.perf_counter() - wall, meter.cpu_s() - cpu
                passes.setdefault(name, []).append(Pass(len(asked), refused, wall, cpu))
    lines = [summarise(name, made) for name, made in passes.items()]
    return [line._asdict() for line in lines], table(lines)


def summarise(name: str, passes: list[Pass]) -> Line:
    """One way's line of the table."""
    refused = sorted({one for made in passes for one in made.refused})
    return Line(
        name,
        passes[0].total,
        refused,
        spread([made.wall_s for made in passes]),
        spread([made.cpu_s for made in passes]),
    )


def table(lines: list[Line]) -> str:
    """Accepted of all, and what that took; whoever was refused is named below."""
    rows = [
        [one.name, f"{one.total - len(one.refused):,} of {one.total:,}", one.wall_s.text(1), one.cpu_s.text(1)]
        for one in lines
    ]
    header = ["HumanEval and MBPP, canonical", "accepted", f"wall s, {cores()} cores", "CPU s"]
    refused = [f"Refused by {one.name}: {'; '.join(one.refused)}" for one in lines if one.refused]
    return "\n\n".join([markdown(header, rows), *refused])
