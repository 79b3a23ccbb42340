"""Why a checkpoint is stale: the labels that were overruled, the rows that rest on them, the weights that go on from it.

What would mend it is remedy.py's. The rule itself is standing.py's; here it is only spelt out.
"""

from __future__ import annotations

import json
from typing import NamedTuple

from sqlalchemy.engine import Connection

from o1coder.queries import checkpoints
from o1coder.standing import UNSOUND, current_label, line_of

PAGE = 200


class Overruled(NamedTuple):
    """A word that turned against what weights learned: what the label said that a row rests on (`was`; null where nobody had
    judged the step before), what counts instead (`now`), who said so, when and why, and where the step is. `path` is that of
    the step in its tree; `rows` of the line's datasets rest on it. `trained` is the checkpoint of the line that was trained
    on it: itself, or one it went on from."""

    label: int
    was: str | None
    was_source: str | None
    was_author: str | None
    was_value: float | None
    now: int
    now_says: str
    now_source: str
    now_author: str | None
    now_value: float | None
    reason: str | None
    category: str | None
    at: str
    step: int
    tree: int
    path: str
    action: str
    text: str
    problem: int
    title: str
    rows: int
    trained: int
    taken_back_by: str | None  # who took the label back, where it is a person's that was retracted


class Follower(NamedTuple):
    """A checkpoint that what is stale here reaches: by its weights (then it is stale too), or by a reward (then it is not
    counted as stale, but was trained on the word of a stale model)."""

    checkpoint: int
    role: str
    way: str
    stage: str | None
    run: str | None
    round: int | None


class Stale(NamedTuple):
    """One stale checkpoint of the list: how many labels, how many of them its own training saw, how many rows of how many
    datasets rest on them."""

    checkpoint: int
    role: str
    run: str | None
    round: int | None
    stage: str | None
    labels: int
    direct: int
    rows: int
    datasets: list[int]


def _line(connection: Connection, checkpoint_id: int, *, own: bool = False) -> dict[int, int]:
    """The datasets that a checkpoint's line (or its own training alone) learned from, each with the checkpoint of the line
    that was trained on it: of several the last."""
    where = "a.id = ?1" if own else f"a.id IN {line_of('?1')}"
    rows = connection.exec_driver_sql(
        f"SELECT d.id, MAX(a.id) FROM checkpoint a JOIN dataset d ON d.id IN {checkpoints.datasets_of('a.job_id')} "
        f"WHERE {where} GROUP BY d.id",
        (checkpoint_id,),
    )
    return {row[0]: row[1] for row in rows}


def why(connection: Connection, checkpoint_id: int, *, after: int = 0, limit: int = PAGE) -> list[Overruled]:
    """The labels that make a checkpoint stale, by id."""
    checkpoints.show(connection, checkpoint_id)
    line = _line(connection, checkpoint_id)
    rows = connection.exec_driver_sql(
        f"{UNSOUND}, hit AS (SELECT label_id, COUNT(DISTINCT dataset_id || '/' || ordinal) AS rows, MAX(dataset_id) AS dataset "
        "FROM unsound WHERE label_id > ?2 GROUP BY label_id ORDER BY label_id LIMIT ?3) "
        "SELECT o.id, CASE WHEN o.id <> n.id THEN o.value END, CASE WHEN o.id <> n.id THEN o.source END, "
        "CASE WHEN o.id <> n.id THEN o.author END, CASE WHEN o.id <> n.id THEN COALESCE(o.v_pass, o.v) END, n.id, n.value, "
        "n.source, n.author, COALESCE(n.v_pass, n.v), n.reason, n.category, n.created_at, s.id, s.tree_id, s.action, s.text, "
        "p.id, p.title, hit.rows, hit.dataset, (SELECT r.author FROM label r WHERE r.retracts = o.id) "
        "FROM hit JOIN label o ON o.id = hit.label_id JOIN step s ON s.id = o.step_id "
        "JOIN tree x ON x.id = s.tree_id JOIN problem p ON p.id = x.problem_id "
        f"JOIN label n ON n.id = {current_label('o.step_id')} ORDER BY o.id",
        (json.dumps(list(line)), after, limit),
    ).all()
    return [
        Overruled._make((*row[:15], path_of(connection, row[13]), *row[15:20], line[row[20]], row[21])) for row in rows
    ]


