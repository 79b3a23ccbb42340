"""The canonical form of a tree, whose sha256 is the tree's digest: no ids, no times, no hosts, one order.

Two trees with equal facts have equal bytes, however they were made, stored, interrupted or read. Nothing is written here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from o1coder.canonical import canonical, digest_bytes
from o1coder.search.config import SearchConfig
from o1coder.search.facts import CompletionFact, Fact, Path, RolloutFact, StepFact, path_text
from o1coder.search.values import recorded_values, visits

FORMAT = "o1coder-tree-1"


def export_tree(
    problem_digest: str,
    config: SearchConfig | Mapping[str, Any],
    completions: Iterable[CompletionFact],
    steps: Iterable[StepFact],
    rollouts: Iterable[RolloutFact],
) -> dict[str, Any]:
    """The object of `trees export` (CLI.md), from facts in any order; the root is the step with the empty path."""
    completions, steps, rollouts = list(completions), list(steps), list(rollouts)
    settings = asdict(config) if isinstance(config, SearchConfig) else dict(config)
    values = recorded_values(settings, [*completions, *steps, *rollouts])
    counts = visits(rollouts)

    def row(path: Path, action: str, text: str) -> dict[str, Any]:
        value = values.get(path)
        return {
            "path": path_text(path),
            "action": action,
            "text": text,
            "visits": counts.get(path, 0),
            "value": None if value is None else value.v,
            "k": 0 if value is None else value.k,
            "c": 0 if value is None else value.c,
        }

    return {
        "format": FORMAT,
        "problem": problem_digest,
        "config": settings,
        "completions": [
            {
                "parent": path_text(each.parent),
                "ordinal": each.ordinal,
                "text": each.text,
                "step": None if each.step is None else path_text(each.step),
            }
            for each in sorted(completions, key=lambda each: (each.parent, each.ordinal))
        ],
        "steps": [
            row((), "root", ""),
            *(row(each.path, each.action, each.text) for each in sorted(steps, key=lambda each: each.path)),
        ],
        "rollouts": [
            {
                "ordinal": each.ordinal,
                "leaf": path_text(each.leaf),
                "reward": each.reward,
                "tests": dict(sorted(each.cases.items())),
            }
            for each in sorted(rollouts, key=lambda each: each.ordinal)
        ],
    }


def export_facts(
    problem_digest: str, config: SearchConfig | Mapping[str, Any], facts: Iterable[Fact]
) -> dict[str, Any]:
    """`export_tree` of a mixed sequence of facts."""
    facts = list(facts)
    return export_tree(
        problem_digest,
        config,
        [fact for fact in facts if isinstance(fact, CompletionFact)],
        [fact for fact in facts if isinstance(fact, StepFact)],
        [fact for fact in facts if isinstance(fact, RolloutFact)],
    )


def canonical_json(tree: Mapping[str, Any]) -> bytes:
    """The bytes that are hashed: canonical JSON, without a final newline."""
    return canonical(dict(tree)).encode()


def tree_digest(tree: Mapping[str, Any]) -> str:
    """`sha256:…` of a tree's canonical bytes."""
    return digest_bytes(canonical_json(tree))
