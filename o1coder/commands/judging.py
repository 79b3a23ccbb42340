"""judge: one program on a problem's tests or a file of tests, or a batch without any lab."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from typing import IO, TYPE_CHECKING, Any

from o1coder.cli import NO, OK, home_of
from o1coder.commands import show
from o1coder.errors import LabError

if TYPE_CHECKING:
    from o1coder.judge import Verdict

PROGRAM_BYTES = 16 << 20  # the judge refuses far smaller ones, as a compiler would; this is no program at all
LINE_BYTES = 256 << 20
LINE = "a line is one JSON object, in UTF-8"


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
    parser.add_argument("--lab", action="store_true", help="with --problem: serve and store verdicts in the lab")
    parser.add_argument(
        "--stop-early", action="store_true", help="after a program's first test that fails, its later ones are SK"
    )
    parser.add_argument(
        "--unsafe", action="store_true", help="where no isolation works, run programs with your rights; nothing is kept"
    )
    options = parser.parse_args(words)
    _check(options)
    if options.unsafe:
        print("--unsafe: where no isolation works here, programs run with your rights (layer L0)", file=sys.stderr)
    if options.batch is not None:
        return _batch(options)
    code = _program(options.program)
    found = _on_problem(options, code) if options.tests is None else _on_tests(options, code)
    value = {"verdict": verdict_of(found), "passed": sum(row["verdict"] == "AC" for row in found), "tests": found}
    lines = [f"{row['id']}: {row['verdict']} {row['cpu_ms']:.0f} ms {row['detail']}".rstrip() for row in found]
    show.value(options, value, [*lines, f"{value['passed']}/{len(found)} passed"])
    if value["verdict"] == "IE":
        sys.stdout.flush()
        raise LabError("the judge itself failed: this is no verdict on the program", "run it again; see o1coder doctor")
    return OK if value["verdict"] == "AC" else NO


def verdict_of(found: Sequence[dict[str, Any]]) -> str:
    """The program's verdict: IE where the judge failed on any test, else the first that is not AC."""
    bad = [row["verdict"] for row in found if row["verdict"] != "AC"]
    return "AC" if not bad else "IE" if "IE" in bad else str(bad[0])


def _check(options: Namespace) -> None:
    """LabError when the words do not go together."""
    if options.batch is not None:
        if any(word is not None for word in (options.program, options.problem, options.tests)):
            raise LabError("--batch takes no program and no tests of its own", "each of its lines has both")
    elif options.program is None or (options.problem is None) == (options.tests is None):
        raise LabError("judge needs a program and either --problem or --tests", "or --batch FILE.jsonl")
    elif options.program == options.tests == "-":
        raise LabError("the program and its tests cannot both come from standard input", "name a file for one of them")
    if options.fn_name is not None and options.tests is None:
        raise LabError("--fn-name goes with --tests", "a problem, and a line of a batch, names its function itself")
    if options.fn_name is not None and not options.fn_name.isidentifier():
        raise LabError(f"--fn-name {options.fn_name!r} is no name of a function", "e.g. --fn-name two_sum")
    if options.lab and options.problem is None:
        raise LabError("--lab goes with --problem", "only a problem's verdicts can be kept in the lab")
    if options.lab and options.unsafe:
        raise LabError("--lab and --unsafe do not go together", "what ran without isolation is never kept")


class Lines:
    """The lines of a file or, for `-`, of standard input, which can be gone through more than once; never all in memory.

    What cannot be read twice (a pipe) is copied to a temporary file first, which vanishes with this process."""

    def __init__(self, word: str, stack: ExitStack) -> None:
        self.word = word
        try:
            self.file: IO[bytes] = stack.enter_context(_opened(word))
            if not self.file.seekable() or word == "-":
                copy = stack.enter_context(tempfile.TemporaryFile())
                shutil.copyfileobj(self.file, copy)
                self.file = copy
        except OSError as error:
            raise LabError(
                f"{word} cannot be read: {error.strerror}", "name a JSONL file, or - for standard input"
            ) from error

    def __iter__(self) -> Iterator[str]:
        self.file.seek(0)
        number = 0
        while raw := self.file.readline(LINE_BYTES + 1):
            number += 1
            if len(raw) > LINE_BYTES:
                raise LabError(f"line {number}: longer than {LINE_BYTES >> 20} MB", LINE)
            try:
                yield raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise LabError(f"line {number}: it is not UTF-8 (byte {error.start})", LINE) from error


def _opened(word: str) -> IO[bytes]:
    """A file or standard input, to be read as bytes."""
    if word != "-":
        return open(word, "rb")
    if sys.stdin is None:
        raise LabError("there is no standard input", "name a file")
    return sys.stdin.buffer


