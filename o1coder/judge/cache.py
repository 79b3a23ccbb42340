"""A judge that runs an equal question once: what is known is answered, what is new is run and remembered.

    with Judge() as judge:
        cached = Cached(judge)  # or Cached(judge, known): any mapping, so one that outlives the process too
        verdicts = cached.judge(questions)

Questions are equal when the program's text, what the case holds, the entry point and the profile are (profile.py: kind,
comparator, limits, the judge's and Python's versions). A case's own `digest` is not believed: callers without a lab leave
it empty. Equal questions of one call, or still being run, are run once too. IE and SK say nothing about a program, and
what ran without isolation (L0) is worth nothing: neither is kept, and neither is answered from `known` where it stands.

How a verdict was got (times, memory, isolation level) is not part of the key: a known one is given as it was first got,
except that what failed at L1, where no file can be opened, is asked again at a better level.
It does not bound `known`, and it is not for two threads at once, like the judge itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple, Protocol

from ..canonical import digest, digest_bytes
from ..flow import Pull
from ..task import Case, Comparator, Kind, Limits
from .profile import profile
from .question import CODES, Level, Question, Verdict

AHEAD = 4096  # answers that may wait for one before them that is still being run
KEPT = frozenset(CODES) - {"IE", "SK"}
PROFILES = 1024  # of the last ones met, the digests are kept


class Key(NamedTuple):
    """What makes two questions equal. The digests are `sha256:…`; `entry_point` is None where the kind has none."""

    program: str
    case: str
    profile: str
    entry_point: str | None


class Running(Protocol):
    """What is needed of a judge: o1coder.judge.Judge is one."""

    @property
    def layer(self) -> Level: ...
    def stream(
        self, questions: Iterable[Question], cancelled: Callable[[], bool] | None = None, stop_early: bool = False
    ) -> Iterator[Verdict]: ...
    def serve(
        self, pull: Pull[Question | Verdict], cancelled: Callable[[], bool] | None = None
    ) -> Iterator[tuple[int, Verdict]]: ...


def program_digest(code: str) -> str:
    """Digest of source text as it is, lone surrogates included."""
    return digest_bytes(code.encode("utf-8", "surrogatepass"))


def case_digest(case: Case) -> str:
    """Digest of what a case holds."""
    return digest({"input": case.input, "expected": case.expected})


def profile_digest(kind: Kind, comparator: Comparator, limits: Limits) -> str:
    """Digest of everything a verdict depends on but program, entry point and case."""
    return digest(profile(kind, comparator, limits))


class Cached:
    """A judge with a memory. `runs` and `cpu_s` are of what was run through it; `known` grows as verdicts come."""

    def __init__(self, judge: Running, known: MutableMapping[Key, Verdict] | None = None) -> None:
        self._judge = judge
        self._profiles: dict[tuple[object, ...], str] = {}
        self.known: MutableMapping[Key, Verdict] = {} if known is None else known
        self.runs = 0
        self.cpu_s = 0.0

    @property
    def layer(self) -> Level:
        """The level that new questions are judged at."""
        return self._judge.layer

    def key(self, question: Question) -> Key:
        """The key of a question."""
        entry_point = None if question.kind == "stdio" else question.entry_point
        profiled = self._profile(question.kind, question.comparator, question.limits)
        return Key(program_digest(question.code), case_digest(question.case), profiled, entry_point)

    def _profile(self, kind: Kind, comparator: Comparator, limits: Limits) -> str:
        # 1, 1.0 and True, or 0.0 and -0.0, are equal and hash alike, but are written differently in a profile.
        args = tuple(sorted((k, v if type(v) is str else (type(v), repr(v))) for k, v in comparator.args.items()))
        key = (kind, comparator.name, args, limits)
        if key not in self._profiles:
            if len(self._profiles) >= PROFILES:
                self._profiles.clear()
            self._profiles[key] = profile_digest(kind, comparator, limits)
        return self._profiles[key]

    def judge(
        self, questions: Sequence[Question], cancelled: Callable[[], bool] | None = None, stop_early: bool = False
    ) -> list[Verdict]:
        """As Judge.judge: one verdict a question, in their order. Once `cancelled()`, what was not answered is SK."""
        verdicts = list(self.stream(questions, cancelled, stop_early))
        return verdicts + [Verdict("SK", layer=self.layer)] * (len(questions) - len(verdicts))

    def stream(
        self, questions: Iterable[Question], cancelled: Callable[[], bool] | None = None, stop_early: bool = False
    ) -> Iterator[Verdict]:
        """As Judge.stream: verdicts in order, each as soon as it and those before it are known."""
        return iter(_Pass(self, self._judge, questions, cancelled or (lambda: False), stop_early))

    def serve(self, pull: Pull[Question], cancelled: Callable[[], bool] | None = None) -> Iterator[tuple[int, Verdict]]:
        """As Judge.serve: (number, verdict) in any order. What is known is answered as soon as it is pulled; equal questions
        that are under way are run once, and answered together."""
        asked: dict[
            int, tuple[Key | None, list[int]]
        ] = {}  # by the judge's number: what it runs, and whose answer that is
        pending: dict[Key, list[int]] = {}
        taken = count()
        passed = count()

        def sieved(room: int, idle: bool) -> Sequence[Question | Verdict] | None:
            questions = pull(room, idle)
            if questions is None:
                return None
            through: list[Question | Verdict] = []
            for question in questions:
                key, number = self.key(question), next(taken)
                known = self.recall(key)
                if known is None and key in pending:
                    pending[key].append(number)
                    continue
                numbers = [number]
                if known is None:
                    pending[key] = numbers
                asked[next(passed)] = (None if known else key), numbers
                through.append(known or question)
            return through

        answers = self._judge.serve(sieved, cancelled)
        try:
            for number, verdict in answers:
                key, numbers = asked.pop(number)
                if key is not None:
                    del pending[key]
                    self.note(key, verdict)
                for each in numbers:
                    yield each, verdict
        finally:
            if isinstance(answers, Generator):
                answers.close()  # it kills what it runs

    def recall(self, key: Key) -> Verdict | None:
        """The verdict that is known and holds for a judge of this level."""
        known = self.known.get(key)
        return known if known is not None and lasting(known) and holds_at(known, self.layer) else None

    def note(self, key: Key, verdict: Verdict) -> None:
        """Count a verdict that was run for, and keep it if it is one to keep."""
        if verdict.code == "SK":
            return
        self.runs += 1
        self.cpu_s += verdict.cpu_ms / 1000
        if lasting(verdict):
            self.known[key] = verdict


def lasting(verdict: Verdict) -> bool:
    """Whether the same question would get this verdict again, from a judge that isolates."""
    return verdict.code in KEPT and verdict.layer != "L0"


def holds_at(verdict: Verdict, level: Level) -> bool:
    """Whether a judge of this level would say the same: at L1 a program may fail for want of a module."""
    return verdict.code == "AC" or verdict.layer != "L1" or level == "L1"


@dataclass(slots=True)
class _Entry:
    """A question that was taken and not given out. `same` is an earlier equal one that is being run."""

    key: Key
    verdict: Verdict | None = None
    same: _Entry | None = None


class _Pass:
    """One stream: known answers are given at once; from the first question that must be run on, the judge draws them."""

    def __init__(
        self,
        cached: Cached,
        judge: Running,
        questions: Iterable[Question],
        cancelled: Callable[[], bool],
        stop_early: bool,
    ) -> None:
        self.cached, self.running = cached, judge
        self.source = iter(questions)
        self.cancelled = cancelled
        self.stop_early = stop_early
        self.dry = False
        self.waiting: deque[_Entry] = deque()  # taken and not given out, in order
        self.asked: deque[_Entry] = deque()  # of these, those that the judge has
        self.pending: dict[Key, _Entry] = {}
        self.failed: set[str] = set()  # programs with a case known not to be accepted: nothing more is asked of them
        self.stopped: set[str] = set()  # those of them whose case was given out

    def __iter__(self) -> Iterator[Verdict]:
        while not (self.dry or self.cancelled()):
            question = self.take()
            if question is not None:
                yield from self.run(question)
            yield from self.settled()

    def take(self) -> Question | None:
        """Take the next question; it is returned when it must be run."""
        question = next(self.source, None)
        if question is None:
            self.dry = True
            return None
        entry = _Entry(self.cached.key(question))
        self.waiting.append(entry)
        if entry.key.program in self.failed:
            return None
        entry.verdict = self.cached.recall(entry.key)
        if entry.verdict is not None:
            self.look(entry)
            return None
        entry.same = self.pending.get(entry.key)
        if entry.same is not None:
            return None
        self.pending[entry.key] = entry
        self.asked.append(entry)
        return question

    def run(self, question: Question) -> Iterator[Verdict]:
        """Have the judge draw from here on, for as long as it has something to run."""
        answers = self.running.stream(self.drawn(question), self.cancelled, self.stop_early)
        try:
            for verdict in answers:
                entry = self.asked.popleft()
                del self.pending[entry.key]
                entry.verdict = verdict
                self.cached.note(entry.key, verdict)
                self.look(entry)
                yield from self.settled()
        finally:
            if isinstance(answers, Generator):
                answers.close()  # it kills what it runs

    def drawn(self, question: Question) -> Iterator[Question]:
        """What the judge draws. It ends where known answers would otherwise wait for runs that come after them."""
        yield question
        while self.asked and len(self.waiting) - len(self.asked) < AHEAD:
            following = self.take()
            if following is not None:
                yield following
            elif self.dry:
                return

    def look(self, entry: _Entry) -> None:
        """With `stop_early`, note the program of an answer that is not accepted."""
        if self.stop_early and entry.verdict is not None and entry.verdict.code not in ("AC", "IE", "SK"):
            self.failed.add(entry.key.program)

    def settled(self) -> Iterator[Verdict]:
        """Give out what is known, up to the first that is not."""
        while self.waiting:
            entry = self.waiting[0]
            verdict = entry.verdict if entry.same is None else entry.same.verdict
            if entry.key.program in self.stopped:
                verdict = Verdict("SK", detail="an earlier case was not accepted", layer=self.cached.layer)
            if verdict is None:
                return
            self.waiting.popleft()
            if self.stop_early and verdict.code not in ("AC", "IE", "SK"):
                self.stopped.add(entry.key.program)
            yield verdict
