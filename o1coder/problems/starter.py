"""The starter problems: reads `starter/*.toml`, one file a problem, into frozen values and refuses what does not fit.

A file holds one problem: key (its file name), family and split (a family lies in exactly one split), an optional
slice, difficulty, kind, title, statement, comparator, a reference program, at least two wrong programs and at least ten
tests. `call` problems name an entry point and a signature; a test's input is a JSON array of arguments, its expected
output a JSON value. With `stdio` both are text. Train problems carry `reward` and `audit` tests, the others `held-out`
ones, and each may show at most two `public` ones.

It deliberately runs no program, opens no lab and compares no statements: `tests/problems/test_starter.py` does that for
what ships.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NoReturn, get_args

from o1coder.errors import LabError
from o1coder.task import Comparator, Task

Split = Literal["train", "validation", "test"]
Slice = Literal["demo", "tcg"]
Difficulty = Literal["easy", "medium", "hard"]
StarterKind = Literal["call", "stdio"]
Purpose = Literal["public", "reward", "audit", "held-out"]

FOLDER = Path(__file__).with_name("starter")
MIN_TESTS = 10
MIN_WRONG = 2
MAX_PUBLIC = 2
PURPOSES: Mapping[Split, Mapping[Purpose, int]] = {  # the purposes a split's tests may have, and how many at least
    "train": {"public": 0, "reward": 6, "audit": 3},
    "validation": {"public": 0, "held-out": MIN_TESTS - MAX_PUBLIC},
    "test": {"public": 0, "held-out": MIN_TESTS - MAX_PUBLIC},
}
COMPARATORS: Mapping[StarterKind, tuple[str, ...]] = {
    "call": ("typed", "typed-float"),
    "stdio": ("tokens", "lines", "float", "identical", "casefold", "unordered"),
}


@dataclass(frozen=True, slots=True)
class StarterTest:
    """One test: `call`: JSON array of arguments and JSON value; `stdio`: both are text."""

    input: str
    expected: str
    purpose: Purpose


@dataclass(frozen=True, slots=True)
class StarterProblem:
    """One problem as its file states it. `wrong` are plausible programs that the tests must reject."""

    key: str
    family: str
    split: Split
    slice: Slice | None
    difficulty: Difficulty
    kind: StarterKind
    title: str
    statement: str
    entry_point: str | None
    signature: str | None
    comparator: Comparator
    reference: str
    wrong: tuple[str, ...]
    tests: tuple[StarterTest, ...]

    @property
    def task(self) -> Task:
        """What a policy may know of it."""
        return Task(self.statement, self.kind, self.entry_point, self.signature)


def starter_problems(folder: Path = FOLDER) -> list[StarterProblem]:
    """All problems of the folder, ordered by key.

    Raises LabError, naming file and field, where a file is not as the format asks or a family lies in two splits.
    """
    paths = sorted(folder.glob("*.toml"))
    if not paths:
        raise LabError(f"no starter problems in {folder}", "reinstall the package: its wheel carries them")
    problems = [read_problem(path) for path in paths]
    seen: dict[str, StarterProblem] = {}
    for problem in problems:
        first = seen.setdefault(problem.family, problem)
        if first.split != problem.split:
            raise LabError(
                f"{problem.key}.toml: family: '{problem.family}' is in split '{problem.split}' "
                f"but {first.key}.toml has it in '{first.split}'",
                "a family lies in exactly one split: rename it or move the problem",
            )
    return sorted(problems, key=lambda problem: problem.key)


def read_problem(path: Path) -> StarterProblem:
    """The problem of one file. Raises LabError naming file and field."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LabError(f"{path.name}: not readable as TOML: {error}", "mend the file") from error
    return _Fields(path.name, raw).problem()


