"""Two checkpoints side by side: what differs in how they were made, what data they share, and what the newer gained.

Gains are gains.py's, what became of a PRM prmchange.py's; beside it stand the figures of evaluate-prm jobs that scored the
same draws. It decides nothing.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from o1coder.errors import LabError
from o1coder.queries import checkpoints, gains, said
from o1coder.queries.checkpoints import CheckpointRow
from o1coder.queries.descent import job_of
from o1coder.queries.prmchange import PrmChange, prm_change
from o1coder.standing import line_of


class PrmPair(NamedTuple):
    """One figure of evaluate-prm for both. Only what scored the same draws is a pair."""

    name: str
    old: float
    new: float
    draws: int


class Versus(NamedTuple):
    """The comparison of `new` over `old`. `config` holds (field, old, new) of fields that differ; `rows` and `labels` are
    (old's, new's, in both) of what their own training saw; `line` says whether one's weights went on from the other's."""

    old: CheckpointRow
    new: CheckpointRow
    line: str
    config: list[tuple[str, Any, Any]]
    rows: tuple[int, int, int]
    labels: tuple[int, int, int]
    gains: list[gains.Gain]
    prm: list[PrmPair]
    change: PrmChange | None
    unscored: str  # why there is no `change` of two PRMs, and what would bring one


def versus(connection: Connection, old: int, new: int) -> Versus:
    """Compare two checkpoints. LabError when one is not there."""
    before, after = checkpoints.show(connection, old), checkpoints.show(connection, new)
    return Versus(
        before,
        after,
        _line(connection, old, new),
        _config(connection, before, after),
        _shared(connection, before, after, "dataset_item", "row_digest"),
        _shared(connection, before, after, "dataset_label", "label_id"),
        gains.between(connection, new, old),
        _prm(connection, old, new),
        *_change(connection, before, after),
    )


def _change(connection: Connection, old: CheckpointRow, new: CheckpointRow) -> tuple[PrmChange | None, str]:
    if (old.role, new.role) != ("prm", "prm"):
        return None, ""
    try:
        return prm_change(connection, old.id, new.id), ""
    except LabError as error:
        return None, f"{error.message}: {error.hint}"


def _line(connection: Connection, old: int, new: int) -> str:
    row = connection.exec_driver_sql(f"SELECT ?1 IN {line_of('?2')}, ?2 IN {line_of('?1')}", (old, new)).one()
    if row[0]:
        return f"{new} went on from the weights of {old}"
    return f"{old} went on from the weights of {new}" if row[1] else "neither went on from the other's weights"


def _config(connection: Connection, old: CheckpointRow, new: CheckpointRow) -> list[tuple[str, Any, Any]]:
    if old.job is None or new.job is None:  # one came from outside: nothing of it can be set beside a config
        return [("stage", old.stage, new.stage)] if old.stage != new.stage else []

    def made(row: CheckpointRow) -> dict[str, Any]:
        assert row.job is not None
        job = job_of(connection, row.job)
        return {
            "stage": job.stage,
            **job.config,
            "code": job.code_digest,
            **{f"{k}": v for k, v in job.versions.items()},
        }

    before, after = made(old), made(new)
    return [
        (name, before.get(name), after.get(name)) for name in {**before, **after} if before.get(name) != after.get(name)
    ]


def _shared(
    connection: Connection, old: CheckpointRow, new: CheckpointRow, table: str, column: str
) -> tuple[int, int, int]:
    sets = (
        f"SELECT DISTINCT {column} AS v FROM {table} WHERE dataset_id IN {checkpoints.datasets_of('?1')}",
        f"SELECT DISTINCT {column} AS v FROM {table} WHERE dataset_id IN {checkpoints.datasets_of('?2')}",
    )
    row = connection.exec_driver_sql(
        f"WITH a AS MATERIALIZED ({sets[0]}), b AS MATERIALIZED ({sets[1]}) SELECT (SELECT COUNT(*) FROM a), "
        "(SELECT COUNT(*) FROM b), (SELECT COUNT(*) FROM a JOIN b ON a.v = b.v)",
        (old.job, new.job),
    ).one()
    return int(row[0]), int(row[1]), int(row[2])


def _prm(connection: Connection, old: int, new: int) -> list[PrmPair]:
    before = {one.draws: one.figures for one in reversed(said.prm_figures(connection, old))}
    for one in said.prm_figures(connection, new):
        figures = before.get(one.draws)
        if figures is not None:
            return [
                PrmPair(name, figures[name], value, one.draws)
                for name, value in one.figures.items()
                if name in figures and not name.endswith(("_low", "_high"))
            ]
    return []
