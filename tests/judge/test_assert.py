"""Checks in one process, the program in another: what is said when something cannot pass, and whose fault it is.

The programs themselves, honest and hostile, are data: programs/honest-assert and programs/hostile-assert.
"""

from __future__ import annotations

import pytest

from o1coder.judge import Judge, Question, Verdict
from o1coder.task import Case

from .conftest import CHECK, DOUBLE


def ask(judge: Judge, code: str, checks: str = CHECK) -> Verdict:
    """The verdict on one program."""
    return judge.judge([Question(code, "assert", Case("", checks, ""), "f")])[0]


@pytest.mark.parametrize(
    ("code", "checks", "verdict", "detail"),
    [
        ("def f(x):\n    yield 4", CHECK, "WA", "a value of type generator cannot pass"),
        ("def f(x):\n    return x + x", CHECK, "WA", "AssertionError: three"),
        ("def f(x):\n    raise OverflowError('too much')", CHECK, "RE", "OverflowError: too much"),
        ("import os\ndef f(x):\n    os._exit(0)", CHECK, "RE", "the program ended before it answered"),
        ("def g(x):\n    return 4", CHECK, "RE", "NameError: the program defines no function called 'f'"),
        ("def f(g):\n    return g(1)", "assert f(lambda x: x) == 1", "WA",
         "an argument of the checks: a value of type function cannot pass"),
    ],
)  # fmt: skip
def test_what_happened_is_said(judge: Judge, code: str, checks: str, verdict: str, detail: str) -> None:
    found = ask(judge, code, checks)
    assert (found.code, found.detail) == (verdict, detail)


def test_checks_that_do_not_compile_are_no_fault_of_the_program(judge: Judge) -> None:
    found = ask(judge, "def f(x):\n    return x * x", "assert (")
    assert found.code == "IE"
    assert "the checks do not compile" in found.detail
    assert [verdict.code for verdict in judge.judge([DOUBLE])] == ["AC"]
