"""The programs of the table of graders, read from `tests/judge/programs/graders` (its README.md has the format).

Also the questions that o1coder's judge is asked of them. It runs nothing.
"""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from o1coder.judge import Question
from o1coder.task import Case, Comparator, Limits

FOLDER = Path(__file__).parents[2] / "judge" / "programs" / "graders"
ENTRY_POINT = "f"
LIMITS = Limits(cpu_s=0.5, memory_mb=256)
DEFAULTS = {"stdio": ("1 2\n3\n", "6\n"), "function": ("[7]", "49")}
FIELDS = {"kind", "input", "expected", "tolerance", "asked"}

Truth = Literal["correct", "wrong", "cheat"]
TRUTHS: tuple[Truth, ...] = ("correct", "wrong", "cheat")


@dataclass(frozen=True, slots=True)
class Program:
    """A program, the one test it is put to, and what a grader should say. A function's `input` is a JSON array of its
    arguments and `expected` a JSON value; else both are texts. `json_only`: not for graders that ask by assertions."""

    name: str
    truth: Truth
    kind: Literal["stdio", "function"]
    code: str
    input: str
    expected: str
    tolerance: float
    json_only: bool

    @property
    def check(self) -> str:
        """The test of a function as HumanEval writes it."""
        return f"def check(candidate):\n    {self.assertion('candidate')}\n"

    def assertion(self, callee: str = ENTRY_POINT) -> str:
        """The test of a function as one assert."""
        arguments = ", ".join(repr(value) for value in json.loads(self.input))
        expected = repr(json.loads(self.expected))
        if self.tolerance:
            return f"assert abs({callee}({arguments}) - {expected}) <= {self.tolerance}"
        return f"assert {callee}({arguments}) == {expected}"


def load() -> list[Program]:
    """Every program, the correct ones first. ValueError for a field that does not exist."""
    return [parse(path, truth) for truth in TRUTHS for path in sorted((FOLDER / truth).glob("*.txt"))]


def parse(path: Path, truth: Truth) -> Program:
    """A program from its file."""
    head, code = path.read_bytes().decode().split("#---\n", 1)
    fields = dict(line.removeprefix("#: ").split(" ", 1) for line in head.splitlines())
    if unknown := fields.keys() - FIELDS:
        raise ValueError(f"{path.name}: no field is called {', '.join(sorted(unknown))}")
    kind = cast(Literal["stdio", "function"], fields["kind"])
    given, expected = DEFAULTS[kind]
    return Program(
        path.stem,
        truth,
        kind,
        code,
        ast.literal_eval(fields["input"]) if "input" in fields else given,
        ast.literal_eval(fields["expected"]) if "expected" in fields else expected,
        float(fields.get("tolerance", 0)),
        fields.get("asked") == "json",
    )


def questions(program: Program) -> list[Question]:
    """What o1coder's judge is asked: a function is asked for by JSON and, where that is fair, by assertions too."""
    tolerant = {"abs": program.tolerance, "rel": program.tolerance}
    comparator = Comparator("float", tolerant) if program.tolerance else Comparator()
    case = Case(program.name, program.input, program.expected)
    if program.kind == "stdio":
        return [Question(program.code, "stdio", case, comparator=comparator, limits=LIMITS)]
    call = Question(program.code, "call", case, ENTRY_POINT, comparator, LIMITS)
    checks = Question(program.code, "assert", Case(program.name, program.check, ""), ENTRY_POINT, limits=LIMITS)
    return [call] if program.json_only else [call, checks]
