"""Checkpoints: named base models, what a trainer left, where weights lie, and what was decided about them.

It loads no weights: digests and paths only.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

from sqlalchemy import delete, insert
from sqlalchemy.engine import Connection

from o1coder.blobs import manifest_of
from o1coder.canonical import canonical, digest_bytes
from o1coder.clock import now
from o1coder.errors import LabError
from o1coder.home import author
from o1coder.lab import Lab
from o1coder.models import Blob, Checkpoint, Decision, Model
from o1coder.rows import By, add, find, names_row, table

Role = Literal["policy", "prm", "tcg"]


class Weights(NamedTuple):
    """Where a checkpoint's weights lie: a base folder and, for peft, an adapter over it."""

    id: int
    role: str
    digest: str
    base_id: int
    base_digest: str
    model: Path
    adapter: Path | None
    prompt: str | None


def weights(lab: Lab, checkpoint_id: int, *roles: str) -> Weights:
    """LabError when there is no such checkpoint, it has another role, or its files are gone."""
    with lab.reading() as connection:
        row = connection.exec_driver_sql(
            "SELECT c.id, c.role, c.digest, c.format, c.path, c.prompt, b.id, b.digest, b.path, c.base_digest FROM checkpoint c "
            "LEFT JOIN checkpoint b ON b.id = c.base_id WHERE c.id = ?",
            (checkpoint_id,),
        ).first()
    if row is None:
        raise LabError(f"there is no checkpoint {checkpoint_id}", "`o1coder checkpoints list` shows them")
    if roles and row[1] not in roles:
        wanted = " or ".join(roles)
        raise LabError(f"checkpoint {checkpoint_id} is a {row[1]}, not a {wanted}", f"name one with role {wanted}")
    own = lab.home / row[4]
    if row[3] == "full":
        found = Weights(row[0], row[1], row[2], row[0], row[2], own, None, row[5])
    else:
        found = Weights(row[0], row[1], row[2], row[6], row[9], lab.home / row[8], own, row[5])
    for path in (found.model, found.adapter):
        if path is not None and not path.is_dir():
            raise LabError(f"the files of checkpoint {checkpoint_id} are gone ({path})", "fetch or train it again")
    return found


def record(
    lab: Lab,
    folder: Path,
    done: Mapping[str, Any],
    *,
    role: Role,
    start: Weights,
    parent_id: int | None,
    prompt: str | None,
    by: By,
    note: str | None = None,
) -> int:
    """Store a trainer's `model/` folder (`done` is its done.json) as a checkpoint of this job and role, trained from
    `start`; a job's second call returns the first's id."""
    with lab.reading() as connection:
        known = find(connection, Checkpoint, job_id=by.job_id, role=role)
    if known is not None:
        return known
    stored = lab.blobs.add_folder(folder)
    adapter = done["format"] == "peft"
    with lab.writing() as connection:
        connection.execute(
            insert(Blob).prefix_with("OR IGNORE").values(digest=stored.digest, bytes=stored.bytes, created_at=now())
        )
        return add(
            connection,
            Checkpoint,
            digest=stored.digest,
            role=role,
            format="peft" if adapter else "full",
            base_id=start.base_id if adapter else None,
            base_digest=start.base_digest if adapter else stored.digest,
            parent_id=parent_id,
            iteration=done["iterations"],
            prompt=prompt,
            bytes=stored.bytes,
            path=stored.path,
            note=note,
            created_at=now(),
            **by._asdict(),
        )