def path_of(connection: Connection, step_id: int) -> str:
    """A step's path in its tree, as TREE:PATH takes it: 0.2.1."""
    rows = connection.exec_driver_sql(
        "WITH RECURSIVE up(id, parent, ordinal, n) AS (SELECT id, parent_id, ordinal, 0 FROM step WHERE id = ? UNION ALL "
        "SELECT s.id, s.parent_id, s.ordinal, up.n + 1 FROM up JOIN step s ON s.id = up.parent) "
        "SELECT ordinal FROM up WHERE parent IS NOT NULL ORDER BY n DESC",
        (step_id,),
    )
    return ".".join(str(row[0]) for row in rows)


def rows_of(connection: Connection, checkpoint_id: int) -> list[tuple[int, int, int]]:
    """(dataset, its rows that do not stand now, all its rows) over a checkpoint's line."""
    rows = connection.exec_driver_sql(
        f"{UNSOUND} SELECT d.id, COUNT(DISTINCT u.ordinal), d.rows FROM unsound u JOIN dataset d ON d.id = u.dataset_id "
        "GROUP BY d.id ORDER BY d.id",
        (json.dumps(list(_line(connection, checkpoint_id))),),
    )
    return [(int(a), int(b), int(c)) for a, b, c in rows]


def own_labels(connection: Connection, checkpoint_id: int) -> int:
    """How many labels stand against what a checkpoint's own training saw; the rest came with the weights it started from."""
    found = connection.exec_driver_sql(
        f"{UNSOUND} SELECT COUNT(DISTINCT label_id) FROM unsound",
        (json.dumps(list(_line(connection, checkpoint_id, own=True))),),
    ).scalar()
    return int(found or 0)


def followers(connection: Connection, checkpoint_id: int) -> list[Follower]:
    """What goes on from a checkpoint's weights, and what it rewarded, at any distance of weights; by id."""
    rows = connection.exec_driver_sql(
        "SELECT c.id, c.role, 'weights', j.stage, r.name, j.round FROM checkpoint c LEFT JOIN job j ON j.id = c.job_id "
        f"LEFT JOIN run r ON r.id = j.run_id WHERE c.id <> ?1 AND ?1 IN {line_of('c.id')} "
        "UNION ALL SELECT c.id, c.role, 'reward', j.stage, r.name, j.round FROM job_input ji "
        "JOIN checkpoint c ON c.job_id = ji.job_id JOIN job j ON j.id = c.job_id LEFT JOIN run r ON r.id = j.run_id "
        f"WHERE ji.checkpoint_id = ?1 AND ji.name = 'prm' ORDER BY 1",
        (checkpoint_id,),
    )
    return [Follower(*row) for row in rows]


def listing(connection: Connection) -> list[Stale]:
    """Every stale checkpoint, by id."""
    out = []
    for checkpoint_id, count in sorted(checkpoints.stale_counts(connection).items()):
        row = connection.exec_driver_sql(
            "SELECT c.role, r.name, j.round, j.stage FROM checkpoint c LEFT JOIN job j ON j.id = c.job_id "
            "LEFT JOIN run r ON r.id = j.run_id WHERE c.id = ?",
            (checkpoint_id,),
        ).one()
        hit = rows_of(connection, checkpoint_id)
        direct = own_labels(connection, checkpoint_id)
        out.append(Stale._make((checkpoint_id, *row, count, direct, sum(n for _, n, _ in hit), [d for d, _, _ in hit])))
    return out


def text_of(connection: Connection, step_id: int) -> str:
    """A step's text."""
    return str(connection.exec_driver_sql("SELECT text FROM step WHERE id = ?", (step_id,)).scalar() or "")
