"""Connections: which SQLite, which pragmas, how a transaction begins, which triggers, which schema.

Everything that touches sqlite3 directly is here. It does not know what the tables mean, and it never imports alembic
(0.3 s): migrations live beside it and are run by `upgrade` alone, found by file path, since a `migrations/` folder in the
current directory must not shadow them.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import Engine, create_engine, event, exc
from sqlalchemy.engine import Connection
from sqlalchemy.pool import NullPool, QueuePool

from o1coder.errors import LabError

HEAD = "0003"  # the newest migration; a test pins it to Alembic's head
BUSY_TIMEOUT_MS = 15_000
JOURNAL_LIMIT = 64 << 20
NOTHING_FREE = 1 << 20  # bytes below which an I/O error means a full disk: a WAL's index is mapped, not written

APPEND_ONLY = (
    "problem program program_origin test_case test_withdrawal test_set test_set_item profile verdict tree tree_end step "
    "completion rollout rescore generated_case score label gold gold_answer dataset dataset_item dataset_label dataset_path "
    "checkpoint decision evaluation evaluation_item job_input metric"
).split()


def fixed_in(version: tuple[int, ...]) -> bool:
    """Does this SQLite carry the fix of the WAL-reset race (3.51.3; backports 3.50.7 and 3.44.6)?"""
    if version >= (3, 51, 3):
        return True
    return (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)


def driver() -> tuple[ModuleType, bool]:
    """The DBAPI module to use and whether WAL is safe with it: the standard library's, else pysqlite3's."""
    if fixed_in(sqlite3.sqlite_version_info):
        return sqlite3, True
    try:
        from pysqlite3 import dbapi2
    except ImportError:
        return sqlite3, False
    if fixed_in(dbapi2.sqlite_version_info):
        return dbapi2, True
    return sqlite3, False


def connect(file: Path, *, readonly: bool) -> Engine:
    """An engine over the lab's database. Transactions are explicit: see `transaction`."""
    module, wal_safe = driver()
    uri = f"file:{_quoted(file)}?mode={'ro' if readonly else 'rw'}"

    def opened() -> Any:
        raw = _open(module, uri)
        if readonly and _unreadable(module, raw) and not Path(f"{file}-wal").exists():
            # A WAL database wants to make files beside it. Where it cannot, and nobody has it open, it is read as it lies.
            raw.close()
            raw = _open(module, f"{uri}&immutable=1")
        return raw

    # The in-memory URL would choose a one-connection pool; a file wants a queue of them. What is read as it lies is opened
    # anew each time, since somebody else may have begun to write.
    lies = readonly and not os.access(file.parent, os.W_OK)
    pool: dict[str, Any] = {"poolclass": NullPool} if lies else {"poolclass": QueuePool, "pool_size": 4}
    options = {"lab_file": str(file)}
    engine = create_engine("sqlite://", module=module, creator=opened, execution_options=options, **pool)

    @event.listens_for(engine, "connect")
    def _pragmas(raw: Any, _record: Any) -> None:
        cursor = raw.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA recursive_triggers=ON")  # so that REPLACE fires the delete triggers too
        if readonly:
            cursor.execute("PRAGMA query_only=ON")
        else:
            cursor.execute(f"PRAGMA journal_mode={'WAL' if wal_safe else 'DELETE'}")
            cursor.execute(f"PRAGMA journal_size_limit={JOURNAL_LIMIT}")
            cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        how = connection.get_execution_options().get("lab_begin", "DEFERRED")
        connection.exec_driver_sql(f"BEGIN {how}")

    return engine


def _open(module: ModuleType, uri: str) -> Any:
    return module.connect(uri, uri=True, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False)


def _unreadable(module: ModuleType, raw: Any) -> bool:
    try:
        raw.execute("PRAGMA schema_version").fetchone()
    except module.OperationalError:
        return True
    except module.DatabaseError:  # no database at all: said when it is used
        return False
    return False


def _quoted(file: Path) -> str:
    return str(file).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


@contextmanager
def transaction(engine: Engine, *, write: bool, durable: bool = False) -> Iterator[Connection]:
    """One short transaction: BEGIN IMMEDIATE for writing, deferred for reading; `durable` waits for the disk."""
    try:
        with _begun(engine, write=write, durable=durable) as connection:
            yield connection
    except exc.DatabaseError as error:
        mended = translated(error, engine)
        if mended is None:
            raise
        raise mended from error


@contextmanager
def _begun(engine: Engine, *, write: bool, durable: bool) -> Iterator[Connection]:
    with engine.connect() as base:
        connection = base.execution_options(lab_begin="IMMEDIATE" if write else "DEFERRED")
        raw = connection.connection.driver_connection
        assert raw is not None
        if durable:
            raw.execute("PRAGMA synchronous=FULL")
        try:
            with connection.begin():
                yield connection
        finally:
            if durable:
                raw.execute("PRAGMA synchronous=NORMAL")


