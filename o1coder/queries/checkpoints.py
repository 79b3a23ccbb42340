"""Questions about checkpoints and models: lists, what they were trained on, evaluations, and how many labels each is stale by.

Where they come from and what reached them is lineage.py's and reach.py's, why they are stale stale.py's.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from o1coder.errors import LabError
from o1coder.standing import stale_labels


class CheckpointRow(NamedTuple):
    """One line of the list. `decision` is the newest; `stale` counts the labels that make it stale (standing.py): what its
    weights learned from, by its own training or by that of the checkpoints it went on from, does not count now. `run`,
    `round` and `stage` are those of the job that made it."""

    id: int
    role: str
    format: str
    parent: int | None
    base: int | None
    job: int | None
    iteration: int | None
    prompt: str | None
    bytes: int
    name: str | None
    decision: str | None
    stale: int
    round: int | None
    created_at: str
    run: str | None
    stage: str | None
    note: str | None


class ModelRow(NamedTuple):
    """A named base model."""

    name: str
    checkpoint: int
    source: str
    bytes: int
    path: str
    note: str | None


class EvaluationRow(NamedTuple):
    """One evaluation with its totals. Rates are null where nothing counted; an `official` one is no measure of ours."""

    id: int
    job: int
    checkpoint: int | None
    split: str
    mode: str
    n: int
    problems: int
    samples: int
    correct: int
    masked: int
    complete: int
    pass_at_1: float | None
    tokens_out: int
    sandbox_runs: int
    stopped: str | None
    official: bool


def datasets_of(job: str) -> str:
    """SQL for the ids of the datasets that a job (an SQL expression of its id) froze or was given."""
    return (
        f"(SELECT d.id FROM dataset d WHERE d.job_id = {job} UNION "
        f"SELECT ji.dataset_id FROM job_input ji WHERE ji.job_id = {job} AND ji.dataset_id IS NOT NULL)"
    )


_LIST = (
    "SELECT c.id, c.role, c.format, c.parent_id, c.base_id, c.job_id, c.iteration, c.prompt, c.bytes, "
    "(SELECT m.name FROM model m WHERE m.checkpoint_id = c.id ORDER BY m.name LIMIT 1), "
    "(SELECT d.outcome FROM decision d WHERE d.checkpoint_id = c.id ORDER BY d.id DESC LIMIT 1), "
    "0, j.round, c.created_at, r.name, j.stage, c.note "
    "FROM checkpoint c LEFT JOIN job j ON j.id = c.job_id LEFT JOIN run r ON r.id = j.run_id "
)


def stale_counts(connection: Connection) -> dict[int, int]:
    """By checkpoint: how many labels make it stale; those that are not are left out."""
    every = [row[0] for row in connection.exec_driver_sql("SELECT id FROM checkpoint")]
    return {one: len(found) for one, found in stale_labels(connection, every).items()}


def page(connection: Connection, *, role: str | None = None, after: int = 0, limit: int = 100) -> list[CheckpointRow]:
    """Checkpoints with ids above `after`."""
    sql = f"{_LIST} WHERE c.id > ?1 AND (?2 IS NULL OR c.role = ?2) ORDER BY c.id LIMIT ?3"
    found = [CheckpointRow(*row) for row in connection.exec_driver_sql(sql, (after, role, limit))]
    stale = stale_labels(connection, [row.id for row in found])
    return [row._replace(stale=len(stale.get(row.id, ()))) for row in found]


def show(connection: Connection, checkpoint_id: int) -> CheckpointRow:
    """One checkpoint. LabError when there is none."""
    row = connection.exec_driver_sql(f"{_LIST} WHERE c.id = ?", (checkpoint_id,)).first()
    if row is None:
        raise LabError(f"there is no checkpoint {checkpoint_id}", "`o1coder checkpoints list` shows them")
    return CheckpointRow(*row)._replace(stale=len(stale_because(connection, checkpoint_id)))


def stale_because(connection: Connection, checkpoint_id: int) -> list[int]:
    """The ids of the labels that make a checkpoint stale: those `stale` counts."""
    return stale_labels(connection, [checkpoint_id]).get(checkpoint_id, [])


def datasets(connection: Connection, checkpoint_id: int) -> list[int]:
    """The datasets a checkpoint was trained on."""
    return [
        row[0]
        for row in connection.exec_driver_sql(
            f"SELECT d.id FROM checkpoint c JOIN dataset d ON d.id IN {datasets_of('c.job_id')} WHERE c.id = ? ORDER BY d.id",
            (checkpoint_id,),
        )
    ]


def label_counts(connection: Connection, checkpoint_id: int) -> dict[str, int]:
    """How many labels of each source a checkpoint was trained on."""
    rows = connection.exec_driver_sql(
        "SELECT l.source, COUNT(DISTINCT l.id) FROM checkpoint c JOIN dataset_label i ON i.dataset_id IN "
        f"{datasets_of('c.job_id')} JOIN label l ON l.id = i.label_id WHERE c.id = ? GROUP BY l.source",
        (checkpoint_id,),
    )
    return {row[0]: row[1] for row in rows}


def problems_seen(connection: Connection, checkpoint_id: int) -> dict[str, int]:
    """How many problems of each split a checkpoint or any of its ancestors was trained on."""
    rows = connection.exec_driver_sql(
        "WITH RECURSIVE line(id) AS (SELECT ? UNION SELECT k.parent_id FROM checkpoint k JOIN line ON k.id = line.id "
        "WHERE k.parent_id IS NOT NULL) "
        "SELECT p.split, COUNT(DISTINCT p.id) FROM line JOIN checkpoint c ON c.id = line.id "
        f"JOIN dataset_item i ON i.dataset_id IN {datasets_of('c.job_id')} "
        "LEFT JOIN step s ON s.id = i.step_id LEFT JOIN rollout r ON r.id = i.rollout_id "
        "LEFT JOIN program g ON g.id = i.program_id "
        "LEFT JOIN tree x ON x.id = COALESCE(s.tree_id, r.tree_id) "
        "JOIN problem p ON p.id = COALESCE(x.problem_id, g.problem_id, i.problem_id) GROUP BY p.split",
        (checkpoint_id,),
    )
    return {row[0]: row[1] for row in rows}


def stale(connection: Connection) -> list[int]:
    """All checkpoints that saw a label that is overruled now."""
    return sorted(stale_counts(connection))


def models(connection: Connection) -> list[ModelRow]:
    """The named base models."""
    rows = connection.exec_driver_sql(
        "SELECT m.name, c.id, m.source, c.bytes, c.path, c.note FROM model m JOIN checkpoint c ON c.id = m.checkpoint_id "
        "ORDER BY m.name"
    )
    return [ModelRow(*row) for row in rows]


_EVALUATIONS = (
    "SELECT e.id, e.job_id, e.checkpoint_id, e.split, e.mode, e.n, COUNT(i.problem_id), COALESCE(SUM(i.n), 0), "
    "COALESCE(SUM(i.c), 0), COALESCE(SUM(i.masked), 0), COALESCE(SUM(i.complete), 0), "
    "AVG(CASE WHEN i.n > 0 THEN 1.0 * i.c / i.n END), e.tokens_out, e.sandbox_runs, e.stopped, "
    "COALESCE(json_extract(j.config, '$.official'), 0) "
    "FROM evaluation e JOIN job j ON j.id = e.job_id LEFT JOIN evaluation_item i ON i.evaluation_id = e.id "
)


def evaluations(
    connection: Connection, *, checkpoint: int | None = None, job: int | None = None, limit: int = 100
) -> list[EvaluationRow]:
    """Evaluations, newest first."""
    parts, values = ["1"], []
    for column, value in (("e.checkpoint_id", checkpoint), ("e.job_id", job)):
        if value is not None:
            parts.append(f"{column} = ?")
            values.append(value)
    sql = f"{_EVALUATIONS} WHERE {' AND '.join(parts)} GROUP BY e.id ORDER BY e.id DESC LIMIT ?"
    rows = [EvaluationRow(*row) for row in connection.exec_driver_sql(sql, (*values, limit))]
    return [row._replace(official=bool(row.official)) for row in rows]


def evaluation_items(connection: Connection, evaluation_id: int) -> list[tuple[int, int, int, int, int]]:
    """(problem, n, c, masked, complete) of an evaluation."""
    rows: list[Any] = list(
        connection.exec_driver_sql(
            "SELECT problem_id, n, c, masked, complete FROM evaluation_item WHERE evaluation_id = ? ORDER BY problem_id",
            (evaluation_id,),
        )
    )
    return [tuple(row) for row in rows]


def marks(connection: Connection) -> tuple[int, ...]:
    """Numbers that change when a list of checkpoints would: whether to ask for it again."""
    row = connection.exec_driver_sql(
        "SELECT (SELECT COALESCE(MAX(id), 0) FROM checkpoint), (SELECT COALESCE(MAX(id), 0) FROM decision), "
        "(SELECT COALESCE(MAX(id), 0) FROM label), (SELECT COALESCE(MAX(id), 0) FROM dataset), "
        "(SELECT COUNT(*) FROM model)"
    ).one()
    return tuple(int(value) for value in row)
