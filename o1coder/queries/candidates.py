"""Which rows a config field may name: what a launch form offers for a Pick, newest first."""

from __future__ import annotations

from typing import NamedTuple

from o1coder.lab import Lab
from o1coder.stage import Pick

MOST = 200


class Candidate(NamedTuple):
    """A row by its id, and one line by which a person tells it from the others."""

    id: int
    about: str


_ASK = {
    "checkpoint": (
        "SELECT c.id, c.role || coalesce(' ' || (SELECT m.name FROM model m WHERE m.checkpoint_id = c.id LIMIT 1), '') "
        "|| coalesce(' by ' || j.stage || ' job ' || j.id, '') || coalesce(' ' || r.name || ' round ' || j.round, '') "
        "|| coalesce(' (' || (SELECT d.outcome FROM decision d WHERE d.checkpoint_id = c.id ORDER BY d.id DESC LIMIT 1) "
        "|| ')', '') FROM checkpoint c LEFT JOIN job j ON j.id = c.job_id LEFT JOIN run r ON r.id = j.run_id",
        "c.role",
        "c.id",
    ),
    "dataset": ("SELECT d.id, d.kind || ' ' || d.rows || ' rows ' || d.query FROM dataset d", "d.kind", "d.id"),
    "test_set": (
        "SELECT s.id, s.purpose || ' of ' || p.title FROM test_set s JOIN problem p ON p.id = s.problem_id",
        "s.purpose",
        "s.id",
    ),
    "job": (
        "SELECT j.id, j.stage || coalesce(' ' || r.name || ' round ' || j.round, '') || ' ' || j.created_at "
        "FROM job j LEFT JOIN run r ON r.id = j.run_id",
        "j.stage",
        "j.id",
    ),
}


def candidates(lab: Lab, pick: Pick) -> list[Candidate]:
    """The rows that a field marked with this Pick accepts."""
    select, column, key = _ASK[pick.source]
    parts = [f"{column} IN ({','.join('?' * len(pick.wanted))})"] if pick.wanted else []
    parts += ["c.format = 'full'"] if pick.full else []
    with lab.reading() as connection:
        rows = connection.exec_driver_sql(
            f"{select} WHERE {' AND '.join(parts) or '1'} ORDER BY {key} DESC LIMIT {MOST}", pick.wanted
        )
        return [Candidate(int(row[0]), str(row[1])) for row in rows]
