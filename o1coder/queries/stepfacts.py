"""What is known of one step besides its row: who said what of it and why, every PRM's score, the rollouts through it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy.engine import Connection


class Said(NamedTuple):
    """One label of a step's history, or a retraction (`retracts` names what it takes back). `size`: labels of its batch."""

    id: int
    value: str | None
    source: str
    author: str | None
    job: int | None
    estimate: str | None
    k: int | None
    c: int | None
    v: float | None
    reason: str | None
    category: str | None
    picked: str | None
    batch: str | None
    size: int
    taken_ms: int | None
    retracts: int | None
    retracted: bool
    created_at: str


class Scored(NamedTuple):
    """What one PRM says of a step. `by`: the job that scored it; `of`: the job that made the PRM."""

    checkpoint: int
    value: float
    by: int
    of: int | None
    created_at: str


class Through(NamedTuple):
    """A rollout through a step, with the terms of its reward as JSON."""

    ordinal: int
    leaf: int
    passed: int
    total: int
    compiled: bool
    reward: float | None
    terms: str


class Given(NamedTuple):
    """A person's label that stands, or the newest of a batch of them."""

    label: int
    step: int
    batch: str | None


def history(connection: Connection, step_id: int) -> list[Said]:
    """A step's labels, newest first, retractions included."""
    rows = connection.exec_driver_sql(
        "SELECT l.id, l.value, l.source, l.author, l.job_id, l.estimate, l.k, l.c, l.v, l.reason, l.category, l.picked, "
        "l.batch, CASE WHEN l.batch IS NULL THEN 1 ELSE (SELECT COUNT(*) FROM label b WHERE b.batch = l.batch) END, "
        "l.taken_ms, l.retracts, EXISTS (SELECT 1 FROM label r WHERE r.retracts = l.id), l.created_at "
        "FROM label l WHERE l.step_id = ? ORDER BY l.id DESC",
        (step_id,),
    )
    return [Said._make((*row[:16], bool(row[16]), row[17])) for row in rows]


def scores(connection: Connection, step_id: int) -> list[Scored]:
    """What every PRM says of a step, the newest PRM first; its newest word where it spoke twice."""
    rows = connection.exec_driver_sql(
        "SELECT sc.checkpoint_id, sc.value, sc.job_id, c.job_id, c.created_at FROM score sc "
        "JOIN checkpoint c ON c.id = sc.checkpoint_id WHERE sc.step_id = ? AND sc.id = (SELECT MAX(n.id) FROM score n "
        "WHERE n.step_id = sc.step_id AND +n.checkpoint_id = sc.checkpoint_id) ORDER BY sc.checkpoint_id DESC",
        (step_id,),
    )
    return [Scored(*row) for row in rows]


def through(connection: Connection, leaves: Sequence[int], limit: int = 200) -> list[Through]:
    """The first rollouts that end at these steps, in order."""
    rows = connection.exec_driver_sql(
        "SELECT ordinal, leaf_id, passed, total, compiled, reward, terms FROM rollout "
        "WHERE leaf_id IN (SELECT value FROM json_each(?)) ORDER BY ordinal LIMIT ?",
        (json.dumps(list(leaves)), limit),
    )
    return [Through._make((*row[:4], bool(row[4]), *row[5:])) for row in rows]


def texts(connection: Connection, ids: Sequence[int]) -> dict[int, tuple[str, str, str | None]]:
    """By step: its action, its text, its program."""
    rows = connection.exec_driver_sql(
        "SELECT s.id, s.action, s.text, g.code FROM step s LEFT JOIN program g ON g.id = s.program_id "
        "WHERE s.id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(ids)),),
    )
    return {row[0]: (row[1], row[2], row[3]) for row in rows}


def statement(connection: Connection, problem_id: int) -> str:
    """What a problem asks for."""
    return str(connection.exec_driver_sql("SELECT statement FROM problem WHERE id = ?", (problem_id,)).scalar() or "")


def scorers_of(connection: Connection, ids: Sequence[int]) -> list[int]:
    """The checkpoints that scored any of these steps, newest first."""
    rows = connection.exec_driver_sql(
        "SELECT DISTINCT c.checkpoint_id FROM json_each(?) i CROSS JOIN score c ON c.step_id = i.value "
        "ORDER BY c.checkpoint_id DESC",
        (json.dumps(list(ids)),),
    )
    return [int(row[0]) for row in rows]


FEW = 5000
_STANDS = "l.source = 'human' AND l.retracts IS NULL AND NOT EXISTS (SELECT 1 FROM label r WHERE r.retracts = l.id)"


def newest_of(connection: Connection, tree_id: int, author: str) -> Given | None:
    """The newest label of a person in a tree that nobody took back."""
    row = connection.exec_driver_sql(
        "SELECT l.id, l.step_id, l.batch FROM label l JOIN step s ON s.id = l.step_id "
        f"WHERE {_STANDS} AND l.author = ? AND s.tree_id = ? ORDER BY l.id DESC LIMIT 1",
        (author, tree_id),
    ).first()
    return None if row is None else Given(*row)


def words_of(connection: Connection, given: Given) -> list[tuple[int, str, str | None]]:
    """(step, value, category) of a label, or of every label of its batch that stands, in order."""
    which, value = ("l.id = ?", given.label) if given.batch is None else ("l.batch = ?", given.batch)
    rows = connection.exec_driver_sql(
        f"SELECT l.step_id, l.value, l.category FROM label l WHERE {which} AND {_STANDS} ORDER BY l.id", (value,)
    )
    return [(row[0], row[1], row[2]) for row in rows]


def stated(connection: Connection, tree_id: int, steps: int) -> list[int]:
    """The steps of a tree, which has that many, for which a person's word counts."""
    # By the tree's steps where they are few, else by the words of people, which are few beside a large tree's steps.
    few = "step s CROSS JOIN label l INDEXED BY label_by_people ON l.step_id = s.id"
    many = "label l INDEXED BY label_by_people CROSS JOIN step s ON s.id = l.step_id"
    rows = connection.exec_driver_sql(
        f"SELECT DISTINCT s.id FROM {few if steps < FEW else many} WHERE {_STANDS} AND s.tree_id = ?", (tree_id,)
    )
    return [int(row[0]) for row in rows]


def tree_of(connection: Connection, step_id: int) -> int | None:
    """The tree of a step; None where there is no such step."""
    row = connection.exec_driver_sql("SELECT tree_id FROM step WHERE id = ?", (step_id,)).first()
    return None if row is None else int(row[0])


def marks(connection: Connection, tree_id: int) -> tuple[int, ...]:
    """The largest ids of what trees are shown from, and whether this one has ended: equal twice, nothing was written
    between. (step, rollout, label, score, ended, re-score)"""
    row = connection.exec_driver_sql(
        "SELECT (SELECT coalesce(max(id), 0) FROM step), (SELECT coalesce(max(id), 0) FROM rollout), "
        "(SELECT coalesce(max(id), 0) FROM label), (SELECT coalesce(max(id), 0) FROM score), "
        "(SELECT count(*) FROM tree_end WHERE tree_id = ?1), (SELECT coalesce(max(id), 0) FROM rescore WHERE tree_id = ?1)",
        (tree_id,),
    ).one()
    return tuple(int(value) for value in row)


def scored_since(connection: Connection, tree_id: int, after: int) -> bool:
    """Whether a step of this tree got a score with an id above `after`."""
    row = connection.exec_driver_sql(
        "SELECT 1 FROM score c JOIN step s ON s.id = c.step_id WHERE c.id > ? AND +s.tree_id = ? LIMIT 1",
        (after, tree_id),
    ).first()
    return row is not None
