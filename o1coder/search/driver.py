"""Many trees at once, none waiting for another: sampling in this thread, judging and scoring in threads of their own.

The sampler pulls completions as it has room (flow.py), from whatever trees want some; a program goes to the judge the moment
it is drawn; a round is applied when its last result is in. A tree does not depend on when its results arrive, so batching
changes only speed. Facts are handed to `write` as whole rounds, at most `flush_s` apart while there are any: a kill loses at
most one flush, and a resumed search samples the same requests again. Nothing is stored here, and no budget is shared out
among trees: they are served in the order in which they want something.
"""

from __future__ import annotations

import contextlib
import queue
import time
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from o1coder.errors import LabError
from o1coder.flow import Pull
from o1coder.search.config import TreeSpec
from o1coder.search.errand import Done, Errand
from o1coder.search.facts import EndFact, Fact
from o1coder.search.growth import Ask, Chain, Growth, Sampled
from o1coder.search.reading import Reader, TextReader

if TYPE_CHECKING:
    from o1coder.judge import Question, Verdict
    from o1coder.sampling import Request, Sample, Sampler, Scorer

Write = Callable[[list[tuple[Any, Fact]]], None]
LOOK_S = 0.05  # how often cancelling, budgets and progress are looked at
PULSE_S = 1.0
WAIT_S = 0.1
SILENT_S = 60.0
GAPS = 20  # a tree is stuck when it is silent for so many times the usual gap between a tree's events


class Stopped(Exception):
    """Raised out of `pull`: nothing more is wanted, not even what is under way."""


class Judging(Protocol):
    """What a search needs of a judge; `o1coder.judge.Judge` is one, a verdict cache around it another."""

    def serve(
        self, pull: Pull[Question], cancelled: Callable[[], bool] | None = None
    ) -> Iterator[tuple[int, Verdict]]: ...


class Progress(NamedTuple):
    """How far a search has come; tokens and rollouts include those that were stored before."""

    trees_open: int
    trees_ended: int
    rollouts: int
    tokens_in: int
    tokens_out: int
    questions: int


class Pulse(NamedTuple):
    """One open tree: what it has, how long ago something last came for it, what it waits for, and whether that is too long
    beside the others."""

    key: Any
    rollouts: int
    tokens_out: int
    silent_s: float
    doing: Literal["sampling", "judging", "scoring"]
    stuck: bool


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
    scorer: Scorer | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    deadline: Callable[[], bool] = lambda: False,
    token_budget: int | None = None,
    tokens_before: int | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    on_pulse: Callable[[list[Pulse]], None] | None = None,
    open_trees: int = 256,
    flush_s: float = 0.25,
    clock: Callable[[], float] = time.monotonic,
    reader: Reader | None = None,
) -> Outcome:
    """Grow every tree to its end, at most `open_trees` at a time; `trees` is drawn from as places become free.

    `write` gets [(key, fact)], whole rounds in the order of each tree's application, a step before the completions that
    name it; `on_pulse` the open trees, about every second. When `deadline` is true or `token_budget` sampled tokens are spent
    (stored ones count: `tokens_before` of all the trees to come, default those of the trees that were opened), the open
    trees end with EndFact("budget") and no further tree is opened. When `cancelled` is true
    what is applied is written, no tree gets an end, and all can be resumed. LabError when a tree's stored facts do not fit
    it, or it needs a scorer and there is none.
    """
    done: queue.SimpleQueue[Done] = queue.SimpleQueue()
    with contextlib.ExitStack() as stack:
        judging = stack.enter_context(Errand("judging", judge.serve, done))
        scoring = None
        if scorer is not None:
            stream = scorer.stream
            scoring = stack.enter_context(Errand("scoring", lambda pull, closing: stream(pull), done))
        run = _Run(iter(trees), judging, scoring, done, write, reader or TextReader(), open_trees, flush_s, clock)
        run.cancelled, run.deadline, run.token_budget = cancelled, deadline, token_budget
        run.tokens_before = tokens_before
        run.on_progress, run.on_pulse = on_progress, on_pulse
        samples = sampler.stream(run.pull)
        try:
            for number, sample in samples:
                run.sampled(number, sample)
                if run.stopping:
                    break
        except Stopped:
            pass
        except Exception:
            if not run.writing:
                run.flush()  # what is applied is true, whatever broke beside it
            raise
        finally:
            if hasattr(samples, "close"):
                samples.close()
    if run.growing and not run.stopping:
        raise RuntimeError(f"the sampler ended its stream while {len(run.growing)} trees want more")
    if run.stopping == "budget":
        run.stop()
    run.flush()
    on_progress(run.progress())
    return run.outcome(cancelled=run.stopping == "cancelled")


