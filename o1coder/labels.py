"""Labels: what a person adds or takes back, and what a search writes. Which one counts, and what is stale because of it, is
standing.py's; what a word brings with it, corrections.py's. Rows are written by the table's name: a screen that labels
loads no table models."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

from sqlalchemy.engine import Connection

from o1coder.clock import now
from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.rows import By, add, add_many
from o1coder.search.config import GUIDED
from o1coder.standing import current_label, stale_for_steps

Value = Literal["valid", "invalid", "unsure"]
VALUES: tuple[Value, ...] = ("valid", "invalid", "unsure")


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
    category: str | None = None,
    picked: str | None = None,
) -> Added:
    """Write a person's label, on disk before it returns. `category`: of which kind the reason is; `picked`: how the step
    was chosen. LabError when there is no such step, or it is a root."""
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
            "label",
            step_id=step_id,
            value=value,
            source="human",
            author=author,
            reason=reason,
            seen=None if seen is None else json.dumps(seen, sort_keys=True),
            taken_ms=taken_ms,
            batch=batch,
            category=category,
            picked=picked,
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
            connection, "label", step_id=step_id, source="human", author=author, retracts=label_id, created_at=now()
        )
        return Added(new_id, step_id, None, author, label_id, stale_for_steps(connection, [step_id]))


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
        "label",
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
