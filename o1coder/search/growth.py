"""One tree growing: which rounds are in flight, what they want, and when their results are applied.

At most w = `in_flight` rounds are under way. Round n+w is begun when exactly the results 0…n are applied and n+1 is not
yet, in whatever order they arrive, so that a tree is a function of (config, seed, completions, verdicts, scores). A
resumed tree replays the same rounds with its stored facts served. Nothing here waits, samples, judges, scores or stores.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from o1coder.reward import terminal_reward
from o1coder.search import chance
from o1coder.search.config import TreeSpec
from o1coder.search.facts import CompletionFact, EndFact, EndReason, Fact, Path, RolloutFact, ScoreFact, StepFact
from o1coder.search.reading import Reader, Reading
from o1coder.search.simulation import Draw, Judged, Simulation, distinct, ends
from o1coder.search.stored import Stored, disagree
from o1coder.search.strategy import Descent, Landed, strategy
from o1coder.search.tree import Node, Tree
from o1coder.task import ACTIONS, Action

Chain = tuple[tuple[Action, str], ...]


class Ask(NamedTuple):
    """One completion to sample, for `simulation` of this tree; `seed` is a function of where it will stand."""

    simulation: int
    prompt: str
    max_tokens: int
    stop: tuple[str, ...]
    seed: int


class Sampled(NamedTuple):
    """What a growth needs of a sample; `o1coder.sampling.Sample` has the same fields in the same order."""

    text: str
    tokens_in: int
    tokens_out: int
    logprob: float | None
    finish_reason: str


class Growth:
    """One tree under way. `wanted`/`deliver`, `unjudged`/`rule` and `ungraded`/`grade` may be answered in any order, each
    thing is handed out once; `settle` applies what is complete."""

    def __init__(self, spec: TreeSpec, reader: Reader) -> None:
        config = spec.config
        self.spec = spec
        self.reader = reader
        self.tree = Tree(spec.seed, config.c, config.revisit)
        self.simulations: dict[int, Simulation] = {}  # begun and not yet applied
        self.rounds: deque[list[Simulation]] = deque()
        self.results: dict[int, dict[str, Judged]] = {}
        self.end: EndReason | None = next((fact.reason for fact in spec.stored if isinstance(fact, EndFact)), None)
        self.tokens_in = self.tokens_out = 0
        self.begun = 0
        laid = zip(self.tree.lay(spec.given), spec.given, strict=True)
        self.laid: list[Fact] = [StepFact(node.path, action, text, None) for node, (action, text) in laid]
        self.steps = strategy(self.tree, config, spec.settled)
        self.dry: EndReason | None = None  # why the strategy begins no more rounds
        for _ in range(config.in_flight):
            self._begin(None)
        self._conclude()

    # --- what is wanted, and what came ---

    def wanted(self) -> list[Ask]:
        """The completions to sample next: a whole expansion for each simulation that is not at its end."""
        config, prompt, task = self.spec.config, self.spec.prompt, self.spec.task
        asks = []
        for simulation in self.simulations.values():
            if simulation.state != "sampling" or simulation.asked:
                continue
            simulation.asked = True
            action = simulation.action_here(config)
            text, stop, cap = prompt.render(task, simulation.chain, action), prompt.stops(action), self._cap(action)
            for ordinal in range(simulation.base, simulation.base + simulation.width_here(config)):
                seed = chance.draw(self.spec.seed, "sample", simulation.parent, ordinal)
                asks.append(Ask(simulation.ordinal, text, cap, stop, seed))
        return asks

    def deliver(self, simulation: int, samples: Sequence[Sampled]) -> None:
        """The samples that `wanted` asked for, in the order it asked, for one simulation."""
        under_way = self.simulations[simulation]
        self._take(under_way, [self._read(under_way, sample) for sample in samples])

    def unjudged(self) -> list[tuple[int, str]]:
        """The programs to judge, as (simulation, code)."""
        found = []
        for simulation in self.simulations.values():
            if simulation.state == "judging" and not simulation.asked:
                simulation.asked = True
                found += [(simulation.ordinal, code) for code in self.codes(simulation)]
        return found

    def rule(self, simulation: int, verdicts: Mapping[str, Sequence[Any]]) -> None:
        """The verdicts of one simulation's programs: for each code, one per case in the order of the tree's cases."""
        under_way = self.simulations[simulation]
        self.recall(simulation, {code: self._outcome(code, verdicts[code]) for code in self.codes(under_way)})

    def ungraded(self) -> list[tuple[int, Chain]]:
        """The steps to score, each as its simulation and the chain from the root down to it."""
        found = []
        for simulation in self.simulations.values():
            if simulation.ungraded and not simulation.grading and simulation.state in ("judging", "ready"):
                simulation.grading = True
                found += [(simulation.ordinal, chain) for chain in simulation.prefixes()]
        return found

    def grade(self, simulation: int, scores: Mapping[Chain, float]) -> None:
        """The scores of all steps of one simulation."""
        under_way = self.simulations[simulation]
        under_way.scores, under_way.ungraded = dict(scores), False

    def recall(self, simulation: int, outcomes: Mapping[str, Judged]) -> None:
        """The outcomes of one simulation's programs where they are known, in place of `rule`."""
        self.results[simulation] = dict(outcomes)
        self.simulations[simulation].state = "ready"

    def settle(self) -> list[Fact]:
        """Apply every round whose turn has come, begin those it makes room for; the new facts, whole rounds."""
        facts: list[Fact] = []
        while self.end is None and self.rounds and all(simulation.ready for simulation in self.rounds[0]):
            facts += self._apply_round(lambda simulation: True) or ()
        if self.end is not None and facts:
            facts.append(EndFact(self.end))
        return facts

    # --- a tree again, from what is stored ---

    def resume(self) -> None:
        """Replay the rounds over the stored facts, so that the tree goes on where they end.

        LabError when they are not what this config and seed would have asked for.
        """
        stored = Stored(self.spec.stored)
        ended, self.end = self.end, None
        self._conclude()
        while (
            self.rounds and (facts := self._apply_round(lambda simulation: self._serve(simulation, stored))) is not None
        ):
            for fact in facts:
                stored.use(fact)
        stored.check_all_used()
        self.end = ended or self.end

    def serve_round(self, serve: Callable[[Simulation], bool]) -> list[Fact] | None:
        """Apply the round whose turn it is, each of its simulations answered by `serve` (through `deliver`, `recall`,
        `grade`); None when `serve` cannot. The facts, with the end if it is the last."""
        if self.end is not None or not self.rounds:
            return None
        facts = self._apply_round(serve)
        return facts if facts is None or self.end is None else [*facts, EndFact(self.end)]

    def place(self, simulation: Simulation) -> tuple[Path, int]:
        """Where the next expansion of the simulation whose turn it is will stand in the tree: step and first ordinal."""
        if not simulation.levels:
            return simulation.parent, simulation.base
        real, base = simulation.levels[0].parent, simulation.levels[0].base
        for level, said in zip(simulation.levels, simulation.chain[-len(simulation.levels) :], strict=True):
            known = self.tree.nodes[real].children.get(said) if real in self.tree.nodes else None
            offset = simulation.parent[len(level.parent)] - level.base
            real = (*real, base + offset) if known is None else known.path
            base = self.tree.reserved.get(real, 0)
        return real, base

    def stop(self) -> EndFact:
        """End the tree because a budget is spent; what is in flight is dropped."""
        self.end = "budget"
        self.simulations.clear()
        self.rounds.clear()
        return EndFact("budget")

    # --- rounds ---

    def _begin(self, landed: list[Landed] | None) -> None:
        """Begin the next round, if there is one."""
        if self.dry is not None:
            return
        try:
            descents = next(self.steps) if landed is None else self.steps.send(landed)
        except StopIteration as stop:
            self.dry = stop.value or "simulations"
            return
        self.rounds.append([self._start(descent) for descent in descents] or [self._void()])

    def _start(self, descent: Descent) -> Simulation:
        config, node = self.spec.config, self.tree.nodes[descent.parent]
        ordinal, self.begun = self.begun, self.begun + 1
        ended = node.code is not None or len(node.path) >= config.depth
        simulation = Simulation(ordinal, node.path, 0, self.tree.chain(node.path))
        if ended:
            simulation.arrival = node.path
            simulation.state = "ready" if node.leaf or node.code is None else "judging"
        else:
            simulation.width, simulation.levels_left, simulation.action = descent.width, descent.levels, descent.action
            simulation.base = self.tree.reserve(node.path, simulation.width_here(config))
        self.simulations[ordinal] = simulation
        return simulation

    def _void(self) -> Simulation:
        ordinal, self.begun = self.begun, self.begun + 1
        self.simulations[ordinal] = Simulation(ordinal, (), 0, [], "void")
        return self.simulations[ordinal]

    def _apply_round(self, serve: Callable[[Simulation], bool]) -> list[Fact] | None:
        """Apply the oldest round, then begin the one its place goes to; None, and nothing done, when it is not there."""
        facts: list[Fact] = []
        landed = []
        for number, simulation in enumerate(self.rounds[0]):
            if not serve(simulation):
                if number:
                    raise disagree(f"simulation {simulation.ordinal} of a round that was written is missing")
                return None
            some, where = self._apply(simulation)
            facts += some
            landed.append(where)
            del self.simulations[simulation.ordinal]
            self.results.pop(simulation.ordinal, None)
        self.rounds.popleft()
        if facts and self.laid:
            facts, self.laid = [*self.laid, *facts], []
        self._begin(landed if self.spec.config.in_flight == 1 else None)
        self._conclude()
        return facts

    def _conclude(self) -> None:
        """End the tree when nothing is under way and nothing more can be."""
        if self.end is None and all(each.state == "void" for each in self.simulations.values()):
            if self.tree.root.closed and self.dry != "settled":
                self.end = "exhausted"
            elif self.dry is not None:
                self.end = self.dry

    def _take(self, simulation: Simulation, draws: Sequence[Draw]) -> None:
        self.tokens_in += sum(draw.tokens_in for draw in draws)
        self.tokens_out += sum(draw.tokens_out for draw in draws)
        simulation.take(draws, self.spec.seed, self.spec.config)

    def _cap(self, action: Action) -> int:
        prompt, task = self.spec.prompt, self.spec.task
        if prompt.chooses == "search":
            return prompt.max_tokens(action, task)
        return max(prompt.max_tokens(each, task) for each in ACTIONS)

    def _read(self, simulation: Simulation, sample: Sampled) -> Draw:
        spec = self.spec
        asked = simulation.action_here(spec.config)
        reading = self.reader.read(spec.prompt, spec.task, asked, sample.text, sample.finish_reason)
        if reading.action is not None and not spec.config.may_follow(reading.action, len(simulation.parent)):
            reading = Reading(None, "", None, f"{reading.action} may not stand here")
        seen = (sample.text, sample.tokens_in, sample.tokens_out, sample.logprob, sample.finish_reason)
        return Draw(*seen, *reading)

    def codes(self, simulation: Simulation) -> list[str]:
        """The distinct programs on which a simulation waits for verdicts."""
        if simulation.arrival is None:
            return simulation.codes(self.spec.config)
        code = self.tree.nodes[simulation.arrival].code
        return [] if code is None else [code]

    def _outcome(self, code: str, verdicts: Sequence[Any]) -> Judged:
        by_case = {case.digest: each for case, each in zip(self.spec.cases, verdicts, strict=True)}
        # What ran without isolation says nothing either: it may have written its own verdict.
        unsound = ("IE", "SK")
        sound = {digest: each for digest, each in by_case.items() if each.code not in unsound and each.layer != "L0"}
        passed = sum(each.code == "AC" for each in sound.values())
        total = len(self.spec.cases)
        compiled = self.reader.compiles(code, self.spec.task.entry_point)
        reward = None
        if len(sound) == total:
            reward = terminal_reward(compiled, passed, total, self.spec.config.alpha)
        terms = {"alpha": self.spec.config.alpha, "compile": float(compiled), "pass": passed / total}
        codes = {digest: str(each.code) for digest, each in sound.items()}
        return Judged(passed, total, compiled, reward, terms, codes, sound)

    # --- applying ---

    def _apply(self, simulation: Simulation) -> tuple[list[Fact], Landed]:
        """Write a simulation into the tree: its own paths become the tree's, equal sibling texts merge."""
        if simulation.state == "void":
            return [], Landed((), (), ())
        if simulation.arrival is not None:
            return self._arrive(simulation, simulation.arrival)
        facts: list[Fact] = []
        start = simulation.levels[0].parent
        real: dict[Path, Path] = {start: start}
        for index, level in enumerate(simulation.levels):
            parent = real[level.parent]
            base = level.base if index == 0 else self.tree.reserve(parent, len(level.draws))
            self.tree.nodes[parent].expanded |= not level.aside
            for offset, draw in enumerate(level.draws):
                node = None
                if draw.action is not None:
                    node, new = self.tree.say(parent, base + offset, draw.action, draw.step_text, draw.code)
                    real.setdefault((*level.parent, level.base + offset), node.path)
                    if new:
                        node.logprob, node.tokens = draw.logprob, draw.tokens_out
                        facts.append(StepFact(node.path, draw.action, draw.step_text, draw.code))
                facts.append(_completion(parent, base + offset, draw, None if node is None else node.path))
        facts += self._scored(simulation)
        parent = real[simulation.levels[-1].parent]
        some, landed = self._end(simulation, self.tree.nodes[parent])
        self.tree.close(parent)
        return facts + some, landed

    def _end(self, simulation: Simulation, above: Node) -> tuple[list[Fact], Landed]:
        """The rollouts of the newest level, and what the rules take out of the tree."""
        config, draws = self.spec.config, simulation.levels[-1].draws
        parsed = distinct(draws)
        if not parsed:
            return [self._rollout(above.path, self._outcome_of(simulation, None))], Landed(above.path, (), ())
        children = {child.first: above.children[_said(child.draw)] for child in parsed}
        ending = [child for child in parsed if ends(len(above.path) + 1, child.draw, config)]
        if config.siblings == "best" and any(child.draw.code is not None for child in ending):
            best = max(ending, key=lambda child: self._worth(simulation, child.draw.code))
            for first, node in children.items():
                node.evicted = node.closed = first != best.first
            ending = [best]
        elif config.siblings != "all":
            picked = above.children[_said(draws[simulation.picked])]
            ending = [child for child in ending if children[child.first] is picked]
        facts: list[Fact] = []
        for child in ending:
            node = children[child.first]
            if not node.leaf or config.revisit:
                outcome = self._outcome_of(simulation, child.draw.code)
                self.tree.judge(node.path, outcome if child.draw.code is not None else None)
                facts.append(self._rollout(node.path, outcome))
        paths = tuple(node.path for node in children.values())
        return facts, Landed(above.path, paths, tuple(path for path in paths if self.tree.nodes[path].leaf))

    def _arrive(self, simulation: Simulation, path: Path) -> tuple[list[Fact], Landed]:
        """A simulation that selection led to the end of a chain: judged now, or visited once more."""
        node = self.tree.nodes[path]
        if not node.leaf:
            outcome = self._outcome_of(simulation, node.code)
            self.tree.judge(path, outcome if node.code is not None else None)
        elif node.outcome is not None:
            outcome = node.outcome._replace(verdicts={})
        else:
            outcome = self._outcome_of(simulation, None)
        rollout = self._rollout(path, outcome)
        self.tree.close(path)
        return [rollout], Landed(path[:-1], (path,), (path,))

    def _worth(self, simulation: Simulation, code: str | None) -> float:
        """What the best of siblings is chosen by. Of a resumed tree only the best is stored."""
        known = self.results[simulation.ordinal].get(code) if code is not None else None
        return -1.0 if known is None or known.reward is None else known.reward

    def _outcome_of(self, simulation: Simulation, code: str | None) -> Judged:
        if code is None:
            return Judged(0, len(self.spec.cases), False, 0.0, {}, {}, {})
        return self.results[simulation.ordinal][code]

    def _rollout(self, leaf: Path, judged: Judged) -> RolloutFact:
        ordinal = self.tree.rollouts
        self.tree.count(leaf, judged.reward)
        node = self.tree.nodes[leaf]
        return RolloutFact(ordinal, leaf, node.code if node.leaf else None, *judged)

    def _scored(self, simulation: Simulation) -> list[Fact]:
        """The scores of the steps it drew, for those that have none yet."""
        facts: list[Fact] = []
        for chain, value in simulation.scores.items():
            node = self.tree.root
            for said in chain:
                node = node.children[said]
            if node.score is None:
                node.score = value
                facts.append(ScoreFact(node.path, value))
        return facts

    # --- serving stored facts ---

    def _serve(self, simulation: Simulation, stored: Stored) -> bool:
        """Give a simulation its stored completions, results and scores; False when it was never written."""
        if simulation.state == "void":
            return True
        config = self.spec.config
        if simulation.arrival is not None:
            rollout = stored.by_ordinal.get(self.tree.rollouts)
            if rollout is None:
                return False
            if simulation.state == "judging":
                self.recall(simulation.ordinal, {str(rollout.code): stored.judged(rollout)})
            return True
        if self.place(simulation) not in stored.completions:
            return False
        while simulation.state == "sampling":
            real, base = self.place(simulation)
            facts = [stored.completion(real, base + offset) for offset in range(simulation.width_here(config))]
            asked = simulation.action_here(config) if config.chooses == "search" else None
            self._take(simulation, [stored.draw(fact, asked) for fact in facts])
        if simulation.state == "judging":
            steps = (fact.step for fact in facts if fact.step is not None)
            leaves = (leaf for step in steps if (leaf := stored.rollout(step, self.tree.rollouts)) is not None)
            self.recall(
                simulation.ordinal, {leaf.code: stored.judged(leaf) for leaf in leaves if leaf.code is not None}
            )
        if simulation.ungraded:
            self.grade(simulation.ordinal, {chain: stored.score(chain) for chain in simulation.prefixes()})
        return True


def _said(draw: Draw) -> tuple[Action, str]:
    assert draw.action is not None
    return draw.action, draw.step_text


def _completion(parent: Path, ordinal: int, draw: Draw, step: Path | None) -> CompletionFact:
    return CompletionFact(
        parent, ordinal, draw.text, draw.tokens_in, draw.tokens_out, draw.logprob, draw.finish_reason, step, draw.error
    )
