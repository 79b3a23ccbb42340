"""Whether open trees are getting on: speed, silence, and which of them are stuck.

Asked of the pulses that a running search leaves (o1coder/pulses.py). A tree is stuck when it is open, its job's attempt
has no outcome yet, and it has been silent for longer than 60 s and than 20 times the median gap between rollouts of the
trees of its job. A tree whose job does not run is not stuck: it waits to be resumed.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from o1coder.clock import age_s

SILENT_S = 60.0
GAPS = 20.0


class PulseRow(NamedTuple):
    """What a list shows of a tree. The speed of an ended tree is over its whole life, that of an open one since its job's
    last attempt opened it; null where there is nothing to divide by. Age and doing are those of an open tree whose job
    runs."""

    rollouts_per_s: float | None
    last_event_age_s: float | None
    doing: str | None
    stuck: bool


NOTHING = PulseRow(None, None, None, False)


class _Open(NamedTuple):
    tree_id: int
    job_id: int
    span_s: float
    gained: int
    silent_s: float
    doing: str
    running: bool


def of_trees(connection: Connection, ids: Sequence[int]) -> dict[int, PulseRow]:
    """By tree id, for those of these trees of which anything is known."""
    out: dict[int, PulseRow] = {}
    ended = _rows(
        connection,
        "SELECT x.id, x.created_at, e.created_at, (SELECT COUNT(*) FROM rollout r WHERE r.tree_id = x.id) "
        "FROM tree x JOIN tree_end e ON e.tree_id = x.id WHERE x.id IN",
        ids,
    )
    for tree_id, begun, end, rollouts in ended:
        out[tree_id] = NOTHING._replace(rollouts_per_s=_speed(rollouts, _seconds(begun, end)))
    found = _open(connection, "p.tree_id IN", ids)
    limits = _limits(connection, {row.job_id for row in found if row.running})
    for row in found:
        alive = row.running
        out[row.tree_id] = PulseRow(
            _speed(row.gained, row.span_s),
            round(row.silent_s, 3) if alive else None,
            row.doing if alive else None,
            alive and row.silent_s > limits[row.job_id],
        )
    return out


def stuck(connection: Connection, job_ids: Sequence[int]) -> dict[int, int]:
    """By job id: how many trees of a running job are stuck; a job without any is left out."""
    found = [row for row in _open(connection, "x.job_id IN", job_ids) if row.running]
    limits = _limits(connection, {row.job_id for row in found})
    out: dict[int, int] = {}
    for row in found:
        if row.silent_s > limits[row.job_id]:
            out[row.job_id] = out.get(row.job_id, 0) + 1
    return out


def _open(connection: Connection, which: str, ids: Sequence[int]) -> list[_Open]:
    rows = _rows(
        connection,
        "SELECT p.tree_id, x.job_id, p.opened_at, p.at, p.rollouts - p.rollouts_before, p.doing, EXISTS (SELECT 1 FROM "
        "attempt a WHERE a.job_id = x.job_id AND a.n = p.attempt AND a.outcome IS NULL) FROM tree_pulse p "
        "JOIN tree x ON x.id = p.tree_id WHERE NOT EXISTS (SELECT 1 FROM tree_end e WHERE e.tree_id = x.id) "
        f"AND {which}",
        ids,
    )
    return [_Open(r[0], r[1], _seconds(r[2], r[3]), r[4], age_s(r[3]), r[5], bool(r[6])) for r in rows]


def _limits(connection: Connection, job_ids: Iterable[int]) -> dict[int, float]:
    """By job: the silence in seconds after which a tree counts as stuck."""
    gaps: dict[int, list[float]] = {job_id: [] for job_id in job_ids}
    for job_id, opened, at, gained in _rows(
        connection,
        "SELECT x.job_id, p.opened_at, p.at, p.rollouts - p.rollouts_before FROM tree_pulse p "
        "JOIN tree x ON x.id = p.tree_id WHERE p.rollouts > p.rollouts_before AND x.job_id IN",
        list(gaps),
    ):
        gaps[job_id].append(_seconds(opened, at) / gained)
    return {job: max(SILENT_S, GAPS * statistics.median(seen)) if seen else SILENT_S for job, seen in gaps.items()}


def _rows(connection: Connection, query: str, ids: Sequence[int]) -> list[Any]:
    if not ids:
        return []
    return list(connection.exec_driver_sql(f"{query} ({','.join('?' * len(ids))})", tuple(ids)).all())


def _speed(rollouts: int, seconds: float) -> float | None:
    return round(rollouts / seconds, 4) if rollouts and seconds > 0 else None


def _seconds(start: str, end: str) -> float:
    return max(0.0, (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds())
