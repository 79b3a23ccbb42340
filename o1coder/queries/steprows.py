"""Rows of a tree's steps by page of ids: what `trees.steps` says of the whole tree, asked for only where somebody looks.

Visits and paths come from the skeleton, all else by SQL restricted to the ids.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy.engine import Connection

from o1coder import rescores
from o1coder.queries.skeletons import Skeleton
from o1coder.queries.trees import StepRow
from o1coder.standing import current_label

IDS = "(SELECT value FROM json_each(?))"


class Line(NamedTuple):
    """A step and what a screen tells beside it: which estimator made its value, the score that another PRM gave it, and how
    many of its tests pass on the newest re-score."""

    step: StepRow
    estimate: str | None
    before: float | None
    rescored: tuple[int, int] | None


def score_of(step: str) -> str:
    """SQL for the newest score of a step by the checkpoint that is the next parameter. The plus keeps SQLite at the index
    of the step: the checkpoint's own holds every step that it ever scored."""
    return f"(SELECT sc.value FROM score sc WHERE sc.step_id = {step} AND +sc.checkpoint_id = ? ORDER BY sc.id DESC LIMIT 1)"


def page(
    connection: Connection,
    tree: Skeleton,
    ids: Sequence[int],
    prm: int | None,
    before: int | None = None,
    most: int | None = None,
) -> list[Line]:
    """The steps of a tree with these ids, in their order; unknown ones are left out. `prm` and `before`: whose scores;
    `most`: characters of text."""
    text = "s.text" if most is None else f"substr(s.text, 1, {int(most)})"
    raw = connection.exec_driver_sql(
        f"SELECT s.id, s.parent_id, s.depth, s.action, {text}, s.program_id, m.k, m.c, m.v, m.v_pass, "
        f"m.estimate, {score_of('s.id')}, {score_of('s.id')}, cur.value, cur.source, cur.id FROM json_each(?) i "
        "CROSS JOIN step s ON s.id = i.value "
        "LEFT JOIN label m ON m.id = (SELECT MAX(l.id) FROM label l WHERE l.step_id = s.id AND l.source = 'search') "
        f"LEFT JOIN label cur ON cur.id = {current_label('s.id')} WHERE +s.tree_id = ? ORDER BY i.key",
        (prm, before, json.dumps(list(ids)), tree.tree_id),
    ).all()
    programs = {row[5] for row in raw if row[5] is not None}
    verdicts = first_verdicts(connection, tree.tree_id, programs)
    told = rescores.told(connection, tree.tree_id, programs=programs) or {} if tree.rescore else {}
    judged = _judged(connection, {row[0]: row[5] for row in raw if row[5] is not None}, verdicts)
    out = []
    for row in raw:
        step_id, program = row[0], row[5]
        at = tree.shape.find(step_id)
        if at is None:  # written since the skeleton was read
            continue
        passed = judged.get(step_id)
        again = told.get(program)
        own = verdicts[program][0] if program in verdicts and passed else None
        told_ = (own, *(passed or (None, None)), None if again is None else again.verdict)
        seen = (tree.shape.path(at), *row[2:5], tree.visits(at), tree.reward(at))
        step = StepRow._make((step_id, row[1], *seen, *row[6:10], row[11], *row[13:16], *told_))
        out.append(Line(step, row[10], row[12], None if again is None else (again.passed, again.total)))
    return out


def first_verdicts(connection: Connection, tree_id: int, programs: Iterable[int]) -> dict[int, tuple[str, int]]:
    """By program, on its tree's test set: the first verdict that is not AC, else AC, and how many there are."""
    wanted = sorted(set(programs))
    if not wanted:
        return {}
    out: dict[int, tuple[str, int]] = {}
    for program_id, code in connection.exec_driver_sql(
        "SELECT p.value, v.code FROM json_each(?) p JOIN tree x ON x.id = ? "
        "JOIN test_set_item i ON i.test_set_id = x.test_set_id JOIN verdict v ON v.program_id = p.value "
        "AND v.test_case_id = i.test_case_id AND v.profile_id = x.profile_id ORDER BY i.ordinal",
        (json.dumps(wanted), tree_id),
    ):
        first, count = out.get(program_id, ("AC", 0))
        out[program_id] = (code if first == "AC" else first, count + 1)
    return out


def _judged(
    connection: Connection, program: dict[int, int], verdicts: dict[int, tuple[str, int]]
) -> dict[int, tuple[int, int]]:
    """By leaf: tests passed and tests, of its last rollout that says it. Of a masked one, the verdicts that there are say
    nothing unless they are all there (then the PRM failed)."""
    rows = connection.exec_driver_sql(
        f"SELECT leaf_id, reward, passed, total FROM rollout WHERE leaf_id IN {IDS} ORDER BY ordinal",
        (json.dumps(list(program)),),
    )
    return {
        leaf: (passed, total)
        for leaf, reward, passed, total in rows
        if reward is not None or verdicts.get(program[leaf], ("", 0))[1] >= total
    }
