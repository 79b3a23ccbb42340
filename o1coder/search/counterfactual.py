"""Another search over the completions of a tree: what other settings would have selected, as far as the draws go.

A stored draw is addressed by its prefix (the chain of action and text from the root), the action that was asked for there,
and its ordinal among the draws below it; the k-th draw that the other search asks for at a prefix is the k-th stored one.
The search stops at the first draw, verdict or score that it asks for and was never stored.

Coverage is served / asked, in completions, with what the search would still have asked for up to its natural end among the
asked. Where it stopped, that rest is not known and its largest possible size is taken: the coverage is then a lower bound.
Where no bound is known either (strategies without a number of rounds), there is no coverage. A step's label counts only when
its whole subtree was covered: nothing is left to be drawn below it, or the search came to its natural end. Nothing is
sampled or judged here, and adaptive trees, which stop by what they find, are not taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any, NamedTuple

from o1coder.errors import LabError
from o1coder.reward import terminal_reward
from o1coder.search.config import PRESETS, SearchConfig, TreeSpec
from o1coder.search.facts import CompletionFact, Fact, Path, ScoreFact, StepFact, path_text
from o1coder.search.growth import Growth, Sampled
from o1coder.search.reading import Reader, TextReader
from o1coder.search.simulation import Judged, Simulation
from o1coder.task import Action

Chain = tuple[tuple[Action, str], ...]
Address = tuple[Chain, Action, int]
FIXED = ("prompt", "chooses", "temperature", "top_p", "direct_first", "most_simulations")  # they make other draws


class Counterfactual(NamedTuple):
    """What the other search came to. `facts` are of whole rounds; `further` is the most it could still have asked for, None
    where that is not known; `missing` says what it stopped at, None at its natural end; `covered`: steps of `facts` whose
    whole subtree was covered."""

    facts: list[Fact]
    served: int
    asked: int
    further: int | None
    missing: str | None
    covered: frozenset[Path]

    @property
    def coverage(self) -> float | None:
        """The share of the completions asked for that were served: exact at a natural end, else a lower bound."""
        if self.further is None:
            return None
        return self.served / (self.asked + self.further) if self.asked + self.further else 1.0


class _Missing(Exception):
    """Something was asked for that is not stored."""


def changed(config: SearchConfig, settings: Mapping[str, Any]) -> SearchConfig:
    """`config` with other settings. `preset` names rules for all that the tree's own preset had set, before the rest is
    changed. LabError for a setting that is not known, or one under which no stored draw would be what was asked for."""
    known = {field.name for field in fields(SearchConfig)}
    for name in settings:
        if name not in known:
            raise LabError(f"a search has no setting {name!r}", f"settings: {', '.join(sorted(known - {*FIXED}))}")
        if name in FIXED:
            raise LabError(f"under another {name} no stored completion is what would be asked for", "grow a new tree")
    if config.adaptive:
        raise LabError("an adaptive tree stops by what it has found", "ask this of a tree of another search")
    values = asdict(config)
    if "preset" in settings:
        name = settings["preset"]
        if name not in PRESETS:
            raise LabError(f"no search preset named {name!r}", f"Presets: {', '.join(PRESETS)}.")
        usual = asdict(SearchConfig())
        values |= {rule: usual[rule] for rule, was in PRESETS[config.preset].items() if values[rule] == was}
        values |= PRESETS[name]
    return SearchConfig(**values | dict(settings))


def asked_for(config: SearchConfig, completion: CompletionFact) -> Action:
    """The action that the prompt of a completion asked for."""
    first = not completion.parent and not config.direct and completion.ordinal < config.direct_first
    return "code" if first else config.action(len(completion.parent))


def chains(facts: Sequence[Fact]) -> dict[Path, Chain]:
    """The chain from the root down to every step, the root's empty one too."""
    out: dict[Path, Chain] = {(): ()}
    for step in sorted((fact for fact in facts if isinstance(fact, StepFact)), key=lambda step: len(step.path)):
        out[step.path] = (*out[step.path[:-1]], (step.action, step.text))
    return out


def draws(config: SearchConfig, facts: Sequence[Fact]) -> dict[Address, CompletionFact]:
    """A tree's completions by address."""
    where = chains(facts)
    completions = [fact for fact in facts if isinstance(fact, CompletionFact)]
    return {(where[each.parent], asked_for(config, each), each.ordinal): each for each in completions}


