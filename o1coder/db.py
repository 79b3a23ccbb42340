"""Connections: which SQLite, which pragmas, how a transaction begins, which triggers, which schema.

Everything that touches sqlite3 directly is here. It does not know what the tables mean, and it never imports alembic
(0.3 s): migrations live beside it and are run by `upgrade` alone, found by file path, since a `migrations/` folder in the
current directory must not shadow them.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from sqlalchemy import Engine, create_engine, event, exc
from sqlalchemy.engine import Connection
from sqlalchemy.pool import QueuePool

from o1coder.errors import LabError

HEAD = "0001"  # the newest migration; a test pins it to Alembic's head
BUSY_TIMEOUT_MS = 15_000
JOURNAL_LIMIT = 64 << 20

APPEND_ONLY = (
    "problem program program_origin test_case test_withdrawal test_set test_set_item profile verdict tree tree_end step "
    "completion rollout generated_case score label dataset dataset_item checkpoint decision evaluation evaluation_item "
    "job_input metric"
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
    mode = "ro" if readonly else "rw"
    uri = f"file:{_quoted(file)}?mode={mode}"

    def opened() -> Any:
        return module.connect(
            uri, uri=True, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False
        )

    # The in-memory URL would choose a one-connection pool; a file wants a queue of them.
    engine = create_engine("sqlite://", module=module, creator=opened, poolclass=QueuePool, pool_size=4)

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


def _quoted(file: Path) -> str:
    return str(file).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


@contextmanager
def transaction(engine: Engine, *, write: bool, durable: bool = False) -> Iterator[Connection]:
    """One short transaction: BEGIN IMMEDIATE for writing, deferred for reading; `durable` waits for the disk."""
    with engine.connect() as base:
        connection = base.execution_options(lab_begin="IMMEDIATE" if write else "DEFERRED")
        if durable:
            raw = connection.connection.driver_connection
            assert raw is not None
            raw.execute("PRAGMA synchronous=FULL")
        try:
            with connection.begin():
                yield connection
        except exc.OperationalError as error:
            raise translated(error) from error
        finally:
            if durable:
                raw = connection.connection.driver_connection
                assert raw is not None
                raw.execute("PRAGMA synchronous=NORMAL")


def translated(error: exc.OperationalError) -> Exception:
    """A full disk, a read-only file and a lock that never came are things a user can mend."""
    text = str(error.orig)
    if "full" in text:
        return LabError("the disk is full", "free some space and try again; nothing half-written was kept", "disk-full")
    if "readonly" in text or "read-only" in text or "unable to open" in text:
        return LabError(
            f"the lab's database cannot be written ({text})", "check its owner and mode, or open it with --readonly"
        )
    if "locked" in text:
        return LabError(
            "another process kept the lab's database locked for 15 s",
            "`o1coder jobs list` shows what runs; a lab on a network disk is not supported",
        )
    return error


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
    with transaction(engine, write=False) as connection:
        version = version_of(connection)
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
    module.connect(str(file)).close()
    try:
        upgrade(file)
    except BaseException:
        for name in (file, Path(f"{file}-wal"), Path(f"{file}-shm")):
            name.unlink(missing_ok=True)
        raise


def backup(engine: Engine, target: Path) -> None:
    """Copy the database to `target` through SQLite's backup API; the copy has no WAL, so it opens anywhere."""
    module, _ = driver()
    partial = target.with_name(target.name + ".part")
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
