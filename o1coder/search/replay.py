"""A tree made again without a model, and its rollouts rewarded again.

`replay`: the same settings over the stored completions and verdicts must give the same tree; what differs says that
parser, rules or facts have changed. `rescore`: another α or fewer cases over the same rollouts, for relabelling. Other
selections (another c) would ask for completions that were never sampled: that is not here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import NamedTuple

from o1coder.reward import terminal_reward
from o1coder.search.config import TreeSpec
from o1coder.search.facts import CompletionFact, EndFact, Fact, RolloutFact
from o1coder.search.growth import Growth, Sampled
from o1coder.search.reading import Reader, TextReader
from o1coder.search.simulation import Judged, Simulation
from o1coder.search.stored import Stored


class Replay(NamedTuple):
    """The facts that the replay gives, and how many of the stored completions it used."""

    facts: list[Fact]
    used: int
    stored: int

    @property
    def coverage(self) -> float:
        """The share of stored completions that the replay asked for; 1.0 for a tree without any."""
        return self.used / self.stored if self.stored else 1.0


def replay(spec: TreeSpec, reader: Reader | None = None) -> Replay:
    """Select again, read every stored text again, compute every reward again from its stored verdicts.

    It ends where the stored facts do: at the first completion or verdict that is asked for and was never stored. Compare
    the canonical exports to say whether the tree is the same.
    """
    stored = Stored(spec.stored)
    rollouts = stored.by_ordinal.values()
    outcomes = {each.code: _judged(each, spec.config.alpha) for each in rollouts if each.code is not None}
    growth = Growth(replace(spec, stored=()), reader or TextReader())
    facts: list[Fact] = []
    while (some := growth.serve_round(lambda simulation: _answer(growth, simulation, stored, outcomes))) is not None:
        facts += some
    if growth.end is None:
        facts += [fact for fact in spec.stored if isinstance(fact, EndFact)]
    used = sum(isinstance(fact, CompletionFact) for fact in facts)
    return Replay(facts, used, len(stored.completions))


def rescore(rollouts: Iterable[RolloutFact], alpha: float, cases: Collection[str] | None = None) -> list[RolloutFact]:
    """The same rollouts rewarded with another α, and by these case digests only (None: those they were judged on).

    A rollout that lacks a verdict on one of them has reward None. Derived values, never facts to write.
    """
    out = []
    for rollout in rollouts:
        if rollout.code is None:
            out.append(replace(rollout, total=rollout.total if cases is None else len(cases)))
            continue
        kept = {digest: code for digest, code in rollout.cases.items() if cases is None or digest in cases}
        total = rollout.total if cases is None else len(cases)
        judged = _judged(replace(rollout, cases=kept, total=total), alpha)
        out.append(replace(rollout, **judged._replace(verdicts=rollout.verdicts)._asdict()))
    return out


def _answer(growth: Growth, simulation: Simulation, stored: Stored, outcomes: dict[str, Judged]) -> bool:
    """Serve the simulation whose turn it is; False when something it asks for is not there."""
    if simulation.state == "void":
        return True
    if simulation.arrival is not None and growth.tree.rollouts not in stored.by_ordinal:
        return False
    while simulation.state == "sampling":
        parent, base = growth.place(simulation)
        width = simulation.width_here(growth.spec.config)
        found = [stored.completions.get((parent, base + offset)) for offset in range(width)]
        samples = [
            Sampled(each.text, each.tokens_in, each.tokens_out, each.logprob, each.finish_reason)
            for each in found
            if each is not None
        ]
        if len(samples) < width:
            return False
        growth.deliver(simulation.ordinal, samples)
    if simulation.state == "judging":
        known = {code: outcomes[code] for code in growth.codes(simulation) if code in outcomes}
        if not known or (len(known) < len(growth.codes(simulation)) and growth.spec.config.siblings != "best"):
            return False
        growth.recall(simulation.ordinal, known)
    if simulation.ungraded:
        growth.grade(simulation.ordinal, {chain: stored.score(chain) for chain in simulation.prefixes()})
    return True


def _judged(rollout: RolloutFact, alpha: float) -> Judged:
    """A rollout's outcome computed again from its verdict codes; masked when one is missing."""
    passed = sum(code == "AC" for code in rollout.cases.values())
    reward = None
    if len(rollout.cases) == rollout.total and rollout.total > 0:
        reward = terminal_reward(rollout.compiled, passed, rollout.total, alpha)
    terms = {"alpha": alpha, "compile": float(rollout.compiled), "pass": passed / max(1, rollout.total)}
    return Judged(passed, rollout.total, rollout.compiled, reward, terms, rollout.cases, {})