def counterfactual(
    spec: TreeSpec, config: SearchConfig, verdicts: Mapping[str, Mapping[str, str]], reader: Reader | None = None
) -> Counterfactual:
    """Search again under `config` over the draws stored in `spec`; `verdicts` by program and case digest."""
    growth = Growth(replace(spec, config=config, stored=()), reader or TextReader())
    serving = _Serving(growth, spec, verdicts)
    facts: list[Fact] = []
    missing: str | None = None
    rounds = 0
    while growth.end is None:
        serving.begin_round()
        try:
            some = growth.serve_round(serving.serve)
        except _Missing as stopped:
            missing = str(stopped)
            break
        if some is None:
            break
        facts += some
        rounds += 1
    clean = Growth(replace(spec, config=config, stored=facts), reader or TextReader())
    clean.resume()  # the tree of whole rounds: the one that was stopped may hold a part of another
    natural = missing is None
    covered = [path for path, node in clean.tree.nodes.items() if path and (natural or node.closed)]
    further = 0 if natural else _further(config, rounds, serving.in_round, len(spec.given))
    return Counterfactual(facts, serving.served, serving.asked, further, missing, frozenset(covered))


class _Serving:
    """Answers one simulation after another from what is stored, and counts."""

    def __init__(self, growth: Growth, spec: TreeSpec, verdicts: Mapping[str, Mapping[str, str]]) -> None:
        self.growth, self.verdicts = growth, verdicts
        self.draws = draws(spec.config, spec.stored)
        where = chains(spec.stored)
        self.scores = {where[fact.path]: fact.value for fact in spec.stored if isinstance(fact, ScoreFact)}
        self.served = self.asked = self.in_round = 0
        self.same_best = growth.spec.config.siblings == "best" and all(
            getattr(growth.spec.config, name) == getattr(spec.config, name)
            for name in ("siblings", "alpha", "width", "widths")
        )

    def begin_round(self) -> None:
        """Count what is asked for from here on as this round's."""
        self.in_round = 0

    def serve(self, simulation: Simulation) -> bool:
        """Give a simulation all it asks for. _Missing when something was never stored."""
        growth, config = self.growth, self.growth.spec.config
        while simulation.state == "sampling":
            self._expand(simulation)
        if simulation.state == "judging":
            codes = growth.codes(simulation)
            if self.same_best:  # of siblings only the best was kept, and the others are known to be no better
                codes = [code for code in codes if code in self.verdicts] or codes
            growth.recall(simulation.ordinal, {code: self._outcome(code) for code in codes})
        if simulation.ungraded and config.guided:
            for chain in simulation.prefixes():
                if chain not in self.scores:
                    raise _Missing(f"a score of the step {chain[-1][1][:40]!r}")
            growth.grade(simulation.ordinal, {chain: self.scores[chain] for chain in simulation.prefixes()})
        return True

    def _expand(self, simulation: Simulation) -> None:
        growth, config = self.growth, self.growth.spec.config
        width, action = simulation.width_here(config), simulation.action_here(config)
        (place, base), chain = growth.place(simulation), tuple(simulation.chain)
        found = []
        for ordinal in range(base, base + width):
            draw = self.draws.get((chain, action, ordinal))
            if draw is not None:
                found.append(Sampled(draw.text, draw.tokens_in, draw.tokens_out, draw.logprob, draw.finish_reason))
        self.asked += width
        self.in_round += width
        self.served += len(found)
        if len(found) < width:
            where = f"step {path_text(place)}" if place else "the root"
            raise _Missing(f"{width - len(found)} of {width} completions ({action}) below {where}")
        growth.deliver(simulation.ordinal, found)

    def _outcome(self, code: str) -> Judged:
        spec = self.growth.spec
        codes = {case.digest: self.verdicts.get(code, {}).get(case.digest) for case in spec.cases}
        known = {digest: said for digest, said in codes.items() if said is not None}
        if len(known) < len(codes):
            raise _Missing("a verdict on a program that was drawn and never judged")
        passed, total = sum(said == "AC" for said in known.values()), len(known)
        compiled = self.growth.reader.compiles(code, spec.task.entry_point)
        reward = terminal_reward(compiled, passed, total, spec.config.alpha)
        terms = {"alpha": spec.config.alpha, "compile": float(compiled), "pass": passed / total}
        return Judged(passed, total, compiled, reward, terms, known, {})


def _further(config: SearchConfig, rounds: int, in_round: int, top: int) -> int | None:
    """The most completions that a search could still ask for in the round it stopped in (`in_round` of it are counted) and
    in those after it; `top`: the depth at which it began."""
    if config.method not in ("uct", "puct"):
        return None
    levels = [config.width_at(depth) for depth in range(top, config.depth)]
    total = 0
    for number in range(rounds, config.simulations):
        if config.method == "puct":
            total += max(levels)  # one expansion a simulation
        else:
            total += sum(levels[0 if number < config.in_flight else 1 :])  # only the first find the root unexpanded
    return max(0, total - in_round)
