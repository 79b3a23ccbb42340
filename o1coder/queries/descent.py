"""All that a checkpoint comes from in one value: what the command line prints and a checkpoint's card tells.

The same node by node, for who looks at it on a screen, is lineage.py's.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from o1coder.errors import LabError
from o1coder.queries import checkpoints, datasets, gains, ingredients, reach, said, stale
from o1coder.queries.rounds import LAST
from o1coder.standing import line_of


class JobOf(NamedTuple):
    """The job that made a checkpoint, and in what surroundings."""

    id: int
    stage: str
    run: str | None
    round: int | None
    state: str | None
    seconds: float | None
    seed: int
    author: str
    config: dict[str, Any]
    config_digest: str
    host: str | None
    code_digest: str | None
    versions: dict[str, str]
    stopped: str | None


def job_of(connection: Connection, job_id: int) -> JobOf:
    """A job with what its last attempt recorded. LabError when there is none."""
    row = connection.exec_driver_sql(
        "SELECT j.id, j.stage, r.name, j.round, a.outcome, (julianday(a.ended_at) - julianday(a.started_at)) * 86400.0, "
        "j.seed, j.author, j.config, j.config_digest, a.host, a.code_digest, a.versions, a.stopped FROM job j "
        "LEFT JOIN run r ON r.id = j.run_id "
        f"LEFT JOIN attempt a ON a.job_id = j.id AND {LAST} WHERE j.id = ?",
        (job_id,),
    ).first()
    if row is None:
        raise LabError(f"there is no job {job_id}", "`o1coder jobs list` shows those there are")
    return JobOf._make((*row[:8], json.loads(row[8]), *row[9:12], json.loads(row[12] or "{}"), row[13]))


def inputs(connection: Connection, job_id: int) -> list[tuple[str, str, int]]:
    """(field, kind of row, id) of everything that a job was given."""
    rows = connection.exec_driver_sql(
        "SELECT name, CASE WHEN checkpoint_id IS NOT NULL THEN 'checkpoint' WHEN dataset_id IS NOT NULL THEN 'dataset' "
        "WHEN test_set_id IS NOT NULL THEN 'test_set' ELSE 'job' END, "
        "COALESCE(checkpoint_id, dataset_id, test_set_id, tree_job_id) FROM job_input WHERE job_id = ? ORDER BY name, ordinal",
        (job_id,),
    )
    return [(str(a), str(b), int(c)) for a, b, c in rows]


def descent(connection: Connection, checkpoint_id: int) -> dict[str, Any]:
    """All that a checkpoint comes from in one value, its line included: what the command line prints and a card tells."""
    row = checkpoints.show(connection, checkpoint_id)
    line = connection.exec_driver_sql(
        f"SELECT c.id FROM checkpoint c WHERE c.id IN {line_of('?1')} AND c.id <> ?1 ORDER BY c.id DESC",
        (checkpoint_id,),
    )
    return {
        "id": row.id,
        "role": row.role,
        "format": row.format,
        "name": row.name,
        "parent": row.parent,
        "base": row.base,
        "line": [int(one[0]) for one in line],
        "stale": row.stale,
        "job": None if row.job is None else job_of(connection, row.job)._asdict(),
        "inputs": []
        if row.job is None
        else [{"name": name, "kind": kind, "id": one} for name, kind, one in inputs(connection, row.job)],
        "datasets": [_dataset_value(connection, one) for one in checkpoints.datasets(connection, checkpoint_id)],
        "problems_seen": checkpoints.problems_seen(connection, checkpoint_id),
        "stale_rows": [
            {"dataset": one, "rows": rows, "of": of} for one, rows, of in stale.rows_of(connection, checkpoint_id)
        ],
        "evaluations": [one._asdict() for one in gains.measured(connection, checkpoint_id)],
        "decisions": [one._asdict() for one in said.decisions(connection, checkpoint_id)],
        "reached": [one._asdict() for one in reach.reached(connection, reach.Thing("checkpoint", checkpoint_id))],
    }


def _dataset_value(connection: Connection, dataset_id: int) -> dict[str, Any]:
    row, made = datasets.show(connection, dataset_id), ingredients.ingredients(connection, dataset_id)
    return {
        "id": row.id,
        "kind": row.kind,
        "target": row.target,
        "rows": row.rows,
        "sha256": row.sha256,
        "query": row.query,
        "as_of": row.as_of,
        "excluded": row.excluded,
        "labels": [group._asdict() for group in made.labels],
        "rows_unsound": made.rows_unsound,
        "trees": made.trees,
        "tree_jobs": [{"job": job, "stage": stage, "trees": count} for job, stage, count in made.tree_jobs],
        "problems": made.problems,
        "sources": made.sources,
    }


def whole(connection: Connection, checkpoint_id: int) -> dict[str, Any]:
    """A checkpoint's descent for who has no lab to look further: its ancestors' too, and the model at the bottom. Names of
    machines are left out."""
    about = descent(connection, checkpoint_id)
    base = checkpoints.show(connection, checkpoint_id).base or (about["line"] or [checkpoint_id])[-1]
    ancestors = [descent(connection, one) for one in about["line"]]
    for one in (about, *ancestors):
        one.pop("reached")
        if one["job"] is not None:
            one["job"].pop("host")
    return {**about, "ancestors": ancestors, "base_model": _base(connection, base)}


def _base(connection: Connection, checkpoint_id: int) -> dict[str, Any]:
    """The model at the bottom of weights: its digest, and name, source and note where it was registered."""
    row = connection.exec_driver_sql(
        "SELECT c.digest, m.name, m.source, c.note FROM checkpoint c LEFT JOIN model m ON m.checkpoint_id = c.id WHERE c.id = ? "
        "ORDER BY m.name LIMIT 1",
        (checkpoint_id,),
    ).one()
    return {"digest": row[0], "name": row[1], "source": row[2], "note": row[3]}
