"""What was said of a checkpoint besides its pass rates: the figures of evaluate-prm jobs, and decisions with their grounds."""

from __future__ import annotations

import json
from typing import NamedTuple

from sqlalchemy.engine import Connection


class PrmFigures(NamedTuple):
    """What evaluate-prm said of a PRM: `draws` is the job whose trees were scored, so that two can be told to share them."""

    job: int
    draws: int
    figures: dict[str, float]
    created_at: str


class Decided(NamedTuple):
    """One decision about a checkpoint, by the gate (`job`) or a person (`author`), with what it rested on."""

    id: int
    outcome: str
    run: str | None
    round: int | None
    job: int | None
    author: str | None
    evidence: dict[str, object]
    created_at: str


def prm_figures(connection: Connection, checkpoint_id: int, limit: int = 20) -> list[PrmFigures]:
    """What the evaluate-prm jobs of a PRM said, newest first; those without a figure are left out."""
    jobs = connection.exec_driver_sql(
        "SELECT j.id, COALESCE(json_extract(j.config, '$.draws'), j.id), j.created_at FROM job_input ji "
        "JOIN job j ON j.id = ji.job_id WHERE ji.checkpoint_id = ? AND ji.name = 'prm' AND j.stage = 'evaluate-prm' "
        "ORDER BY j.id DESC LIMIT ?",
        (checkpoint_id, limit),
    ).all()
    out: list[PrmFigures] = []
    for job, draws, created in jobs:
        rows = connection.exec_driver_sql(
            "SELECT name, value FROM metric WHERE id IN (SELECT MAX(id) FROM metric WHERE job_id = ? GROUP BY name) "
            "ORDER BY name",
            (job,),
        )
        found = {str(name): float(value) for name, value in rows}
        if found:
            out.append(PrmFigures(int(job), int(draws), found, str(created)))
    return out


def decisions(connection: Connection, checkpoint_id: int) -> list[Decided]:
    """Every decision about a checkpoint, newest first: the first one counts."""
    rows = connection.exec_driver_sql(
        "SELECT d.id, d.outcome, r.name, d.round, d.job_id, d.author, d.evidence, d.created_at FROM decision d "
        "LEFT JOIN run r ON r.id = d.run_id WHERE d.checkpoint_id = ? ORDER BY d.id DESC",
        (checkpoint_id,),
    )
    return [Decided._make((*row[:6], json.loads(row[6]), row[7])) for row in rows]
