"""Bring a lab to this version's schema: refuse while a job lives, copy the database, migrate.

The only way to a newer schema; nothing is migrated by opening a lab. It never goes back: the copy does.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from o1coder import db
from o1coder.errors import LabError
from o1coder.jobs import alive, launch
from o1coder.lab import DATABASE


def upgrade(home: Path) -> dict[str, Any]:
    """{"home", "from", "to", "upgraded", "copy"}: `copy` is the database as it was, None when nothing was to do.

    LabError when there is no lab, it is newer than this program, it cannot be written, or a job or worker lives in it.
    """
    file = home.resolve() / DATABASE
    if not file.is_file():
        raise LabError(f"there is no lab at {home}", "`o1coder init` makes one; --home or O1CODER_HOME names another")
    version = _version(file, home)
    if version == db.HEAD:
        return {"home": str(file.parent), "from": version, "to": db.HEAD, "upgraded": False, "copy": None}
    for path in (file, file.parent):
        if not os.access(path, os.W_OK):
            raise LabError(f"{path} cannot be written", "run this as the lab's owner, or mend its mode")
    engine = db.connect(file, readonly=False)
    try:
        _refuse_live_jobs(engine, file.parent)
        copy = _free_name(file.with_name(f"{DATABASE}.before-{version}"))
        db.backup(engine, copy)
    finally:
        engine.dispose()
    db.upgrade(file)
    return {"home": str(file.parent), "from": version, "to": db.HEAD, "upgraded": True, "copy": str(copy)}


def _version(file: Path, home: Path) -> str:
    engine = db.connect(file, readonly=True)
    try:
        with db.transaction(engine, write=False) as connection:
            version = db.version_of(connection)
    finally:
        engine.dispose()
    if version is None:
        raise LabError(f"{file} is not a lab", "`o1coder init` makes one")
    if version > db.HEAD:
        raise LabError(
            f"the lab at {home} was made by a newer o1coder (schema {version}, this one knows {db.HEAD})",
            "install the newer o1coder, or open another lab with --home",
        )
    return version


def _refuse_live_jobs(engine: Engine, home: Path) -> None:
    """A process with the old schema in mind would write into the new one."""
    post = launch.worker(home)
    if post is not None:
        raise LabError(f"this lab's worker runs (process {post.pid})", "wait for its jobs, or cancel them, then end it")
    with db.transaction(engine, write=False) as connection:
        rows: Sequence[Any] = connection.exec_driver_sql(
            "SELECT job_id, host, boot_id, pid, create_time FROM attempt WHERE outcome IS NULL AND pid IS NOT NULL"
        ).all()
    for job_id, host, boot, pid, create_time in rows:
        living = alive.is_alive(host, boot, pid, create_time)
        if living is None:
            raise LabError(
                f"job {job_id} runs on {host}, which cannot be seen from here", f"upgrade on {host}, or cancel it there"
            )
        if living:
            raise LabError(f"job {job_id} is running", f"`o1coder jobs wait {job_id}`, or cancel it")


def _free_name(path: Path) -> Path:
    """`path`, or with a number behind it: an earlier copy is never overwritten."""
    number, found = 1, path
    while found.exists():
        number += 1
        found = path.with_name(f"{path.name}.{number}")
    return found
