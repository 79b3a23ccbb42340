"""Datasets: rows frozen into a folder with a manifest, their members listed as facts, so that lineage is a join.

What the rows are is decided by selection.py (which facts) and by the caller (which format).
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import insert

from o1coder.canonical import canonical, digest_bytes, digest_file
from o1coder.clock import now
from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.rows import By, add, add_many

DATA = "data.jsonl"


class Row(NamedTuple):
    """One row of a dataset, the one fact it came from, every label whose word decided what it says or that it is in, and the
    steps on its path that are in because nobody spoke against them."""

    content: dict[str, Any]
    step_id: int | None = None
    rollout_id: int | None = None
    program_id: int | None = None
    problem_id: int | None = None
    label_ids: tuple[int, ...] = ()
    path_ids: tuple[int, ...] = ()


class Frozen(NamedTuple):
    """A frozen dataset: its id, folder, row count and the digest of its rows."""

    id: int
    folder: Path
    rows: int
    sha256: str


def freeze(
    lab: Lab,
    kind: str,
    rows: Iterable[Row],
    *,
    query: Mapping[str, Any],
    as_of: Mapping[str, int],
    by: By,
    target: str | None = None,
    excluded: Mapping[str, int] | None = None,
) -> Frozen:
    """Write rows as `data.jsonl` into the blobs and list their members; a job's second call returns its first dataset of
    this kind. LabError when there is nothing to freeze."""
    from o1coder.models import Blob, Dataset, DatasetItem, DatasetLabel, DatasetPath

    known = of_job(lab, by.job_id, kind) if by.job_id is not None else None
    if known is not None:
        return known
    found = list(rows)
    if not found:
        why = ", ".join(f"{n} × {reason}" for reason, n in sorted((excluded or {}).items())) or "no facts match"
        raise LabError(f"no rows for a {kind} dataset ({why})", "widen the query, or synthesize more trees first")
    lines = [canonical(row.content) for row in found]
    scratch = lab.home / "jobs" / f".dataset-{uuid.uuid4().hex}"
    scratch.mkdir(parents=True)
    try:
        (scratch / DATA).write_text("".join(line + "\n" for line in lines), encoding="utf-8")
        sha256 = digest_file(scratch / DATA)
        stored = lab.blobs.add_folder(scratch)
    finally:
        shutil.rmtree(scratch)
    with lab.writing() as connection:
        connection.execute(
            insert(Blob).prefix_with("OR IGNORE").values(digest=stored.digest, bytes=stored.bytes, created_at=now())
        )
        dataset_id = add(
            connection,
            Dataset,
            digest=sha256,
            kind=kind,
            target=target,
            query=canonical(dict(query)),
            as_of=canonical(dict(as_of)),
            rows=len(found),
            excluded=canonical(dict(excluded or {})),
            path=stored.path,
            created_at=now(),
            **by._asdict(),
        )
        add_many(
            connection,
            DatasetItem,
            [
                {
                    "dataset_id": dataset_id,
                    "ordinal": n,
                    **{k: v for k, v in row._asdict().items() if k not in ("content", "label_ids", "path_ids")},
                    "row_digest": digest_bytes(line.encode()),
                }
                for n, (row, line) in enumerate(zip(found, lines, strict=True))
            ],
        )
        add_many(
            connection,
            DatasetLabel,
            [
                {"dataset_id": dataset_id, "ordinal": n, "label_id": label_id}
                for n, row in enumerate(found)
                for label_id in sorted(set(row.label_ids))
            ],
        )
        add_many(
            connection,
            DatasetPath,
            [
                {"dataset_id": dataset_id, "ordinal": n, "step_id": step_id}
                for n, row in enumerate(found)
                for step_id in sorted(set(row.path_ids))
            ],
        )
    return Frozen(dataset_id, lab.home / stored.path, len(found), sha256)


def of_job(lab: Lab, job_id: int, kind: str) -> Frozen | None:
    """The dataset of this kind that a job froze already."""
    with lab.reading() as connection:
        row = connection.exec_driver_sql(
            "SELECT id, path, rows, digest FROM dataset WHERE job_id = ? AND kind = ? ORDER BY id LIMIT 1",
            (job_id, kind),
        ).first()
    return None if row is None else Frozen(row[0], lab.home / row[1], row[2], row[3])


def rows_of(frozen: Frozen) -> list[dict[str, Any]]:
    """The rows of a frozen dataset, in order."""
    with (frozen.folder / DATA).open(encoding="utf-8") as handle:
        return [json.loads(line) for line in handle]
