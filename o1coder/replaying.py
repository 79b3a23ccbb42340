"""Replay a tree without a model, and re-value it under another rule: exact, from stored facts alone, writing nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from o1coder import search
from o1coder.errors import LabError
from o1coder.search import SearchConfig, TreeSpec, export_facts, path_text, tree_digest
from o1coder.search.facts import CompletionFact, Fact, RolloutFact, StepFact
from o1coder.search.values import ENOUGH_DRAWS, hard_label, label_values
from o1coder.task import Action
from o1coder.text import load_prompt
from o1coder.trees import cases_of_tree, stored_facts
from o1coder.verdicts import asked


def replay(connection: Connection, tree_id: int) -> dict[str, Any]:
    """Select again, read every stored text again and reward it again from its verdicts; compare the canonical exports.
    LabError when the tree was no search, or its prompt has changed since."""
    tree = _tree(connection, tree_id)
    what = asked(connection, tree.problem_id)
    cases = tuple(case for _, case in cases_of_tree(connection, tree_id))
    prompt = load_prompt(tree.search.prompt)
    if prompt.digest != tree.prompt_digest:
        raise LabError(
            f"tree {tree_id} was made with another version of the prompt {tree.search.prompt}", "it cannot be replayed"
        )
    spec = TreeSpec(tree_id, what.task, cases, tree.seed, tree.search, prompt, what.comparator, what.limits, tree.facts)
    spec.given = _given(tree.facts)
    again = search.replay(spec)
    return _compared(tree, again.facts, ENOUGH_DRAWS, again.coverage)


def relabel(connection: Connection, tree_id: int, *, alpha: float | None, threshold: int) -> dict[str, Any]:
    """What the labels of a tree would be under another α or draw threshold; the rollouts are the same."""
    tree = _tree(connection, tree_id)
    weight = tree.search.alpha if alpha is None else alpha
    rollouts = search.rescore([fact for fact in tree.facts if isinstance(fact, RolloutFact)], weight)
    others = [fact for fact in tree.facts if not isinstance(fact, RolloutFact)]
    return _compared(tree, [*others, *rollouts], threshold, 1.0)


def _given(facts: Sequence[Fact]) -> tuple[tuple[Action, str], ...]:
    """The steps that no completion said, from the root down: they were laid before the search began."""
    said = {fact.step for fact in facts if isinstance(fact, CompletionFact)}
    laid = [fact for fact in facts if isinstance(fact, StepFact) and fact.path not in said]
    return tuple((step.action, step.text) for step in sorted(laid, key=lambda step: len(step.path)))


class _Tree(NamedTuple):
    id: int
    problem_id: int
    config: dict[str, Any]  # as stored: what the digest is over
    test_set_id: int
    prompt_digest: str
    seed: int
    problem: str
    digest: str | None
    search: SearchConfig
    facts: list[Fact]

    def digest_of(self, facts: Sequence[Fact]) -> str:
        return tree_digest(export_facts(self.problem, self.config, facts))


def _compared(tree: _Tree, after: Sequence[Fact], enough: int, coverage: float) -> dict[str, Any]:
    stored, replayed = tree.digest_of(tree.facts), tree.digest_of(after)
    changed = _changes(tree.facts, after, enough)
    kept = tree.digest or stored
    return {
        "tree": tree.id,
        "identical": kept == stored == replayed and not changed,
        "digest_stored": kept,
        "digest_replayed": replayed,
        "labels_changed": changed,
        "coverage": coverage,
    }


def _changes(before: Sequence[Fact], after: Sequence[Fact], enough: int) -> list[dict[str, Any]]:
    """The steps whose label would be another: {path, from, to, value}, by path; a step that is not there is unsure."""
    old, new = _labels(before, ENOUGH_DRAWS), _labels(after, enough)
    nothing = ("unsure", None)
    out = []
    for path in sorted({*old, *new}):
        (was, value_was), (is_now, value) = old.get(path, nothing), new.get(path, nothing)
        if (was, value_was) != (is_now, value):
            out.append({"path": path_text(path), "from": was, "to": is_now, "value": value})
    return out


def _labels(facts: Sequence[Fact], enough: int) -> dict[tuple[int, ...], tuple[str, float | None]]:
    steps = [fact for fact in facts if isinstance(fact, StepFact)]
    values = label_values(
        [fact for fact in facts if isinstance(fact, CompletionFact)],
        steps,
        [fact for fact in facts if isinstance(fact, RolloutFact)],
    )
    out: dict[tuple[int, ...], tuple[str, float | None]] = {}
    for step in steps:
        value = values.get(step.path)
        out[step.path] = hard_label(value, step.action == "code", enough), None if value is None else value.v
    return out


def _tree(connection: Connection, tree_id: int) -> _Tree:
    row = connection.exec_driver_sql(
        "SELECT x.id, x.problem_id, x.config, x.test_set_id, x.prompt_digest, x.seed, p.digest, e.digest, x.preset "
        "FROM tree x JOIN problem p ON p.id = x.problem_id LEFT JOIN tree_end e ON e.tree_id = x.id WHERE x.id = ?",
        (tree_id,),
    ).first()
    if row is None:
        raise LabError(f"there is no tree {tree_id}", "`o1coder trees list` shows them")
    config = json.loads(row[2])
    if "simulations" not in config:
        raise LabError(f"tree {tree_id} was not made by a search ({row[8]})", "replay and relabel take search trees")
    settings = SearchConfig(**config | {"widths": tuple(config.get("widths", ()))})
    facts = stored_facts(connection, tree_id)
    return _Tree(row[0], row[1], config, row[3], row[4], row[5], row[6], row[7], settings, facts)
