"""A tree beside what its search would have been under other settings: over its own draws, or with the rest sampled.

search/counterfactual.py searches; this file brings it a tree's rows and says what came out. Read-only: the stage that
samples the rest (stages/counterfactual.py) writes a tree of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy.engine import Connection

from o1coder import rescoring
from o1coder.errors import LabError
from o1coder.replaying import StoredTree, answer, changes, spec_of, stored_tree
from o1coder.sampling import Sample
from o1coder.search import RolloutFact, chance, export_facts, tree_digest
from o1coder.search.config import PRESETS, SearchConfig, TreeSpec
from o1coder.search.counterfactual import Chain, asked_for, chains, changed, counterfactual, draws
from o1coder.search.facts import CompletionFact, Fact, Path, StepFact
from o1coder.search.values import ENOUGH_DRAWS, recorded_values

ENOUGH_COVERAGE = 0.8


def settings_of(words: Sequence[str]) -> dict[str, Any]:
    """`name=value` words as settings of a search, each of the type that the setting has. LabError names the wrong one."""
    usual = SearchConfig()
    out: dict[str, Any] = {}
    for word in words:
        name, sign, text = word.partition("=")
        if not sign or not name:
            raise LabError(f"{word!r} sets nothing", "write NAME=VALUE, such as c=1.0, width=4 or preset=o1coder-paper")
        name = name.strip().replace("-", "_")
        try:
            out[name] = _typed(getattr(usual, name, ""), text.strip())
        except ValueError as error:
            raise LabError(f"{name}: {text!r} is no {type(getattr(usual, name)).__name__}", "e.g. c=1.0") from error
    if not out:
        raise LabError("nothing is set otherwise", f"--set NAME=VALUE; presets: {', '.join(PRESETS)}")
    return out


def _typed(usual: Any, text: str) -> Any:
    if isinstance(usual, bool):
        if text not in ("true", "false"):
            raise ValueError(text)
        return text == "true"
    if isinstance(usual, tuple):
        return tuple(int(word) for word in text.split(",") if word)
    return type(usual)(text)


def counter(connection: Connection, tree_id: int, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What the tree would have been, as far as its draws go: `replay`'s answer, and coverage, where it stopped and why, the
    labels of covered steps, and both trees' aggregates where the coverage allows them. LabError as `replay`."""
    tree = stored_tree(connection, tree_id)
    config = changed(tree.search, settings)
    found = counterfactual(spec_of(connection, tree), config, verdicts(connection, tree_id))
    coverage = found.coverage
    labels = _changed_labels(tree, config, found.facts, found.covered)
    natural = found.missing is None
    said = answer(tree, _digest(tree, config, found.facts), labels, coverage) | {
        "set": dict(settings),
        "served": found.served,
        "asked": found.asked,
        "natural_end": natural,
        "stopped_at": found.missing,
        "steps_covered": len(found.covered),
    }
    return said | _aggregates(tree, config, found.facts, coverage)


