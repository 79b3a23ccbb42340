"""One judge a level for the whole session of these tests, and the programs kept as data."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from o1coder.errors import LabError
from o1coder.judge import LEVELS, Judge, Level, Question
from o1coder.task import Case, Limits

PROGRAMS = Path(__file__).parent / "programs"


@dataclass(frozen=True)
class Program:
    """A program kept as data, with the verdicts that are right."""

    name: str
    verdicts: set[str]
    question: Question
    machine: str
    levels: str


def load(folder: str) -> list[Program]:
    """Every program of a folder."""
    return [parse(path) for path in sorted((PROGRAMS / folder).glob("*.txt"))]


def parse(path: Path) -> Program:
    """A program from its file."""
    head, code = path.read_bytes().decode().split("#---\n", 1)
    fields = dict(line.removeprefix("#: ").split(" ", 1) for line in head.splitlines())
    literal = {k: ast.literal_eval(v) for k, v in fields.items() if k in ("stdin", "expected", "levels")}
    case = Case(path.stem, literal.get("stdin", "21\n"), literal.get("expected", "42"))
    limits = Limits(float(fields.get("cpu_s", 1)), int(fields.get("memory_mb", 256)))
    question = Question(code, "stdio", case, limits=limits)
    return Program(
        path.stem,
        set(fields["verdict"].split()),
        question,
        fields.get("machine", ""),
        literal.get("levels", " ".join(LEVELS)),
    )


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
        one = Judge(workers=2, level=level)
    except LabError as error:
        pytest.skip(str(error))
    with one:
        yield one