class _Expansion:
    """Completions that one simulation asked for, as they come."""

    __slots__ = ("growth", "missing", "samples", "simulation")

    def __init__(self, growth: Growth, simulation: int) -> None:
        self.growth, self.simulation = growth, simulation
        self.samples: list[Sampled | None] = []
        self.missing = 0


class _Waiting:
    """Verdicts or scores that one simulation asked for, as they come: a list of answers for each thing it asked about."""

    __slots__ = ("answers", "growth", "missing", "simulation")

    def __init__(self, growth: Growth, simulation: int) -> None:
        self.growth, self.simulation = growth, simulation
        self.answers: dict[Any, list[Any]] = {}
        self.missing = 0


class _Life:
    """When a tree last moved."""

    __slots__ = ("at", "events")

    def __init__(self, at: float) -> None:
        self.at, self.events = at, 0


class _Run:
    """The moving parts of one `run_search`: the open trees, what they wait for, the facts not yet written, the counts."""

    cancelled: Callable[[], bool]
    deadline: Callable[[], bool]
    token_budget: int | None
    tokens_before: int | None
    on_progress: Callable[[Progress], None]
    on_pulse: Callable[[list[Pulse]], None] | None

    def __init__(
        self,
        trees: Iterator[TreeSpec],
        judging: Errand,
        scoring: Errand | None,
        done: queue.SimpleQueue[Done],
        write: Write,
        reader: Reader,
        open_trees: int,
        flush_s: float,
        clock: Callable[[], float],
    ) -> None:
        self.trees = trees
        self.judging, self.scoring, self.done = judging, scoring, done
        self.write = write
        self.reader = reader
        self.open_trees = open_trees
        self.flush_s = flush_s
        self.clock = clock
        self.stopping: Literal["", "cancelled", "budget"] = ""
        self.growing: dict[Growth, _Life] = {}
        self.ready: deque[tuple[_Expansion, int, Ask]] = deque()
        self.begun: dict[int, tuple[_Expansion, int]] = {}
        self.numbered = 0
        self.unwritten: list[tuple[Hashable, Fact]] = []
        self.ends: Counter[str] = Counter()
        self.counts = Counter[str]()  # of trees that have left `growing`, and of what was asked
        self.flushed_at = self.felt_at = self.began_at = clock()
        self.looked_at = self.began_at - LOOK_S  # a budget that is spent already is seen before anything is begun
        self.dry = False  # no more trees
        self.writing = False  # and so still after a write that failed

    # --- what the sampler asks, and says ---

    def pull(self, room: int, idle: bool) -> Sequence[Request] | None:
        """At most `room` completions to begin; see flow.Pull."""
        self.collect()
        while not self.stopping:
            self.look()
            if self.stopping:
                break
            self.open(room)
            if self.ready:
                return self.take(room)
            if not self.growing and self.dry:
                break
            if not idle:
                return []
            if not (self.judging.pending or (self.scoring is not None and self.scoring.pending)):
                raise RuntimeError(f"{len(self.growing)} trees want nothing and have not ended")
            self.collect(wait=True)
        if self.stopping:
            raise Stopped
        return None

    def take(self, room: int) -> list[Request]:
        """The next completions in the order in which trees came to want them."""
        from o1coder.sampling import Request

        requests: list[Request] = []
        while self.ready and len(requests) < room:
            expansion, slot, ask = self.ready.popleft()
            config = expansion.growth.spec.config
            requests.append(Request(ask.prompt, ask.max_tokens, ask.stop, config.temperature, config.top_p, ask.seed))
            self.begun[self.numbered] = expansion, slot
            self.numbered += 1
        return requests

    def sampled(self, number: int, sample: Sample) -> None:
        """One completion has come; with the last of its expansion the tree goes on."""
        expansion, slot = self.begun.pop(number)
        expansion.samples[slot] = Sampled(
            sample.text, sample.tokens_in, sample.tokens_out, sample.logprob, sample.finish_reason
        )
        expansion.missing -= 1
        if not expansion.missing:
            growth = expansion.growth
            before = growth.tokens_in, growth.tokens_out
            growth.deliver(expansion.simulation, [each for each in expansion.samples if each is not None])
            self.counts["tokens_in"] += growth.tokens_in - before[0]
            self.counts["tokens_out"] += growth.tokens_out - before[1]
            self.counts["tokens_new"] += growth.tokens_out - before[1]
            self.advance(growth)
        self.look()

    # --- what the judge and the scorer say ---

    def collect(self, wait: bool = False) -> None:
        """Take what is done; with `wait`, be there for the next, for a moment."""
        while True:
            try:
                found = self.done.get(block=wait, timeout=WAIT_S)
            except queue.Empty:
                return
            wait = False
            if found.error is not None:
                raise found.error
            if found.errand is self.judging and found.answer.code == "SK":
                if not self.cancelled():
                    raise RuntimeError("the judge skipped a program that nobody cancelled")
                self.stopping = "cancelled"
                continue
            if found.errand is not self.judging and not 0.0 <= found.answer <= 1.0:
                raise LabError(
                    f"the scorer gave {found.answer}", "A score is a probability: look at the PRM's weights."
                )
            found.errand.pending -= 1
            waiting, what, place = found.key
            waiting.answers[what][place] = found.answer
            waiting.missing -= 1
            if not waiting.missing:
                if found.errand is self.judging:
                    waiting.growth.rule(waiting.simulation, waiting.answers)
                else:
                    waiting.growth.grade(
                        waiting.simulation, {chain: said[0] for chain, said in waiting.answers.items()}
                    )
                self.advance(waiting.growth)

    # --- trees ---

    def open(self, room: int) -> None:
        """Fill the free places, with no more trees than give the sampler something to do; what is stored of a tree is
        replayed first."""
        while not self.dry and len(self.growing) < self.open_trees and len(self.ready) < room:
            spec = next(self.trees, None)
            if spec is None:
                self.dry = True
                return
            if spec.config.guided and self.scoring is None:
                raise LabError(
                    f"{spec.config.method} is led by a process reward model, and none is named",
                    "Name one with --prm, or take a search that needs none.",
                )
            growth = Growth(spec, self.reader)
            growth.resume()
            if growth.end is not None and not any(isinstance(fact, EndFact) for fact in spec.stored):
                self.unwritten.append((spec.key, EndFact(growth.end)))
                self.ends[growth.end] += 1
            spec.stored = ()  # the tree holds it now
            self.counts["tokens_in"] += growth.tokens_in
            self.counts["tokens_out"] += growth.tokens_out
            self.counts["rollouts"] += growth.tree.rollouts
            if growth.end is None:
                self.growing[growth] = _Life(self.clock())
                self.advance(growth)
                if self.spent():
                    return
            else:
                self.counts["ended"] += 1

    def advance(self, growth: Growth) -> None:
        """Apply what is complete, hand out what is wanted; a tree that ended leaves."""
        if growth not in self.growing:
            return
        life = self.growing[growth]
        life.at, life.events = self.clock(), life.events + 1
        before = growth.tree.rollouts
        for fact in growth.settle():
            self.unwritten.append((growth.spec.key, fact))
        self.counts["rollouts"] += growth.tree.rollouts - before
        if growth.end is not None:
            self.ends[growth.end] += 1
            self.counts["ended"] += 1
            del self.growing[growth]
            return
        self.ask_sampler(growth)
        self.ask_judge(growth)
        if self.scoring is not None:
            self.ask_scorer(growth, self.scoring)

    def ask_sampler(self, growth: Growth) -> None:
        """Queue the completions it wants."""
        expansions: dict[int, _Expansion] = {}
        for ask in growth.wanted():
            expansion = expansions.setdefault(ask.simulation, _Expansion(growth, ask.simulation))
            self.ready.append((expansion, len(expansion.samples), ask))
            expansion.samples.append(None)
            expansion.missing += 1

    def ask_judge(self, growth: Growth) -> None:
        """Hand out the programs it wants judged, every case a question of its own."""
        from o1coder.judge import Question

        spec, waiting = growth.spec, dict[int, _Waiting]()
        asked = []
        for simulation, code in growth.unjudged():
            mine = waiting.setdefault(simulation, _Waiting(growth, simulation))
            mine.answers[code] = [None] * len(spec.cases)
            for place, case in enumerate(spec.cases):
                question = Question(code, spec.task.kind, case, spec.task.entry_point, spec.comparator, spec.limits)
                asked.append(((mine, code, place), question))
                mine.missing += 1
        for key, question in asked:
            self.judging.ask(key, question)
        self.counts["questions"] += len(asked)

    def ask_scorer(self, growth: Growth, scoring: Errand) -> None:
        """Hand out the steps it wants scored."""
        from o1coder.text import prefix_text

        waiting = dict[int, _Waiting]()
        asked: list[tuple[_Waiting, Chain]] = []
        for simulation, chain in growth.ungraded():
            mine = waiting.setdefault(simulation, _Waiting(growth, simulation))
            mine.answers[chain] = [None]
            mine.missing += 1
            asked.append((mine, chain))
        for mine, chain in asked:
            scoring.ask((mine, chain, 0), prefix_text(growth.spec.task, chain))

    # --- now and then ---

    def look(self) -> None:
        """Flush when it is time, tell of progress, see whether to stop."""
        at = self.clock()
        if at - self.flushed_at >= self.flush_s:
            self.flush()
            self.flushed_at = self.clock()
        if self.spent():
            self.stopping = "budget"
        elif at - self.looked_at >= LOOK_S:
            self.looked_at = at
            self.on_progress(self.progress())
            if self.on_pulse is not None and at - self.felt_at >= PULSE_S:
                self.felt_at = at
                self.on_pulse(self.pulses())
            if self.cancelled():
                self.stopping = "cancelled"
            elif self.deadline():
                self.stopping = "budget"

    def flush(self) -> None:
        """Hand over what is applied and not yet written."""
        if self.unwritten:
            facts, self.unwritten = self.unwritten, []
            self.writing = True
            self.write(facts)
            self.writing = False

    def pulses(self) -> list[Pulse]:
        """Every open tree as it is now."""
        at = self.clock()
        events = sum(life.events for life in self.growing.values())
        usual = (at - self.began_at) * len(self.growing) / max(1, events)
        limit = max(SILENT_S, GAPS * usual)
        return [
            Pulse(
                growth.spec.key,
                growth.tree.rollouts,
                growth.tokens_out,
                at - life.at,
                _doing(growth),
                at - life.at > limit,
            )
            for growth, life in self.growing.items()
        ]

    def stop(self) -> None:
        """End what trees are still open for lack of budget."""
        for growth in self.growing:
            self.unwritten.append((growth.spec.key, growth.stop()))
            self.ends["budget"] += 1
            self.counts["ended"] += 1
        self.growing = {}

    def spent(self) -> bool:
        """Whether the sampled tokens, stored or not, have reached the budget."""
        if self.token_budget is None:
            return False
        if self.tokens_before is None:
            return self.counts["tokens_out"] >= self.token_budget
        return self.tokens_before + self.counts["tokens_new"] >= self.token_budget

    def progress(self) -> Progress:
        """The counts of now."""
        counts = self.counts
        return Progress(
            len(self.growing),
            counts["ended"],
            counts["rollouts"],
            counts["tokens_in"],
            counts["tokens_out"],
            counts["questions"],
        )

    def outcome(self, cancelled: bool) -> Outcome:
        """The result to return."""
        return Outcome(dict(self.ends), cancelled, self.progress())


def _doing(growth: Growth) -> Literal["sampling", "judging", "scoring"]:
    states = {simulation.state for simulation in growth.simulations.values()}
    return "sampling" if "sampling" in states else "judging" if "judging" in states else "scoring"


__all__ = ["Judging", "Outcome", "Progress", "Pulse", "Write", "run_search"]
