"""Questions about trees: lists, the whole tree as preorder rows with derived visits, values, scores and labels, one step.

Visits and values are derived here in one pass over the facts; nothing is cached in the database.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from o1coder import rescores
from o1coder.errors import LabError
from o1coder.ordinals import GROUP_STRIDE
from o1coder.queries import pulses
from o1coder.rownames import names_row
from o1coder.standing import current_label

# A tree `x` that no later attempt grew again: one of RL whose iteration lies behind the one that a later attempt of its job
# went on from is there twice, and counts once.
NOT_REPEATED = (
    "NOT (x.kind = 'group' AND EXISTS (SELECT 1 FROM attempt again WHERE again.job_id = x.job_id "
    f"AND again.n > x.ordinal / {GROUP_STRIDE} + 1 AND again.resumed_from_iteration < x.ordinal % {GROUP_STRIDE}))"
)


class TreeRow(NamedTuple):
    """One line of the list."""

    id: int
    problem: int
    problem_key: str
    title: str
    job: int
    kind: str
    preset: str
    seed: int
    steps: int
    rollouts: int
    solved: int
    reproducible: bool
    ended: str | None
    digest: str | None
    round: int | None
    rollouts_per_s: float | None  # this and the next three: queries/pulses.py
    last_event_age_s: float | None
    doing: str | None
    stuck: bool
    solved_rescored: int | None  # rollouts that pass the newest re-score's tests; null without one


class StepRow(NamedTuple):
    """A step in preorder. `n`, `q` come from rollouts; `k`, `c`, `v`, `v_pass` from the search's own newest label;
    `label`, `source` are what counts now; `verdict` is the program's first verdict that is not AC, else AC; null, like
    `passed` and `total`, where the judge failed on one of its tests. `verdict_rescored` is the same on the tests of the newest
    re-score, null without one."""

    id: int
    parent_id: int | None
    path: str
    depth: int
    action: str
    text: str
    n: int
    q: float
    k: int | None
    c: int | None
    v: float | None
    v_pass: float | None
    score: float | None
    label: str | None
    source: str | None
    label_id: int | None
    verdict: str | None
    passed: int | None
    total: int | None
    verdict_rescored: str | None


class LabelRow(NamedTuple):
    """One entry of a step's label history, newest first."""

    id: int
    value: str | None
    source: str
    author: str | None
    job_id: int | None
    k: int | None
    c: int | None
    v: float | None
    reason: str | None
    retracts: int | None
    retracted: bool
    created_at: str


class VerdictRow(NamedTuple):
    """A program's verdict on one case of the tree's test set."""

    case_id: int
    input: str
    expected: str
    code: str | None
    cpu_ms: float | None
    memory_kb: int | None
    detail: str | None
    layer: str | None


class CompletionRow(NamedTuple):
    """What the model returned below a step."""

    ordinal: int
    text: str
    tokens_out: int
    finish_reason: str
    step_id: int | None
    error: str | None


class RolloutRow(NamedTuple):
    """A rollout with the terms of its reward."""

    ordinal: int
    leaf_id: int
    passed: int
    total: int
    compiled: bool
    reward: float | None
    terms: str


_LIST = (
    "SELECT x.id, x.problem_id, p.source_key, p.title, x.job_id, x.kind, x.preset, x.seed, "
    "(SELECT COUNT(*) FROM step s WHERE s.tree_id = x.id) - 1, "
    "(SELECT COUNT(*) FROM rollout r WHERE r.tree_id = x.id), "
    "(SELECT COUNT(*) FROM rollout r WHERE r.tree_id = x.id AND r.total > 0 AND r.passed = r.total), "
    "x.reproducible AND COALESCE(e.reason, '') <> 'budget', e.reason, e.digest, j.round "
    "FROM tree x JOIN problem p ON p.id = x.problem_id JOIN job j ON j.id = x.job_id "
    "LEFT JOIN tree_end e ON e.tree_id = x.id "
)


