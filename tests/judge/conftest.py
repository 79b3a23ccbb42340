"""One judge a level for the whole session of these tests, and the programs kept as data (programs/README.md)."""

from __future__ import annotations

import ast
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from o1coder.errors import LabError
from o1coder.judge import CODES, LEVELS, Judge, Level, Question
from o1coder.task import Case, Limits

PROGRAMS = Path(__file__).parent / "programs"
HOSTILE = ("hostile", "hostile-call", "hostile-assert")
HONEST = ("honest", "honest-call", "honest-assert")
CHECK = "def check(candidate):\n    assert candidate(2) == 4\n    assert candidate(3) == 9, 'three'\n"
DOUBLE = Question("print(int(input()) * 2)", "stdio", Case("", "21\n", "42"))  # the usual case of the programs

# What a field of a head is where it is absent.
HEAD: dict[str, Any] = {
    "verdict": None, "kind": "stdio", "stdin": "21\n", "args": "[21]", "checks": CHECK, "expected": "42", "entry": "f",
    "detail": "", "cpu_s": 1.0, "memory_mb": 256, "machine": "", "levels": " ".join(LEVELS),
}  # fmt: skip
INPUTS = {"stdio": "stdin", "call": "args", "assert": "checks"}
BROKEN = ("ImportError", "ModuleNotFoundError", "NameError", "AttributeError", "TypeError")
PLAIN = ("verdict", "kind", "entry", "machine")  # the others are Python literals


@dataclass(frozen=True)
class Program:
    """A program kept as data, with the verdicts that are right and what their detail must contain."""

    name: str
    verdicts: frozenset[str]
    detail: str
    question: Question
    machine: str
    levels: tuple[str, ...]

    def runs_at(self, level: str) -> bool:
        """Whether it is meant for this machine and level."""
        return self.machine in ("", platform.machine()) and level in self.levels


def load(*folders: str) -> list[Program]:
    """Every program of these folders."""
    return [parse(path) for folder in folders for path in sorted((PROGRAMS / folder).glob("*.txt"))]


def parse(path: Path) -> Program:
    """A program from its file. ValueError for a head that says something unknown."""
    head, mark, code = path.read_bytes().decode().partition("#---\n")
    given = dict(line.removeprefix("#: ").split(" ", 1) for line in head.splitlines())
    values = HEAD | {name: text if name in PLAIN else ast.literal_eval(text) for name, text in given.items()}
    verdicts = frozenset(values["verdict"].split())
    if not mark or set(values) != set(HEAD) or not verdicts <= set(CODES):
        raise ValueError(f"{path}: the head is not as programs/README.md says")
    kind = values["kind"]
    case = Case(path.stem, values[INPUTS[kind]], "" if kind == "assert" else values["expected"])
    entry = None if kind == "stdio" else values["entry"]
    limits = Limits(float(values["cpu_s"]), int(values["memory_mb"]))
    question = Question(code, kind, case, entry, limits=limits)
    name = f"{path.parent.name}/{path.stem}"
    return Program(name, verdicts, values["detail"], question, values["machine"], tuple(values["levels"].split()))


def wrong(judge: Judge, programs: Sequence[Program]) -> list[str]:
    """Those that got another verdict than a right one, with level, verdict and detail.

    Each is followed by the same honest program, which no program before it may have any influence on."""
    here = [program for program in programs if program.runs_at(judge.layer)]
    verdicts = judge.judge([question for program in here for question in (program.question, DOUBLE)])
    found = []
    for program, verdict, after in zip(here, verdicts[::2], verdicts[1::2], strict=True):
        said = f"{program.name} at {judge.layer}: {verdict.code} ({verdict.detail!r})"
        if verdict.code not in program.verdicts:
            found.append(f"{said}, not {' or '.join(sorted(program.verdicts))}")
        elif program.detail not in verdict.detail:
            found.append(f"{said}, without {program.detail!r}")
        elif verdict.code == "RE" and not program.detail and verdict.detail.startswith(BROKEN):
            found.append(f"{said}: it ended before it tried anything, or its head should name this")
        if after.code != "AC":
            found.append(f"{program.name} at {judge.layer}: the honest program after it got {after}")
    return found


@pytest.fixture(scope="session")
def judge() -> Iterator[Judge]:
    """The best judge there is here."""
    with Judge(workers=4) as one:
        yield one


@pytest.fixture(scope="session", params=LEVELS)
def level_judge(request: pytest.FixtureRequest) -> Iterator[Judge]:
    """A judge of each level; skipped where this machine has none."""
    level: Level = request.param
    try:
        one = Judge(workers=1, level=level)  # so that what follows a program follows it in the same worker
    except LabError as error:
        pytest.skip(str(error))
    with one:
        yield one
