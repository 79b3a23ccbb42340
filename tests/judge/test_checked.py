"""Checker programs in the sandbox: who is right, who is to blame, and what each of the two may see."""

from __future__ import annotations

import pytest

from o1coder.errors import LabError
from o1coder.judge import Judge, Question
from o1coder.task import Case, Comparator, Kind, Limits

SUMS = """
import sys
given, output, answer = (open(name).read() for name in sys.argv[1:4])
found = list(map(int, output.split()))
if len(found) != 2:
    sys.exit("not two numbers")
sys.exit(0 if sum(found) == int(given) else 1)
"""
TYPED_SUMS = "import json, sys\na, o, e = (json.load(open(name)) for name in sys.argv[1:])\nsys.exit(sum(o) != a[0])"


def asked(code: str, source: str, kind: Kind = "stdio") -> Question:
    case = Case("", "[10]", "[5, 5]") if kind == "call" else Case("", "10\n", "4 6\n")
    return Question(code, kind, case, "f", Comparator("checker", {"source": source}), Limits(0.3, 256))


# program, checker, verdict, words of the detail
ROWS = {
    "another right answer": ("print(3, 7)", SUMS, "AC", ""),
    "wrong": ("print(3, 8)", SUMS, "WA", "the checker"),
    "wrong with words": ("print(3)", SUMS, "WA", "not two numbers"),
    "presentation": ("print(3)", "raise SystemExit(2)", "PE", "the checker"),
    "the output breaks the checker": ("print('x y')", SUMS, "WA", "accepts the expected answer"),
    "the checker is broken": ("print(1)", "raise SystemExit(9)", "IE", "on the expected answer itself"),
    "the checker loops": ("print(1)", "while True: pass", "IE", "TLE"),
    "the checker loops on this output": (
        "print(1)", "while open('output').read() != open('answer').read(): pass", "WA", "TLE",
    ),
    "the checker fails": ("print(1)", "import sys\nprint('jury', file=sys.stderr)\nsys.exit(3)", "IE", "jury"),
    "the program fails first": ("print(3, 7)\n1 / 0", SUMS, "RE", "ZeroDivisionError"),
    "the program looks for the answer": ("print(open('answer').read())", SUMS, "RE", "No such file"),
    "the program forges a status": ("import os\nprint(3, 8)\nos._exit(0)", "raise SystemExit(1)", "WA", ""),
    "the output is no text": (
        "import sys\nsys.stdout.buffer.write(b'\\xff')", "raise SystemExit(0)", "WA", "not UTF-8",
    ),
}  # fmt: skip


def test_checkers(judge: Judge) -> None:
    verdicts = judge.judge([asked(code, source) for code, source, _, _ in ROWS.values()])
    wrong = {
        name: (found.code, found.detail)
        for (name, row), found in zip(ROWS.items(), verdicts, strict=True)
        if found.code != row[2] or row[3] not in found.detail
    }
    assert wrong == {}


def test_checkers_of_functions(judge: Judge) -> None:
    right, wrong, opaque = judge.judge(
        [
            asked("def f(n):\n    return [n, 0]", TYPED_SUMS, "call"),
            asked("def f(n):\n    return [n, 1]", TYPED_SUMS, "call"),
            asked("def f(n):\n    return object()", "raise SystemExit(0)", "call"),
        ]
    )
    assert (right.code, wrong.code, opaque.code) == ("AC", "WA", "WA")
    assert "cannot pass" in opaque.detail


def test_the_figures_are_the_programs(judge: Judge) -> None:
    busy = "sum(range(10 ** 7))\nraise SystemExit(0)"
    [verdict] = judge.judge([asked("print(1)", busy)])
    assert verdict.code == "AC"
    assert verdict.cpu_ms < 50


def test_a_broken_checker_stays_no_failure_of_the_judge(judge: Judge) -> None:
    judge.judge([asked("print(3, 7)", SUMS)] * 50)  # every worker that an earlier test ended is there again
    before = judge.pids()
    assert {v.code for v in judge.judge([asked("print(1)", "raise SystemExit(3)")] * 25)} == {"IE"}
    assert judge.pids() == before


def test_a_checker_that_does_not_compile_is_told(judge: Judge) -> None:
    with pytest.raises(LabError, match="does not compile"):
        judge.judge([asked("print(1)", "def (")])
    with pytest.raises(LabError, match="no source"):
        judge.judge([Question("print(1)", "stdio", Case("", "", ""), comparator=Comparator("checker"))])


def test_every_level_contains_a_checker(level_judge: Judge) -> None:
    escape = "import os\nos.kill(os.getppid(), 9)"
    right, contained = level_judge.judge([asked("print(3, 7)", SUMS), asked("print(3, 7)", escape)])
    assert right.code == "AC"
    assert contained.code == "IE"
    assert level_judge.judge([asked("print(3, 7)", SUMS)])[0].code == "AC"
