"""An older lab is copied, migrated and kept whole; a newer one, a live job and a worker are refused."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from o1coder import db
from o1coder.errors import LabError
from o1coder.jobs import alive, launch
from o1coder.lab import Lab
from o1coder.upgrading import upgrade
from o1coder.verify import examine
from tests.lab.conftest import PROBLEMS, Damage

NOW = db.HEAD

# It makes the label table anew, as batch mode does: triggers and foreign keys are what it could lose.
NEXT = '''
"""One more schema, for this test."""
import sqlalchemy as sa
from alembic import op

revision = "9000"
down_revision = "HEAD"


def upgrade() -> None:
    with op.batch_alter_table("label", recreate="always") as batch:
        batch.add_column(sa.Column("colour", sa.String()))
'''


@pytest.fixture
def newer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This program, one schema later."""
    folder = Path(shutil.copytree(db.migrations_folder(), tmp_path / "migrations"))
    (folder / "versions" / "9000_next.py").write_text(NEXT.replace("HEAD", db.HEAD))
    monkeypatch.setattr(db, "migrations_folder", lambda: folder)
    monkeypatch.setattr(db, "HEAD", "9000")


def test_a_lab_of_this_schema_is_left_alone(home: Path) -> None:
    before = (home / "lab.db").read_bytes()
    found = upgrade(home)
    assert (found["upgraded"], found["copy"], found["from"], found["to"]) == (False, None, db.HEAD, db.HEAD)
    assert (home / "lab.db").read_bytes() == before


@pytest.mark.usefixtures("newer")
def test_an_older_lab_is_copied_then_migrated_and_keeps_its_facts_and_triggers(home: Path) -> None:
    with pytest.raises(LabError, match="older o1coder") as raised:
        Lab(home)
    assert "upgrade" in raised.value.hint
    before = (home / "lab.db").read_bytes()
    found = upgrade(home)
    assert (found["upgraded"], found["from"], found["to"]) == (True, NOW, "9000")
    lab = Lab(home)
    seen = examine(lab, quick=False)
    assert seen.wrong == []
    with lab.reading() as connection:
        assert (
            connection.exec_driver_sql("SELECT COUNT(*) FROM label WHERE colour IS NULL").scalar()
            == seen.checked["label"]
        )
    lab.close()
    assert (home / f"lab.db.before-{NOW}").stat().st_size == len(before)
    assert upgrade(home)["upgraded"] is False


@pytest.mark.usefixtures("newer")
def test_an_earlier_copy_is_not_overwritten(home: Path) -> None:
    (home / f"lab.db.before-{NOW}").write_text("precious")
    assert str(upgrade(home)["copy"]).endswith(f"lab.db.before-{NOW}.2")
    assert (home / f"lab.db.before-{NOW}").read_text() == "precious"


@pytest.mark.usefixtures("newer")
def test_a_live_job_is_not_pulled_the_schema_from_under(home: Path, damage: Damage) -> None:
    me = alive.standing(os.getpid())
    assert me is not None
    place = f"host = '{alive.host()}', boot_id = '{alive.boot_id()}'"
    damage(
        f"UPDATE attempt SET outcome = NULL, ended_at = NULL, {place}, pid = {os.getpid()}, create_time = {me.create_time}"
    )
    with pytest.raises(LabError, match="job 1 is running"):
        upgrade(home)
    damage("UPDATE attempt SET host = 'far away'")
    with pytest.raises(LabError, match="far away"):
        upgrade(home)
    assert not list(home.glob("lab.db.before*"))
    damage(f"UPDATE attempt SET {place}, create_time = 1")  # that process is another one
    assert upgrade(home)["upgraded"]


@pytest.mark.usefixtures("newer")
def test_a_worker_is_not_either(home: Path) -> None:
    lock = launch.Lock(home)
    assert lock.acquire(1.0)
    lock.sign(1, 0, "now")
    with pytest.raises(LabError, match=f"process {os.getpid()}"):
        upgrade(home)
    lock.close()


def test_a_newer_lab_is_one_clear_line(home: Path, damage: Damage) -> None:
    damage("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(LabError, match="newer o1coder"):
        upgrade(home)
    for readonly in (False, True):
        with pytest.raises(LabError, match="newer o1coder"):
            Lab(home, readonly=readonly)


def test_no_lab_at_all(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="no lab"):
        upgrade(tmp_path)


def at_0001(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the lab's database one of the first schema, with the same rows."""
    from alembic import command
    from alembic.config import Config

    module, _ = db.driver()
    new, old = home / "lab.db", home / "old.db"
    module.connect(str(old)).close()
    config = Config()
    config.set_main_option("script_location", str(db.migrations_folder()))
    config.attributes["file"] = old
    with monkeypatch.context() as then:
        later = {"rescore", "gold", "gold_answer", "dataset_path"}
        then.setattr(db, "APPEND_ONLY", [name for name in db.APPEND_ONLY if name not in later])
        command.upgrade(config, "0001")
    raw = module.connect(str(old), isolation_level=None)
    raw.execute("PRAGMA foreign_keys=OFF")
    raw.execute("ATTACH ? AS new", (str(new),))
    for (table,) in raw.execute(
        "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE 'problem_fts%' "
        "AND name NOT LIKE 'sqlite_%' AND name <> 'alembic_version'"
    ).fetchall():
        columns = ", ".join(f'"{row[1]}"' for row in raw.execute(f"PRAGMA main.table_info({table})"))
        raw.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM new.{table}")
    raw.close()
    for name in ("lab.db", "lab.db-wal", "lab.db-shm"):
        (home / name).unlink(missing_ok=True)
    old.rename(new)


def test_a_lab_of_the_first_schema_keeps_its_facts_and_knows_which_withdrawals_its_trees_saw(
    home: Path, damage: Damage, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage(
        "INSERT INTO test_withdrawal (test_case_id, reason, author, created_at) "
        "SELECT MIN(id), 'w', 'tester', '2999-01-01T00:00:00.000Z' FROM test_case"  # after every tree
    )
    at_0001(home, monkeypatch)
    with pytest.raises(LabError, match="older o1coder"):
        Lab(home)
    assert upgrade(home)["from"] == "0001"
    lab = Lab(home)
    assert examine(lab, quick=False).wrong == []
    with lab.reading() as connection:
        trees = "SELECT COUNT(*), COALESCE(SUM(withdrawals), 0) FROM tree"
        assert tuple(connection.exec_driver_sql(trees).one()) == (PROBLEMS, 0)
    lab.close()
    damage("UPDATE test_withdrawal SET created_at = '2000-01-01T00:00:00.000Z'")
    at_0001(home, monkeypatch)
    upgrade(home)
    lab = Lab(home)
    with lab.reading() as connection:
        assert connection.exec_driver_sql("SELECT MIN(withdrawals) FROM tree").scalar() == 1
    lab.close()
