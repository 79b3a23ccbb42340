"""Streams: order, back-pressure, early stop, cancellation, leaving early, and a judge that fails too often."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from o1coder.errors import LabError
from o1coder.judge import Judge, Question, Verdict
from o1coder.judge.pool import TOO_MANY
from o1coder.judge.stream import AHEAD
from o1coder.task import Case, Comparator, Limits

ECHO = "print(input())"
ONE_BREAKS = "n = int(input())\nprint(n if n not in (3, 5) else -1)"


def number(code: str, n: int) -> Question:
    return Question(code, "stdio", Case(str(n), f"{n}\n", f"{n}"))


def codes(verdicts: list[Verdict]) -> str:
    return " ".join(verdict.code for verdict in verdicts)


def test_order_is_that_of_the_questions(judge: Judge) -> None:
    slow = "import time\nn = int(input())\ntime.sleep(.2 if n % 7 == 0 else 0)\nprint(n if n % 3 else -1)"
    verdicts = list(judge.stream(number(slow, n) for n in range(30)))
    assert [verdict.code for verdict in verdicts] == ["AC" if n % 3 else "WA" for n in range(30)]


def test_questions_are_taken_as_there_is_room() -> None:
    taken = 0

    def source() -> Iterator[Question]:
        nonlocal taken
        for n in range(10_000):
            taken += 1
            yield number(ECHO, n)

    with Judge(workers=1) as judge:
        stream = judge.stream(source())
        for given in range(1, 80):
            assert next(stream).code == "AC"
            assert taken <= given + AHEAD
        before = set(judge.pids())
        stream.close()  # type: ignore[attr-defined]
        assert taken < 80 + AHEAD
        assert judge.judge([number(ECHO, 1)])[0].code == "AC"
        assert len(before & set(judge.pids())) <= 1


def test_a_stop_skips_what_comes_after_the_first_failure(judge: Judge) -> None:
    questions = [number(ONE_BREAKS, n) for n in range(8)] + [number(ECHO, n) for n in range(3)]
    for _ in range(5):
        assert codes(judge.judge(questions, stop_early=True)) == "AC AC AC WA SK SK SK SK AC AC AC"
    mixed = [number(code, n) for n in range(6) for code in (ONE_BREAKS, ECHO)]
    assert codes(judge.judge(mixed, stop_early=True)) == "AC AC AC AC AC AC WA AC SK AC SK AC"
    assert codes(judge.judge(questions)) == "AC AC AC WA AC WA AC AC AC AC AC"


def test_cancelled_before_and_between(judge: Judge) -> None:
    assert codes(judge.judge([number(ECHO, 1)] * 3, cancelled=lambda: True)) == "SK SK SK"
    seen = 0

    def cancelled() -> bool:
        return seen >= 5

    verdicts = []
    for verdict in judge.stream((number(ECHO, n) for n in range(100_000)), cancelled):
        seen += 1
        verdicts.append(verdict.code)
    assert verdicts[:5] == ["AC"] * 5
    assert set(verdicts[5:]) <= {"AC", "SK"}
    assert len(verdicts) <= 5 + 2 * AHEAD * len(judge.places)


def test_cancelled_while_a_checker_runs(judge: Judge) -> None:
    checker = Comparator("checker", {"source": "import time\ntime.sleep(60)"})
    asked = Question("print(1)", "stdio", Case("", "", "1"), comparator=checker, limits=Limits(20.0, 256))
    end = time.monotonic() + 1
    assert codes(judge.judge([asked] * 3, cancelled=lambda: time.monotonic() > end)) == "SK SK SK"
    assert codes(judge.judge([number(ECHO, 1)])) == "AC"


def test_one_stream_at_a_time_in_a_thread(judge: Judge) -> None:
    stream = judge.stream([number(ECHO, 1)] * 5)
    next(stream)
    with pytest.raises(RuntimeError, match="still open"):
        judge.judge([number(ECHO, 1)])
    assert codes(list(stream)) == "AC AC AC AC"
    assert codes(judge.judge([number(ECHO, 1)])) == "AC"


def test_threads_wait_for_one_another(judge: Judge) -> None:
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(codes(judge.judge([number(ECHO, n) for n in range(20)]))))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [" ".join(["AC"] * 20)] * 4


def test_a_malformed_question_stops_the_stream_and_not_the_judge(judge: Judge) -> None:
    wrong = Question("def f(x):\n    return x", "call", Case("", "{}", "1"), "f")
    with pytest.raises(LabError, match="no JSON array"):
        judge.judge([number(ECHO, 1), wrong, number(ECHO, 2)])
    unknown = Question(ECHO, "stdio", Case("", "1", "1"), comparator=Comparator("as-sets"))
    with pytest.raises(LabError, match="as-sets"):
        judge.judge([number(ECHO, 1), unknown])
    assert codes(judge.judge([number(ECHO, 1)])) == "AC"


def test_a_judge_that_fails_too_often_says_so() -> None:
    """Its workers are killed as fast as they run: after so many IE the caller gets an error instead of holes."""
    asleep = Question("import time\ntime.sleep(60)", "stdio", Case("", "", ""), limits=Limits(30.0, 256))
    with Judge(workers=2) as judge:
        done = threading.Event()

        def kill_all() -> None:
            while not done.is_set():
                time.sleep(0.02)
                for pid in judge.pids():
                    os.kill(pid, signal.SIGKILL)

        thread = threading.Thread(target=kill_all)
        thread.start()
        given: list[Verdict] = []
        try:
            with pytest.raises(LabError, match="the judge itself failed in") as error:
                given.extend(judge.stream([asleep] * 100))
        finally:
            done.set()
            thread.join()
        assert "no verdicts on programs" in error.value.hint
        assert {verdict.code for verdict in given} <= {"IE"}
        assert len(given) < TOO_MANY
        assert codes(judge.judge([number(ECHO, 1)])) == "AC"


def test_checks_that_do_not_compile_are_no_failure_of_the_judge(judge: Judge) -> None:
    broken = Question("def f(x):\n    return x", "assert", Case("", "assert (", ""), "f")
    judge.judge([number(ECHO, n) for n in range(50)])  # every worker that an earlier test ended is there again
    before = judge.pids()
    assert codes(judge.judge([broken] * (2 * TOO_MANY))) == " ".join(["IE"] * 2 * TOO_MANY)
    assert (
        len(set(before) - set(judge.pids())) <= 1
    )  # one that an earlier test left dying may still go; not one a question


def test_numpy_has_a_worker_of_its_own() -> None:
    pytest.importorskip("numpy")
    with Judge(workers=1) as judge:
        assert len(judge.pids()) == 1
        sums = "import numpy as np\nprint(np.arange(int(input()) + 1).sum())"
        solve = "from numpy import linalg, random, fft\nprint(round(linalg.det([[int(input()), 0], [0, 2]])))"
        questions = [Question(sums, "stdio", Case("", "3", "6")), Question(solve, "stdio", Case("", "3", "6"))]
        assert codes(judge.judge([number(ECHO, 1), *questions, number(ECHO, 2)])) == "AC AC AC AC"
        assert len(judge.pids()) == 2
        lean = "import sys\nprint(int(input()) - ('num' + 'py' in sys.modules))"
        assert codes(judge.judge([number(lean, 1)])) == "AC"
        other = "import numpy\nimport sqlalchemy\nprint(input())"
        assert codes(judge.judge([number(other, 1)])) == "RE"
