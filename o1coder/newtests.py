"""Tests that a person adds to a problem: read, tried on the problem's reference program, and frozen in a set of their own.

The set holds what counted before and the new cases behind it, and is the newest of its purpose, so that every later search
is steered by it; trees that were made before keep theirs until `o1coder run relabel --newest`. Nothing is labelled here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy.engine import Connection

from o1coder.errors import LabError
from o1coder.judge.batch import read
from o1coder.lab import Lab
from o1coder.problems.store import case_digest
from o1coder.problems.withdrawals import Extended, extend
from o1coder.queries import problems
from o1coder.task import Case, Task
from o1coder.verdicts import Asked, asked, question

APART = ("reward", "audit", "held-out")  # what steers, what checks the steering, what measures: never the same cases


def cases_of_lines(task: Task, lines: Iterable[str]) -> list[tuple[str, str]]:
    """(input, expected) of JSON lines {"args", "expected"}, {"stdin", "expected"} or {"check"}, as the problem's kind takes
    them. LabError names the line that is wrong."""
    named = {"call": {"fn_name": task.entry_point}, "assert": {"entry_point": task.entry_point}, "stdio": {}}[task.kind]
    found = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            found.append(_case(number, task, line, named))
    if not found:
        raise LabError("there is no test to add", 'a line is {"args", "expected"}, {"stdin", "expected"} or {"check"}')
    return found


def case_of_words(task: Task, given: str, expected: str | None) -> tuple[str, str]:
    """(input, expected) from the words of a command line: JSON for a function, text for a program, source for checks."""
    if task.kind == "stdio":
        line: dict[str, Any] = {"stdin": given, "expected": expected or ""}
    elif task.kind == "assert":
        line = {"check": given}
    else:
        try:
            line = {"args": json.loads(given), "expected": json.loads(expected or "null")}
        except ValueError as error:
            raise LabError(
                f"--input and --expected must be JSON: {error}", "arguments as an array: --input '[1, 2]' --expected 3"
            ) from error
    [case] = cases_of_lines(task, [json.dumps(line)])
    return case


def _case(number: int, task: Task, line: str, named: dict[str, Any]) -> tuple[str, str]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise LabError(f"line {number}: {error}", "a line is one JSON object") from error
    if not isinstance(row, dict):
        raise LabError(f"line {number}: not a JSON object", "a line is one JSON object")
    _, asked_of = read(number, json.dumps({"id": number, "code": ""} | row | named))
    if asked_of.kind != task.kind:
        raise LabError(
            f"line {number}: it asks a {asked_of.kind} problem, and this one is {task.kind}",
            "args go with functions, stdin with programs, check with asserts",
        )
    return asked_of.case.input, asked_of.case.expected


def add_tests(
    lab: Lab, problem: int, cases: Sequence[tuple[str, str]], purpose: str | None, author: str, *, checked: bool = True
) -> tuple[Extended, str | None]:
    """The new set, and the reference program's verdict on the new cases (None: there is no reference, or not `checked`).

    LabError when the reference fails one of them, or a case serves another purpose already.
    """
    with lab.reading() as connection:
        what, reference = asked(connection, problem), problems.reference(connection, problem)
        split = problems.show(connection, problem).row.split
        aim = purpose or ("reward" if split == "train" else "held-out")
        _apart(connection, problem, aim, cases)
    verdict = None if reference is None or not checked else _tried(what, reference.code, cases)
    with lab.writing(durable=True) as connection:
        return extend(connection, problem, aim, cases, author), verdict


def _apart(connection: Connection, problem: int, aim: str, cases: Sequence[tuple[str, str]]) -> None:
    if aim not in APART:
        return
    for given, expected in cases:
        row = connection.exec_driver_sql(
            "SELECT t.id, s.purpose FROM test_case t JOIN test_set_item i ON i.test_case_id = t.id "
            "JOIN test_set s ON s.id = i.test_set_id WHERE t.problem_id = ? AND t.digest = ? AND s.purpose <> ? "
            f"AND s.purpose IN ({', '.join(repr(name) for name in APART)}) LIMIT 1",
            (problem, case_digest(given, expected), aim),
        ).first()
        if row is not None:
            raise LabError(
                f"this is case {row[0]}, an {row[1]} test"
                if row[1] == "audit"
                else f"this is case {row[0]}, a {row[1]} test",
                "what steers a search may not measure it: take another case",
            )


def _tried(what: Asked, code: str, cases: Sequence[tuple[str, str]]) -> str:
    from o1coder.judge import Judge

    with Judge() as judge:
        said = judge.judge([question(what, code, Case("", given, expected)) for given, expected in cases])
    for (given, _), verdict in zip(cases, said, strict=True):
        if verdict.code != "AC":
            raise LabError(
                f"the problem's reference program gets {verdict.code} on the case {given[:60]!r}",
                "mend the case; or add it with --unchecked, if it is the reference that is wrong",
            )
    return "AC"
