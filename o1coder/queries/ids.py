"""The ids of a list in the order it is shown, 8 bytes each: what a table of any length is drawn from.

Rows are asked for by id when they come into view (queries/jobs.py and its siblings); a filter is a choice of ids here.
"""

from __future__ import annotations

from array import array
from itertools import chain
from typing import Any

from sqlalchemy.engine import Connection

from o1coder.lab import Lab


def ids_of(connection: Connection, query: str, values: tuple[Any, ...] = ()) -> array[int]:
    """The first column of a query's rows. A million of them come in a third of the time that row objects would take."""
    cursor: Any = connection.connection.cursor()
    try:
        return array("q", chain.from_iterable(cursor.execute(query, values)))
    finally:
        cursor.close()


def job_ids(lab: Lab) -> array[int]:
    """Every job, newest first."""
    with lab.reading() as connection:
        return ids_of(connection, "SELECT id FROM job ORDER BY id DESC")


def tree_ids(lab: Lab, *, problem: int | None = None, job: int | None = None) -> array[int]:
    """Every tree with steps to look at, newest first; those of one problem or one job where they are named."""
    with lab.reading() as connection:
        return ids_of(
            connection,
            "SELECT id FROM tree WHERE kind <> 'cases' AND (?1 IS NULL OR problem_id = ?1) "
            "AND (?2 IS NULL OR job_id = ?2) ORDER BY id DESC",
            (problem, job),
        )


def tree_marks(lab: Lab, tree_id: int) -> tuple[int, ...]:
    """Numbers that change when a tree gets steps, rollouts, labels or scores, or ends: whether to ask for it again."""
    with lab.reading() as connection:
        row = connection.exec_driver_sql(
            "SELECT (SELECT count(*) FROM step WHERE tree_id = ?1), (SELECT count(*) FROM rollout WHERE tree_id = ?1), "
            "(SELECT coalesce(max(id), 0) FROM label), (SELECT coalesce(max(id), 0) FROM score), "
            "(SELECT count(*) FROM tree_end WHERE tree_id = ?1)",
            (tree_id,),
        ).one()
        return tuple(int(value) for value in row)
