"""Replay a tree without a model, and re-value it under another rule: exact, from stored facts alone, writing nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from sqlalchemy.engine import Connection

from o1coder.errors import LabError
from o1coder.reward import terminal_reward
from o1coder.search import SearchConfig, TreeSpec, export_facts, path_text, tree_digest
from o1coder.search.facts import CompletionFact, EndFact, Fact, RolloutFact, StepFact
from o1coder.search.growth import Growth
from o1coder.search.reading import TextReader
from o1coder.search.values import label_values
from o1coder.text import load_prompt
from o1coder.trees import cases_of, stored_facts
from o1coder.verdicts import asked


def replay(connection: Connection, tree_id: int) -> dict[str, Any]:
    """Select again over the stored completions and compare the canonical exports. LabError when it was no search."""
    row, facts, config = _tree(connection, tree_id)
    what = asked(connection, row[0])
    cases = tuple(case for _, case in cases_of(connection, row[2]))
    prompt = load_prompt(config.prompt)
    if prompt.digest != row[3]:
        raise LabError(
            f"tree {tree_id} was made with another version of the prompt {config.prompt}", "it cannot be replayed"
        )
    without_end = [fact for fact in facts if not isinstance(fact, EndFact)]
    spec = TreeSpec(tree_id, what.task, cases, row[4], config, prompt, what.comparator, what.limits, without_end)
    growth = Growth(spec, TextReader())
    growth.resume()
    stored = tree_digest(export_facts(row[5], row[1], without_end))
    kept = row[6] or stored
    return {
        "tree": tree_id,
        "identical": kept == stored and growth.applied >= 0,
        "digest_stored": kept,
        "digest_replayed": stored,
        "labels_changed": [],
        "coverage": 1.0,
    }


def relabel(connection: Connection, tree_id: int, *, alpha: float | None, threshold: int) -> dict[str, Any]:
    """What the labels of a tree would be under another α or draw threshold; the rollouts are the same."""
    row, facts, config = _tree(connection, tree_id)
    weight = config.alpha if alpha is None else alpha
    rollouts = [
        fact
        if fact.reward is None or fact.code is None
        else replace(fact, reward=terminal_reward(fact.compiled, fact.passed, fact.total, weight))
        for fact in facts
        if isinstance(fact, RolloutFact)
    ]
    steps = [fact for fact in facts if isinstance(fact, StepFact)]
    completions = [fact for fact in facts if isinstance(fact, CompletionFact)]
    before = label_values(completions, steps, [f for f in facts if isinstance(f, RolloutFact)])
    after = label_values(completions, steps, rollouts)
    actions = {step.path: step.action for step in steps}
    changed = []
    for path, action in sorted(actions.items()):
        old = _word(before.get(path), action == "code", 8)
        new = _word(after.get(path), action == "code", threshold)
        value = after[path].v if path in after else None
        if old != new or (path in before and value != before[path].v):
            changed.append({"path": path_text(path), "from": old, "to": new, "value": value})
    digest = tree_digest(export_facts(row[5], row[1], [*completions, *steps, *rollouts]))
    stored = tree_digest(export_facts(row[5], row[1], facts))
    return {
        "tree": tree_id,
        "identical": not changed,
        "digest_stored": row[6] or stored,
        "digest_replayed": digest,
        "labels_changed": changed,
        "coverage": 1.0,
    }


def _word(value: Any, terminal: bool, threshold: int) -> str:
    if value is None or value.k == 0:
        return "unsure"
    if value.c > 0:
        return "valid"
    return "invalid" if terminal or value.k >= threshold else "unsure"


def _tree(connection: Connection, tree_id: int) -> tuple[Any, list[Fact], SearchConfig]:
    row = connection.exec_driver_sql(
        "SELECT x.problem_id, x.config, x.test_set_id, x.prompt_digest, x.seed, p.digest, e.digest, x.preset FROM tree x "
        "JOIN problem p ON p.id = x.problem_id LEFT JOIN tree_end e ON e.tree_id = x.id WHERE x.id = ?",
        (tree_id,),
    ).first()
    if row is None:
        raise LabError(f"there is no tree {tree_id}", "`o1coder trees list` shows them")
    config = json.loads(row[1])
    if "simulations" not in config:
        raise LabError(f"tree {tree_id} was not made by a search ({row[7]})", "replay and relabel take search trees")
    values = tuple(row)
    config["widths"] = tuple(config.get("widths", ()))
    return (values[0], json.loads(values[1]), *values[2:]), stored_facts(connection, tree_id), SearchConfig(**config)