class _Fields:
    """Takes the fields of one file out of its table, one by one; what is left at the end was not expected."""

    def __init__(self, file: str, raw: dict[str, Any]) -> None:
        self.file = file
        self.left = dict(raw)

    def problem(self) -> StarterProblem:
        key = self.text("key")
        if f"{key}.toml" != self.file:
            self.refuse("key", f"'{key}' is not the file's name")
        split: Split = self.choice("split", get_args(Split))
        kind: StarterKind = self.choice("kind", get_args(StarterKind))
        entry_point, signature = self.entry(kind)
        problem = StarterProblem(
            key=key,
            family=self.text("family"),
            split=split,
            slice=self.choice("slice", get_args(Slice)) if "slice" in self.left else None,
            difficulty=self.choice("difficulty", get_args(Difficulty)),
            kind=kind,
            title=self.text("title"),
            statement=self.text("statement").strip(),
            entry_point=entry_point,
            signature=signature,
            comparator=self.comparator(kind),
            reference=self.text("reference").lstrip("\n"),
            wrong=self.wrong(),
            tests=self.tests(split, kind),
        )
        if self.left:
            self.refuse(sorted(self.left)[0], "is not a field of a problem")
        return problem

    def refuse(self, field: str, why: str) -> NoReturn:
        raise LabError(f"{self.file}: {field}: {why}", "mend the file; the format is in o1coder/problems/starter.py")

    def take(self, field: str) -> Any:
        if field not in self.left:
            self.refuse(field, "is missing")
        return self.left.pop(field)

    def text(self, field: str) -> str:
        value = self.take(field)
        if not isinstance(value, str) or not value.strip():
            self.refuse(field, "must be a string that is not empty")
        return value

    def choice(self, field: str, allowed: Sequence[str]) -> Any:
        value = self.text(field)
        if value not in allowed:
            self.refuse(field, f"'{value}' is none of {', '.join(allowed)}")
        return value

    def entry(self, kind: StarterKind) -> tuple[str | None, str | None]:
        if kind == "stdio":
            return None, None
        entry_point, signature = self.text("entry_point"), self.text("signature")
        if not entry_point.isidentifier():
            self.refuse("entry_point", f"'{entry_point}' is not a function's name")
        if not (signature.startswith(f"{entry_point}(") and signature.endswith(")")):
            self.refuse("signature", f"'{signature}' is not {entry_point}(…)")
        return entry_point, signature

    def comparator(self, kind: StarterKind) -> Comparator:
        name = self.choice("comparator", COMPARATORS[kind])
        arguments = self.left.pop("comparator_args", {})
        if not isinstance(arguments, dict) or not all(isinstance(v, int | float | str) for v in arguments.values()):
            self.refuse("comparator_args", "must be a table of numbers or strings")
        return Comparator(name, arguments)

    def wrong(self) -> tuple[str, ...]:
        programs = self.take("wrong")
        if not isinstance(programs, list) or not all(isinstance(p, str) and p.strip() for p in programs):
            self.refuse("wrong", "must be a list of programs")
        if len(set(programs)) < max(MIN_WRONG, len(programs)):
            self.refuse("wrong", f"must hold at least {MIN_WRONG} programs, all different")
        return tuple(program.lstrip("\n") for program in programs)

    def tests(self, split: Split, kind: StarterKind) -> tuple[StarterTest, ...]:
        rows = self.take("tests")
        if not isinstance(rows, list) or len(rows) < MIN_TESTS:
            self.refuse("tests", f"must be at least {MIN_TESTS} tables")
        tests = tuple(self.test(number, row, split, kind) for number, row in enumerate(rows, 1))
        inputs = [test.input for test in tests]
        for number, text in enumerate(inputs, 1):
            if text in inputs[: number - 1]:
                self.refuse(f"tests[{number}].input", "is the input of an earlier test")
        for purpose, least in PURPOSES[split].items():
            count = sum(test.purpose == purpose for test in tests)
            if count < least:
                self.refuse("tests", f"a {split} problem needs at least {least} '{purpose}' tests, not {count}")
            if purpose == "public" and count > MAX_PUBLIC:
                self.refuse("tests", f"at most {MAX_PUBLIC} may be 'public', not {count}")
        return tests

    def test(self, number: int, row: Any, split: Split, kind: StarterKind) -> StarterTest:
        field = f"tests[{number}]"
        if not isinstance(row, dict) or set(row) != {"input", "expected", "purpose"}:
            self.refuse(field, "must have input, expected and purpose, and nothing else")
        for name, value in row.items():
            if not isinstance(value, str):
                self.refuse(f"{field}.{name}", "must be a string")
        if row["purpose"] not in PURPOSES[split]:
            self.refuse(
                f"{field}.purpose", f"'{row['purpose']}' is not one of a {split} problem: {', '.join(PURPOSES[split])}"
            )
        if kind == "call":
            arguments = self.json(f"{field}.input", row["input"])
            if not isinstance(arguments, list):
                self.refuse(f"{field}.input", "must be a JSON array of the arguments")
            self.json(f"{field}.expected", row["expected"])
        return StarterTest(row["input"], row["expected"], row["purpose"])

    def json(self, field: str, text: str) -> Any:
        try:
            return json.loads(text, parse_constant=self.not_json)
        except ValueError as error:
            self.refuse(field, f"is not JSON: {error}")

    @staticmethod
    def not_json(name: str) -> NoReturn:
        raise ValueError(f"{name} is no JSON value")
