"""Checks in one process, the program in another: honest programs pass, and nothing talks its way to a pass."""

# ruff: noqa: E501 - a row of a table is one line
from __future__ import annotations

from o1coder.judge import Judge, Question
from o1coder.task import Case, Limits

LIMITS = Limits(0.5, 256)
CHECK = "def check(candidate):\n    assert candidate(2) == 4\n    assert candidate(3) == 9, 'three'\n"

# program, checks, verdict; the entry point is f
ROWS: dict[str, tuple[str, str, str]] = {
    "right": ("def f(x):\n    return x * x", CHECK, "AC"),
    "wrong": ("def f(x):\n    return x + x", CHECK, "WA"),
    "bare asserts": ("def f(x):\n    return x", "assert f(1) == 1\nassert f('a') == 'a'", "AC"),
    "keywords": ("def f(x, *, y=1):\n    return (x, y)", "assert f(1, y=2) == (1, 2)", "AC"),
    "helper": ("def g(x):\n    return -x\ndef f(x):\n    return g(x)", "assert g(f(3)) == 3", "AC"),
    "constant": ("K = {1: (2,)}\ndef f():\n    return 1", "assert K[f()] == (2,)", "AC"),
    "named like a builtin": ("def sum(x):\n    return 7\ndef f(x):\n    return sum(x)", "assert f([1]) == 7", "AC"),
    "types kept": ("def f():\n    return [(1, 2), {3}, b'a', 1j, None, {1: 2}]", "assert f() == [(1, 2), {3}, b'a', 1j, None, {1: 2}]", "AC"),
    "list is no tuple": ("def f():\n    return [1]", "assert f() == (1,)", "WA"),
    "changes its argument": ("def f(x):\n    x.append(1)", "x = []\nf(x)\nassert x == [1]", "AC"),
    "expected exception": ("def f():\n    raise ValueError('no')", "try:\n    f()\nexcept ValueError as e:\n    assert str(e) == 'no'\nelse:\n    assert False", "AC"),
    "unexpected exception": ("def f(x):\n    raise ValueError('no')", CHECK, "RE"),
    "own objects": ("class P:\n    def __init__(s, a):\n        s.a = a\ndef f(ps):\n    return [p.a for p in ps]", "ps = [P(1), P(2)]\nps[0].a = 5\nassert ps[1].a == 2\nassert f(ps) == [5, 2]", "AC"),
    "own module": ("import math\ndef f(x):\n    return math.sqrt(x)", "assert math.isclose(f(4), 2)", "AC"),
    "state": ("n = 0\ndef f():\n    global n\n    n += 1\n    return n", "assert f() == 1\nassert f() == 2", "AC"),
    "prints": ("print('passed')\ndef f(x):\n    print(x)\n    return x * x", CHECK, "AC"),
    # cheating
    "equal to all": ("class E:\n    __eq__ = lambda s, o: True\ndef f(x):\n    return E()", CHECK, "WA"),
    "equal int": ("class E(int):\n    __eq__ = lambda s, o: True\n    __hash__ = None\ndef f(x):\n    return E()", CHECK, "WA"),
    "true to all": ("class E:\n    __bool__ = lambda s: True\ndef f(x):\n    return E()", "assert f(1)", "WA"),
    "not equal to all": ("class E:\n    pass\ndef f(x):\n    return E()", "assert f(1) != 2", "WA"),
    "exits when loaded": ("import sys\nsys.exit(0)", CHECK, "RE"),
    "exits when called": ("import os\ndef f(x):\n    os._exit(0)", CHECK, "RE"),
    "system exit": ("import sys\ndef f(x):\n    sys.exit(0)", CHECK, "RE"),
    "exit swallowed": ("import os\ndef f(x):\n    os._exit(0)", "try:\n    f(1)\nexcept BaseException:\n    pass", "RE"),
    "assertion swallowed": ("def f(x):\n    return 5\nclass AssertionError(Exception): pass", CHECK, "WA"),
    "builtins replaced": ("def abs(x):\n    return 0\ndef f(x):\n    return 5", "assert abs(f(1) - 2) < 1", "WA"),
    "check replaced": ("def check(c):\n    pass\ndef f(x):\n    return 5", CHECK, "WA"),
    "names offered unasked": (
        "import os\nos.write(4, b'{\"functions\": [\"abs\", \"f\", \"__builtins__\"], \"values\": {\"__name__\": 1}}\\n')\n"
        "def f(x):\n    return 0", "assert abs(f(1) - 2) < 1", "WA",
    ),
    "reads what it is asked": ("import os\nbuffer = os.read(3, 99999)\ndef f(x):\n    return buffer.count(b'9')", CHECK, "RE ILE"),
    "garbage answers": ("import os\ndef f(x):\n    os.write(4, b'][\\n')\n    return x * x", CHECK, "RE"),
    "answers ahead": ("import os\nos.write(4, b'{\"functions\": [\"f\"]}\\n{\"returned\": 4}\\n{\"returned\": 8}\\n')\ndef f(x):\n    return 1", CHECK, "WA"),
    "deep answer": ("def f(x):\n    y = []\n    for _ in range(10 ** 5):\n        y = [y]\n    return y", CHECK, "WA"),
    "generator": ("def f(x):\n    yield 4", CHECK, "WA"),
    "loops": ("def f(x):\n    while True:\n        pass", CHECK, "TLE"),
    "eats memory": ("def f(x):\n    return bytearray(8 << 30)", CHECK, "MLE"),
    "floods": ("def f(x):\n    while True:\n        print('x' * 99999)", CHECK, "OLE"),
    "kills": ("import os\ndef f(x):\n    os.kill(-1, 9)", CHECK, "RE"),
    "no such function": ("def g(x):\n    return 4", CHECK, "RE"),
    "syntax": ("def f(x) return", CHECK, "CE"),
    "checks that pass a function": ("def f(g):\n    return g(1)", "assert f(lambda x: x) == 1", "WA"),
    "checks that do not compile": ("def f(x):\n    return 1", "assert (", "IE"),
}  # fmt: skip


def test_assertions(judge: Judge) -> None:
    questions = [Question(code, "assert", Case(n, c, ""), "f", limits=LIMITS) for n, (code, c, _) in ROWS.items()]
    verdicts = judge.judge(questions)
    wrong = {
        n: (v.code, v.detail)
        for (n, row), v in zip(ROWS.items(), verdicts, strict=True)
        if v.code not in row[2].split()
    }
    assert wrong == {}


def test_what_cannot_pass_is_said(judge: Judge) -> None:
    [verdict] = judge.judge([Question("def f(x):\n    yield 4", "assert", Case("", CHECK, ""), "f")])
    assert (verdict.code, verdict.detail) == ("WA", "a value of type generator cannot pass")
