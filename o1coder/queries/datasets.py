"""Questions about datasets: lists with key-set paging, one dataset with its query, what it left out, who trained on it,
which of its labels are overruled now, what its rows rest on, and its rows as they lie in the file.
"""

from __future__ import annotations

import json
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy.engine import Connection

from o1coder.canonical import digest_bytes
from o1coder.datasets import DATA
from o1coder.errors import LabError
from o1coder.export import sides
from o1coder.lab import Lab
from o1coder.queries.membership import Member, Spread, spread
from o1coder.standing import unsound_labels


class DatasetRow(NamedTuple):
    """One dataset. `sha256` is that of its rows; `query`, `as_of` and `excluded` are objects. `used_by`: the checkpoints
    that were trained on it."""

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
    used_by: list[int]
    out: str | None  # the folder that an export wrote


class Sampled(NamedTuple):
    """A row of a dataset with the fact and the labels that it rests on; `sound`: its digest is what was written down."""

    ordinal: int
    step: int | None
    rollout: int | None
    program: int | None
    problem: int | None
    labels: list[int]
    row: dict[str, Any]
    sound: bool = True


_SELECT = (
    "SELECT d.id, d.kind, d.target, d.rows, d.digest, d.job_id, d.author, d.query, d.as_of, d.excluded, d.path, "
    "d.created_at, (SELECT group_concat(c.id) FROM checkpoint c WHERE c.job_id = d.job_id OR c.job_id IN "
    "(SELECT i.job_id FROM job_input i WHERE i.dataset_id = d.id)), j.stage, j.config "
    "FROM dataset d LEFT JOIN job j ON j.id = d.job_id "
)


def _row(row: Any) -> DatasetRow:
    out = json.loads(row[14]).get("out") if row[13] == "export" else None
    objects = (json.loads(text or "{}") for text in row[7:10])
    return DatasetRow._make((*row[:7], *objects, *row[10:12], _ids(row[12]), out))


def _ids(listed: str | None) -> list[int]:
    """Ids that SQLite has joined by commas."""
    return sorted(map(int, listed.split(","))) if listed else []


def page(connection: Connection, *, after: int = 0, limit: int = 100) -> list[DatasetRow]:
    """Datasets with ids above `after`."""
    found = connection.exec_driver_sql(f"{_SELECT} WHERE d.id > ? ORDER BY d.id LIMIT ?", (after, limit))
    return [_row(row) for row in found]


def newest(connection: Connection, limit: int = 10_000) -> list[DatasetRow]:
    """Datasets, the newest first."""
    return [_row(row) for row in connection.exec_driver_sql(f"{_SELECT} ORDER BY d.id DESC LIMIT ?", (limit,))]


def show(connection: Connection, dataset_id: int) -> DatasetRow:
    """One dataset. LabError when there is none."""
    row = connection.exec_driver_sql(f"{_SELECT} WHERE d.id = ?", (dataset_id,)).first()
    if row is None:
        raise LabError(f"there is no dataset {dataset_id}", "`o1coder datasets list` shows them")
    return _row(row)


def same_rows(connection: Connection, kind: str, sha256: str) -> list[int]:
    """The datasets of a kind whose rows have this digest."""
    rows = connection.exec_driver_sql(
        "SELECT id FROM dataset WHERE digest = ? AND kind = ? ORDER BY id", (sha256, kind)
    )
    return [int(row[0]) for row in rows]


def stale(connection: Connection) -> dict[int, int]:
    """How many labels say of each dataset that a row of it does not stand now; datasets without any are absent."""
    every = [row[0] for row in connection.exec_driver_sql("SELECT id FROM dataset")]
    return {dataset: len(found) for dataset, found in unsound_labels(connection, every).items()}


def stale_labels(connection: Connection, dataset_id: int) -> list[int]:
    """The labels that say that a row of a dataset does not stand now (standing.py)."""
    return sorted(unsound_labels(connection, [dataset_id]).get(dataset_id, ()))


def members(connection: Connection, dataset_id: int) -> list[Member]:
    """What each row of a dataset rests on, in their order."""
    said: dict[int, list[int]] = {}
    for ordinal, label in connection.exec_driver_sql(
        "SELECT ordinal, label_id FROM dataset_label WHERE dataset_id = ?", (dataset_id,)
    ):
        said.setdefault(ordinal, []).append(label)
    rows = connection.exec_driver_sql(
        "SELECT ordinal, step_id, rollout_id, program_id, problem_id FROM dataset_item WHERE dataset_id = ? "
        "ORDER BY ordinal",
        (dataset_id,),
    )
    return [Member._make((*row[1:], tuple(said.get(row[0], ())))) for row in rows]


def counts(connection: Connection, dataset_id: int) -> Spread:
    """The rows of a dataset by what they rest on."""
    return spread(connection, members(connection, dataset_id))


def rows(lab: Lab, dataset_id: int, *, first: int = 0, count: int = 20) -> list[Sampled]:
    """Rows of a dataset from ordinal `first` on, as they lie in its file. LabError when the file is gone."""
    with lab.reading() as connection:
        dataset = show(connection, dataset_id)
        items = connection.exec_driver_sql(
            "SELECT i.ordinal, i.step_id, i.rollout_id, i.program_id, i.problem_id, i.row_digest, "
            "(SELECT group_concat(l.label_id) FROM dataset_label l WHERE l.dataset_id = i.dataset_id "
            "AND l.ordinal = i.ordinal) FROM dataset_item i WHERE i.dataset_id = ? AND i.ordinal >= ? "
            "ORDER BY i.ordinal LIMIT ?",
            (dataset_id, first, count),
        ).all()
    file = lab.home / dataset.path / DATA
    try:
        with file.open("rb") as handle:
            lines = [line.rstrip(b"\n") for line in islice(handle, first, first + len(items))]
    except OSError as error:
        raise LabError(
            f"{file} cannot be read: {error.strerror}", "`o1coder verify` says what else is missing"
        ) from error
    return [
        Sampled._make((*item[:5], _ids(item[6]), json.loads(line), digest_bytes(line) == item[5]))
        for item, line in zip(items, lines, strict=False)
    ]


def words(lab: Lab, dataset: DatasetRow) -> dict[str, int]:
    """How often each label is said in the rows of a dataset: reads its whole file. LabError when that is gone."""
    found: dict[str, int] = {}
    file = lab.home / dataset.path / DATA
    try:
        with file.open(encoding="utf-8") as handle:
            for line in handle:
                for word in sides.words(json.loads(line)):
                    found[word] = found.get(word, 0) + 1
    except OSError as error:
        raise LabError(
            f"{file} cannot be read: {error.strerror}", "`o1coder verify` says what else is missing"
        ) from error
    return dict(sorted(found.items()))


def marks(connection: Connection) -> tuple[int, ...]:
    """Numbers that change when a dataset is made or comes to be used: whether to ask for the list again."""
    row = connection.exec_driver_sql(
        "SELECT (SELECT coalesce(max(id), 0) FROM dataset), (SELECT coalesce(max(id), 0) FROM checkpoint)"
    ).one()
    return tuple(map(int, row))


def newest_label(connection: Connection) -> int:
    """The id of the newest label: whether some may have become stale."""
    return int(connection.exec_driver_sql("SELECT coalesce(max(id), 0) FROM label").scalar() or 0)
