"""Labels: which one counts, what a person adds or takes back, what a search writes, and what that makes stale.

The rule of the current label and the rule of staleness are one SQL expression each, here and nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

from sqlalchemy.engine import Connection

from o1coder.clock import now
from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.models import Label
from o1coder.rows import By, add, add_many
from o1coder.search.config import GUIDED

Value = Literal["valid", "invalid", "unsure"]
VALUES: tuple[Value, ...] = ("valid", "invalid", "unsure")


def current_label(step: str, upto: int | None = None) -> str:
    """SQL for the id of the label that counts for a step, `step` being an SQL expression of its id: the newest human
    label not retracted; else the newest search label; else the newest import (DESIGN §4). `upto` asks as of a label id."""
    seen, taken_back = ("", "") if upto is None else (f"AND l.id <= {upto} ", f" AND r.id <= {upto}")
    return (
        f"(SELECT l.id FROM label l WHERE l.step_id = {step} AND l.retracts IS NULL {seen}"
        f"AND NOT EXISTS (SELECT 1 FROM label r WHERE r.retracts = l.id{taken_back}) "
        "ORDER BY CASE l.source WHEN 'human' THEN 0 WHEN 'search' THEN 1 ELSE 2 END, l.id DESC LIMIT 1)"
    )


def overruled(label: str) -> str:
    """SQL that is true when the label with this id (an SQL expression) no longer speaks for its step: another one
    counts now, and it says something else."""
    return (
        "EXISTS (SELECT 1 FROM label seen JOIN label cur ON cur.id = "
        f"{current_label('seen.step_id')} WHERE seen.id = {label} AND cur.id <> seen.id "
        "AND (cur.value <> seen.value OR (cur.source = seen.source AND cur.v_pass IS NOT seen.v_pass)))"
    )


def line_of(checkpoint: str) -> str:
    """SQL for the ids of a checkpoint (an SQL expression of its id) and of those its weights come from. A policy starts
    from its parent's weights; a PRM does so where its job was told to continue, and else only replaces its parent."""
    return (
        f"(WITH RECURSIVE line(id) AS (SELECT {checkpoint} UNION SELECT k.parent_id FROM checkpoint k "
        f"JOIN line ON k.id = line.id WHERE k.parent_id IS NOT NULL AND {_CONTINUES}) SELECT id FROM line)"
    )


_CONTINUES = (
    "(k.role <> 'prm' OR EXISTS (SELECT 1 FROM job jk WHERE jk.id = k.job_id "
    "AND json_extract(jk.config, '$.continue_from')))"
)


class Added(NamedTuple):
    """A person's label as it was written."""

    id: int
    step: int
    value: str | None
    author: str
    replaces: int | None
    stale_checkpoints: list[int]


def add_human(
    lab: Lab,
    step_id: int,
    value: Value,
    author: str,
    *,
    reason: str | None = None,
    seen: dict[str, Any] | None = None,
    taken_ms: int | None = None,
    batch: str | None = None,
) -> Added:
    """Write a person's label, on disk before it returns. LabError when there is no such step, or it is a root."""
    if value not in VALUES:
        raise LabError(f"{value!r} is no label", f"one of {', '.join(VALUES)}")
    with lab.writing(durable=True) as connection:
        row = connection.exec_driver_sql("SELECT action FROM step WHERE id = ?", (step_id,)).first()
        if row is None:
            raise LabError(f"there is no step {step_id}", "`o1coder trees show ID` lists a tree's steps")
        if row[0] == "root":
            raise LabError("the root is the problem itself and takes no label", "label one of its steps")
        replaces = connection.exec_driver_sql(f"SELECT {current_label('?')}", (step_id,)).scalar()
        label_id = add(
            connection,
            Label,
            step_id=step_id,
            value=value,
            source="human",
            author=author,
            reason=reason,
            seen=None if seen is None else json.dumps(seen, sort_keys=True),
            taken_ms=taken_ms,
            batch=batch,
            created_at=now(),
        )
        return Added(label_id, step_id, value, author, replaces, stale_for_steps(connection, [step_id]))


def undo(lab: Lab, label_id: int, author: str) -> Added:
    """Take a person's label back by a row that retracts it. LabError when it is not a person's, or is retracted already."""
    with lab.writing(durable=True) as connection:
        row = connection.exec_driver_sql(
            "SELECT step_id, source, retracts, (SELECT r.id FROM label r WHERE r.retracts = l.id) FROM label l WHERE l.id = ?",
            (label_id,),
        ).first()
        if row is None:
            raise LabError(f"there is no label {label_id}", "`o1coder labels list` shows them")
        step_id, source, retracts, retraction = row
        if source != "human" or retracts is not None:
            raise LabError(f"label {label_id} is not a person's statement", "only a person's label can be taken back")
        if retraction is not None:
            raise LabError(f"label {label_id} was taken back already (by {retraction})", "add a new label instead")
        new_id = add(
            connection, Label, step_id=step_id, source="human", author=author, retracts=label_id, created_at=now()
        )
        return Added(new_id, step_id, None, author, label_id, stale_for_steps(connection, [step_id]))


def stale_for_steps(connection: Connection, step_ids: Iterable[int]) -> list[int]:
    """Checkpoints whose weights learned from a label of these steps that is overruled now: those a job trained on a
    dataset that rests on it, and those that went on from their weights (`line_of`)."""
    marks = list(step_ids)
    if not marks:
        return []
    places = ",".join("?" * len(marks))
    rows = connection.exec_driver_sql(
        "WITH RECURSIVE stale(id) AS ("
        "SELECT c.id FROM label l JOIN dataset_label i ON i.label_id = l.id "
        "JOIN dataset d ON d.id = i.dataset_id JOIN checkpoint c ON c.job_id = d.job_id OR c.job_id IN "
        "(SELECT ji.job_id FROM job_input ji WHERE ji.dataset_id = d.id) "
        f"WHERE l.step_id IN ({places}) AND {overruled('l.id')} "
        f"UNION SELECT k.id FROM stale JOIN checkpoint k ON k.parent_id = stale.id AND {_CONTINUES}) "
        "SELECT id FROM stale ORDER BY id",
        tuple(marks),
    )
    return [int(row[0]) for row in rows]


class SearchLabel(NamedTuple):
    """What a search says of a step: hard value, label values and counts (measurement.md §1-2)."""

    step_id: int
    value: Value
    v: float
    v_pass: float
    k: int
    c: int


def estimate_of(settings: Mapping[str, Any], weighted: str = "tree") -> str:
    """What made the values of a tree with these stored settings: `adaptive` (it looked when to stop, so they are no values),
    `guided` (only what a PRM liked was drawn to an end, so they are of policy and PRM together), `visits`, `o1coder-code`,
    `mc`, or the weighted recursion, which is called `mc` over fresh draws and else `tree`."""
    if settings.get("most_simulations", 0) > 0:
        return "adaptive"
    if settings.get("method", "uct") in GUIDED:
        return "guided"
    named = str(settings.get("estimate", "weighted"))
    return weighted if named == "weighted" else named


def add_search(connection: Connection, labels: Iterable[SearchLabel], by: By, *, estimate: str) -> None:
    """Append a search's labels; the unique (step, job) keeps a repeated call from counting twice."""
    stamp = now()
    add_many(
        connection,
        Label,
        [
            {
                **label._asdict(),
                "source": "search",
                "estimate": estimate,
                "job_id": by.job_id,
                "created_at": stamp,
            }
            for label in labels
        ],
    )
