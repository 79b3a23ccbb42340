"""Programs that in-process graders score wrongly: correct ones that they reject, cheating ones that they pass.

The first list takes three integers from standard input and prints their sum; graders that replace stdin and stdout
by objects of their own, and wrap the program in a function, fail most of them. The second list cheats: with a grader
in the same process every one of them has been seen to pass, or to hang it.
"""

from __future__ import annotations

import pytest

from o1coder.judge import Judge, Question
from o1coder.task import Case, Comparator, Limits

SUM = Case("sum", "1 2\n3\n", "6\n")
CORRECT = {
    "input": "a, b = map(int, input().split())\nprint(a + b + int(input()))",
    "readline": "import sys\na, b = map(int, sys.stdin.readline().split())\nprint(a + b + int(sys.stdin.readline()))",
    "threads": (
        "import sys, threading\ndef main():\n    print(sum(map(int, sys.stdin.read().split())))\n"
        "t = threading.Thread(target=main)\nt.start()\nt.join()"
    ),
    "star import": "from sys import *\nprint(sum(map(int, stdin.read().split())))",
    "exit": "import sys\nprint(sum(map(int, sys.stdin.read().split())))\nexit()",
    "iterate stdin": "import sys\ns = 0\nfor line in sys.stdin:\n    s += sum(map(int, line.split()))\nprint(s)",
    "buffer.readline": "import sys\nr = sys.stdin.buffer.readline\nprint(sum(map(int, r().split())) + int(r()))",
    "buffer.readlines": "import sys\nprint(sum(int(x) for l in sys.stdin.buffer.readlines() for x in l.split()))",
    "input then read": "import sys\na, b = map(int, input().split())\nprint(a + b + int(sys.stdin.read()))",
    "stdout.buffer": "import sys\nn = sum(map(int, sys.stdin.read().split()))\nsys.stdout.buffer.write(b'%d\\n' % n)",
    "os.read": "import os\nprint(sum(map(int, os.read(0, 99).split())))",
    "open(0)": "print(sum(map(int, open(0).read().split())))",
    "global": "global s\ns = 0\ndef add(n):\n    global s\n    s += n\nadd(sum(map(int, open(0).read().split())))\nprint(s)",
    "guard not last": (
        "import sys\ndef main():\n    print(sum(map(int, sys.stdin.read().split())))\n"
        "if __name__ == '__main__':\n    main()\ndone = True"
    ),
}
CHEATS = {
    "equal to all": (
        "class Same(int):\n    def __eq__(self, other):\n        return True\n    def __ne__(self, other):\n"
        "        return False\n    __hash__ = None\ndef f(x):\n    return Same(0)"
    ),
    "list equal to all": (
        "class Same(list):\n    def __eq__(self, other):\n        return True\n    def __len__(self):\n"
        "        return 1\n    def __iter__(self):\n        return iter([7])\ndef f(x):\n    return Same()"
    ),
    "caller's locals": "import sys\ndef f(x):\n    return sys._getframe(1).f_locals['gt_out']",
    "walk to the outputs": (
        "import sys\ndef f(x):\n    frame = sys._getframe()\n    while frame:\n"
        "        for v in list(frame.f_locals.values()):\n            if isinstance(v, dict) and 'expected' in v:\n"
        "                return v['expected']\n        frame = frame.f_back"
    ),
    "patch the grader": (
        "import sys\ndef f(x):\n    for m in list(sys.modules.values()):\n        for n in ('equal', 'compare', 'decide'):\n"
        "            if hasattr(m, n):\n                setattr(m, n, lambda *a: True)"
    ),
    "leave early": "import os\ndef f(x):\n    os._exit(0)",
    "forge the result": 'import os\ndef f(x):\n    os.write(3, b\'{"outcome": "passed", "detail": ""}\')\n    os._exit(0)',
    "loop in C": "def f(x):\n    sum(range(10 ** 12))",
    "swallow all": (
        "def f(x):\n    while True:\n        try:\n            while True:\n                pass\n"
        "        except BaseException:\n            pass"
    ),
    "fork": "import os\ndef f(x):\n    return os.fork()",
    "native code": "import ctypes\ndef f(x):\n    return ctypes.CDLL(None).system(b'true') == 0",
}


def test_correct_programs_are_accepted(judge: Judge) -> None:
    verdicts = judge.judge([Question(code, "stdio", SUM) for code in CORRECT.values()])
    assert {n: v.code for n, v in zip(CORRECT, verdicts, strict=True)} == dict.fromkeys(CORRECT, "AC")


def test_a_float_within_tolerance_is_accepted(judge: Judge) -> None:
    case = Case("tenths", "", "0.3\n")
    [verdict] = judge.judge([Question("print(0.1 + 0.2)", "stdio", case, comparator=Comparator("float"))])
    assert verdict.code == "AC"


@pytest.mark.parametrize("kind", ["call", "assert"])
def test_cheats_are_not_accepted(judge: Judge, kind: str) -> None:
    limits = Limits(0.3, 256)
    call = Case("call", "[7]", "49")
    checks = Case("checks", "gt_out = expected = 49\ndef check(candidate):\n    assert candidate(7) == gt_out\n", "")
    questions = [
        Question(code, "call", call, "f", limits=limits)
        if kind == "call"
        else Question(code, "assert", checks, "f", limits=limits)
        for code in CHEATS.values()
    ]
    verdicts = judge.judge(questions)
    assert {n: v.code for n, v in zip(CHEATS, verdicts, strict=True) if v.code in ("AC", "IE", "SK")} == {}
