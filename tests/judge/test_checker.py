"""Checker programs, the pure part: which sources are taken, what a checker's end means, and what an exception becomes."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from o1coder.errors import LabError
from o1coder.judge import CODES
from o1coder.judge.checker import CRASHED, SOURCE_BYTES, after_answer, check_source, how, program, verdict_of
from o1coder.judge.inside.harness import CHECKER_NAMES

CHECKER = "import sys\nsys.exit(open('output').read() != open('answer').read())\n"


def test_a_source_is_taken_as_it_is() -> None:
    assert check_source({"source": CHECKER}) == CHECKER
    assert list(CHECKER_NAMES) == ["input", "output", "answer"]  # what the harness puts into sys.argv


@pytest.mark.parametrize(
    ("args", "word"),
    [
        ({}, "no source"),
        ({"source": ""}, "no source"),
        ({"source": " \n"}, "no source"),
        ({"source": 1.0}, "no source"),
        ({"source": "def"}, "does not compile"),
        ({"source": "x = '\ud800'"}, "does not compile"),
        ({"source": "\x00"}, "does not compile"),
        ({"source": "(" * 500 + ")" * 500}, "does not compile"),
        ({"source": "#" * (SOURCE_BYTES + 1)}, "longer than"),
        ({"source": "pass", "cpu_s": 3.0}, "no argument 'cpu_s'"),
    ],
)
def test_what_is_no_checker_is_refused(args: dict[str, float | str], word: str) -> None:
    with pytest.raises(LabError, match=word):
        check_source(args)


def test_a_source_is_not_executed(capsys: pytest.CaptureFixture[str]) -> None:
    check_source({"source": "print('ran')\nraise SystemExit(3)"})
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("status", "message", "verdict"),
    [
        (0, "", ("AC", "")),
        (0, "ok 3 numbers", ("AC", "the checker: ok 3 numbers")),
        (1, "", ("WA", "the checker says so")),
        (1, "2nd number is odd\n", ("WA", "the checker: 2nd number is odd")),
        (2, "too many spaces", ("PE", "the checker: too many spaces")),
        (3, "the answer is worse", ("IE", "the checker: the answer is worse")),
        (7, "0.5", None),
        (CRASHED, "ValueError: x", None),
        (120, "", None),
        (-9, "", None),
        (-11, "", None),
    ],
)
def test_what_a_status_means(status: int, message: str, verdict: tuple[str, str] | None) -> None:
    assert verdict_of(status, "", message) == verdict


@settings(deadline=None)
@given(st.integers(-64, 255), st.sampled_from(["TLE", "ILE", "MLE", "OLE", "SV"]), st.text())
def test_over_a_limit_is_broken_whatever_it_says(status: int, over: str, message: str) -> None:
    assert verdict_of(status, over, message) is None
    assert after_answer("an exception", status, over, message)[0] == "IE"


@settings(deadline=None)
@given(st.integers(-64, 255), st.text())
def test_only_a_checker_that_accepts_the_answer_blames_the_output(status: int, message: str) -> None:
    code, detail = after_answer("over a limit, TLE", status, "", message)
    assert code == ("WA" if status == 0 else "IE")
    assert ("over a limit, TLE" in detail) == (status == 0)
    first = verdict_of(status, "", message)
    assert first is None or (first[0] in CODES and len(first[1]) < 250)


def test_ends_in_words() -> None:
    assert how(CRASHED, "", "ValueError: no number") == "an exception: ValueError: no number"
    assert how(-11, "", "") == "signal 11"
    assert how(7, "", "") == "it gives points, status 7"
    assert how(120, "", "") == "status 120"
    assert how(-9, "TLE", "") == "over a limit, TLE"


@pytest.mark.parametrize(
    ("source", "status", "error"),
    [
        ("pass", 0, ""),
        ("import sys\nsys.exit(2)", 2, ""),
        ("import sys\nsys.exit('odd')", 1, "odd"),
        (
            "from __future__ import annotations\ndef f(x: int) -> None: ...\nif __name__ == '__main__':\n    raise SystemExit(1)",
            1,
            "",
        ),
        ("int('x')", CRASHED, "ValueError: invalid literal"),
        ("assert 1 > 2, 'order'", CRASHED, "AssertionError: order"),
        ("def f(): f()\nf()", CRASHED, "RecursionError"),
        ("raise KeyboardInterrupt", CRASHED, "KeyboardInterrupt"),
        ("import os\nos._exit(1)", 1, ""),
        ("print('''a\\n\\\"\"\"b\\\\n''')", 0, ""),
        ("x = 1\ndef f():\n    return x\nraise SystemExit(f() + 2)", 3, ""),
    ],
)
def test_an_exception_is_not_a_wrong_answer(source: str, status: int, error: str) -> None:
    """As every Python ends: its own status for an exception is 1, which a checker means as "wrong"."""
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program(source)], capture_output=True, text=True)
    assert done.returncode == status
    assert error in done.stderr
