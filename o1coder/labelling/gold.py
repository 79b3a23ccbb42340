"""Questions whose answer is known: put, taken back, answered. An answer says how a person labels; it is never a label.

Which question comes next is a function of who is asked and of what they answered, so nobody is asked the same one twice,
not even when it was taken back and put again. Who put a question may be asked it too: on a lab of one, that is all there
is, and it shows whether a person says the same again.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy.engine import Connection

from o1coder.clock import now
from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.labelling.drawing import number
from o1coder.labels import VALUES, Value
from o1coder.rows import add

# A question `g` that has not been taken back.
ASKED = "g.retracts IS NULL AND NOT EXISTS (SELECT 1 FROM gold t WHERE t.retracts = g.id)"


class GoldRow(NamedTuple):
    """A question with how it was answered: each person's newest answer counts."""

    id: int
    step: int
    tree: int
    value: str
    reason: str | None
    author: str
    created_at: str
    answers: int
    right: int


class Put(NamedTuple):
    """A question put, or the row that takes one back (`retracts`)."""

    id: int
    step: int
    value: str | None
    author: str
    retracts: int | None


def is_gold(step: str) -> str:
    """SQL that is true when a step (an SQL expression of its id) is such a question now."""
    return f"EXISTS (SELECT 1 FROM gold g WHERE g.step_id = {step} AND {ASKED})"


def put(lab: Lab, step_id: int, value: str, author: str, reason: str | None = None) -> Put:
    """Make a step a question with this answer. LabError when it is one already, is a root, or there is no such step."""
    if value not in VALUES:
        raise LabError(f"{value!r} is no label", f"one of {', '.join(VALUES)}")
    with lab.writing(durable=True) as connection:
        row = connection.exec_driver_sql(
            f"SELECT s.action, (SELECT g.id FROM gold g WHERE g.step_id = s.id AND {ASKED}) FROM step s WHERE s.id = ?",
            (step_id,),
        ).first()
        if row is None:
            raise LabError(f"there is no step {step_id}", "`o1coder trees show ID` lists a tree's steps")
        if row[0] == "root":
            raise LabError("the root is the problem itself and takes no label", "name one of its steps")
        if row[1] is not None:
            raise LabError(
                f"step {step_id} is a question already ({row[1]})", f"`o1coder labels gold retract {row[1]}` first"
            )
        stamp = now()
        new = add(
            connection,
            "gold",
            step_id=step_id,
            value=value,
            reason=reason,
            author=author,
            created_at=stamp,
            retracts=None,
        )
        return Put(new, step_id, value, author, None)


def take_back(lab: Lab, gold_id: int, author: str) -> Put:
    """Ask a question no more: its answers count no more either. LabError when there is none, or it was taken back."""
    with lab.writing(durable=True) as connection:
        row = connection.exec_driver_sql(
            "SELECT g.step_id, g.retracts, (SELECT t.id FROM gold t WHERE t.retracts = g.id) FROM gold g WHERE g.id = ?",
            (gold_id,),
        ).first()
        if row is None or row[1] is not None:
            raise LabError(f"there is no question {gold_id}", "`o1coder labels gold list` shows them")
        if row[2] is not None:
            raise LabError(f"question {gold_id} was taken back already", "`o1coder labels gold add` puts a new one")
        new = add(connection, "gold", step_id=row[0], author=author, created_at=now(), retracts=gold_id)
        return Put(new, int(row[0]), None, author, gold_id)


def answer(lab: Lab, gold_id: int, value: Value, author: str, taken_ms: int | None = None) -> int:
    """Write what a person answered, on disk before it returns; a later answer of the same person replaces it in figures."""
    with lab.writing(durable=True) as connection:
        return add(
            connection, "gold_answer", gold_id=gold_id, value=value, taken_ms=taken_ms, author=author, created_at=now()
        )


def unanswered(connection: Connection, author: str) -> list[tuple[int, int]]:
    """(question, step) that a person may still be asked, in an order of their own: not answered before, in this question or
    an earlier one on the same step, and not labelled by them."""
    rows = connection.exec_driver_sql(
        f"SELECT g.id, g.step_id FROM gold g WHERE {ASKED} AND NOT EXISTS (SELECT 1 FROM gold_answer a "
        "JOIN gold b ON b.id = a.gold_id WHERE b.step_id = g.step_id AND a.author = ?1) "
        "AND NOT EXISTS (SELECT 1 FROM label l WHERE l.step_id = g.step_id AND l.author = ?1 AND l.value IS NOT NULL)",
        (author,),
    ).all()
    return sorted(((int(row[0]), int(row[1])) for row in rows), key=lambda one: number("gold", author, one[1]))


def page(connection: Connection, *, after: int = 0, limit: int = 100) -> list[GoldRow]:
    """The questions that stand, by id."""
    rows = connection.exec_driver_sql(
        "SELECT g.id, g.step_id, s.tree_id, g.value, g.reason, g.author, g.created_at, "
        f"(SELECT COUNT(*) FROM gold_answer a WHERE a.gold_id = g.id AND {newest_answer('a')}), "
        f"(SELECT COUNT(*) FROM gold_answer a WHERE a.gold_id = g.id AND a.value = g.value AND {newest_answer('a')}) "
        f"FROM gold g JOIN step s ON s.id = g.step_id WHERE g.id > ? AND {ASKED} ORDER BY g.id LIMIT ?",
        (after, limit),
    )
    return [GoldRow(*row) for row in rows]


def newest_answer(answer: str) -> str:
    """SQL that is true of an answer (an alias of gold_answer) that its author has not replaced."""
    return (
        f"NOT EXISTS (SELECT 1 FROM gold_answer later WHERE later.gold_id = {answer}.gold_id "
        f"AND later.author = {answer}.author AND later.id > {answer}.id)"
    )