def page(
    connection: Connection,
    *,
    problem: int | None = None,
    job: int | None = None,
    after: int = 0,
    limit: int = 100,
    newest: bool = False,
    kinds: tuple[str, ...] = (),
) -> list[TreeRow]:
    """Trees with ids above `after`, or the newest first."""
    parts, values = ["x.id > ?"], [after]
    for column, value in (("x.problem_id", problem), ("x.job_id", job)):
        if value is not None:
            parts.append(f"{column} = ?")
            values.append(value)
    if kinds:
        parts.append("x.kind IN (" + ",".join(f"'{k}'" for k in kinds) + ")")
    order = "DESC" if newest else "ASC"
    sql = f"{_LIST} WHERE {' AND '.join(parts)} ORDER BY x.id {order} LIMIT ?"
    return _with_pulses(connection, connection.exec_driver_sql(sql, (*values, limit)).all())


def show(connection: Connection, tree_id: int) -> TreeRow:
    """One tree. LabError when there is none."""
    row = connection.exec_driver_sql(f"{_LIST} WHERE x.id = ?", (tree_id,)).first()
    if row is None:
        raise LabError(f"there is no tree {tree_id}", "`o1coder trees list` shows them")
    return _with_pulses(connection, [row])[0]


def rows(connection: Connection, ids: Sequence[int]) -> list[TreeRow]:
    """The trees with these ids, in their order; unknown ones are left out."""
    found = connection.exec_driver_sql(
        f"{_LIST} WHERE x.id IN ({','.join('?' * len(ids))})" if ids else f"{_LIST} WHERE 0", tuple(ids)
    ).all()
    known = {row.id: row for row in _with_pulses(connection, found)}
    return [known[tree_id] for tree_id in ids if tree_id in known]


def _with_pulses(connection: Connection, rows: Sequence[Any]) -> list[TreeRow]:
    known = pulses.of_trees(connection, [row[0] for row in rows])
    return [
        TreeRow._make(
            (
                *row[:11],
                bool(row[11]),
                *row[12:],
                *known.get(row[0], pulses.NOTHING),
                _solved_again(connection, row[0]),
            )
        )
        for row in rows
    ]


def _solved_again(connection: Connection, tree_id: int) -> int | None:
    told = rescores.told(connection, tree_id)
    if told is None:
        return None
    rollouts = connection.exec_driver_sql("SELECT program_id FROM rollout WHERE tree_id = ?", (tree_id,))
    return sum(program in told and told[program].solved for (program,) in rollouts)


def newest_prm(connection: Connection, tree_id: int) -> int | None:
    """The newest checkpoint that scored a step of this tree."""
    row = connection.exec_driver_sql(
        "SELECT MAX(c.checkpoint_id) FROM score c JOIN step s ON s.id = c.step_id WHERE s.tree_id = ?", (tree_id,)
    ).first()
    return None if row is None else row[0]


