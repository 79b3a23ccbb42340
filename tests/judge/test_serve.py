"""The judge as a flow: answers in any order, each as soon as it is known, whoever asks and however it is left."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence

import pytest

from o1coder.errors import LabError
from o1coder.flow import Pull, answers, listed
from o1coder.judge import Cached, Judge, Question, Verdict
from o1coder.judge.stream import NEAR
from o1coder.task import Case, Limits

ECHO = "print(input())"
ENDLESS = "while True: pass"
SHORT, LONG = Limits(), Limits(30.0, 256)

Serve = Callable[[Pull[Question]], Iterator[tuple[int, Verdict]]]


def number(code: str, n: int, limits: Limits = SHORT) -> Question:
    return Question(code, "stdio", Case("", f"{n}\n", f"{n}"), limits=limits)


@pytest.fixture(scope="module")
def pair() -> Iterator[Judge]:
    """A judge of two cores."""
    with Judge(workers=2) as one:
        yield one


@pytest.fixture(params=["judge", "cached"])
def serve(request: pytest.FixtureRequest, pair: Judge) -> Serve:
    """Both that serve, the second without a memory at first."""
    return pair.serve if request.param == "judge" else Cached(pair).serve


class Fed:
    """A pull that gives out what was put in, counts what it was asked, and ends when it is told to."""

    def __init__(self, questions: Sequence[Question] = (), ended: bool = False) -> None:
        self.waiting = deque(questions)
        self.ended = ended
        self.rooms: list[int] = []
        self.idle: list[bool] = []

    def __call__(self, room: int, idle: bool) -> list[Question] | None:
        self.rooms.append(room)
        self.idle.append(idle)
        if not self.waiting and self.ended:
            return None
        return [self.waiting.popleft() for _ in range(min(room, len(self.waiting)))]


def test_answers_bear_the_numbers_of_their_questions(serve: Serve) -> None:
    code = "import time\nn = int(input())\ntime.sleep(.1 if n % 7 == 0 else 0)\nprint(n if n % 3 else -1)"
    said = answers(serve, [number(code, n) for n in range(30)])
    assert [verdict.code for verdict in said] == ["AC" if n % 3 else "WA" for n in range(30)]
    assert answers(serve, []) == []


def test_an_endless_program_holds_back_nothing_on_the_other_core(serve: Serve) -> None:
    """It would run for 30 s of CPU; all of the others, more than are ever taken at once, are answered before it."""
    quick = 12 * NEAR
    fed = Fed([number(ENDLESS, 0, LONG), *(number(ECHO, n) for n in range(1, quick + 1))])
    stream = serve(fed)
    assert sorted(next(stream)[0] for _ in range(quick)) == list(range(1, quick + 1))
    assert max(fed.rooms) == 2 * NEAR
    stream.close()  # type: ignore[attr-defined]


def test_what_comes_later_is_asked_while_something_runs(serve: Serve) -> None:
    fed = Fed([number(ENDLESS, 0, LONG)])
    stream = serve(fed)
    for n in range(1, 4):
        fed.waiting.append(number(ECHO, n))
        assert next(stream)[0] == n
    assert fed.idle[0]
    assert not any(fed.idle[1:])
    stream.close()  # type: ignore[attr-defined]


def test_idle_is_said_when_nothing_is_under_way(serve: Serve) -> None:
    fed = Fed([number(ECHO, 1)])
    asked = 0

    def pull(room: int, idle: bool) -> list[Question] | None:
        nonlocal asked
        if idle and (asked := asked + 1) == 5:
            fed.ended = True
        return fed(room, idle)

    assert [n for n, _ in serve(pull)] == [0]
    assert fed.idle[0]
    assert asked == 5


def test_leaving_early_kills_what_runs(pair: Judge, serve: Serve) -> None:
    fed = Fed([number(ENDLESS, n, LONG) for n in range(2)] + [number(ECHO, 5)])
    stream = serve(fed)
    fed.waiting.appendleft(number(ECHO, 1))
    assert next(stream)[0] == 0
    before = set(pair.pids())
    stream.close()  # type: ignore[attr-defined]
    assert answers(serve, [number(ECHO, 9)])[0].code == "AC"
    assert not before <= set(pair.pids())


def test_cancelled_what_is_not_answered_is_skipped(serve_cancelled: Callable[[Fed], list[tuple[int, Verdict]]]) -> None:
    fed = Fed([number(ECHO, 0), *(number(ENDLESS, n, LONG) for n in range(1, 100))])
    said = dict(serve_cancelled(fed))
    assert said.pop(0).code == "AC"
    assert sorted(said) == list(range(1, len(said) + 1))
    assert 2 <= len(said) <= 2 * NEAR
    assert {verdict.code for verdict in said.values()} == {"SK"}
    assert fed.waiting  # no more were taken


@pytest.fixture(params=["judge", "cached"])
def serve_cancelled(request: pytest.FixtureRequest, pair: Judge) -> Callable[[Fed], list[tuple[int, Verdict]]]:
    """All answers of a stream that is cancelled after the first."""

    def run(fed: Fed) -> list[tuple[int, Verdict]]:
        seen: list[tuple[int, Verdict]] = []
        served = (pair if request.param == "judge" else Cached(pair)).serve(fed, lambda: bool(seen))
        for each in served:
            seen.append(each)
        return seen

    return run


def test_an_error_of_the_pull_ends_the_stream_and_not_the_judge(serve: Serve) -> None:
    fed = Fed([number(ENDLESS, 0, LONG), number(ECHO, 1)])

    def pull(room: int, idle: bool) -> list[Question] | None:
        if not fed.waiting:
            raise KeyError("the caller's own")
        return fed(1, idle)

    with pytest.raises(KeyError, match="the caller's own"):
        list(serve(pull))
    assert answers(serve, [number(ECHO, 3)])[0].code == "AC"


def test_a_malformed_question_ends_the_stream_and_not_the_judge(serve: Serve) -> None:
    wrong = Question("def f(x):\n    return x", "call", Case("", "{}", "1"), "f")
    with pytest.raises(LabError, match="no JSON array"):
        list(serve(listed([number(ECHO, 1), wrong])))
    assert answers(serve, [number(ECHO, 3)])[0].code == "AC"


def test_one_stream_at_a_time_in_a_thread(pair: Judge, serve: Serve) -> None:
    stream = serve(listed([number(ECHO, n) for n in range(5)]))
    next(stream)
    with pytest.raises(RuntimeError, match="still open"):
        next(pair.serve(listed([number(ECHO, 1)])))
    with pytest.raises(RuntimeError, match="still open"):
        pair.judge([number(ECHO, 1)])
    assert len(list(stream)) == 4


def test_it_is_read_in_a_thread_of_its_own_which_may_start_workers(serve: Serve, pair: Judge) -> None:
    """The thread ends; its workers live on, and serve the next stream."""
    for worker in pair.workers:
        pair.discard(worker)
    found: list[str] = []

    def read() -> None:
        found.extend(verdict.code for _, verdict in serve(listed([number(ECHO, n) for n in range(8)])))

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    started = pair.pids()
    assert found == ["AC"] * 8
    assert len(started) == 2
    assert answers(serve, [number("print(int(input()) + 0)", n) for n in range(8)])[7].code == "AC"
    assert pair.pids() == started


def test_a_verdict_that_is_pulled_is_given_back(pair: Judge) -> None:
    known = [Verdict("IE", detail=str(n)) for n in range(30)]
    mixed: list[Question | Verdict] = [each for n, said in enumerate(known) for each in (said, number(ECHO, n))]
    said = answers(pair.serve, mixed)
    assert said[::2] == known
    assert [verdict.code for verdict in said[1::2]] == ["AC"] * 30


def test_equal_questions_are_run_once_and_answered_together(pair: Judge) -> None:
    cached = Cached(pair)
    slow = number("import time\ntime.sleep(.3)\nprint(input())", 1)
    fed = Fed([slow, slow, number(ECHO, 2), slow, number(ECHO, 2)], ended=True)
    order = list(cached.serve(fed))
    assert sorted(n for n, _ in order) == [0, 1, 2, 3, 4]
    assert {verdict.code for _, verdict in order} == {"AC"}
    assert len({id(verdict) for n, verdict in order if n in (0, 1, 3)}) == 1
    assert (cached.runs, len(cached.known)) == (2, 2)
    assert [n for n, _ in order if n in (0, 1, 3)] == [0, 1, 3]


def test_what_is_known_is_answered_beside_what_runs(pair: Judge) -> None:
    """However many: they are given as they are pulled, and the judge's own room bounds how many that is at a time."""
    known = [number(ECHO, n) for n in range(20)]
    cached = Cached(pair)
    cached.judge(known)
    fed = Fed([number(ENDLESS, 0, LONG), number(ENDLESS, 1, LONG), *known * 5])
    stream = cached.serve(fed)
    assert [next(stream)[0] for _ in range(100)] == list(range(2, 102))
    assert max(fed.rooms) == 2 * NEAR
    assert cached.runs == 20
    stream.close()  # type: ignore[attr-defined]


def test_what_says_nothing_is_given_to_all_that_asked_and_not_kept(pair: Judge) -> None:
    broken = Question("def f(x):\n    return x", "assert", Case("", "assert (", ""), "f")
    cached = Cached(pair)
    assert [verdict.code for verdict in answers(cached.serve, [broken] * 3)] == ["IE"] * 3
    assert (cached.runs, cached.known) == (1, {})
