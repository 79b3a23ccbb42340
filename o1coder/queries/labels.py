"""Questions about labels across steps: lists with key-set paging."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from o1coder.standing import current_label


class LabelRow(NamedTuple):
    """One label, or a retraction (`retracts` names what it takes back)."""

    id: int
    step: int
    tree: int
    value: str | None
    source: str
    author: str | None
    job: int | None
    k: int | None
    c: int | None
    v: float | None
    reason: str | None
    retracts: int | None
    retracted: bool
    created_at: str
    category: str | None
    picked: str | None
    batch: str | None
    taken_ms: int | None


def page(
    connection: Connection,
    *,
    step: int | None = None,
    tree: int | None = None,
    current: bool = False,
    batch: str | None = None,
    after: int = 0,
    limit: int = 100,
) -> list[LabelRow]:
    """Labels with ids above `after`; `current` keeps those that count now."""
    parts: list[str] = ["l.id > ?"]
    values: list[Any] = [after]
    if step is not None:
        parts.append("l.step_id = ?")
        values.append(step)
    if tree is not None:
        parts.append("s.tree_id = ?")
        values.append(tree)
    if batch is not None:
        parts.append("l.batch = ?")
        values.append(batch)
    if current:
        parts.append(f"l.id = {current_label('s.id')}")
    sql = (
        "SELECT l.id, l.step_id, s.tree_id, l.value, l.source, l.author, l.job_id, l.k, l.c, l.v, l.reason, l.retracts, "
        "EXISTS (SELECT 1 FROM label r WHERE r.retracts = l.id), l.created_at, "
        "l.category, l.picked, l.batch, l.taken_ms FROM label l JOIN step s ON s.id = l.step_id "
        f"WHERE {' AND '.join(parts)} ORDER BY l.id LIMIT ?"
    )
    return [
        LabelRow._make((*row[:12], bool(row[12]), *row[13:]))
        for row in connection.exec_driver_sql(sql, (*values, limit))
    ]