def add_model(lab: Lab, name: str, folder: Path, source: str, *, copy: bool, note: str | None = None) -> int:
    """Register a model folder under a name, as a policy checkpoint without a parent. `copy` takes it into the blobs;
    otherwise it stays where it lies. LabError when the folder is no model or the name is taken."""
    folder = folder.resolve()
    if not (folder / "config.json").is_file():
        raise LabError(
            f"{folder} is not a model folder: it has no config.json", "name a folder that transformers loads"
        )
    if not any(folder.glob("*.safetensors")):
        raise LabError(f"{folder} has no safetensors weights", "save the model with safe_serialization")
    with lab.reading() as connection:
        _require_free(connection, name)
    if copy:
        stored = lab.blobs.add_folder(folder)
        mark, size, path = stored.digest, stored.bytes, stored.path
    else:
        manifest = manifest_of(folder)
        mark = digest_bytes(canonical(manifest).encode())
        size, path = sum(int(str(e["bytes"])) for e in manifest.values()), str(folder)
    with lab.writing() as connection:
        _require_free(connection, name)  # copying takes a while, and another process may have given the name meanwhile
        if copy:
            connection.execute(insert(Blob).prefix_with("OR IGNORE").values(digest=mark, bytes=size, created_at=now()))
        known = find(connection, Checkpoint, digest=mark, format="full", path=path)
        checkpoint_id = known or add(
            connection,
            Checkpoint,
            digest=mark,
            role="policy",
            format="full",
            base_digest=mark,
            bytes=size,
            path=path,
            note=note,
            author=author(),
            created_at=now(),
        )
        connection.execute(
            insert(Model).values(
                name=name, checkpoint_id=checkpoint_id, source=source, author=author(), created_at=now()
            )
        )
        return checkpoint_id


def _require_free(connection: Connection, name: str) -> None:
    if connection.exec_driver_sql("SELECT 1 FROM model WHERE name = ?", (name,)).first() is not None:
        raise LabError(f"there is a model named {name} already", f"`o1coder models remove {name}`, or another name")


def remove_model(lab: Lab, name: str) -> None:
    """Forget a model's name. Its checkpoint and files stay while anything was made from them, else the files go too."""
    with lab.writing() as connection:
        row = connection.exec_driver_sql(
            "SELECT c.id, c.path FROM model m JOIN checkpoint c ON c.id = m.checkpoint_id WHERE m.name = ?", (name,)
        ).first()
        if row is None:
            raise LabError(f"there is no model named {name}", "`o1coder models list` shows them")
        connection.execute(delete(Model).where(table(Model).c.name == name))
        used = connection.exec_driver_sql(
            "SELECT 1 FROM checkpoint WHERE base_id = ?1 OR parent_id = ?1 UNION ALL "
            "SELECT 1 FROM job_input WHERE checkpoint_id = ?1 UNION ALL SELECT 1 FROM tree WHERE policy_id = ?1 "
            "UNION ALL SELECT 1 FROM model WHERE checkpoint_id = ?1 LIMIT 1",
            (row[0],),
        ).first()
    if used is None and not Path(row[1]).is_absolute():
        shutil.rmtree(lab.home / row[1], ignore_errors=False)


def resolve(lab: Lab, name: str, *roles: str) -> int:
    """A checkpoint id from an id or a model's name. LabError when there is none, or it has none of the roles."""
    if names_row(name):
        return weights(lab, int(name), *roles).id
    with lab.reading() as connection:
        row = connection.exec_driver_sql("SELECT checkpoint_id FROM model WHERE name = ?", (name,)).first()
        names = [r[0] for r in connection.exec_driver_sql("SELECT name FROM model ORDER BY name")]
    if row is None:
        known = f"models here: {', '.join(names)}" if names else "`o1coder models fetch smollm2-135m` brings one"
        raise LabError(f"there is no model named {name}", known)
    return int(row[0])


def decide(
    connection: Connection,
    checkpoint_id: int,
    outcome: str,
    evidence: dict[str, Any],
    by: By,
    *,
    run_id: int | None = None,
    round: int | None = None,
) -> int:
    """Append a decision about a checkpoint."""
    return add(
        connection,
        Decision,
        checkpoint_id=checkpoint_id,
        run_id=run_id,
        round=round,
        outcome=outcome,
        evidence=json.dumps(evidence, sort_keys=True),
        created_at=now(),
        **by._asdict(),
    )


def judge(lab: Lab, checkpoint_id: int, outcome: Literal["accepted", "rejected"], who: str, reason: str = "") -> int:
    """A person's decision about a checkpoint, on disk before it returns; its id. LabError when there is no such checkpoint."""
    with lab.writing(durable=True) as connection:
        if connection.exec_driver_sql("SELECT 1 FROM checkpoint WHERE id = ?", (checkpoint_id,)).first() is None:
            raise LabError(f"there is no checkpoint {checkpoint_id}", "`o1coder checkpoints list` shows them")
        return decide(connection, checkpoint_id, outcome, {"reason": reason}, By(author=who))
