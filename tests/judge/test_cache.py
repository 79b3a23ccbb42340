"""The judge's memory: equal questions are run once, whatever the order, and nothing is kept that says nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from o1coder.judge import Cached, Judge, Key, Level, Question, Verdict, cache
from o1coder.task import Case, Comparator, Limits

GOOD = Question("print(int(input()) * 2)", "stdio", Case("", "21", "42"))


class Scripted:
    """A judge whose verdict is the first word of the case's input; it draws some questions ahead, as the real one does."""

    def __init__(self, ahead: int = 3, layer: Level = "L3") -> None:
        self.ahead = ahead
        self.layer: Level = layer
        self.ran: list[Question] = []
        self.closed = False

    def stream(
        self, questions: Iterable[Question], cancelled: Callable[[], bool] | None = None, stop_early: bool = False
    ) -> Iterator[Verdict]:
        source, taken = iter(questions), list[Question]()
        stopped: set[str] = set()
        try:
            while True:
                while len(taken) < self.ahead and (question := next(source, None)) is not None:
                    taken.append(question)
                if not taken or (cancelled is not None and cancelled()):
                    yield from [Verdict("SK")] * len(taken)
                    return
                question = taken.pop(0)
                if question.code in stopped:
                    yield Verdict("SK", layer=self.layer)
                    continue
                self.ran.append(question)
                word = question.case.input.split()[0]
                if stop_early and word not in ("AC", "IE"):
                    stopped.add(question.code)
                yield Verdict(word, cpu_ms=500.0, detail=question.case.input, layer=self.layer)  # type: ignore[arg-type]
        finally:
            self.closed = True


def ask(verdict: str, code: str = "pass", number: int = 0) -> Question:
    return Question(code, "stdio", Case("", f"{verdict} {number}", ""))


def test_an_equal_question_is_run_once_in_a_call_and_over_calls() -> None:
    judge = Scripted()
    cached = Cached(judge)
    questions = [ask("AC"), ask("WA"), ask("AC"), ask("AC", "other"), ask("WA")]
    said = cached.judge(questions)
    assert [verdict.code for verdict in said] == ["AC", "WA", "AC", "AC", "WA"]
    assert said[0] == said[2]
    assert judge.ran == [questions[0], questions[1], questions[3]]
    assert cached.judge(questions[::-1]) == said[::-1]
    assert (cached.runs, cached.cpu_s, len(judge.ran), len(cached.known)) == (3, 1.5, 3, 3)


@pytest.mark.parametrize("code", ["IE", "SK"])
def test_what_says_nothing_is_asked_again(code: str) -> None:
    judge = Scripted()
    cached = Cached(judge)
    assert [v.code for v in cached.judge([ask(code), ask(code)])] == [code, code]
    assert (len(judge.ran), cached.known) == (1, {})
    cached.judge([ask(code)])
    assert (len(judge.ran), cached.runs) == (2, 2 if code == "IE" else 0)


def test_what_ran_without_isolation_is_neither_kept_nor_believed() -> None:
    judge = Scripted(layer="L0")
    cached = Cached(judge)
    cached.judge([ask("AC")])
    assert cached.known == {}
    isolated = Scripted()
    worthless = {Cached(isolated).key(ask(word)): Verdict("AC", layer=layer) for word, layer in [("WA", "L0")]}  # type: ignore[arg-type]
    worthless |= {Cached(isolated).key(ask("RE")): Verdict("IE", layer="L3")}
    assert [v.code for v in Cached(isolated, worthless).judge([ask("WA"), ask("RE")])] == ["WA", "RE"]
    assert len(isolated.ran) == 2


OTHERS = [
    replace(GOOD, code=GOOD.code + " "),
    replace(GOOD, code="\ud800"),
    replace(GOOD, case=Case("", "21 ", "42")),
    replace(GOOD, case=Case("", "21", "42 ")),
    replace(GOOD, case=Case("", "2", "142")),
    replace(GOOD, comparator=Comparator("lines")),
    replace(GOOD, comparator=Comparator("float", {"abs": 1})),
    replace(GOOD, comparator=Comparator("float", {"abs": 1.0})),
    replace(GOOD, comparator=Comparator("float", {"abs": 0.0})),
    replace(GOOD, comparator=Comparator("float", {"abs": -0.0})),
    replace(GOOD, comparator=Comparator("float", {"abs": "1"})),
    replace(GOOD, comparator=Comparator("float", {"rel": 1})),
    replace(GOOD, limits=Limits(1.0)),
    replace(GOOD, limits=Limits(2.0, 256)),
    replace(GOOD, kind="call", entry_point="f"),
    replace(GOOD, kind="call", entry_point="g"),
    replace(GOOD, kind="assert", entry_point="f"),
]


@pytest.mark.parametrize("number", range(len(OTHERS)))
def test_all_that_a_verdict_depends_on_is_in_the_key(number: int) -> None:
    cached = Cached(Scripted())
    rest = [GOOD, *OTHERS[:number], *OTHERS[number + 1 :]]
    assert cached.key(OTHERS[number]) not in {cached.key(question) for question in rest}


