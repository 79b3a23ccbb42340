"""judge: one program on a problem's tests or a file of tests, or a batch without any lab."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from o1coder.cli import NO, OK, home_of
from o1coder.commands import show
from o1coder.errors import LabError


def run(name: str, parser: ArgumentParser, words: list[str]) -> int:
    """Run one of this file's commands."""
    parser.add_argument("program", nargs="?", type=Path, help="a Python file")
    parser.add_argument("--problem", help="judge on this problem's tests (an id or a key)")
    parser.add_argument(
        "--tests", type=Path, help="judge on tests from a JSONL file: {stdin, expected} or {args, expected}"
    )
    parser.add_argument("--fn-name", help="with --tests: the function that args are for")
    parser.add_argument("--batch", type=Path, help="a JSONL file of questions (- for standard input); no lab is opened")
    parser.add_argument("--lab", action="store_true", help="serve and store verdicts in the lab")
    options = parser.parse_args(words)
    if options.batch is not None:
        return _batch(options.batch)
    if options.program is None or (options.problem is None) == (options.tests is None):
        raise LabError("judge needs a program and either --problem or --tests", "or --batch FILE.jsonl")
    code = _text(options.program)
    if options.tests is not None:
        lines = [
            json.dumps({**json.loads(line), "id": n, "code": code, **_named(options)})
            for n, line in _lines(options.tests)
        ]
        found = list(_run(lines))
    else:
        found = _on_problem(options, code)
    passed = sum(row["verdict"] == "AC" for row in found)
    value = {"verdict": "AC" if passed == len(found) else _first_bad(found), "passed": passed, "tests": found}
    lines_out = [f"{row['id']}: {row['verdict']} {row['cpu_ms']:.0f} ms {row['detail']}".rstrip() for row in found]
    show.value(options, value, [*lines_out, f"{passed}/{len(found)} passed"])
    return OK if passed == len(found) else NO


def _named(options: Any) -> dict[str, str]:
    return {"fn_name": options.fn_name} if options.fn_name else {}


def _first_bad(found: list[dict[str, Any]]) -> str:
    return next(str(row["verdict"]) for row in found if row["verdict"] != "AC")


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LabError(f"{file} cannot be read: {error}", "name a Python file in UTF-8") from error


def _lines(file: Path) -> list[tuple[int, str]]:
    text = sys.stdin.read() if str(file) == "-" else _text(file)
    return [(n, line) for n, line in enumerate(text.splitlines(), start=1) if line.strip()]


def _run(lines: list[str]) -> Any:
    from o1coder.judge import batch

    return batch(lines)


def _batch(file: Path) -> int:
    for row in _run([line for _, line in _lines(file)]):
        print(json.dumps(row, ensure_ascii=False), flush=True)
    return OK


def _on_problem(options: Any, code: str) -> list[dict[str, Any]]:
    from o1coder.home import author
    from o1coder.judge import Judge
    from o1coder.lab import Lab
    from o1coder.problems.store import add_program
    from o1coder.queries import problems
    from o1coder.rows import By
    from o1coder.trees import cases_of
    from o1coder.verdicts import Remembering, add_profile, add_verdict, asked, known_for, question

    lab = Lab(home_of(options), readonly=not options.lab)
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
