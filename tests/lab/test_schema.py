"""The migrations make what the models say, and db.HEAD is where they end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, inspect
from sqlmodel import SQLModel

import o1coder.models  # noqa: F401  registers every table
from o1coder import db
from o1coder.lab import Lab


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    file = tmp_path_factory.mktemp("schema") / "lab.db"
    db.create(file)
    engine = create_engine(f"sqlite:///{file}")
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def declared() -> Iterator[Engine]:
    engine = create_engine("sqlite://")
    SQLModel.metadata.create_all(engine)
    yield engine
    engine.dispose()


def test_head_is_alembics_head() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(db.migrations_folder()))
    assert ScriptDirectory.from_config(config).get_heads() == [db.HEAD]


def test_the_migrated_schema_is_the_declared_one(migrated: Engine) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    def ours(_object: Any, name: str | None, kind: str, *_: Any) -> bool:
        return not (kind == "table" and (name or "").startswith("problem_fts"))

    with migrated.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": ours, "compare_type": True})
        assert compare_metadata(context, SQLModel.metadata) == []


@pytest.mark.parametrize("name", sorted(SQLModel.metadata.tables))
def test_checks_uniques_and_keys_are_the_declared_ones(migrated: Engine, declared: Engine, name: str) -> None:
    """What alembic does not compare."""

    def said(engine: Engine) -> Any:
        look = inspect(engine)
        checks = sorted((c["name"] or "", " ".join(c["sqltext"].split())) for c in look.get_check_constraints(name))
        uniques = sorted(tuple(u["column_names"]) for u in look.get_unique_constraints(name))
        keys = sorted((tuple(k["constrained_columns"]), k["referred_table"]) for k in look.get_foreign_keys(name))
        indexes = sorted((i["name"] or "", tuple(i["column_names"]), i["unique"]) for i in look.get_indexes(name))
        return checks, uniques, keys, indexes, look.get_pk_constraint(name)["constrained_columns"]

    def auto(engine: Engine) -> bool:
        with engine.connect() as connection:
            sql = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = ?", (name,)).scalar()
        return "AUTOINCREMENT" in str(sql)

    assert said(migrated) == said(declared)
    assert auto(migrated) == auto(declared)


def test_every_fact_table_exists_and_what_is_no_fact_is_listed() -> None:
    changing = {
        "blob",
        "model",
        "run",
        "job",
        "attempt",
        "ingest",
        "gpu_lease",
        "tree_pulse",
        "label_lease",
        "saved_query",
    }
    assert set(db.APPEND_ONLY) | changing == set(SQLModel.metadata.tables)
    assert not set(db.APPEND_ONLY) & changing


def test_migrations_are_found_by_path_whatever_the_current_folder_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoy = tmp_path / "migrations"
    decoy.mkdir()
    (decoy / "env.py").write_text("raise SystemExit('the decoy ran')")
    (decoy / "__init__.py").write_text("raise SystemExit('the decoy was imported')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    Lab.create(tmp_path / "100% lab?#").close()
