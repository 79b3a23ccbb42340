"""Choosing one program among many without knowing the answer, and whether the choice is one to stand by.

Four rules over the same candidates: `agreement` (CodeT, arXiv 2207.10397: groups of programs that pass the same tests,
weighed by the tests that many programs pass), `majority` (the largest group), `weighted` (PRM scores summed over a group, times
the tests it passes) and `prm` (the best score alone). What is chosen does not depend on the order of the candidates. The
tests are generated or public ones: nothing here may see a held-out test, and nothing here samples, runs or scores.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from o1coder.errors import LabError
from o1coder.search.facts import CompletionFact, Fact, Path, RolloutFact, ScoreFact

Aggregate = Literal["last", "min", "product", "mean"]
Rule = Literal["agreement", "weighted", "prm", "majority"]
ENOUGH_TESTS = 3  # measurement.md §8

_AGGREGATES: dict[str, Callable[[Sequence[float]], float]] = {
    "last": lambda scores: scores[-1],
    "min": min,
    "product": math.prod,
    "mean": lambda scores: math.fsum(scores) / len(scores),
}


class Candidate(NamedTuple):
    """A program that was sampled `draws` times. `key` is the caller's name for it, the smaller one was there first;
    `passed` says test by test whether it passed; `scores` are a PRM's numbers for the steps of its chain, from the first;
    `outputs` identifies what it answered, where that is known."""

    key: int
    draws: int
    passed: tuple[bool, ...]
    scores: tuple[float, ...] = ()
    outputs: Hashable = None


class Choice(NamedTuple):
    """The chosen candidate; `agree` draws in its group; `telling` tests that tell the sampled programs apart."""

    candidate: Candidate
    agree: int
    telling: int

    @property
    def passed(self) -> int:
        """How many of the tests the chosen program passes."""
        return sum(self.candidate.passed)


def aggregate(scores: Sequence[float], how: Aggregate) -> float:
    """One number for a chain from those of its steps. LabError when there are none: no PRM scored it."""
    if not scores:
        raise LabError(
            "nothing was scored by a PRM, and the choice goes by PRM scores",
            "name a PRM with --prm, or choose by agreement or majority",
        )
    return _AGGREGATES[how](scores)


def choose(candidates: Iterable[Candidate], rule: Rule = "agreement", how: Aggregate = "last") -> Choice | None:
    """The program that `rule` takes; None without candidates.

    Ties go to the larger group, then to more tests passed, then to the oldest. Within a group the program with the best
    PRM score is taken where the rule goes by scores, else the oldest. LabError when the rule needs scores that are missing.
    """
    ordered = sorted(candidates, key=lambda each: each.key)
    if not ordered:
        return None
    clusters = groups(ordered)
    best = max(clusters, key=lambda members: (_worth(members, ordered, rule, how), _draws(members), _tests(members[0])))
    taken = best[0] if rule in ("agreement", "majority") else max(best, key=lambda each: aggregate(each.scores, how))
    if rule == "prm":
        best = next(members for members in clusters if taken in members)
    return Choice(taken, _draws(best), telling(ordered))


def groups(candidates: Iterable[Candidate]) -> list[list[Candidate]]:
    """Candidates that answer alike: by their outputs where known, else by which tests they pass. Programs that pass none
    agree on nothing, and each is a group of its own."""
    found: defaultdict[Hashable, list[Candidate]] = defaultdict(list)
    for each in candidates:
        if each.outputs is not None:
            mark: Hashable = ("outputs", each.outputs, each.passed)
        else:
            mark = ("passed", each.passed) if any(each.passed) else ("alone", each.key)
        found[mark].append(each)
    return list(found.values())


def telling(candidates: Sequence[Candidate]) -> int:
    """How many tests tell the programs apart: some pass them and some do not."""
    columns = zip(*(each.passed for each in candidates), strict=True)
    return sum(any(column) and not all(column) for column in columns)


def settled(choice: Choice | None) -> bool:
    """Is the answer one to stand by (measurement.md §8)? There are at least three tests, one of them tells the sampled
    programs apart, and the chosen one passes at least half: generated tests are partly wrong, so all of them is too much
    to ask."""
    if choice is None:
        return False
    tests = len(choice.candidate.passed)
    return tests >= ENOUGH_TESTS and choice.telling >= 1 and 2 * choice.passed >= tests


def candidates_of(facts: Iterable[Fact]) -> list[Candidate]:
    """The judged programs of one tree, keyed by their rollouts' ordinals, from its facts in any order. What the judge
    failed on is no candidate; scores are those of the whole chain, or none where a step of it has none."""
    said: defaultdict[Path, int] = defaultdict(int)
    scores: dict[Path, float] = {}
    rollouts: list[RolloutFact] = []
    for fact in facts:
        if isinstance(fact, CompletionFact) and fact.step is not None:
            said[fact.step] += 1
        elif isinstance(fact, ScoreFact):
            scores[fact.path] = fact.value
        elif isinstance(fact, RolloutFact) and fact.code is not None and fact.reward is not None:
            rollouts.append(fact)
    cases = sorted({digest for rollout in rollouts for digest in rollout.cases})
    first: dict[Path, RolloutFact] = {}  # a leaf that was visited again is one candidate
    for rollout in sorted(rollouts, key=lambda each: each.ordinal):
        first.setdefault(rollout.leaf, rollout)
    return [
        Candidate(
            rollout.ordinal,
            max(1, said[leaf]),
            tuple(rollout.cases.get(digest) == "AC" for digest in cases),
            chain_scores(scores, leaf),
        )
        for leaf, rollout in first.items()
    ]


def chain_scores(scores: Mapping[Path, float], leaf: Path) -> tuple[float, ...]:
    """The scores of the steps down to `leaf`; empty when one is missing, since an aggregate over a part would mislead."""
    lineage = [leaf[:depth] for depth in range(1, len(leaf) + 1)]
    return tuple(scores[path] for path in lineage) if all(path in scores for path in lineage) else ()


def _worth(members: Sequence[Candidate], every: Sequence[Candidate], rule: Rule, how: Aggregate) -> float:
    """What a rule makes of a group."""
    if rule == "majority":
        return float(_draws(members))
    if rule == "agreement":
        return _draws(members) * _agreed(members[0].passed, every)
    worth = [aggregate(each.scores, how) for each in members]
    if rule == "prm":
        return max(worth)
    return math.fsum(each.draws * one for each, one in zip(members, worth, strict=True)) * _tests(members[0])


def _agreed(passed: Sequence[bool], every: Sequence[Candidate]) -> float:
    """The weight of the tests that a group passes: each counts by the share of draws that pass it. Those that everything
    passes tell nothing of one another and count as one together, so that many of them do not drown the others."""
    total = _draws(every)
    trivial, weights = 0.0, []
    for test, mine in enumerate(passed):
        share = sum(each.draws for each in every if each.passed[test]) / total
        if share == 1.0:
            trivial = 1.0
        elif mine:
            weights.append(share)
    return trivial + math.fsum(weights)


def _draws(members: Iterable[Candidate]) -> int:
    return sum(each.draws for each in members)


def _tests(candidate: Candidate) -> int:
    return sum(candidate.passed)
