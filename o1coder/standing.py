"""Which label counts for a step, and what rests on a word that does not count (any more): dataset rows, and the checkpoints
that learned from them. Each rule is one SQL expression, here and nowhere else; nothing is written.

A row rests on the labels that decided it (`dataset_label`), and on nobody having spoken against the other steps of its path
(`dataset_path`). It is unsound when another word counts for a step than its label said, or the first word against such a
step is said. A first word *for* a step, or about one that is in no row, is new data and makes nothing stale.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sqlalchemy.engine import Connection


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


def unsound_labels(connection: Connection, datasets: Iterable[int]) -> dict[int, set[int]]:
    """Of each dataset with a row that does not stand: the labels that say so (`_unsound`)."""
    found: dict[int, set[int]] = {}
    for dataset, label in connection.exec_driver_sql(
        f"{UNSOUND} SELECT DISTINCT dataset_id, label_id FROM unsound", (json.dumps(sorted(datasets)),)
    ):
        found.setdefault(dataset, set()).add(label)
    return found


def stale_labels(connection: Connection, checkpoints: Iterable[int]) -> dict[int, list[int]]:
    """Of each checkpoint that is stale, the labels that made it so: those that rows of its training, or of that of the
    checkpoints whose weights it went on from, rest on and that do not count now, and first words against their steps."""
    lines: dict[int, set[int]] = {}
    for checkpoint, dataset in connection.exec_driver_sql(
        f"SELECT c.id, d.id FROM json_each(?) e JOIN checkpoint c ON c.id = e.value JOIN checkpoint a ON a.id IN "
        f"{line_of('c.id')} JOIN dataset d ON d.job_id = a.job_id OR d.id IN "
        "(SELECT ji.dataset_id FROM job_input ji WHERE ji.job_id = a.job_id)",
        (json.dumps(list(checkpoints)),),
    ):
        lines.setdefault(checkpoint, set()).add(dataset)
    found = unsound_labels(connection, set().union(*lines.values()))
    told = {one: sorted(set().union(*(found.get(d, ()) for d in line))) for one, line in lines.items()}
    return {one: labels for one, labels in told.items() if labels}


# The words that count for some steps: those of today, or those that a person might say (pairs of step and word, as JSON).
_SAID_NOW = (
    "SELECT cur.step_id, cur.id, cur.value, cur.source, cur.v_pass FROM json_each(?) e "
    f"JOIN label cur ON cur.id = {current_label('e.value')}"
)
_SAID_IF = (
    "SELECT json_extract(e.value, '$[0]'), NULL, json_extract(e.value, '$[1]'), 'human', NULL FROM json_each(?) e"
)
# The words that count for the steps which rows of some datasets (a JSON array) rest on, where they may have turned since.
_SAID_OF = (
    "SELECT cur.step_id, cur.id, cur.value, cur.source, cur.v_pass FROM (SELECT l.step_id FROM dataset_label i "
    "JOIN label l ON l.id = i.label_id WHERE i.dataset_id IN (SELECT value FROM json_each(?1)) "
    "AND EXISTS (SELECT 1 FROM label n WHERE n.step_id = l.step_id AND n.id > l.id) "
    "UNION SELECT t.step_id FROM dataset_path t WHERE t.dataset_id IN (SELECT value FROM json_each(?1)) "
    f"AND EXISTS (SELECT 1 FROM label n WHERE n.step_id = t.step_id)) e JOIN label cur ON cur.id = {current_label('e.step_id')}"
)


def _unsound(said: str, only: str = "1") -> str:
    """SQL that begins with `unsound`: the dataset rows that a word in `said` (a SELECT of step_id, label_id, value, source,
    v_pass) contradicts, and the label that says so: the one that the row rests on or, where it rests on none, the word
    itself. `only` is a condition on `i`, what the row rests on. CROSS JOIN holds the planner to that order: from the few steps
    that are asked about, never over a whole dataset."""
    return (
        f"WITH RECURSIVE said(step_id, label_id, value, source, v_pass) AS MATERIALIZED ({said}), "
        "unsound(dataset_id, ordinal, step_id, label_id) AS (SELECT i.dataset_id, i.ordinal, l.step_id, l.id FROM said n "
        "CROSS JOIN label l ON l.step_id = n.step_id CROSS JOIN dataset_label i ON i.label_id = l.id "
        "WHERE l.id IS NOT n.label_id "
        f"AND (n.value <> l.value OR (n.source = l.source AND n.v_pass IS NOT l.v_pass)) AND {only} "
        "UNION ALL SELECT i.dataset_id, i.ordinal, i.step_id, n.label_id FROM said n "
        "CROSS JOIN dataset_path i ON i.step_id = n.step_id CROSS JOIN dataset d ON d.id = i.dataset_id "
        "WHERE CASE WHEN d.target = 'value' THEN n.source = 'human' AND n.value = 'invalid' ELSE n.value <> 'valid' END "
        f"AND {only})"
    )


# The rows of some datasets (?1, a JSON array of ids) that do not stand: a query goes on with SELECT … FROM unsound.
UNSOUND = _unsound(_SAID_OF, "i.dataset_id IN (SELECT value FROM json_each(?1))")

# The checkpoints that a job trained on a dataset with an unsound row, and those that went on from their weights.
_STALE = (
    "touched(id) AS (SELECT DISTINCT dataset_id FROM unsound), stale(id) AS ("
    "SELECT c.id FROM touched t CROSS JOIN dataset d ON d.id = t.id CROSS JOIN checkpoint c ON c.job_id = d.job_id "
    "UNION SELECT c.id FROM touched t CROSS JOIN job_input ji ON ji.dataset_id = t.id "
    "CROSS JOIN checkpoint c ON c.job_id = ji.job_id "
    f"UNION SELECT k.id FROM stale JOIN checkpoint k ON k.parent_id = stale.id AND {_CONTINUES})"
)