def beside(connection: Connection, tree_id: int, other_id: int, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The same of a tree that was grown on: its coverage is known, and so is every step."""
    tree, other = stored_tree(connection, tree_id), stored_tree(connection, other_id)
    stored, grown = draws(tree.search, tree.facts), draws(other.search, other.facts)
    served = sum(address in stored and stored[address].text == each.text for address, each in grown.items())
    coverage = served / len(grown) if grown else 1.0
    covered = frozenset(path for path in chains(other.facts) if path)
    labels = _changed_labels(tree, other.search, other.facts, covered)
    said = answer(tree, _digest(tree, other.search, other.facts), labels, coverage) | {
        "set": dict(settings),
        "served": served,
        "asked": len(grown),
        "natural_end": True,
        "stopped_at": None,
        "steps_covered": len(covered),
        "new_tree": other_id,
    }
    return said | _aggregates(tree, other.search, other.facts, 1.0)


def known_draws(spec: TreeSpec) -> dict[tuple[str, int], Sample]:
    """A tree's completions by prompt and seed, as its search asked for them: what a sampler need not be asked again."""
    where = chains(spec.stored)
    out: dict[tuple[str, int], Sample] = {}
    for fact in spec.stored:
        if isinstance(fact, CompletionFact):
            prompt = spec.prompt.render(spec.task, where[fact.parent], asked_for(spec.config, fact))
            seed = chance.draw(spec.seed, "sample", fact.parent, fact.ordinal)
            ended: Any = fact.finish_reason
            out[prompt, seed] = Sample(fact.text, fact.tokens_in, fact.tokens_out, fact.logprob, ended)
    return out


def verdicts(connection: Connection, tree_id: int) -> dict[str, dict[str, str]]:
    """Verdict codes by program and case, for every program of the tree, visited or not, under the tree's profile."""
    out: dict[str, dict[str, str]] = {}
    for code, digest, said in connection.exec_driver_sql(
        "SELECT DISTINCT g.code, t.digest, v.code FROM tree x JOIN step s ON s.tree_id = x.id "
        "JOIN program g ON g.id = s.program_id JOIN verdict v ON v.program_id = g.id AND v.profile_id = x.profile_id "
        "JOIN test_case t ON t.id = v.test_case_id WHERE x.id = ?",
        (tree_id,),
    ):
        out.setdefault(code, {})[digest] = said
    return out


def _changed_labels(
    tree: StoredTree, config: SearchConfig, facts: Sequence[Fact], covered: frozenset[Path]
) -> list[dict[str, Any]]:
    """Steps that both trees have, and whose subtree was covered, by the tree's own paths."""
    where: dict[Chain, Path] = {chain: path for path, chain in chains(tree.facts).items()}
    old = rescoring.labels(tree.config, tree.facts, _rollouts(tree.facts), ENOUGH_DRAWS)
    new = rescoring.labels(asdict(config), facts, _rollouts(facts), ENOUGH_DRAWS)
    both = {where[chain]: path for path, chain in chains(facts).items() if path in covered and chain in where}
    nothing = ("unsure", None)
    before = {path: (old[path].word, old[path].value.v) if path in old else nothing for path in both}
    after = {path: (new[at].word, new[at].value.v) if at in new else nothing for path, at in both.items()}
    return changes(before, after)


def _aggregates(
    tree: StoredTree, config: SearchConfig, facts: Sequence[Fact], coverage: float | None
) -> dict[str, Any]:
    """Both trees as wholes; none where too little of the other was covered to speak of it as one."""
    if coverage is None or coverage < ENOUGH_COVERAGE:
        least = "unknown" if coverage is None else f"at least {coverage:.0%}"
        why = f"{least} of what it would ask for is covered: no aggregate under {ENOUGH_COVERAGE:.0%}"
        return {"aggregate": None, "aggregate_why": why}
    found = {"stored": _whole(tree.search, tree.facts), "counterfactual": _whole(config, facts)}
    return {"aggregate": found, "aggregate_why": None}


def _whole(config: SearchConfig, facts: Sequence[Fact]) -> dict[str, Any]:
    judged = [each for each in _rollouts(facts) if each.reward is not None]
    rewards = [each.reward or 0.0 for each in judged]
    root = recorded_values(config, facts).get(())
    return {
        "completions": sum(isinstance(fact, CompletionFact) for fact in facts),
        "rollouts": len(judged),
        "solved": sum(each.solved for each in judged),
        "mean_reward": sum(rewards) / len(rewards) if rewards else None,
        "value": None if root is None else root.v,
        "k": 0 if root is None else root.k,
        "c": 0 if root is None else root.c,
    }


def _rollouts(facts: Sequence[Fact]) -> list[RolloutFact]:
    return [fact for fact in facts if isinstance(fact, RolloutFact)]


def _digest(tree: StoredTree, config: SearchConfig, facts: Sequence[Fact]) -> str:
    """The tree's own digest where other settings came to the same facts, else the other tree's under its own settings."""
    if _said(tree.facts) == _said(facts):
        return tree.digest_of(facts)
    return tree_digest(export_facts(tree.problem, config, facts))


def _said(facts: Sequence[Fact]) -> tuple[Any, ...]:
    """What the canonical form tells of a tree, but its settings and values."""
    rollouts = [(each.ordinal, each.leaf, each.reward, dict(each.cases)) for each in _rollouts(facts)]
    return {fact for fact in facts if isinstance(fact, (CompletionFact, StepFact))}, sorted(
        rollouts, key=lambda each: each[0]
    )