def steps(connection: Connection, tree_id: int, prm: int | None = None) -> list[StepRow]:
    """All steps in preorder, the root first, with what is derived of them. `prm`: whose scores; the newest by default."""
    show(connection, tree_id)
    prm = newest_prm(connection, tree_id) if prm is None else prm
    raw = connection.exec_driver_sql(
        "SELECT s.id, s.parent_id, s.ordinal, s.depth, s.action, s.text, s.program_id, "
        "m.k, m.c, m.v, m.v_pass, "
        "(SELECT sc.value FROM score sc WHERE sc.step_id = s.id AND sc.checkpoint_id = ? ORDER BY +sc.id DESC LIMIT 1), "
        "cur.value, cur.source, cur.id FROM step s "
        "LEFT JOIN label m ON m.id = (SELECT MAX(l.id) FROM label l WHERE l.step_id = s.id AND l.source = 'search') "
        f"LEFT JOIN label cur ON cur.id = {current_label('s.id')} WHERE s.tree_id = ? ORDER BY s.depth, s.id",
        (prm, tree_id),
    ).all()
    verdicts, told = _leaf_verdicts(connection, tree_id), rescores.told(connection, tree_id) or {}
    parent = {row[0]: row[1] for row in raw}
    visits: dict[int, int] = {}
    sums: dict[int, float] = {}
    judged: dict[int, tuple[int, int]] = {}
    program = {row[0]: row[6] for row in raw}
    for leaf, reward, passed, total in connection.exec_driver_sql(
        "SELECT leaf_id, reward, passed, total FROM rollout WHERE tree_id = ?", (tree_id,)
    ):
        # Of a masked rollout, the verdicts that there are say nothing unless they are all there (then the PRM failed).
        if reward is not None or verdicts.get(program[leaf], ("", 0))[1] >= total:
            judged[leaf] = (passed, total)
        here: int | None = leaf if reward is not None else None
        while here is not None:
            visits[here] = visits.get(here, 0) + 1
            sums[here] = sums.get(here, 0.0) + reward
            here = parent[here]
    children: dict[int | None, list[Any]] = {}
    for row in raw:
        children.setdefault(row[1], []).append(row)
    out: list[StepRow] = []
    stack: list[tuple[Any, str]] = [(row, "") for row in children.get(None, [])]
    while stack:
        row, path = stack.pop()
        step_id = row[0]
        passed_total = judged.get(step_id) if row[6] is not None else None
        out.append(
            StepRow._make(
                (
                    step_id,
                    row[1],
                    path,
                    *row[3:6],
                    visits.get(step_id, 0),
                    sums.get(step_id, 0.0),
                    *row[7:15],
                    verdicts[row[6]][0] if row[6] in verdicts and passed_total else None,
                    *(passed_total or (None, None)),
                    told[row[6]].verdict if row[6] in told else None,
                )
            )
        )
        below = sorted(children.get(step_id, []), key=lambda r: -int(r[2]))
        stack.extend((child, f"{path}.{child[2]}".lstrip(".")) for child in below)
    return out


def _leaf_verdicts(connection: Connection, tree_id: int) -> dict[int, tuple[str, int]]:
    """By program: the first verdict that is not AC, else AC, and how many there are."""
    out: dict[int, tuple[str, int]] = {}
    for program_id, code, _ in connection.exec_driver_sql(
        "SELECT DISTINCT s.program_id, v.code, i.ordinal FROM tree x "
        "JOIN step s ON s.tree_id = x.id AND s.program_id IS NOT NULL "
        "JOIN test_set_item i ON i.test_set_id = x.test_set_id JOIN verdict v ON v.program_id = s.program_id "
        "AND v.test_case_id = i.test_case_id AND v.profile_id = x.profile_id WHERE x.id = ? ORDER BY i.ordinal",
        (tree_id,),
    ):
        first, count = out.get(program_id, ("AC", 0))
        out[program_id] = (code if first == "AC" else first, count + 1)
    return out


_STEP = re.compile(r"^(\d+):((?:\d+(?:\.\d+)*)?)$")


def find_step(connection: Connection, name: str) -> int:
    """A step's id from an id or `TREE:PATH` ("12:0.2.1"). LabError when there is none."""
    if not all(names_row(part) for part in re.findall(r"\d+", name)):
        raise LabError(f"there is no step {name[:60]}", "`o1coder trees show ID` lists a tree's steps")
    if name.isdecimal():
        row = connection.exec_driver_sql("SELECT id FROM step WHERE id = ?", (int(name),)).first()
        if row is None:
            raise LabError(f"there is no step {name}", "`o1coder trees show ID` lists a tree's steps")
        return int(row[0])
    match = _STEP.match(name)
    if match is None:
        raise LabError(f"{name!r} names no step", "write an id, or TREE:PATH as in 12:0.2.1")
    tree_id = int(match[1])
    show(connection, tree_id)
    here = connection.exec_driver_sql(
        "SELECT id FROM step WHERE tree_id = ? AND parent_id IS NULL", (tree_id,)
    ).scalar()
    for ordinal in match[2].split(".") if match[2] else []:
        here = connection.exec_driver_sql(
            "SELECT id FROM step WHERE parent_id = ? AND ordinal = ?", (here, int(ordinal))
        ).scalar()
        if here is None:
            raise LabError(f"tree {tree_id} has no step {match[2]}", f"`o1coder trees show {tree_id}` lists its steps")
    assert here is not None
    return int(here)


