"""What left the lab as files: datasets against their rows and members, blobs against their manifests, checkpoints.

A model whose name was removed may be gone with its files, as long as nothing was made from it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Connection

from o1coder.blobs import manifest_of
from o1coder.canonical import canonical, digest_bytes, digest_file
from o1coder.datasets import DATA
from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.verify.findings import Findings
from o1coder.verify.members import members

# A checkpoint that something was made from, or that a job made, must be there.
USED = (
    "(c.job_id IS NOT NULL OR EXISTS (SELECT 1 FROM model m WHERE m.checkpoint_id = c.id) "
    "OR EXISTS (SELECT 1 FROM checkpoint o WHERE o.base_id = c.id OR o.parent_id = c.id) "
    "OR EXISTS (SELECT 1 FROM job_input i WHERE i.checkpoint_id = c.id) "
    "OR EXISTS (SELECT 1 FROM tree x WHERE x.policy_id = c.id))"
)


def check(lab: Lab, found: Findings, *, quick: bool) -> None:
    """`quick` looks at presence and sizes of big files, not into them; datasets are always read."""
    _datasets(lab, found)
    _blobs(lab, found, quick=quick)
    _outside(lab, found, quick=quick)
    for path in lab.blobs.leftovers():
        found.remarks.append(f"{path.relative_to(lab.home)} was left by a process that was killed; it can be removed")
    for path in sorted((lab.home / "jobs").glob(".dataset-*")):
        found.remarks.append(f"{path.relative_to(lab.home)} was left by a process that was killed; it can be removed")


def _datasets(lab: Lab, found: Findings) -> None:
    with lab.reading() as connection:
        rows = connection.exec_driver_sql(
            "SELECT id, digest, kind, target, query, as_of, rows, path FROM dataset ORDER BY id"
        ).all()
    found.count("dataset", len(rows))
    for row in rows:
        with lab.reading() as connection:
            items = connection.exec_driver_sql(
                "SELECT step_id, rollout_id, program_id, problem_id, ordinal, row_digest FROM dataset_item "
                "WHERE dataset_id = ? ORDER BY ordinal",
                (row.id,),
            ).all()
            found.count("dataset_item", len(items))
            labels: dict[int, list[int]] = {}
            for ordinal, label_id in connection.exec_driver_sql(
                "SELECT ordinal, label_id FROM dataset_label WHERE dataset_id = ? ORDER BY ordinal, label_id", (row.id,)
            ):
                labels.setdefault(ordinal, []).append(label_id)
            before: dict[int, list[int]] = {}
            for ordinal, step_id in connection.exec_driver_sql(
                "SELECT ordinal, step_id FROM dataset_path WHERE dataset_id = ? ORDER BY ordinal, step_id", (row.id,)
            ):
                before.setdefault(ordinal, []).append(step_id)
            listed = [
                (*item[:4], tuple(labels.get(item.ordinal, ())), tuple(before.get(item.ordinal, ()))) for item in items
            ]
            found.count("dataset_label", sum(map(len, labels.values())))
            found.count("dataset_path", sum(map(len, before.values())))
            _members(connection, row, listed, found)
        if len(items) != row.rows:
            found.disagree("dataset-rows", "dataset", row.id, f"{row.rows} members", len(items))
        _file(lab.home / row.path / DATA, row, [item.row_digest for item in items], found)


def _members(connection: Connection, row: Any, listed: list[tuple[Any, ...]], found: Findings) -> None:
    try:
        derived = members(connection, row.kind, row.target, json.loads(row.query), json.loads(row.as_of))
    except (LabError, KeyError, ValueError) as error:
        found.disagree("dataset-query", "dataset", row.id, "a query that can be asked again", error)
        return
    if derived is not None and derived != listed:
        places = [n for n, (a, b) in enumerate(zip(derived, listed, strict=False)) if a != b]
        where = places[0] if places else min(len(derived), len(listed))
        expected, seen = (_at(each, where) for each in (derived, listed))
        found.disagree("dataset-members", "dataset", row.id, expected, seen)


def _at(rows: list[tuple[Any, ...]], place: int) -> str:
    what = (
        "step {} rollout {} program {} problem {} labels {} path {}".format(*rows[place])
        if place < len(rows)
        else "no member"
    )
    return f"{len(rows)} members, at {place}: {what}"


def _file(file: Path, row: Any, digests: list[str], found: Findings) -> None:
    if not file.is_file():
        found.disagree("dataset-file", "dataset", row.id, file.name, "missing")
        return
    if (seen := digest_file(file)) != row.digest:
        found.disagree("dataset-file", "dataset", row.id, row.digest, seen)
        return
    with file.open("rb") as handle:
        lines = [digest_bytes(line.rstrip(b"\n")) for line in handle]
    if lines != digests:
        wrong = [n for n, (a, b) in enumerate(zip(lines, digests, strict=False)) if a != b]
        found.disagree("dataset-row", "dataset", row.id, "the digest of each line", f"others at {wrong[:5]}")


def _blobs(lab: Lab, found: Findings, *, quick: bool) -> None:
    with lab.reading() as connection:
        rows = connection.exec_driver_sql("SELECT digest, bytes FROM blob ORDER BY digest").all()
        needed = {
            row[0]
            for row in connection.exec_driver_sql(
                f"SELECT c.path FROM checkpoint c WHERE {USED} UNION SELECT d.path FROM dataset d"
            )
        }
        datasets = {row[0] for row in connection.exec_driver_sql("SELECT path FROM dataset")}
    found.count("blob", len(rows))
    for digest, size in rows:
        path = str(lab.blobs.path(digest).relative_to(lab.home))
        if path not in needed and not lab.blobs.path(digest).exists():
            continue
        try:
            wrong = lab.blobs.check(digest, deep=not quick and path not in datasets)
        except ValueError as error:
            wrong = f"manifest cannot be read: {error}"
        if wrong is not None:
            found.disagree("blob", "blob", digest, f"{size} bytes under this digest", wrong)
    known = {str(lab.blobs.path(row[0]).relative_to(lab.home)) for row in rows}
    for path in sorted(needed - known):
        if not Path(path).is_absolute():
            found.disagree("blob", "blob", path, "a row", "none")
    for folder in sorted(lab.blobs.root.glob("??/*")):
        if str(folder.relative_to(lab.home)) not in known:
            found.remarks.append(f"{folder.relative_to(lab.home)} is named by no row; it can be removed")


def _outside(lab: Lab, found: Findings, *, quick: bool) -> None:
    """Checkpoints: the blobs' names are their digests; a folder that stays where it lies may have changed since."""
    with lab.reading() as connection:
        rows = connection.exec_driver_sql(
            f"SELECT c.id, c.digest, c.path, {USED} FROM checkpoint c ORDER BY c.id"
        ).all()
    found.count("checkpoint", len(rows))
    for row_id, digest, path, used in rows:
        folder = lab.home / path
        if not Path(path).is_absolute():
            if lab.blobs.path(digest) != folder:
                found.disagree("checkpoint", "checkpoint", row_id, lab.blobs.path(digest).name, folder.name)
        elif not folder.is_dir():
            if used:
                found.disagree("checkpoint", "checkpoint", row_id, f"a folder {path}", "none")
        elif not quick and (seen := digest_bytes(canonical(manifest_of(folder)).encode())) != digest:
            found.disagree("checkpoint", "checkpoint", row_id, digest, seen)
