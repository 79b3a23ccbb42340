"""How the lab is opened and written: pragmas, immediate transactions, durable labels, read-only, copies, clear errors."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import exc

from o1coder import db, labels
from o1coder.errors import LabError
from o1coder.lab import Lab


def pragma(lab: Lab, name: str) -> Any:
    with lab.reading() as connection:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


@pytest.mark.parametrize(
    ("version", "fixed"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 0), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 0), False),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 53, 4), True),
        ((4, 0, 0), True),
    ],
)
def test_which_sqlite_has_the_fix(version: tuple[int, ...], fixed: bool) -> None:
    assert db.fixed_in(version) is fixed


def test_pragmas(lab: Lab) -> None:
    assert pragma(lab, "journal_mode") == ("wal" if db.driver()[1] else "delete")
    assert (pragma(lab, "foreign_keys"), pragma(lab, "recursive_triggers")) == (1, 1)
    assert pragma(lab, "synchronous") == 1
    assert pragma(lab, "busy_timeout") == db.BUSY_TIMEOUT_MS


def test_without_the_fix_the_journal_is_no_wal(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "driver", lambda: (sqlite3, False))
    lab = Lab(home)
    assert pragma(lab, "journal_mode") == "delete"
    with lab.writing() as connection:
        connection.exec_driver_sql("UPDATE job SET attempts_wanted = 2")
    lab.close()


COUNT_UP = """
import sys
from pathlib import Path
from o1coder.lab import Lab
lab = Lab(Path(sys.argv[1]))
for _ in range(int(sys.argv[2])):
    with lab.writing() as connection:
        n = connection.exec_driver_sql("SELECT attempts_wanted FROM job WHERE id = 1").scalar()
        connection.exec_driver_sql("UPDATE job SET attempts_wanted = ? WHERE id = 1", (n + 1,))