def labels(connection: Connection, step_id: int) -> list[LabelRow]:
    """A step's label history, newest first, retractions included."""
    rows = connection.exec_driver_sql(
        "SELECT l.id, l.value, l.source, l.author, l.job_id, l.k, l.c, l.v, l.reason, l.retracts, "
        "EXISTS (SELECT 1 FROM label r WHERE r.retracts = l.id), l.created_at FROM label l WHERE l.step_id = ? "
        "ORDER BY l.id DESC",
        (step_id,),
    )
    return [LabelRow._make((*row[:10], bool(row[10]), row[11])) for row in rows]


def step_code(connection: Connection, step_id: int) -> str | None:
    """The program of a code step, or None."""
    row = connection.exec_driver_sql(
        "SELECT g.code FROM step s JOIN program g ON g.id = s.program_id WHERE s.id = ?", (step_id,)
    ).first()
    return None if row is None else str(row[0])


def verdicts(connection: Connection, step_id: int) -> list[VerdictRow]:
    """The verdicts of a code step's program on its tree's test set, in order; code null where it was not judged."""
    rows = connection.exec_driver_sql(
        "SELECT t.id, t.input, t.expected, v.code, v.cpu_ms, v.memory_kb, v.detail, v.layer FROM step s "
        "JOIN tree x ON x.id = s.tree_id JOIN test_set_item i ON i.test_set_id = x.test_set_id "
        "JOIN test_case t ON t.id = i.test_case_id LEFT JOIN verdict v ON v.program_id = s.program_id "
        "AND v.test_case_id = t.id AND v.profile_id = x.profile_id "
        "WHERE s.id = ? AND s.program_id IS NOT NULL ORDER BY i.ordinal",
        (step_id,),
    )
    return [VerdictRow(*row) for row in rows]


def completions(connection: Connection, step_id: int) -> list[CompletionRow]:
    """What the model returned below a step, discarded ones included."""
    rows = connection.exec_driver_sql(
        "SELECT ordinal, text, tokens_out, finish_reason, step_id, error FROM completion WHERE parent_id = ? ORDER BY ordinal",
        (step_id,),
    )
    return [CompletionRow(*row) for row in rows]


def rollouts(connection: Connection, tree_id: int) -> list[RolloutRow]:
    """The rollouts of a tree, in order."""
    rows = connection.exec_driver_sql(
        "SELECT ordinal, leaf_id, passed, total, compiled, reward, terms FROM rollout WHERE tree_id = ? ORDER BY ordinal",
        (tree_id,),
    )
    return [RolloutRow._make((*row[:4], bool(row[4]), row[5], row[6])) for row in rows]


def config(connection: Connection, tree_id: int) -> dict[str, Any]:
    """What the search of a tree was asked."""
    row = connection.exec_driver_sql("SELECT config FROM tree WHERE id = ?", (tree_id,)).one()
    found: dict[str, Any] = json.loads(row[0])
    return found


def of_job(connection: Connection, job_id: int) -> list[int]:
    """The ids of a job's trees by problem, then by ordinal (RL: by iteration), without those that were grown again."""
    return [
        row[0]
        for row in connection.exec_driver_sql(
            "SELECT x.id FROM tree x JOIN problem p ON p.id = x.problem_id "
            f"WHERE x.job_id = ? AND {NOT_REPEATED} ORDER BY p.digest, x.ordinal % {GROUP_STRIDE}",
            (job_id,),
        )
    ]