def translated(error: exc.DatabaseError, engine: Engine) -> LabError | None:
    """A full disk, a read-only file, a lock that never came, a file that is no database are things a user can mend; None
    for all else."""
    text = str(error.orig)
    file = Path(engine.get_execution_options()["lab_file"])
    if "full" in text or ("disk I/O" in text and shutil.disk_usage(file.parent).free < NOTHING_FREE):
        return LabError("the disk is full", "free some space and try again; nothing half-written was kept", "disk-full")
    if "disk I/O" in text:
        return LabError(f"the disk under {file} fails ({text})", "look into the system's log; a backup may be needed")
    if "readonly" in text or "read-only" in text or "unable to open" in text:
        return LabError(
            f"the lab's database cannot be written ({text})", "check its owner and mode, or open it with --readonly"
        )
    if "locked" in text:
        return LabError(
            "another process kept the lab's database locked for 15 s",
            "`o1coder jobs list` shows what runs; a lab on a network disk is not supported",
        )
    if "not a database" in text or "malformed" in text:
        return LabError(
            f"{file} cannot be read as a database ({text})", "put a copy made by `o1coder backup` in its place"
        )
    return None


def triggers() -> list[str]:
    """The statements that make fact tables append-only: no UPDATE, no DELETE, and so no REPLACE."""
    out = []
    for table in APPEND_ONLY:
        for verb in ("UPDATE", "DELETE"):
            out.append(
                f"CREATE TRIGGER IF NOT EXISTS {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} rows are facts: they are appended, never changed'); END"
            )
    out.append(
        "CREATE TRIGGER IF NOT EXISTS problem_text AFTER INSERT ON problem BEGIN "
        "INSERT INTO problem_fts(rowid, title, statement) VALUES (new.id, new.title, new.statement); END"
    )
    return out


def version_of(connection: Connection) -> str | None:
    """The migration this database stands at; None where there is no lab in it."""
    found = connection.exec_driver_sql("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").first()
    if found is None:
        return None
    row = connection.exec_driver_sql("SELECT version_num FROM alembic_version").first()
    return None if row is None else str(row[0])


def check_version(engine: Engine, file: Path) -> None:
    """Raise LabError unless the database stands at HEAD."""
    try:
        with transaction(engine, write=False) as connection:
            version = version_of(connection)
    except UnicodeDecodeError as error:  # what SQLite quotes of a torn schema
        raise LabError(
            f"{file} cannot be read as a database", "put a copy made by `o1coder backup` in its place"
        ) from error
    if version is None:
        raise LabError(f"{file} is not a lab", "`o1coder init` makes one")
    if version < HEAD:
        raise LabError(
            f"{file} was made by an older o1coder (schema {version}, this one needs {HEAD})", "run `o1coder upgrade`"
        )
    if version > HEAD:
        raise LabError(
            f"{file} was made by a newer o1coder (schema {version}, this one knows {HEAD})",
            "install the newer o1coder, or open another lab with --home",
        )


def migrations_folder() -> Path:
    """Where the migrations lie: inside the installed package, else beside it in a checkout."""
    package = Path(__file__).resolve().parent
    for folder in (package / "_migrations", package.parent / "migrations"):
        if (folder / "env.py").is_file():
            return folder
    raise LabError("the migrations are missing from this installation", "install o1coder again")


def upgrade(file: Path) -> None:
    """Bring the database to HEAD through Alembic; triggers are made again afterwards from one list."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.attributes["file"] = file
    command.upgrade(config, "head")


def create(file: Path) -> None:
    """Make an empty database at HEAD; a half-made one is removed."""
    module, _ = driver()
    try:
        module.connect(str(file)).close()
        upgrade(file)
    except BaseException as error:
        for name in (file, Path(f"{file}-wal"), Path(f"{file}-shm")):
            name.unlink(missing_ok=True)
        if isinstance(error, (exc.DatabaseError, module.DatabaseError)):
            raise LabError(
                f"the database cannot be made at {file} ({getattr(error, 'orig', error)})",
                "free some space, or name a folder on another disk with --home",
                "disk-full" if "full" in str(error) or "disk I/O" in str(error) else "lab-error",
            ) from error
        raise


def backup(engine: Engine, target: Path) -> None:
    """Copy the database to `target` through SQLite's backup API; the copy has no WAL, so it opens anywhere. LabError when
    the target cannot be written."""
    module, _ = driver()
    partial = target.with_name(target.name + ".part")
    try:
        partial.unlink(missing_ok=True)
        with engine.connect() as connection:
            source = connection.connection.driver_connection
            assert source is not None
            copy = module.connect(str(partial))
            try:
                source.backup(copy)
                copy.execute("PRAGMA journal_mode=DELETE")
            finally:
                copy.close()
        shutil.move(partial, target)
    except (OSError, exc.DatabaseError, module.DatabaseError) as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise LabError(
            f"the copy cannot be written to {target} ({getattr(error, 'orig', error)})", "name a file on another disk"
        ) from error
