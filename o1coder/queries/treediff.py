"""Two trees of one problem beside each other: which steps correspond, what changed of them, how programs fail now.

Usually of two rounds or two policies. Steps are aligned by what they say (search/align.py); visits and values are those of
each tree's own search, scores those of the newest process reward model that scored both trees (each tree's own newest
where none scored both). A failure mode is the set of tests that a judged program fails, with the verdict on each, over the
tests that both trees were judged on.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from o1coder.errors import LabError
from o1coder.queries import scores, trees
from o1coder.search.align import align
from o1coder.search.facts import RolloutFact, parse_path
from o1coder.treefacts import cases_of_tree, stored_facts

FIELDS = ("visits", "value", "k", "c", "label", "prm")


class Side(NamedTuple):
    """A step as one of the trees has it. `value` is the search's label value, `prm` a score; null where there is none."""

    id: int
    path: str
    text: str
    visits: int
    value: float | None
    k: int | None
    c: int | None
    label: str | None
    prm: float | None
    verdict: str | None
    verdict_rescored: str | None = None  # on the tests of the tree's newest re-score

    @property
    def says(self) -> str | None:
        """The verdict that counts."""
        return self.verdict_rescored or self.verdict


class Row(NamedTuple):
    """A step of one tree or of both. `match`: equal, alike, a (only in A) or b; `changes`: B minus A, of what both have."""

    match: str
    action: str
    depth: int
    alike: float | None
    a: Side | None
    b: Side | None
    changes: dict[str, float]


class Mode(NamedTuple):
    """A way to fail: [{case, verdict}], and how many distinct programs of a tree fail so."""

    fails: list[dict[str, Any]]
    programs: int


class Head(NamedTuple):
    """A tree as a whole. `solved_share` is over its judged rollouts."""

    tree: int
    job: int
    round: int | None
    preset: str
    policy: int | None
    prm: int | None
    steps: int
    rollouts: int
    solved: int
    solved_share: float | None
    solved_rescored: int | None = None


class Difference(NamedTuple):
    """All of it; `modes` has the ways to fail that are new in B, gone from A, and in both."""

    problem: int
    problem_key: str
    a: Head
    b: Head
    cases: int
    settings: dict[str, dict[str, Any]]
    steps: list[Row]
    modes: dict[str, list[Mode]]


def diff(connection: Connection, a: int, b: int) -> Difference:
    """A beside B. LabError when there is no such tree, or they are of two problems."""
    first, second = trees.show(connection, a), trees.show(connection, b)
    if first.problem != second.problem:
        raise LabError(
            f"tree {a} is of problem {first.problem_key}, tree {b} of {second.problem_key}",
            f"`o1coder trees list --problem {first.problem}` shows trees of one problem",
        )
    both = set(scores.scorers(connection, a)) & set(scores.scorers(connection, b))
    prms = [max(both)] * 2 if both else [trees.newest_prm(connection, tree) for tree in (a, b)]
    sides = [trees.steps(connection, tree, prm) for tree, prm in zip((a, b), prms, strict=True)]
    by_path = [{parse_path(step.path): step for step in found} for found in sides]
    said = [{path: (step.action, step.text) for path, step in found.items() if path} for found in by_path]
    rows = []
    for pair in align(said[0], said[1]):  # type: ignore[arg-type]
        mine = None if pair.a is None else by_path[0][pair.a]
        theirs = None if pair.b is None else by_path[1][pair.b]
        rows.append(_row(mine, theirs, pair.alike))
    modes, cases = _modes(connection, a, b)
    return Difference(
        first.problem,
        first.problem_key,
        _head(connection, first, prms[0]),
        _head(connection, second, prms[1]),
        cases,
        _settings(connection, a, b),
        rows,
        modes,
    )


def _row(mine: trees.StepRow | None, theirs: trees.StepRow | None, alike: float | None) -> Row:
    one = mine or theirs
    assert one is not None
    match = "b" if mine is None else "a" if theirs is None else "equal" if alike == 1.0 else "alike"
    a, b = _side(mine), _side(theirs)
    changes: dict[str, float] = {}
    if a is not None and b is not None:
        for name in ("visits", "value", "k", "c", "prm"):
            before, after = getattr(a, name), getattr(b, name)
            if before is not None and after is not None and before != after:
                changes[name] = after - before
    return Row(match, one.action, one.depth, alike, a, b, changes)


def _side(step: trees.StepRow | None) -> Side | None:
    if step is None:
        return None
    return Side(
        step.id,
        step.path,
        step.text,
        step.n,
        step.v,
        step.k,
        step.c,
        step.label,
        step.score,
        step.verdict,
        step.verdict_rescored,
    )


def _head(connection: Connection, row: trees.TreeRow, prm: int | None) -> Head:
    policy = connection.exec_driver_sql("SELECT policy_id FROM tree WHERE id = ?", (row.id,)).scalar()
    judged = connection.exec_driver_sql(
        "SELECT COUNT(*) FROM rollout WHERE tree_id = ? AND reward IS NOT NULL", (row.id,)
    ).scalar_one()
    share = row.solved / judged if judged else None
    return Head(
        row.id,
        row.job,
        row.round,
        row.preset,
        policy,
        prm,
        row.steps,
        row.rollouts,
        row.solved,
        share,
        row.solved_rescored,
    )


def _settings(connection: Connection, a: int, b: int) -> dict[str, dict[str, Any]]:
    """The settings in which the two searches differ."""
    one, other = trees.config(connection, a), trees.config(connection, b)
    return {
        name: {"a": one.get(name), "b": other.get(name)}
        for name in sorted({*one, *other})
        if one.get(name) != other.get(name)
    }


def _modes(connection: Connection, a: int, b: int) -> tuple[dict[str, list[Mode]], int]:
    cases = [{case.digest: case_id for case_id, case in cases_of_tree(connection, tree)} for tree in (a, b)]
    common = {digest: case_id for digest, case_id in cases[0].items() if digest in cases[1]}
    seen: list[dict[str, set[str]]] = []
    for tree in (a, b):
        found: dict[str, set[str]] = {}
        for fact in stored_facts(connection, tree):
            if isinstance(fact, RolloutFact) and fact.code is not None and common.keys() <= fact.cases.keys():
                fails = [
                    {"case": case_id, "verdict": fact.cases[digest]}
                    for digest, case_id in common.items()
                    if fact.cases[digest] != "AC"
                ]
                if fails:
                    found.setdefault(json.dumps(fails), set()).add(fact.code)
        seen.append(found)
    before, after = seen

    def listed(names: set[str], where: dict[str, set[str]]) -> list[Mode]:
        ordered = sorted(names, key=lambda name: (-len(where[name]), name))
        return [Mode(json.loads(name), len(where[name])) for name in ordered]

    return {
        "new": listed(after.keys() - before.keys(), after),
        "gone": listed(before.keys() - after.keys(), before),
        "both": listed(before.keys() & after.keys(), after),
    }, len(common)