def _program(word: str) -> str:
    """The text of the program."""
    try:
        with _opened(word) as file:
            raw = file.read(PROGRAM_BYTES + 1)
        if len(raw) > PROGRAM_BYTES:
            raise LabError(f"{word} is longer than {PROGRAM_BYTES >> 20} MB", "name a Python file")
        text = raw.decode("utf-8")
    except OSError as error:
        raise LabError(
            f"{word} cannot be read: {error.strerror}", "name a Python file, or - for standard input"
        ) from error
    except UnicodeDecodeError as error:
        raise LabError(f"{word} cannot be read: it is not UTF-8 (byte {error.start})", "name a Python file") from error
    if not text.strip():
        raise LabError(f"{word} is empty" if word != "-" else "standard input is empty", "name a Python file")
    return text


def _batch(options: Namespace) -> int:
    from o1coder.judge import batch

    with ExitStack() as stack:
        rows = stack.enter_context(
            closing(batch(Lines(options.batch, stack), stop_early=options.stop_early, unsafe=options.unsafe))
        )
        for row in rows:
            try:
                print(json.dumps(row, ensure_ascii=False), flush=True)
            except BrokenPipeError:
                raise
            except OSError as error:
                raise LabError(f"the verdicts cannot be written: {error}", "what is there already is whole") from error
    return OK


class _Tests:
    """The lines of a file of tests as those of a batch."""

    def __init__(self, lines: Lines, more: dict[str, Any]) -> None:
        self.lines, self.more = lines, more

    def __iter__(self) -> Iterator[str]:
        return (_with(number, line, {"id": number} | self.more) for number, line in enumerate(self.lines, start=1))


def _on_tests(options: Namespace, code: str) -> list[dict[str, Any]]:
    from o1coder.judge import batch

    named = {"fn_name": options.fn_name} if options.fn_name else {}
    with ExitStack() as stack:
        lines = _Tests(Lines(options.tests, stack), {"code": code} | named)
        if not any(line.strip() for line in lines):
            hint = 'a line is {"args", "expected"} or {"stdin", "expected"}'
            raise LabError(f"{options.tests} has no tests", hint)
        return list(stack.enter_context(closing(batch(lines, stop_early=options.stop_early, unsafe=options.unsafe))))


def _with(number: int, line: str, more: dict[str, Any]) -> str:
    """A test as a line of a batch; a blank line stays one, so that lines keep their numbers."""
    if not line.strip():
        return ""
    try:
        test = json.loads(line)
    except RecursionError:
        raise LabError(f"line {number}: nested too deeply", LINE) from None
    except ValueError as error:
        raise LabError(f"line {number}: {error}", LINE) from error
    if not isinstance(test, dict):
        raise LabError(f"line {number}: not a JSON object", LINE)
    if "args" in test and "fn_name" not in test | more:
        raise LabError(f"line {number}: args of which function?", "name it with --fn-name")
    return json.dumps(test | more)


def _on_problem(options: Namespace, code: str) -> list[dict[str, Any]]:
    from o1coder.home import author
    from o1coder.judge import Cached, Judge
    from o1coder.judge.batch import answer
    from o1coder.lab import Lab
    from o1coder.problems.store import add_program
    from o1coder.queries import problems
    from o1coder.rows import By
    from o1coder.trees import cases_of
    from o1coder.verdicts import add_profile, add_verdict, asked, known_for, question

    lab = show.open_lab(options, write=True) if options.lab else Lab(home_of(options), readonly=True)
    with lab.reading() as connection:
        problem_id = problems.find(connection, options.problem)
        what, test_set = asked(connection, problem_id), problems.test_set(connection, problem_id)
        cases = () if test_set is None else cases_of(connection, test_set)
        if not cases:
            why = "has no tests" if test_set is None else "has no tests left: all of them were withdrawn"
            raise LabError(f"problem {options.problem} {why}", "import it again with tests")
        known = known_for(connection, [problem_id]) if options.lab else {}
    with Judge(unsafe=options.unsafe) as judge:
        questions = [question(what, code, case) for _, case in cases]
        said: list[Verdict] = Cached(judge, known).judge(questions, stop_early=options.stop_early)
    if options.lab:
        by = By(author=author())
        with lab.writing() as connection:
            profile_id = add_profile(connection, what)
            program_id = add_program(connection, problem_id, code, "human", by)
            for (case_id, _), verdict in zip(cases, said, strict=True):
                add_verdict(connection, program_id, case_id, profile_id, verdict, by)
    return [answer(case_id, verdict) for (case_id, _), verdict in zip(cases, said, strict=True)]
