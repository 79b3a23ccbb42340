"""The lab a stage is handed: a home folder with `lab.db`, `blobs/` and `jobs/<id>/`.

It gives short transactions and paths, and decides who may write and whether there is room. It holds no session, asks no
questions (queries/) and knows no stage.
"""

from __future__ import annotations

import grp
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sqlalchemy.engine import Connection

from o1coder import db
from o1coder.blobs import Blobs
from o1coder.errors import LabError
from o1coder.home import author

DATABASE = "lab.db"
FREE_FLOOR_MB = (
    200  # below this nothing new is started and bulk rows are refused, so that what runs can still end cleanly
)
NETWORK_DISKS = {"nfs", "nfs4", "lustre", "gpfs", "cifs", "smb3", "beegfs", "ceph", "fuse.sshfs", "9p"}


def disk_type(path: Path) -> str:
    """The file system's type under `path`, from /proc/self/mountinfo; "unknown" where that cannot be read."""
    try:
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
    except OSError:
        return "unknown"
    best, kind = "", "unknown"
    target = str(path.resolve())
    for line in lines:
        fields = line.split()
        mount = fields[4].encode().decode("unicode_escape")
        inside = target == mount or target.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= len(best):
            best, kind = mount, fields[fields.index("-") + 1]
    return kind


def _require_group(name: str) -> None:
    try:
        grp.getgrnam(name)
    except KeyError as error:
        raise LabError(f"there is no group {name!r} on this machine", "`getent group` lists them") from error


class Lab:
    """An open lab. `reading()` and `writing()` are the only ways to its database."""

    def __init__(self, home: Path, *, readonly: bool = False) -> None:
        """Open the lab at `home`. LabError when there is none, it is of another schema, or it cannot be read."""
        self.home = home.resolve()
        self.readonly = readonly
        file = self.home / DATABASE
        if not file.is_file():
            raise LabError(
                f"there is no lab at {home}", "`o1coder init` makes one; --home or O1CODER_HOME names another"
            )
        if not readonly and not os.access(file, os.W_OK):
            raise LabError(f"the lab at {home} cannot be written by {author()}", "open it with --readonly")
        if not readonly and not os.access(self.home, os.W_OK):
            raise LabError(
                f"the folder {home} cannot be written by {author()}", "open it with --readonly, or mend its mode"
            )
        if not readonly and self.group_shared:
            os.umask(0o007)  # what this process and its children leave is for the group too
        self.engine = db.connect(file, readonly=readonly)
        db.check_version(self.engine, file)
        self.blobs = Blobs(self.home)

    @classmethod
    def create(cls, home: Path, *, group: str | None = None) -> Lab:
        """Make a lab at `home`, which must not hold one. With `group`, its members may read, label and ask to cancel."""
        if (home / DATABASE).exists():
            raise LabError(f"{home} is a lab already", "use it, or name another folder with --home")
        if group is not None:
            _require_group(group)
        made = [folder for folder in (home / "blobs", home / "jobs", home) if not folder.exists()]
        try:
            home.mkdir(parents=True, exist_ok=True)
            kind = disk_type(home)
            if kind in NETWORK_DISKS:
                raise LabError(
                    f"{home} lies on a network disk ({kind}), where SQLite's locks do not hold",
                    "make the lab on a local disk; `o1coder backup` copies it anywhere",
                )
            if group is not None:
                os.umask(0o007)
                shutil.chown(home, group=group)
                home.chmod(0o2770)
            for name in ("blobs", "jobs"):
                (home / name).mkdir(exist_ok=True)
                if group is not None:
                    shutil.chown(home / name, group=group)
                    (home / name).chmod(0o2770)
        except (OSError, LookupError) as error:
            raise LabError(
                f"the lab cannot be made at {home}: {error}", "name a folder you may write with --home"
            ) from error
        try:
            db.create(home / DATABASE)
        except LabError:
            for folder in made:
                with suppress(OSError):  # not empty: somebody else's by now
                    folder.rmdir()
            raise
        if group is not None:
            (home / DATABASE).chmod(0o660)
        return cls(home)

    @property
    def group_shared(self) -> bool:
        """Was this lab made for a group?"""
        return bool(self.home.stat().st_mode & stat.S_IWGRP)

    def owned(self) -> bool:
        """Does the lab belong to the user of this process? Only its owner runs jobs."""
        return self.home.stat().st_uid == os.getuid()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A short read transaction: one that stays open makes the WAL grow."""
        with db.transaction(self.engine, write=False) as connection:
            yield connection

    @contextmanager
    def writing(self, *, durable: bool = False) -> Iterator[Connection]:
        """A short write transaction, begun at once (IMMEDIATE). `durable` waits for the disk: human labels."""
        if self.readonly:
            raise LabError("the lab is open read-only", "leave --readonly away to write")
        with db.transaction(self.engine, write=True, durable=durable) as connection:
            yield connection

    def require_space(self, megabytes: int = FREE_FLOOR_MB) -> None:
        """LabError (disk-full) when less than `megabytes` are free at the lab's home."""
        free = shutil.disk_usage(self.home).free >> 20
        if free < megabytes:
            raise LabError(
                f"only {free} MB are free at {self.home} (the floor is {megabytes} MB)",
                "free some space, or move the lab; nothing was started",
                "disk-full",
            )

    def job_folder(self, job_id: int) -> Path:
        """`jobs/<id>/`, made if it is not there."""
        folder = self.home / "jobs" / str(job_id)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def close(self) -> None:
        """Release the connections."""
        self.engine.dispose()
