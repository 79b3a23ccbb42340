"""One tree growing: which simulations are in flight, what they want, and when their results are applied.

At most w = `in_flight` simulations are under way. Simulation n+w is selected when exactly the results 0…n are applied and
n+1 is not yet, in whatever order they arrive, so that a tree is a function of (config, seed, completions, verdicts). A
resumed tree replays the same selection with its stored facts served. Nothing here waits, samples, judges or stores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from o1coder.reward import terminal_reward
from o1coder.search import chance
from o1coder.search.config import TreeSpec
from o1coder.search.facts import CompletionFact, EndFact, EndReason, Fact, Path, RolloutFact, StepFact
from o1coder.search.reading import Reader
from o1coder.search.simulation import Draw, Judged, Simulation, distinct, ends
from o1coder.search.stored import Stored
from o1coder.search.tree import Tree
from o1coder.task import ACTIONS, Action


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
    """One tree under way. `wanted`/`deliver` and `unjudged`/`rule` may be answered in any order; `settle` applies."""

    def __init__(self, spec: TreeSpec, reader: Reader) -> None:
        self.spec = spec
        self.reader = reader
        self.tree = Tree(spec.seed, spec.config.c)
        self.simulations: dict[int, Simulation] = {}  # selected and not yet applied
        self.results: dict[int, dict[str, Judged]] = {}
        self.applied = 0
        self.end: EndReason | None = next((fact.reason for fact in spec.stored if isinstance(fact, EndFact)), None)
        self.tokens_in = self.tokens_out = 0
        for ordinal in range(spec.config.in_flight):
            self._select(ordinal)

    def wanted(self) -> list[Ask]:
        """The completions to sample next: `width` for each simulation that is not at its end."""
        config, prompt, task = self.spec.config, self.spec.prompt, self.spec.task
        asks = []
        for simulation in self.simulations.values():
            if simulation.state != "sampling":
                continue
            action = config.action(len(simulation.parent))
            text, stop, cap = prompt.render(task, simulation.chain, action), prompt.stops(action), self._cap(action)
            for ordinal in range(simulation.base, simulation.base + config.width_at(len(simulation.parent))):
                seed = chance.draw(self.spec.seed, "sample", simulation.parent, ordinal)
                asks.append(Ask(simulation.ordinal, text, cap, stop, seed))
        return asks

    def deliver(self, simulation: int, samples: Sequence[Sampled]) -> None:
        """The samples that `wanted` asked for, in the order it asked, for one simulation."""
        under_way = self.simulations[simulation]
        self._take(under_way, [self._read(under_way, sample) for sample in samples])

    def unjudged(self) -> list[tuple[int, str]]:
        """The programs to judge, as (simulation, code)."""
        waiting = (each for each in self.simulations.values() if each.state == "judging")
        return [(simulation.ordinal, code) for simulation in waiting for code in simulation.codes()]

    def rule(self, simulation: int, verdicts: Mapping[str, Sequence[Any]]) -> None:
        """The verdicts of one simulation's programs: for each code, one per case in the order of the tree's cases."""
        under_way = self.simulations[simulation]
        self.results[simulation] = {code: self._outcome(code, verdicts[code]) for code in under_way.codes()}
        under_way.state = "ready"

    def settle(self) -> list[Fact]:
        """Apply every simulation whose turn has come, select those it makes room for; the new facts, whole simulations."""
        facts: list[Fact] = []
        while self.end is None:
            simulation = self.simulations.get(self.applied)
            if simulation is None or simulation.state in ("sampling", "judging"):
                break
            facts += self._apply(simulation)
            self._next()
        if self.end is not None and facts:
            facts.append(EndFact(self.end))
        return facts

    def resume(self) -> None:
        """Replay the selection over the stored facts, so that the tree goes on where they end.

        LabError when they are not what this config and seed would have asked for.
        """
        stored = Stored(self.spec.stored)
        ended, self.end = self.end, None
        while (simulation := self.simulations.get(self.applied)) is not None and self._serve(simulation, stored):
            for fact in self._apply(simulation):
                stored.use(fact)
            self._next()
        stored.check_all_used()
        self.end = ended or self.end

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

    def recall(self, simulation: int, outcomes: Mapping[str, Judged]) -> None:
        """The outcomes of one simulation's programs where they are known, in place of `rule`."""
        self.results[simulation] = dict(outcomes)
        self.simulations[simulation].state = "ready"

    def stop(self) -> EndFact:
        """End the tree because a budget is spent; what is in flight is dropped."""
        self.end = "budget"
        self.simulations.clear()
        return EndFact("budget")

    def _select(self, ordinal: int) -> None:
        if ordinal >= self.spec.config.simulations:
            return
        path = self.tree.select(ordinal)
        if path is None:
            self.simulations[ordinal] = Simulation(ordinal, (), 0, [], "void")
            return
        base = self.tree.reserve(path, self.spec.config.width_at(len(path)))
        self.simulations[ordinal] = Simulation(ordinal, path, base, self.tree.chain(path))

    def _next(self) -> None:
        """Count the simulation just applied, and select the one its place goes to."""
        del self.simulations[self.applied]
        self.results.pop(self.applied, None)
        self.applied += 1
        self._select(self.applied - 1 + self.spec.config.in_flight)
        if all(each.state == "void" for each in self.simulations.values()):
            self.end = "exhausted" if self.tree.root.closed else "simulations"

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
        asked = spec.config.action(len(simulation.parent))
        reading = self.reader.read(spec.prompt, spec.task, asked, sample.text, sample.finish_reason)
        seen = (sample.text, sample.tokens_in, sample.tokens_out, sample.logprob, sample.finish_reason)
        return Draw(*seen, *reading)

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

    def _apply(self, simulation: Simulation) -> list[Fact]:
        """Write a simulation into the tree: its own paths become the tree's, equal sibling texts merge."""
        if simulation.state == "void":
            return []
        config, tree = self.spec.config, self.tree
        facts: list[Fact] = []
        real: dict[Path, Path] = {simulation.levels[0].parent: simulation.levels[0].parent}
        for index, level in enumerate(simulation.levels):
            parent = real[level.parent]
            base = level.base if index == 0 else tree.reserve(parent, len(level.draws))
            tree.nodes[parent].expanded = True
            for offset, draw in enumerate(level.draws):
                step: Path | None = None
                if draw.action is not None:
                    node, new = tree.say(parent, base + offset, draw.action, draw.step_text, draw.code)
                    step = node.path
                    real.setdefault((*level.parent, level.base + offset), step)
                    if new:
                        facts.append(StepFact(step, draw.action, draw.step_text, draw.code))
                facts.append(_completion(parent, base + offset, draw, step))
        parent, draws = real[simulation.levels[-1].parent], simulation.levels[-1].draws
        leaves = [child.draw for child in distinct(draws) if ends(len(parent) + 1, child.draw, config)]
        for draw in leaves:
            assert draw.action is not None
            node = tree.nodes[parent].children[(draw.action, draw.step_text)]
            if not node.leaf:
                node.leaf = node.closed = True
                facts.append(self._rollout(simulation, node.path, draw.code))
        if not distinct(draws):
            facts.append(self._rollout(simulation, parent, None))
        tree.close(parent)
        return facts

    def _rollout(self, simulation: Simulation, leaf: Path, code: str | None) -> RolloutFact:
        ordinal = self.tree.rollouts
        if code is None:
            judged = Judged(0, len(self.spec.cases), False, 0.0, {}, {}, {})
        else:
            judged = self.results[simulation.ordinal][code]
        self.tree.count(leaf, judged.reward)
        return RolloutFact(ordinal, leaf, code, *judged)

    def _serve(self, simulation: Simulation, stored: Stored) -> bool:
        """Give a simulation its stored completions and results; False when it was never written."""
        if simulation.state == "void":
            return True
        config = self.spec.config
        if self.place(simulation) not in stored.completions:
            return False
        while simulation.state == "sampling":
            real, base = self.place(simulation)
            facts = [stored.completion(real, base + offset) for offset in range(config.width_at(len(real)))]
            asked = config.action(len(real)) if config.chooses == "search" else None
            self._take(simulation, [stored.draw(fact, asked) for fact in facts])
        if simulation.state == "judging":
            steps = (fact.step for fact in facts if fact.step is not None)
            leaves = (leaf for step in steps if (leaf := stored.rollouts.get(step)) is not None)
            self.recall(
                simulation.ordinal, {leaf.code: stored.judged(leaf) for leaf in leaves if leaf.code is not None}
            )
        return True


def _completion(parent: Path, ordinal: int, draw: Draw, step: Path | None) -> CompletionFact:
    return CompletionFact(
        parent, ordinal, draw.text, draw.tokens_in, draw.tokens_out, draw.logprob, draw.finish_reason, step, draw.error
    )
