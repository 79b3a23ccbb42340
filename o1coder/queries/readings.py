"""What people say of steps now, one reading a person and step, beside what the search and the newest PRM say.

A reading is the newest label of one person on one step that stands and that the person gave to that step: what a first
error tainted or a correction re-valued follows from another reading and is left out.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy.engine import Connection

from o1coder.labelling.leases import STANDING
from o1coder.propagation import TAINTED
from o1coder.queries import asked as words
from o1coder.queries.asked import Asked
from o1coder.revaluing import REVALUED


class Reading(NamedTuple):
    """What one person says of one step now, beside what the search said before it and the newest PRM score. `random`:
    the step was once picked at random, by whoever; to read it again otherwise does not take it out of the sample."""

    label: int
    step: int
    problem: int
    action: str
    author: str
    value: str
    random: bool
    hidden: bool | None  # was the model's word hidden; null where nobody noted it
    taken_ms: int | None
    search: str | None
    prm: float | None


def readings(connection: Connection, asked: Asked) -> list[Reading]:
    """Every person's newest standing label of every step asked for, by label id."""
    chosen = words.scope(connection, asked)
    rows = connection.exec_driver_sql(
        "SELECT h.id, h.step_id, x.problem_id, s.action, h.author, h.value, EXISTS (SELECT 1 FROM label q "
        "WHERE q.step_id = h.step_id AND q.picked = 'random'), json_extract(h.seen, '$.hidden'), "
        "h.taken_ms, (SELECT l.value FROM label l WHERE l.step_id = h.step_id AND l.source = 'search' AND l.id < h.id "
        "ORDER BY l.id DESC LIMIT 1), (SELECT c.value FROM score c WHERE c.step_id = h.step_id "
        "ORDER BY c.checkpoint_id DESC, c.id DESC LIMIT 1) FROM label h INDEXED BY label_by_people "
        f"JOIN step s ON s.id = h.step_id JOIN tree x ON x.id = s.tree_id WHERE {STANDING} AND {chosen.where} "
        "AND (h.category IS NULL OR h.category NOT IN (?, ?)) ORDER BY h.id",
        (*chosen.values, TAINTED, REVALUED),
    )
    newest: dict[tuple[int, str], Reading] = {}
    for row in rows:
        one = Reading._make((*row[:6], bool(row[6]), None if row[7] is None else bool(row[7]), *row[8:]))
        newest[one.step, one.author] = one
    return sorted(newest.values())
