"""Questions about datasets: lists with key-set paging, one dataset with its query and what it left out."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from o1coder.errors import LabError


class DatasetRow(NamedTuple):
    """One dataset. `sha256` is that of its rows; `query`, `as_of` and `excluded` are objects."""

    id: int
    kind: str
    target: str | None
    rows: int
    sha256: str
    job: int | None
    author: str | None
    query: dict[str, Any]
    as_of: dict[str, int]
    excluded: dict[str, int]
    path: str
    created_at: str


_SELECT = (
    "SELECT id, kind, target, rows, digest, job_id, author, query, as_of, excluded, path, created_at FROM dataset "
)


def _row(row: Any) -> DatasetRow:
    return DatasetRow._make((*row[:7], json.loads(row[7]), json.loads(row[8]), json.loads(row[9]), row[10], row[11]))


def page(connection: Connection, *, after: int = 0, limit: int = 100) -> list[DatasetRow]:
    """Datasets with ids above `after`."""
    return [_row(r) for r in connection.exec_driver_sql(f"{_SELECT} WHERE id > ? ORDER BY id LIMIT ?", (after, limit))]


def show(connection: Connection, dataset_id: int) -> DatasetRow:
    """One dataset. LabError when there is none."""
    row = connection.exec_driver_sql(f"{_SELECT} WHERE id = ?", (dataset_id,)).first()
    if row is None:
        raise LabError(f"there is no dataset {dataset_id}", "`o1coder datasets list` shows them")
    return _row(row)