def test_what_a_verdict_does_not_depend_on_is_not_in_the_key() -> None:
    cached = Cached(Scripted())
    same = replace(
        GOOD, entry_point="f", case=replace(GOOD.case, digest="anything"), comparator=Comparator("tokens", {})
    )
    assert cached.key(same) == cached.key(replace(same, limits=Limits(2, 512))) == cached.key(GOOD)
    turned = [
        Comparator("float", dict(pairs)) for pairs in ((("abs", 1.0), ("rel", 2.0)), (("rel", 2.0), ("abs", 1.0)))
    ]
    assert cached.key(replace(GOOD, comparator=turned[0])) == cached.key(replace(GOOD, comparator=turned[1]))


def test_a_profile_is_digested_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(cache, "profile_digest", lambda *what: made.append(what) or str(len(made)))
    cached = Cached(Scripted())
    for number in range(500):
        cached.key(replace(GOOD, case=Case("", str(number), ""), comparator=Comparator("float", {"abs": 1.0})))
    assert len(made) == 1
    for number in range(2 * cache.PROFILES):
        cached.key(replace(GOOD, limits=Limits(number + 1.0)))
    assert len(cached._profiles) <= cache.PROFILES


def test_known_answers_are_given_at_once_and_questions_are_drawn_as_needed() -> None:
    judge, drawn = Scripted(ahead=2), list[Question]()
    cached = Cached(judge)
    cached.judge([ask("AC", number=n) for n in range(100)])

    def questions() -> Iterator[Question]:
        for number in range(200):
            drawn.append(ask("AC", number=number))
            yield drawn[-1]

    answers = cached.stream(questions())
    for number in range(100):
        assert next(answers).detail == f"AC {number}"
        assert len(drawn) == number + 1
    next(answers)
    assert len(drawn) <= 103
    answers.close()  # type: ignore[attr-defined]
    assert judge.closed


def test_known_answers_behind_a_run_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "AHEAD", 10)
    judge = Scripted(ahead=50)
    cached = Cached(judge)
    cached.judge([ask("AC")])
    drawn = []
    answers = cached.stream(drawn.append(q) or q for q in [ask("WA"), *[ask("AC")] * 1000, ask("RE")])  # type: ignore[func-returns-value]
    assert next(answers).code == "WA"
    assert len(drawn) <= 12
    assert [verdict.code for verdict in answers] == ["AC"] * 1000 + ["RE"]


def test_a_stream_that_is_cancelled_ends() -> None:
    judge, ended = Scripted(ahead=4), False
    cached = Cached(judge)
    cached.judge([ask("AC", number=7)])
    answers = cached.stream((ask("WA", number=n) for n in count()), lambda: ended)
    assert next(answers).code == "WA"
    ended = True
    rest = list(answers)
    assert {verdict.code for verdict in rest} <= {"SK", "WA"}
    assert len(rest) <= 5
    said = cached.judge([ask("AC", number=n) for n in range(9)], lambda: True)
    assert [verdict.code for verdict in said] == ["SK"] * 9
    assert (cached.runs, len(cached.known)) == (2, 2)


WORDS = st.sampled_from(["AC", "WA", "TLE", "IE"])
ASKED = st.lists(st.tuples(WORDS, st.sampled_from("abc"), st.integers(0, 3)), max_size=40)


@given(before=ASKED, asked=ASKED, ahead=st.integers(1, 6), stop_early=st.booleans())
def test_the_answers_are_those_of_a_judge_without_memory(
    before: list[tuple[str, str, int]], asked: list[tuple[str, str, int]], ahead: int, stop_early: bool
) -> None:
    cached = Cached(Scripted(ahead))
    cached.judge([ask(*one) for one in before])
    questions = [ask(*one) for one in asked]
    said = cached.judge(questions, stop_early=stop_early)
    assert [v.code for v in said] == [v.code for v in Scripted().stream(questions, None, stop_early)]
    assert all(v.code == "SK" or v.detail == q.case.input for v, q in zip(said, questions, strict=True))
    lasting = {one for one in before + (asked if not stop_early else []) if one[0] != "IE"}
    assert set(cached.known) >= {cached.key(ask(*one)) for one in lasting}
    assert all(verdict.code != "IE" for verdict in cached.known.values())


def test_a_program_known_to_fail_is_not_run_further_with_early_stop() -> None:
    judge = Scripted()
    cached = Cached(judge)
    cached.judge([ask("WA", number=1)])
    said = cached.judge([ask("AC", number=n) if n != 1 else ask("WA", number=1) for n in range(50)], stop_early=True)
    assert [verdict.code for verdict in said] == ["AC", "WA"] + ["SK"] * 48
    assert len(judge.ran) == 2
    again = cached.judge([ask("AC", number=n) for n in (0, 5)])  # what was skipped is not known
    assert [verdict.code for verdict in again] == ["AC", "AC"]


def test_a_real_judge_is_asked_once(judge: Judge) -> None:
    cached = Cached(judge, {})
    wrong = replace(GOOD, code="print(1)")
    said = cached.judge([GOOD, wrong] * 20)
    assert [verdict.code for verdict in said] == ["AC", "WA"] * 20
    assert cached.runs == 2
    assert cached.cpu_s == pytest.approx(sum(verdict.cpu_ms for verdict in said[:2]) / 1000)
    assert {key.entry_point for key in cached.known} == {None}
    assert all(type(key) is Key and key.program.startswith("sha256:") for key in cached.known)
