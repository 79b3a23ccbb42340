"""What jobs read, what they left and which GPUs they hold: one question each for a page of jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, text
from sqlalchemy.engine import Connection


def _many(connection: Connection, query: str, ids: Sequence[int]) -> list[Any]:
    bound = text(query).bindparams(bindparam("ids", expanding=True))
    return list(connection.execute(bound, {"ids": list(ids)}).all())


def inputs(connection: Connection, ids: Sequence[int]) -> dict[int, dict[str, int | list[int]]]:
    """What each job reads, by config field. A field that names one row gives its id; one that names several (an ordinal
    above 0) gives a list."""
    rows = _many(
        connection,
        "SELECT job_id, name, coalesce(checkpoint_id, dataset_id, test_set_id, tree_job_id) FROM job_input "
        "WHERE job_id IN :ids ORDER BY job_id, name, ordinal",
        ids,
    )
    out: dict[int, dict[str, int | list[int]]] = {}
    for job_id, name, value in rows:
        named = out.setdefault(job_id, {})
        before = named.get(name)
        if before is None:
            named[name] = value
        else:
            named[name] = [*(before if isinstance(before, list) else [before]), value]
    return out


def outputs(connection: Connection, ids: Sequence[int]) -> dict[int, dict[str, list[int]]]:
    """The ids of the checkpoints, datasets and trees that each job made."""
    out: dict[int, dict[str, list[int]]] = {i: {"checkpoints": [], "datasets": [], "trees": []} for i in ids}
    for table, name in (("checkpoint", "checkpoints"), ("dataset", "datasets"), ("tree", "trees")):
        for job_id, made in _many(
            connection, f"SELECT job_id, id FROM {table} WHERE job_id IN :ids ORDER BY job_id, id", ids
        ):
            out[job_id][name].append(made)
    return out


def gpus(connection: Connection, ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """The GPUs that each job holds, by UUID."""
    out: dict[int, tuple[str, ...]] = {}
    for job_id, gpu in _many(
        connection,
        "SELECT attempt.job_id, gpu_lease.gpu FROM gpu_lease JOIN attempt ON attempt.id = gpu_lease.attempt_id "
        "WHERE attempt.job_id IN :ids ORDER BY gpu_lease.gpu",
        ids,
    ):
        out[job_id] = (*out.get(job_id, ()), gpu)
    return out
