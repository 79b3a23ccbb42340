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
from tests.lab.conftest import Damage

# It makes the label table anew, as batch mode does: triggers and foreign keys are what it could lose.
NEXT = '''
"""A second schema, for this test."""
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    with op.batch_alter_table("label", recreate="always") as batch:
        batch.add_column(sa.Column("colour", sa.String()))
'''


@pytest.fixture
def newer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This program, one schema later."""
    folder = Path(shutil.copytree(db.migrations_folder(), tmp_path / "migrations"))
    (folder / "versions" / "0002_next.py").write_text(NEXT)
    monkeypatch.setattr(db, "migrations_folder", lambda: folder)
    monkeypatch.setattr(db, "HEAD", "0002")


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
    assert (found["upgraded"], found["from"], found["to"]) == (True, "0001", "0002")
    lab = Lab(home)
    seen = examine(lab, quick=False)
    assert seen.wrong == []
    with lab.reading() as connection:
        assert (
            connection.exec_driver_sql("SELECT COUNT(*) FROM label WHERE colour IS NULL").scalar()
            == seen.checked["label"]
        )
    lab.close()
    assert (home / "lab.db.before-0001").stat().st_size == len(before)
    assert upgrade(home)["upgraded"] is False


@pytest.mark.usefixtures("newer")
def test_an_earlier_copy_is_not_overwritten(home: Path) -> None:
    (home / "lab.db.before-0001").write_text("precious")
    assert str(upgrade(home)["copy"]).endswith("lab.db.before-0001.2")
    assert (home / "lab.db.before-0001").read_text() == "precious"


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
