"""Functions called once: what a verdict says, tolerance, and questions that are malformed.

The programs themselves, honest and hostile, are data: programs/honest-call and programs/hostile-call.
"""

from __future__ import annotations

import pytest

from o1coder.errors import LabError
from o1coder.judge import Judge, Question
from o1coder.task import Case, Comparator


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
