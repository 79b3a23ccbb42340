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
            Label,
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
            connection, Label, step_id=step_id, source="human", author=author, retracts=label_id, created_at=now()
        )
        return Added(new_id, step_id, None, author, label_id, stale_for_steps(connection, [step_id]))


class Touched(NamedTuple):
    """What rests on a word that does not count (any more): how many dataset rows, of which datasets, and the checkpoints
    whose weights learned from them, those that went on from such weights (`line_of`) with them."""

    rows: int
    datasets: list[int]
    checkpoints: list[int]


def stale_for_steps(connection: Connection, step_ids: Iterable[int]) -> list[int]:
    """Checkpoints whose weights learned from what labels of these steps contradict now: those a job trained on a dataset
    with such a row, and those that went on from their weights."""
    marks = list(step_ids)
    if not marks:
        return []
    rows = connection.exec_driver_sql(
        f"{_unsound(_SAID_NOW)}, {_STALE} SELECT id FROM stale ORDER BY id", (json.dumps(marks),)
    )
    return [int(row[0]) for row in rows]


def stale_if(connection: Connection, said: Mapping[int, str]) -> Touched:
    """What would rest on a word that does not count, were a person to say this of these steps (step id to word)."""
    if not said:
        return Touched(0, [], [])
    asked = (json.dumps([list(item) for item in said.items()]),)
    rows = connection.exec_driver_sql(
        f"{_unsound(_SAID_IF)} SELECT dataset_id, COUNT(DISTINCT ordinal) FROM unsound GROUP BY 1 ORDER BY 1", asked
    ).all()
    stale = connection.exec_driver_sql(f"{_unsound(_SAID_IF)}, {_STALE} SELECT id FROM stale ORDER BY id", asked)
    return Touched(sum(row[1] for row in rows), [row[0] for row in rows], [int(row[0]) for row in stale])


# The words that count for some steps: those of today, or those that a person might say (pairs of step and word, as JSON).
_SAID_NOW = (
    "SELECT cur.step_id, cur.id, cur.value, cur.source, cur.v_pass FROM json_each(?) e "
    f"JOIN label cur ON cur.id = {current_label('e.value')}"
)
_SAID_IF = (
    "SELECT json_extract(e.value, '$[0]'), NULL, json_extract(e.value, '$[1]'), 'human', NULL FROM json_each(?) e"
)


def _unsound(said: str) -> str:
    """SQL that begins with `unsound`: the dataset rows that rest on a word which `said` (a SELECT of step_id, label_id,
    value, source, v_pass) contradicts; `label_id` is the label that they rest on."""
    return (
        f"WITH RECURSIVE said(step_id, label_id, value, source, v_pass) AS MATERIALIZED ({said}), "
        "unsound(dataset_id, ordinal, step_id, label_id) AS (SELECT i.dataset_id, i.ordinal, l.step_id, l.id FROM said n "
        "JOIN label l ON l.step_id = n.step_id JOIN dataset_label i ON i.label_id = l.id WHERE l.id IS NOT n.label_id "
        "AND (n.value <> l.value OR (n.source = l.source AND n.v_pass IS NOT l.v_pass)))"
    )


# The checkpoints that a job trained on a dataset with an unsound row, and those that went on from their weights.
_STALE = (
    "touched(id) AS (SELECT DISTINCT dataset_id FROM unsound), stale(id) AS ("
    "SELECT c.id FROM touched t JOIN dataset d ON d.id = t.id JOIN checkpoint c ON c.job_id = d.job_id "
    "UNION SELECT c.id FROM touched t JOIN job_input ji ON ji.dataset_id = t.id JOIN checkpoint c ON c.job_id = ji.job_id "
    f"UNION SELECT k.id FROM stale JOIN checkpoint k ON k.parent_id = stale.id AND {_CONTINUES})"
)


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
