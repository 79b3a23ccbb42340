"""How open trees fare: what a search tells with each flush, kept a row a tree and changed in place.

No facts: a pulse says whether a tree is slow or stuck, and nothing is derived from it. What is asked of it is in
queries/pulses.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy.engine import Connection

from o1coder.clock import stamp


class Pulse(NamedTuple):
    """One tree as its search sees it: rollouts and sampled tokens in all, seconds since its last event, what it waits for
    ("sampling", "judging", …)."""

    tree_id: int
    rollouts: int
    tokens_out: int
    age_s: float
    doing: str


def pulse(connection: Connection, rows: Iterable[Pulse], attempt: int = 1) -> None:
    """Keep how these trees fare, in the caller's transaction. A job's next `attempt` begins its count of speed anew."""
    moment = datetime.now(UTC)
    values = []
    for row in rows:
        at = stamp(moment - timedelta(seconds=max(0.0, row.age_s)))
        values.append((row.tree_id, attempt, at, at, row.rollouts, row.rollouts, row.tokens_out, row.doing))
    if values:
        connection.exec_driver_sql(
            "INSERT INTO tree_pulse (tree_id, attempt, opened_at, at, rollouts_before, rollouts, tokens_out, doing) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (tree_id) DO UPDATE SET "
            "opened_at = CASE WHEN attempt = excluded.attempt THEN opened_at ELSE excluded.opened_at END, "
            "rollouts_before = CASE WHEN attempt = excluded.attempt THEN rollouts_before ELSE excluded.rollouts END, "
            "attempt = excluded.attempt, at = excluded.at, rollouts = excluded.rollouts, "
            "tokens_out = excluded.tokens_out, doing = excluded.doing",
            values,
        )
