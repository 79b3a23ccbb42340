"""Replay a tree without a model, and re-value it under another rule: exact, from stored facts alone, writing nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy.engine import Connection

from o1coder import rescoring, search
from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.search import SearchConfig, TreeSpec, export_facts, path_text, tree_digest
from o1coder.search.config import stored_config
from o1coder.search.facts import CompletionFact, Fact, Path, RolloutFact, StepFact
from o1coder.search.values import ENOUGH_DRAWS
from o1coder.task import Action
from o1coder.text import load_prompt
from o1coder.trees import cases_of, cases_of_tree, stored_facts
from o1coder.verdicts import asked, known_for

if TYPE_CHECKING:
    from o1coder.judge import Verdict


def replay(connection: Connection, tree_id: int) -> dict[str, Any]:
    """Select again, read every stored text again and reward it again from its verdicts; compare the canonical exports.
    LabError when the tree was no search, or its prompt has changed since."""
    tree = stored_tree(connection, tree_id)
    again = search.replay(spec_of(connection, tree))
    changed = changes(
        _words(rescoring.labels(tree.config, tree.facts, _rollouts(tree.facts), ENOUGH_DRAWS)),
        _words(rescoring.labels(tree.config, again.facts, _rollouts(again.facts), ENOUGH_DRAWS)),
    )
    return answer(tree, tree.digest_of(again.facts), changed, again.coverage)


def spec_of(connection: Connection, tree: StoredTree) -> TreeSpec:
    """The tree as it was asked for, with its stored facts: the cases it was judged on, whatever was withdrawn since.
    LabError when its prompt is another by now."""
    what = asked(connection, tree.problem_id)
    cases = tuple(case for _, case in cases_of_tree(connection, tree.id))
    prompt = load_prompt(tree.search.prompt)
    if prompt.digest != tree.prompt_digest:
        raise LabError(
            f"tree {tree.id} was made with another version of the prompt {tree.search.prompt}", "it cannot be replayed"
        )
    spec = TreeSpec(tree.id, what.task, cases, tree.seed, tree.search, prompt, what.comparator, what.limits, tree.facts)
    spec.given = given(tree.facts)
    return spec


def given(facts: Sequence[Fact]) -> tuple[tuple[Action, str], ...]:
    """The steps that were laid below the root before the search began: no completion said them."""
    said = {fact.step for fact in facts if isinstance(fact, CompletionFact)}
    steps = [fact for fact in facts if isinstance(fact, StepFact) and fact.path not in said]
    return tuple((step.action, step.text) for step in sorted(steps, key=lambda step: len(step.path)))


def relabel(
    lab: Lab, tree_id: int, *, alpha: float | None = None, threshold: int = ENOUGH_DRAWS, test_set: int | None = None
) -> dict[str, Any]:
    """What the labels of a tree would be under another α, draw threshold or test set, with the tests that count today: what
    was withdrawn since is left out. The rollouts are the same; verdicts that are missing are judged, and nothing is kept.
    """
    from o1coder.judge import Cached, Judge

    with lab.reading() as connection:
        on = rescoring.basis(connection, tree_id, alpha=alpha, enough=threshold, test_set=test_set)
        wanted = rescoring.missing(connection, tree_id, on)
        questions = rescoring.questions(connection, tree_id, wanted)
        problem = connection.exec_driver_sql("SELECT problem_id FROM tree WHERE id = ?", (tree_id,)).scalar_one()
        known = known_for(connection, [int(problem)]) if wanted else {}
    said: list[Verdict] = []
    if wanted:
        with Judge() as judge:
            said = Cached(judge, known).judge(questions)
    with lab.reading() as connection:
        tree = stored_tree(connection, tree_id)
        rollouts = rescoring.rescored(connection, tree_id, on, zip(wanted, said, strict=True))
        used = [case for case, _ in cases_of(connection, on.test_set, on.withdrawals)]
        steered = [case for case, _ in cases_of_tree(connection, tree_id)]
    tests = {
        "test_set": on.test_set,
        "cases": len(used),
        "withdrawn": len(set(steered) - set(used)),
        "added": len(set(used) - set(steered)),
        "judged": len(said),
        "masked": sum(each.reward is None for each in rollouts),
    }
    return _compared(tree, rollouts, threshold, 1.0) | {"tests": tests}


class StoredTree(NamedTuple):
    """A search tree as its rows have it."""

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


def _compared(tree: StoredTree, rollouts: Sequence[RolloutFact], enough: int, coverage: float) -> dict[str, Any]:
    """The tree beside itself with these rollouts in place of its own."""
    after = [*(fact for fact in tree.facts if not isinstance(fact, RolloutFact)), *rollouts]
    changed = changes(
        _words(rescoring.labels(tree.config, tree.facts, _rollouts(tree.facts), ENOUGH_DRAWS)),
        _words(rescoring.labels(tree.config, tree.facts, rollouts, enough)),
    )
    return answer(tree, tree.digest_of(after), changed, coverage)


def answer(tree: StoredTree, replayed: str, changed: list[dict[str, Any]], coverage: float | None) -> dict[str, Any]:
    """What every replay answers (CLI.md): whether the digest and all labels are those that are stored."""
    stored = tree.digest_of(tree.facts)
    kept = tree.digest or stored
    return {
        "tree": tree.id,
        "identical": kept == stored == replayed and not changed,
        "digest_stored": kept,
        "digest_replayed": replayed,
        "labels_changed": changed,
        "coverage": coverage,
    }


Words = Mapping[Path, tuple[str, float | None]]


def changes(old: Words, new: Words) -> list[dict[str, Any]]:
    """The steps whose label would be another: {path, from, to, value}, by path; a step that has none is unsure."""
    nothing = ("unsure", None)
    out = []
    for path in sorted({*old, *new}):
        (was, value_was), (is_now, value) = old.get(path, nothing), new.get(path, nothing)
        if (was, value_was) != (is_now, value):
            out.append({"path": path_text(path), "from": was, "to": is_now, "value": value, "value_before": value_was})
    return out


def _words(labels: Mapping[Path, rescoring.Labelled]) -> Words:
    return {path: (label.word, label.value.v) for path, label in labels.items()}


def _rollouts(facts: Sequence[Fact]) -> list[RolloutFact]:
    return [fact for fact in facts if isinstance(fact, RolloutFact)]


def stored_tree(connection: Connection, tree_id: int) -> StoredTree:
    """A tree with its facts. LabError when there is none, or it was not made by a search."""
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
    facts = stored_facts(connection, tree_id)
    return StoredTree(row[0], row[1], config, row[3], row[4], row[5], row[6], row[7], stored_config(config), facts)
