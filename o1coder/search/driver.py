"""Many trees at once: what all open trees want goes into one sampler call, what they reached into one judge call.

Lock-step: sample, judge, apply, write. Because a tree does not depend on when its results arrive, batching changes only
speed. Facts are handed to `write` as whole simulations, at most `flush_s` apart while there are any: a kill loses at most
one flush, and a resumed search samples the same requests again. Sampling and judging are not overlapped here, and a slow
row holds its batch.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from o1coder.canonical import canonical
from o1coder.search.config import TreeSpec
from o1coder.search.facts import EndFact, Fact
from o1coder.search.growth import Ask, Growth, Sampled
from o1coder.search.reading import Reader, TextReader

if TYPE_CHECKING:
    from o1coder.judge import Question, Verdict
    from o1coder.sampling import Sample, Sampler

Write = Callable[[list[tuple[Any, Fact]]], None]


class Judging(Protocol):
    """What a search needs of a judge; `o1coder.judge.Judge` is one, a verdict cache around it another."""

    def judge(
        self, questions: Sequence[Question], cancelled: Callable[[], bool] | None = None
    ) -> Sequence[Verdict]: ...


class Progress(NamedTuple):
    """How far a search has come; tokens and rollouts include those that were stored before."""

    trees_open: int
    trees_ended: int
    rollouts: int
    tokens_in: int
    tokens_out: int
    questions: int


class Outcome(NamedTuple):
    """What `run_search` did. `ends` counts trees by reason, in this call; `cancelled`: some trees may still go on."""

    ends: dict[str, int]
    cancelled: bool
    progress: Progress


def run_search(
    trees: Iterable[TreeSpec],
    sampler: Sampler,
    judge: Judging,
    *,
    write: Write,
    cancelled: Callable[[], bool] = lambda: False,
    deadline: Callable[[], bool] = lambda: False,
    token_budget: int | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    open_trees: int = 64,
    rows_per_call: int = 128,
    flush_s: float = 0.25,
    clock: Callable[[], float] = time.monotonic,
    reader: Reader | None = None,
) -> Outcome:
    """Grow every tree to its end, at most `open_trees` at a time; `trees` is drawn from as places become free.

    `rows_per_call` bounds a sampler call, and with it how late a deadline is noticed.
    `write` gets [(key, fact)], whole simulations in the order of each tree's application, a step before the completions
    that name it. When `deadline` is true or `token_budget` sampled tokens are spent (stored ones count), the open trees
    end with EndFact("budget") and no further tree is opened. When `cancelled` is true what is applied is written, no tree
    gets an end, and all can be resumed. LabError when a tree's stored facts do not fit it.
    """
    run = _Run(iter(trees), sampler, judge, write, reader or TextReader(), open_trees, rows_per_call)
    flushed_at = clock()

    def hurry() -> bool:
        on_progress(run.progress())
        return cancelled() or deadline() or run.spent(token_budget)

    while True:
        if cancelled():
            run.flush()
            return run.outcome(cancelled=True)
        if deadline() or run.spent(token_budget):
            break
        run.open()
        if not run.growing or run.spent(token_budget):
            break
        run.sample(hurry)
        if run.judge(cancelled):
            run.settle()
        if clock() - flushed_at >= flush_s:
            run.flush()
            flushed_at = clock()
        on_progress(run.progress())
    run.stop()
    on_progress(run.progress())
    return run.outcome(cancelled=False)


class _Run:
    """The moving parts of one `run_search`: the open trees, the facts not yet written, the counts."""

    def __init__(
        self,
        trees: Iterator[TreeSpec],
        sampler: Sampler,
        judge: Judging,
        write: Write,
        reader: Reader,
        open_trees: int,
        rows_per_call: int,
    ) -> None:
        self.trees = trees
        self.sampler = sampler
        self.judging = judge
        self.write = write
        self.reader = reader
        self.open_trees = open_trees
        self.rows_per_call = rows_per_call
        self.growing: list[Growth] = []
        self.unwritten: list[tuple[Hashable, Fact]] = []
        self.known: dict[tuple[str, str, str], Verdict] = {}  # (what the problem asks, code, case)
        self.ends: Counter[str] = Counter()
        self.past = Progress(0, 0, 0, 0, 0, 0)  # of trees that have left `growing`
        self.questions = 0

    def open(self) -> None:
        """Fill the free places; what is stored of a tree is replayed first."""
        while len(self.growing) < self.open_trees:
            spec = next(self.trees, None)
            if spec is None:
                return
            growth = Growth(spec, self.reader)
            growth.resume()
            if growth.end is not None and not any(isinstance(fact, EndFact) for fact in spec.stored):
                self.unwritten.append((spec.key, EndFact(growth.end)))
                self.ends[growth.end] += 1
            spec.stored = ()  # the tree holds it now
            if growth.end is None:
                self.growing.append(growth)
            else:
                self._leave(growth)

    def sample(self, hurry: Callable[[], bool]) -> None:
        """What the open trees want, at most `rows_per_call` completions a call; between calls `hurry` may end it."""
        waiting: list[tuple[Growth, int, list[Ask]]] = []
        for growth in self.growing:
            for simulation, asks in groupby(growth.wanted(), key=lambda ask: ask.simulation):
                waiting.append((growth, simulation, list(asks)))
        while waiting:
            rows, some = 0, 0
            while some < len(waiting) and (some == 0 or rows + len(waiting[some][2]) <= self.rows_per_call):
                rows += len(waiting[some][2])
                some += 1
            self._call(waiting[:some])
            waiting = waiting[some:]
            if waiting and hurry():
                return

    def _call(self, waiting: Sequence[tuple[Growth, int, list[Ask]]]) -> None:
        from o1coder.sampling import Request

        requests = []
        for growth, _, asks in waiting:
            temperature, top_p = growth.spec.config.temperature, growth.spec.config.top_p
            requests += [Request(ask.prompt, ask.max_tokens, ask.stop, temperature, top_p, ask.seed) for ask in asks]
        samples = iter(self.sampler.sample(requests))
        for growth, simulation, asks in waiting:
            growth.deliver(simulation, [Sampled(*_fields(next(samples))) for _ in asks])

    def judge(self, cancelled: Callable[[], bool]) -> bool:
        """One call for every question not yet answered in this run; False when it was cancelled on the way."""
        from o1coder.judge import Question

        waiting = [(growth, growth.unjudged()) for growth in self.growing]
        questions: dict[tuple[str, str, str], Question] = {}
        for growth, programs in waiting:
            spec, asked = growth.spec, _asked(growth.spec)
            for _, code in programs:
                for case in spec.cases:
                    key = (asked, code, case.digest)
                    if key not in self.known and key not in questions:
                        kind, name = spec.task.kind, spec.task.entry_point
                        questions[key] = Question(code, kind, case, name, spec.comparator, spec.limits)
        said = self.judging.judge(list(questions.values()), cancelled) if questions else []
        answers = dict(zip(questions, said, strict=True))
        if cancelled():
            return False
        self.questions += len(questions)
        self.known.update({key: verdict for key, verdict in answers.items() if verdict.code not in ("IE", "SK")})
        for growth, programs in waiting:
            asked = _asked(growth.spec)
            rulings: dict[int, dict[str, list[Verdict]]] = {}
            for simulation, code in programs:
                keys = [(asked, code, case.digest) for case in growth.spec.cases]
                verdicts = [self.known[key] if key in self.known else answers[key] for key in keys]
                rulings.setdefault(simulation, {})[code] = verdicts
            for simulation, by_code in rulings.items():
                growth.rule(simulation, by_code)
        return True

    def settle(self) -> None:
        """Apply what is complete; trees that ended leave."""
        for growth in self.growing:
            facts = growth.settle()
            self.unwritten += [(growth.spec.key, fact) for fact in facts]
            if growth.end is not None:
                self.ends[growth.end] += 1
                self._leave(growth)
        self.growing = [growth for growth in self.growing if growth.end is None]

    def stop(self) -> None:
        """End what trees are still open for lack of budget, and write all that is applied."""
        for growth in self.growing:
            self.unwritten.append((growth.spec.key, growth.stop()))
            self.ends["budget"] += 1
            self._leave(growth)
        self.growing = []
        self.flush()

    def flush(self) -> None:
        """Hand over what is applied and not yet written."""
        if self.unwritten:
            facts, self.unwritten = self.unwritten, []
            self.write(facts)

    def spent(self, token_budget: int | None) -> bool:
        """Whether the sampled tokens, stored or not, have reached the budget."""
        return token_budget is not None and self.progress().tokens_out >= token_budget

    def progress(self) -> Progress:
        """The counts of now."""
        return Progress(
            len(self.growing),
            self.past.trees_ended,
            self.past.rollouts + sum(growth.tree.rollouts for growth in self.growing),
            self.past.tokens_in + sum(growth.tokens_in for growth in self.growing),
            self.past.tokens_out + sum(growth.tokens_out for growth in self.growing),
            self.questions,
        )

    def outcome(self, cancelled: bool) -> Outcome:
        """The result to return."""
        return Outcome(dict(self.ends), cancelled, self.progress())

    def _leave(self, growth: Growth) -> None:
        _, ended, rollouts, tokens_in, tokens_out, _ = self.past
        self.past = Progress(
            0,
            ended + 1,
            rollouts + growth.tree.rollouts,
            tokens_in + growth.tokens_in,
            tokens_out + growth.tokens_out,
            0,
        )


def _fields(sample: Sample) -> tuple[str, int, int, float | None, str]:
    return sample.text, sample.tokens_in, sample.tokens_out, sample.logprob, sample.finish_reason


def _asked(spec: TreeSpec) -> str:
    """What a verdict depends on besides code and case."""
    comparator, limits = spec.comparator, spec.limits
    what = [spec.task.kind, spec.task.entry_point, comparator.name, dict(comparator.args)]
    return canonical([*what, limits.cpu_s, limits.memory_mb])


__all__ = ["Judging", "Outcome", "Progress", "Write", "run_search"]