"""


def test_four_processes_that_read_then_write_lose_nothing(home: Path) -> None:
    line = [sys.executable, "-P", "-c", COUNT_UP, str(home), "100"]
    running = [subprocess.Popen(line) for _ in range(4)]
    assert [process.wait(timeout=120) for process in running] == [0] * 4
    lab = Lab(home)
    with lab.reading() as connection:
        assert connection.exec_driver_sql("SELECT attempts_wanted FROM job WHERE id = 1").scalar() == 401
    lab.close()


def test_a_durable_write_waits_for_the_disk_and_only_that_one(lab: Lab) -> None:
    with lab.writing(durable=True) as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    assert pragma(lab, "synchronous") == 1
    with pytest.raises(RuntimeError), lab.writing(durable=True):
        raise RuntimeError
    assert pragma(lab, "synchronous") == 1


def test_a_persons_label_is_durable(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    whole = db.transaction

    def noted(engine: Any, *, write: bool, durable: bool = False) -> Any:
        asked.append(durable)
        return whole(engine, write=write, durable=durable)

    monkeypatch.setattr(db, "transaction", noted)
    added = labels.add_human(lab, 4, "valid", "ann")
    labels.undo(lab, added.id, "ann")
    assert asked == [True, True]


def test_what_fails_is_not_half_written(lab: Lab) -> None:
    with suppress(RuntimeError), lab.writing() as connection:
        connection.exec_driver_sql("UPDATE job SET attempts_wanted = 9")
        raise RuntimeError
    with lab.reading() as connection:
        assert connection.exec_driver_sql("SELECT attempts_wanted FROM job").scalar() == 1


def test_read_only_is_read_only(home: Path) -> None:
    before = hashlib.sha256((home / "lab.db").read_bytes()).digest()
    lab = Lab(home, readonly=True)
    with pytest.raises(LabError, match="read-only"), lab.writing():
        pass
    for statement in ("UPDATE job SET attempts_wanted = 9", "CREATE TABLE x(y)", "DELETE FROM gpu_lease"):
        with pytest.raises(LabError, match="cannot be written"), lab.reading() as connection:
            connection.exec_driver_sql(statement)
    lab.close()
    assert hashlib.sha256((home / "lab.db").read_bytes()).digest() == before


def test_a_reader_sees_what_a_writer_commits(home: Path) -> None:
    writer, reader = Lab(home), Lab(home, readonly=True)
    with writer.writing() as connection:
        connection.exec_driver_sql("UPDATE job SET attempts_wanted = 5")
        with reader.reading() as other:
            assert other.exec_driver_sql("SELECT attempts_wanted FROM job").scalar() == 1
    with reader.reading() as other:
        assert other.exec_driver_sql("SELECT attempts_wanted FROM job").scalar() == 5
    writer.close()
    reader.close()


def dump(file: Path) -> dict[str, list[Any]]:
    """Every row of every table, and the schema."""
    raw = db.driver()[0].connect(f"file:{file}?mode=ro&immutable=1", uri=True)
    try:
        names = [row[0] for row in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: raw.execute(f"SELECT * FROM {name}").fetchall() for name in [*names, "sqlite_master"]}
    finally:
        raw.close()


def test_a_backup_made_while_a_writer_writes_equals_the_lab_and_opens_alone(home: Path, tmp_path: Path) -> None:
    lab = Lab(home)
    with lab.writing() as connection:
        connection.exec_driver_sql("UPDATE job SET attempts_wanted = 3")  # in the WAL, not yet in the file
    copy = tmp_path / "copy %?#.db"
    db.backup(lab.engine, copy)
    assert [path.name for path in tmp_path.iterdir() if "copy" in path.name] == [copy.name]
    lab.close()
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(copy, alone / "lab.db")
    (alone / "lab.db").chmod(0o444)
    opened = Lab(alone, readonly=True)
    assert pragma(opened, "journal_mode") == "delete"
    opened.close()
    assert dump(alone / "lab.db") == dump(home / "lab.db")
    assert [path.name for path in alone.iterdir()] == ["lab.db"]


def test_a_backup_that_cannot_be_written_leaves_nothing(lab: Lab, tmp_path: Path) -> None:
    with pytest.raises(LabError, match="cannot be written to"):
        db.backup(lab.engine, tmp_path / "no folder" / "copy.db")


@pytest.mark.parametrize(
    ("says", "kind", "match"),
    [
        ("database or disk is full", "disk-full", "disk is full"),
        ("attempt to write a readonly database", "lab-error", "cannot be written"),
        ("unable to open database file", "lab-error", "cannot be written"),
        ("database is locked", "lab-error", "locked for 15 s"),
        ("file is not a database", "lab-error", "cannot be read as a database"),
        ("disk I/O error", "lab-error", "disk under"),
    ],
)
def test_what_sqlite_says_becomes_one_clear_line(lab: Lab, says: str, kind: str, match: str) -> None:
    error = exc.OperationalError("SELECT 1", {}, sqlite3.OperationalError(says))
    mended = db.translated(error, lab.engine)
    assert mended is not None
    assert mended.kind == kind
    assert match in mended.message
    assert mended.hint


def test_an_io_error_where_nothing_is_free_is_a_full_disk(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(100, 100, 0))  # type: ignore[attr-defined]
    error = exc.OperationalError("SELECT 1", {}, sqlite3.OperationalError("disk I/O error"))
    mended = db.translated(error, lab.engine)
    assert mended is not None
    assert mended.kind == "disk-full"
    with pytest.raises(LabError, match="only 0 MB are free"):
        lab.require_space()


def test_what_no_user_can_mend_is_not_translated(lab: Lab) -> None:
    with pytest.raises(exc.OperationalError, match="no such table"), lab.reading() as connection:
        connection.exec_driver_sql("SELECT * FROM nowhere")
    with pytest.raises(exc.IntegrityError), lab.writing() as connection:
        connection.exec_driver_sql("INSERT INTO run(name) VALUES ('x')")
