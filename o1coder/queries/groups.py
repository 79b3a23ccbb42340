"""The groups of a job's rollouts (an RL group, a search tree), and one group's rollouts with terms and step scores.

A group is a tree; `advantage` is a rollout's reward less its group's mean, unscaled: what the trainer makes of it further
(scaling, clipping) is its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from o1coder.errors import LabError
from o1coder.queries import scores, trees
from o1coder.queries.xray import Taken, mean, spread


class GroupRow(NamedTuple):
    """One tree's rollouts in figures; `solved` counts those that pass every reward test."""

    tree: int
    problem: int
    title: str
    rollouts: int
    masked: int
    solved: int
    complete: int
    reward: float | None
    low: float | None
    high: float | None
    sd: float | None
    audited: int
    audit: int


class ScoredStep(NamedTuple):
    """A step on a rollout's path, with the score of the PRM that rewarded it."""

    id: int
    path: str
    action: str
    score: float | None


class GroupRollout(NamedTuple):
    """A rollout within its group. `path` is its leaf's; the token counts and `error` are of its last completion."""

    id: int
    ordinal: int
    path: str
    leaf: int
    reward: float | None
    advantage: float | None
    terms: dict[str, float]
    passed: int
    total: int
    compiled: bool
    audit: bool | None
    tokens_out: int | None
    finish_reason: str | None
    error: str | None
    steps: tuple[ScoredStep, ...]


def groups(connection: Connection, rollouts: Sequence[Taken], iteration: int | None) -> list[GroupRow]:
    """The groups of one iteration (None: of a search), by tree. LabError when there are none."""
    by: dict[int, list[Taken]] = {}
    for one in rollouts:
        if one.iteration == iteration:
            by.setdefault(one.tree, []).append(one)
    if not by:
        raise LabError(f"there is no iteration {iteration}", "`o1coder runs xray JOB` lists them")
    return [_group(connection, tree, found) for tree, found in by.items()]


def _group(connection: Connection, tree: int, found: Sequence[Taken]) -> GroupRow:
    title = connection.exec_driver_sql("SELECT title FROM problem WHERE id = ?", (found[0].problem,)).scalar()
    rewards = [one.reward for one in found if one.reward is not None]
    return GroupRow(
        tree,
        found[0].problem,
        str(title),
        len(found),
        len(found) - len(rewards),
        sum(one.solved for one in found if one.reward is not None),
        sum(one.program is not None for one in found),
        mean(rewards),
        min(rewards, default=None),
        max(rewards, default=None),
        spread(found),
        sum(one.audit is not None for one in found),
        sum(bool(one.audit) for one in found),
    )


def rollouts_of(connection: Connection, rollouts: Sequence[Taken], tree: int) -> list[GroupRollout]:
    """One group's rollouts in order. LabError when the job has no such tree."""
    found = {one.id: one for one in rollouts if one.tree == tree}
    if not found:
        raise LabError(f"tree {tree} holds no rollouts of this job", "`o1coder runs xray JOB --iteration N` lists them")
    centre = mean([one.reward for one in found.values() if one.reward is not None])
    steps = {
        row[0]: row
        for row in connection.exec_driver_sql(
            "SELECT id, parent_id, ordinal, action FROM step WHERE tree_id = ?", (tree,)
        )
    }
    said = {
        row[0]: (row[1], row[2])
        for row in connection.exec_driver_sql(
            "SELECT step_id, tokens_out, finish_reason FROM completion WHERE tree_id = ? AND step_id IS NOT NULL",
            (tree,),
        )
    }
    failed = {
        row[0]: row[1:]
        for row in connection.exec_driver_sql(
            "SELECT ordinal, tokens_out, finish_reason, error FROM completion WHERE tree_id = ? AND error IS NOT NULL "
            "AND parent_id = (SELECT id FROM step WHERE tree_id = ? AND parent_id IS NULL)",
            (tree, tree),
        )
    }
    prm = scored_by(connection, tree)
    values = {} if prm is None else scores.of_tree(connection, tree, prm)
    out: list[GroupRollout] = []
    for row in connection.exec_driver_sql(
        "SELECT id, ordinal, leaf_id FROM rollout WHERE tree_id = ? ORDER BY ordinal", (tree,)
    ):
        one, line = found[row[0]], _path(steps, row[2])
        words = [str(step[2]) for step in line]
        path = tuple(ScoredStep(s[0], ".".join(words[: n + 1]), s[3], values.get(s[0])) for n, s in enumerate(line))
        completion = next((said[s[0]] for s in reversed(line) if s[0] in said), None)
        error = failed.get(row[1]) if not line else None
        tokens, finish = error[:2] if error else completion or (None, None)
        out.append(
            GroupRollout(
                id=one.id,
                ordinal=row[1],
                path=".".join(words),
                leaf=row[2],
                reward=one.reward,
                advantage=None if one.reward is None or centre is None else one.reward - centre,
                terms=one.terms,
                passed=one.passed,
                total=one.total,
                compiled=one.compiled,
                audit=one.audit,
                tokens_out=tokens,
                finish_reason=finish,
                error=error[2] if error else None,
                steps=path,
            )
        )
    return out


def scored_by(connection: Connection, tree: int) -> int | None:
    """The PRM whose scores a tree's rollouts were rewarded with: its job's own; else the newest that scored the tree."""
    own = connection.exec_driver_sql(
        "SELECT i.checkpoint_id FROM tree x JOIN job_input i ON i.job_id = x.job_id AND i.name = 'prm' WHERE x.id = ?",
        (tree,),
    ).scalar()
    return trees.newest_prm(connection, tree) if own is None else int(own)


def _path(steps: Mapping[int, Any], leaf: int) -> list[Any]:
    """The (id, parent, ordinal, action) of the steps from below the root down to a leaf."""
    line: list[Any] = []
    here = steps[leaf]
    while here[1] is not None:
        line.append(here)
        here = steps[here[1]]
    return line[::-1]
