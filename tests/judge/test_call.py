"""Functions called once: typed values in and out, and results that lie, loop, explode or never come."""

from __future__ import annotations

import pytest

from o1coder.errors import LabError
from o1coder.judge import Judge, Question
from o1coder.task import Case, Comparator, Limits

LIMITS = Limits(1.0, 256)

# program, arguments, expected, verdict
CALLS: dict[str, tuple[str, str, str, str]] = {
    "sum": ("def f(a, b):\n    return a + b", "[1, 2]", "3", "AC"),
    "method of Solution": ("class Solution:\n    def f(self, a):\n        return a", "[[1]]", "[1]", "AC"),
    "tuple for a list": ("def f():\n    return (1, (2, 3))", "[]", "[1, [2, 3]]", "AC"),
    "list for a tuple": ("def f():\n    return [1]", "[]", '{"~tuple": [1]}', "AC"),
    "True is not 1": ("def f():\n    return True", "[]", "1", "WA"),
    "1 is not true": ("def f():\n    return 1", "[]", "true", "WA"),
    "1 for 1.0": ("def f():\n    return 1", "[]", "1.0", "AC"),
    "1.0 is not 1": ("def f():\n    return 1.0", "[]", "1", "WA"),
    "text is not a number": ("def f():\n    return '1'", "[]", "1", "WA"),
    "none": ("def f():\n    pass", "[]", "null", "AC"),
    "counter": ("from collections import Counter\ndef f(s):\n    return Counter(s)", '["aab"]', '{"a": 2, "b": 1}', "AC"),
    "int keys": ("def f():\n    return {1: 2}", "[]", '{"~dict": [[1, 2]]}', "AC"),
    "int keys are not text": ("def f():\n    return {1: 2}", "[]", '{"1": 2}', "WA"),
    "set": ("def f():\n    return {3, 1}", "[]", '{"~set": [1, 3]}', "AC"),
    "set is no list": ("def f():\n    return {1}", "[]", "[1]", "WA"),
    "huge int": ("def f(n):\n    return 10 ** n", "[20000]", '{"~int": "' + format(10**20000, "x") + '"}', "AC"),
    "nan": ("def f():\n    return float('nan')", "[]", '{"~float": "nan"}', "WA"),
    "infinity": ("def f():\n    return float('inf')", "[]", '{"~float": "inf"}', "AC"),
    "surrogate": ("def f():\n    return '\\ud800'", "[]", '"\\ud800"', "AC"),
    "prints are ignored": ("def f():\n    print('{}')\n    return 1", "[]", "1", "AC"),
    "guard does not run": ("def f():\n    return 1\nif __name__ == '__main__':\n    raise SystemExit(3)", "[]", "1", "AC"),
    "arguments changed": ("def f(x):\n    x.clear()\n    return x", "[[1]]", "[1]", "WA"),
    "object": ("def f():\n    return object()", "[]", "1", "WA"),
    "generator": ("def f():\n    yield 1", "[]", "[1]", "WA"),
    "cycle": ("def f():\n    x = []\n    x.append(x)\n    return x", "[]", "[[]]", "WA"),
    "a million deep": ("def f():\n    x = []\n    for _ in range(10 ** 6):\n        x = [x]\n    return x", "[]", "[]", "WA"),
    "enormous": ("def f():\n    return 'x' * (50 << 20)", "[]", '"x"', "OLE"),
    "subclass of str": ("class S(str):\n    __str__ = __repr__ = lambda s: 'b'\ndef f():\n    return S('a')", "[]", '"b"', "WA"),
    "forged second result": ("import os\ndef f():\n    os.write(3, b'1')\n    return 1", "[]", "1", "WA"),
    "forged and left": ("import os\ndef f():\n    os.write(3, b'2')\n    os._exit(0)", "[]", "1", "WA"),
    "deep forged": ("import os\ndef f():\n    os.write(3, b'[' * 500000)\n    os._exit(0)", "[]", "1", "WA"),
    "bad bytes forged": ("import os\ndef f():\n    os.write(3, b'\\xff')\n    os._exit(0)", "[]", "1", "WA"),
    "constant forged": ("import os\ndef f():\n    os.write(3, b'NaN')\n    os._exit(0)", "[]", "1", "WA"),
    "digits forged": ("import os\ndef f():\n    os.write(3, b'1' * 9999)\n    os._exit(0)", "[]", "1", "WA"),
    "left early": ("import sys\ndef f():\n    sys.exit(0)", "[]", "1", "WA"),
    "no function": ("def g():\n    return 1", "[]", "1", "RE"),
    "raises": ("def f():\n    raise KeyError(3)", "[]", "1", "RE"),
    "wrong arity": ("def f():\n    return 1", "[1]", "1", "RE"),
    "syntax": ("def f(:\n", "[]", "1", "CE"),
    "encoder patched": ("import json\njson.dumps = lambda *a, **k: '1'\ndef f():\n    return 2", "[]", "1", "AC"),
}  # fmt: skip


def test_calls(judge: Judge) -> None:
    questions = [Question(c, "call", Case(n, a, e), "f", limits=LIMITS) for n, (c, a, e, _) in CALLS.items()]
    verdicts = judge.judge(questions)
    found = {name: verdict.code for name, verdict in zip(CALLS, verdicts, strict=True)}
    assert found == {name: row[3] for name, row in CALLS.items()}


def test_details_say_what_happened(judge: Judge) -> None:
    def ask(code: str) -> str:
        return judge.judge([Question(code, "call", Case("", "[]", "1"), "f")])[0].detail

    assert ask("def f():\n    raise KeyError(3)") == "KeyError: 3"
    assert ask("def f():\n    return object()") == "a value of type object cannot pass"
    assert ask("def f(:").startswith("SyntaxError")


def test_floats_within_tolerance_only_where_asked(judge: Judge) -> None:
    case = Case("", "[]", "[0.3]")
    questions = [
        Question("def f():\n    return [0.1 + 0.2]", "call", case, "f", comparator=Comparator(name, args))
        for name, args in (("typed", {}), ("typed-float", {}), ("typed-float", {"abs": 0.0, "rel": 0.0}))
    ]
    assert [verdict.code for verdict in judge.judge(questions)] == ["WA", "AC", "WA"]


@pytest.mark.parametrize(
    "question",
    [
        Question("def f(): pass", "call", Case("c1", "7", "1"), "f"),
        Question("def f(): pass", "call", Case("c1", "[", "1"), "f"),
        Question("def f():\n    return 1", "call", Case("c1", "[]", "{'a'}"), "f"),
        Question("print(1)", "stdio", Case("c1", "", "1"), comparator=Comparator("set")),
    ],
)
def test_what_the_user_can_mend_is_said(judge: Judge, question: Question) -> None:
    with pytest.raises(LabError):
        judge.judge([question])
    assert judge.judge([Question("print(1)", "stdio", Case("", "", "1"))])[0].code == "AC"
