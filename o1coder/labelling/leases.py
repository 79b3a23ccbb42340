"""Who has which step before them: taken, renewed and given back, so that two people never get the same one.

A lease is no fact and expires by itself: whoever is cut off loses the step after `LEASE_S`, not the answers already given.
Every change is one BEGIN IMMEDIATE transaction, so that what one process takes the next one sees taken. Two sittings of one
person are two holders. It does not stop anybody from labelling a step elsewhere: an answer is never refused for a lease.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy.engine import Connection

from o1coder.clock import stamp
from o1coder.lab import Lab

LEASE_S = 300.0
STANDING = "h.source = 'human' AND h.retracts IS NULL AND NOT EXISTS (SELECT 1 FROM label r WHERE r.retracts = h.id)"


class Lease(NamedTuple):
    """A step and who holds it until when."""

    step: int
    author: str
    session: str
    until: str


def labelled(step: str) -> str:
    """SQL that is true when a person's label stands on a step (an SQL expression of its id)."""
    return f"EXISTS (SELECT 1 FROM label h INDEXED BY label_by_people WHERE h.step_id = {step} AND {STANDING})"


def claim(
    lab: Lab,
    steps: Iterable[int],
    author: str,
    session: str,
    want: int = 1,
    *,
    again: bool = False,
    moment: datetime | None = None,
) -> list[int]:
    """Take the first `want` of these steps that nobody holds and no person has labelled; those taken, in order.

    `again`: labelled ones too, unless by this author (a second reading). Steps held by this session are renewed."""
    at = moment or datetime.now(UTC)
    taken: list[int] = []
    whose = author if again else None
    with lab.writing() as connection:
        connection.exec_driver_sql("DELETE FROM label_lease WHERE until <= ?", (stamp(at),))
        for step in steps:
            if len(taken) == want:
                break
            answered = connection.exec_driver_sql(
                "SELECT 1 FROM label h INDEXED BY label_by_people WHERE h.step_id = ?1 "
                f"AND (?2 IS NULL OR h.author = ?2) AND {STANDING}",
                (step, whose),
            ).first()
            if answered is None and _take(connection, step, author, session, at):
                taken.append(step)
    return taken


def hold(lab: Lab, step: int, author: str, session: str, *, moment: datetime | None = None) -> Lease:
    """Take a step that was asked for by name, labelled or not; the lease that stands now, which may be another's."""
    at = moment or datetime.now(UTC)
    with lab.writing() as connection:
        connection.exec_driver_sql("DELETE FROM label_lease WHERE until <= ?", (stamp(at),))
        _take(connection, step, author, session, at)
        row = connection.exec_driver_sql(
            "SELECT step_id, author, session, until FROM label_lease WHERE step_id = ?", (step,)
        ).one()
        return Lease(*row)


def _take(connection: Connection, step: int, author: str, session: str, at: datetime) -> bool:
    done = connection.exec_driver_sql(
        "INSERT INTO label_lease (step_id, author, session, until) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (step_id) DO UPDATE SET until = excluded.until WHERE session = excluded.session",
        (step, author, session, _until(at)),
    )
    return done.rowcount == 1


def renew(lab: Lab, session: str, steps: Sequence[int], *, moment: datetime | None = None) -> list[int]:
    """Hold these steps for another `LEASE_S`; those still held. One that expired and that nobody took is held again."""
    at = moment or datetime.now(UTC)
    with lab.writing() as connection:
        held = []
        for step in steps:
            done = connection.exec_driver_sql(
                "UPDATE label_lease SET until = ? WHERE step_id = ? AND session = ?", (_until(at), step, session)
            )
            if done.rowcount == 1:
                held.append(step)
        return held


def release(lab: Lab, session: str, steps: Sequence[int] | None = None) -> None:
    """Give steps back; all of a session's where none are named."""
    with lab.writing() as connection:
        if steps is None:
            connection.exec_driver_sql("DELETE FROM label_lease WHERE session = ?", (session,))
        else:
            for step in steps:
                connection.exec_driver_sql("DELETE FROM label_lease WHERE session = ? AND step_id = ?", (session, step))


def standing(connection: Connection, *, moment: datetime | None = None) -> list[Lease]:
    """The leases that have not expired, by step."""
    rows = connection.exec_driver_sql(
        "SELECT step_id, author, session, until FROM label_lease WHERE until > ? ORDER BY step_id",
        (stamp(moment or datetime.now(UTC)),),
    )
    return [Lease(*row) for row in rows]


def _until(at: datetime) -> str:
    return stamp(at + timedelta(seconds=LEASE_S))
