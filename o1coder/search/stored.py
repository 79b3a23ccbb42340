"""The stored facts of one tree, served to a replay of its selection, and checked one by one against what it gives.

It reads no database: the caller hands it facts. A fact that the replay would not have made, or one that is missing inside
a simulation, is a LabError: the tree was written with another config, seed or code.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from o1coder.errors import LabError
from o1coder.search.facts import CompletionFact, Fact, Path, RolloutFact, ScoreFact, StepFact, path_text
from o1coder.search.simulation import Draw, Judged
from o1coder.task import Action


class Stored:
    """Stored facts by where they stand in the tree, and which of them the replay has used."""

    def __init__(self, facts: Sequence[Fact]) -> None:
        self.completions = {(f.parent, f.ordinal): f for f in facts if isinstance(f, CompletionFact)}
        self.steps = {fact.path: fact for fact in facts if isinstance(fact, StepFact)}
        rollouts = [fact for fact in facts if isinstance(fact, RolloutFact)]
        self._rollouts: dict[Path, list[RolloutFact]] = {}
        for rollout in sorted(rollouts, key=lambda fact: fact.ordinal):
            self._rollouts.setdefault(rollout.leaf, []).append(rollout)
        self.by_ordinal = {fact.ordinal: fact for fact in rollouts}
        self.scores = {fact.path: fact for fact in facts if isinstance(fact, ScoreFact)}
        self._said = {(step.path[:-1], step.action, step.text): step.path for step in self.steps.values()}
        self.unused: set[tuple[str, Any]] = {("completion", key) for key in self.completions}
        self.unused |= {("step", path) for path in self.steps}
        self.unused |= {("rollout", (fact.ordinal, fact.leaf)) for fact in rollouts}
        self.unused |= {("score", path) for path in self.scores}

    def completion(self, parent: Path, ordinal: int) -> CompletionFact:
        """The completion at (parent, ordinal)."""
        if (parent, ordinal) not in self.completions:
            raise disagree(f"completion {ordinal} below step {path_text(parent)!r} is missing")
        return self.completions[(parent, ordinal)]

    def draw(self, fact: CompletionFact, asked: Action | None) -> Draw:
        """A completion as a simulation takes it, parsed as it was when it was written.

        `asked` is the action it must have; None where the policy chose.
        """
        step = None if fact.step is None else self.steps.get(fact.step)
        if fact.step is not None and step is None:
            raise disagree(f"step {path_text(fact.step)!r} is missing")
        seen = (fact.text, fact.tokens_in, fact.tokens_out, fact.logprob, fact.finish_reason)
        if step is None:
            return Draw(*seen, None, "", None, fact.error)
        if asked not in (None, step.action):
            raise disagree(f"step {path_text(step.path)!r} is {step.action}, not {asked}")
        return Draw(*seen, step.action, step.text, step.code, None)

    def rollout(self, leaf: Path, since: int) -> RolloutFact | None:
        """The first rollout that ended at `leaf` with an ordinal of `since` or more; one leaf may have several, where a
        preset visits again."""
        return next((each for each in self._rollouts.get(leaf, ()) if each.ordinal >= since), None)

    def judged(self, rollout: RolloutFact) -> Judged:
        """The outcome that a rollout holds."""
        return Judged(rollout.passed, rollout.total, rollout.compiled, rollout.reward, rollout.terms, rollout.cases, {})

    def score(self, chain: Sequence[tuple[Action, str]]) -> float:
        """The score of the step at the end of a chain from the root."""
        path: Path = ()
        for action, text in chain:
            step = self._said.get((path, action, text))
            if step is None:
                raise disagree(f"the step {text[:40]!r} below {path_text(path)!r} is missing")
            path = step
        if path not in self.scores:
            raise disagree(f"the score of step {path_text(path)!r} is missing")
        return self.scores[path].value

    def use(self, fact: Fact) -> None:
        """Tick off a fact that the replay gave."""
        key: tuple[str, Any]
        if isinstance(fact, CompletionFact):
            key = ("completion", (fact.parent, fact.ordinal))
            same = self.completions.get((fact.parent, fact.ordinal)) == fact
        elif isinstance(fact, StepFact):
            key, same = ("step", fact.path), self.steps.get(fact.path) == fact
        elif isinstance(fact, ScoreFact):
            key, same = ("score", fact.path), self.scores.get(fact.path) == fact
        else:
            assert isinstance(fact, RolloutFact)
            key, same = ("rollout", (fact.ordinal, fact.leaf)), self.by_ordinal.get(fact.ordinal) == fact
        if not same or key not in self.unused:
            raise disagree(f"{key[0]} {key[1]} is not what the replay gives")
        self.unused.remove(key)

    def check_all_used(self) -> None:
        """Every stored fact belongs to a simulation that was replayed."""
        if self.unused:
            kind, key = min(self.unused, key=repr)
            raise disagree(f"{kind} {key} belongs to no simulation ({len(self.unused)} such facts)")


def disagree(what: str) -> LabError:
    """The error for stored facts that are not what their tree's config and seed would have given."""
    return LabError(
        f"the stored facts of a tree do not fit its config and seed: {what}",
        "The tree was written with other settings or by other code: start it as a new tree.",
    )
