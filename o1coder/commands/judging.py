"""judge: one program on a problem's tests or a file of tests, or a batch without any lab."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from typing import Any

from o1coder.cli import NO, OK, home_of
from o1coder.commands import show
from o1coder.errors import LabError


def run(name: str, parser: ArgumentParser, words: list[str]) -> int:
    """Run one of this file's commands."""
    parser.add_argument("program", metavar="PROGRAM", nargs="?", help="a Python file (- for standard input)")
    parser.add_argument("--problem", metavar="ID", help="judge on this problem's tests (an id or a key)")
    parser.add_argument(
        "--tests", metavar="FILE", help="judge on tests of a JSONL file: a line is a --batch line without code"
    )
    parser.add_argument("--fn-name", metavar="NAME", help="with --tests: the function that args are for")
    parser.add_argument(
        "--batch", metavar="FILE", help="a JSONL file of questions (- for standard input); no lab is opened"
    )
    parser.add_argument("--lab", action="store_true", help="serve and store verdicts in the lab")
    options = parser.parse_args(words)
    asked = [options.program, options.problem, options.tests]
    if options.batch is not None:
        if any(word is not None for word in asked):
            raise LabError("--batch takes no program and no tests of its own", "each of its lines has both")
        return _batch(options.batch)
    if options.program is None or (options.problem is None) == (options.tests is None):
        raise LabError("judge needs a program and either --problem or --tests", "or --batch FILE.jsonl")
    code = show.text_of(options.program)
    found = _on_problem(options, code) if options.tests is None else _on_tests(options, code)
    bad = [row["verdict"] for row in found if row["verdict"] != "AC"]
    value = {"verdict": bad[0] if bad else "AC", "passed": len(found) - len(bad), "tests": found}
    lines = [f"{row['id']}: {row['verdict']} {row['cpu_ms']:.0f} ms {row['detail']}".rstrip() for row in found]
    show.value(options, value, [*lines, f"{value['passed']}/{len(found)} passed"])
    return NO if bad else OK


def _batch(file: str) -> int:
    from o1coder.judge import batch

    for row in batch(show.text_of(file).split("\n")):
        print(json.dumps(row, ensure_ascii=False), flush=True)
    return OK


def _on_tests(options: Namespace, code: str) -> list[dict[str, Any]]:
    from o1coder.judge import batch

    named = {"fn_name": options.fn_name} if options.fn_name else {}
    lines = [
        _with(number, line, {"id": number, "code": code} | named)
        for number, line in enumerate(show.text_of(options.tests).split("\n"), start=1)
    ]
    found = list(batch(lines))
    if not found:
        raise LabError(f"{options.tests} has no tests", 'a line is {"args", "expected"} or {"stdin", "expected"}')
    return found


def _with(number: int, line: str, more: dict[str, Any]) -> str:
    """A test as a line of a batch; a blank line stays one, so that lines keep their numbers."""
    if not line.strip():
        return ""
    try:
        test = json.loads(line)
    except ValueError as error:
        raise LabError(f"line {number}: {error}", "a line is one JSON object") from error
    if not isinstance(test, dict):
        raise LabError(f"line {number}: not a JSON object", "a line is one JSON object")
    return json.dumps(test | more)


def _on_problem(options: Namespace, code: str) -> list[dict[str, Any]]:
    from o1coder.home import author
    from o1coder.judge import Judge
    from o1coder.lab import Lab
    from o1coder.problems.store import add_program
    from o1coder.queries import problems
    from o1coder.rows import By
    from o1coder.trees import cases_of
    from o1coder.verdicts import Remembering, add_profile, add_verdict, asked, known_for, question

    lab = show.open_lab(options, write=True) if options.lab else Lab(home_of(options), readonly=True)
    with lab.reading() as connection:
        problem_id = problems.find(connection, options.problem)
        what, test_set = asked(connection, problem_id), problems.test_set(connection, problem_id)
        if test_set is None:
            raise LabError(f"problem {options.problem} has no tests", "import it again with tests")
        cases = cases_of(connection, test_set)
        known = known_for(connection, [problem_id]) if options.lab else {}
    with Judge() as judge:
        said = Remembering(judge, known).judge([question(what, code, case) for _, case in cases])
    if options.lab:
        by = By(author=author())
        with lab.writing() as connection:
            profile_id = add_profile(connection, what)
            program_id = add_program(connection, problem_id, code, "human", by)
            for (case_id, _), verdict in zip(cases, said, strict=True):
                add_verdict(connection, program_id, case_id, profile_id, verdict, by)
    return [
        {
            "id": case_id,
            "verdict": v.code,
            "cpu_ms": v.cpu_ms,
            "wall_ms": v.wall_ms,
            "memory_kb": v.memory_kb,
            "detail": v.detail,
        }
        for (case_id, _), v in zip(cases, said, strict=True)
    ]
