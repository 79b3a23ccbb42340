"""Facts are appended: the database itself refuses every way to change one, and every row without exactly one maker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from o1coder import db
from o1coder.lab import Lab
from o1coder.models.columns import provenance
from o1coder.rows import table


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A raw connection as the lab opens it, to a lab with one row of nonsense in every fact table."""
    lab = Lab.create(tmp_path_factory.mktemp("facts") / "lab")
    with lab.engine.connect() as connection:
        raw: Any = connection.connection.driver_connection
        raw.execute("PRAGMA foreign_keys=OFF")
        raw.execute("PRAGMA ignore_check_constraints=ON")
        for name in db.APPEND_ONLY:
            columns = [row[1] for row in raw.execute(f"PRAGMA table_info({name})") if row[3] or row[5]]
            places = ",".join("?" * len(columns))
            raw.execute(f"INSERT INTO {name}({','.join(columns)}) VALUES ({places})", [1] * len(columns))
        yield raw
    lab.close()


WAYS = {
    "update": "UPDATE {0} SET {1} = {1}",
    "update or ignore": "UPDATE OR IGNORE {0} SET {1} = 7",
    "delete": "DELETE FROM {0}",
    "replace": "REPLACE INTO {0} SELECT * FROM {0}",
    "update or replace": "UPDATE OR REPLACE {0} SET {1} = 7",
    "upsert": "INSERT INTO {0} SELECT * FROM {0} WHERE true ON CONFLICT DO UPDATE SET {1} = excluded.{1}",
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", db.APPEND_ONLY)
def test_no_fact_changes(facts: Any, name: str, way: str) -> None:
    before = facts.execute(f"SELECT * FROM {name}").fetchall()
    column = facts.execute(f"PRAGMA table_info({name})").fetchall()[-1][1]
    with pytest.raises(db.driver()[0].IntegrityError, match="appended, never changed"):
        facts.execute(WAYS[way].format(name, column))
    assert facts.execute(f"SELECT * FROM {name}").fetchall() == before
    assert len(before) == 1


@pytest.mark.parametrize("name", db.APPEND_ONLY)
def test_insert_or_ignore_keeps_the_first(facts: Any, name: str) -> None:
    facts.execute(f"INSERT OR IGNORE INTO {name} SELECT * FROM {name}")
    assert facts.execute(f"SELECT COUNT(*) FROM {name}").fetchone() == (1,)


def made_by_someone() -> list[str]:
    from sqlmodel import SQLModel

    rule = str(provenance().sqltext)
    return [
        t.name
        for t in SQLModel.metadata.sorted_tables
        if any(str(getattr(c, "sqltext", "")) == rule for c in t.constraints)
    ]


@pytest.mark.parametrize(("job", "author"), [(None, None), (1, "ann")], ids=["nobody", "both"])
@pytest.mark.parametrize("name", made_by_someone())
def test_a_row_has_exactly_one_maker(facts: Any, name: str, job: int | None, author: str | None) -> None:
    columns = [r[1] for r in facts.execute(f"PRAGMA table_info({name})") if (r[3] or r[5]) and r[1] != "id"]
    columns += ["job_id", "author"]
    values = [2] * (len(columns) - 2) + [job, author]
    facts.execute("PRAGMA ignore_check_constraints=OFF")
    try:
        with pytest.raises(db.driver()[0].IntegrityError, match="CHECK constraint failed"):
            facts.execute(f"INSERT INTO {name}({','.join(columns)}) VALUES ({','.join('?' * len(columns))})", values)
    finally:
        facts.execute("PRAGMA ignore_check_constraints=ON")


def test_who_makes_rows_is_asked_of_these_tables() -> None:
    assert {"problem", "program_origin", "test_case", "test_set", "label", "dataset", "checkpoint", "decision"} <= set(
        made_by_someone()
    )


def test_unique_keys_keep_a_repetition_out(lab: Lab) -> None:
    """What a killed writer would write again."""
    from o1coder.models import Completion, Label, Rollout, Step, Tree, Verdict

    for model in (Tree, Step, Completion, Rollout, Verdict, Label):
        source = table(model)
        names = ", ".join(c.name for c in source.columns if c.name != "id")
        machine = (
            " WHERE source = 'search'" if model is Label else " WHERE parent_id IS NOT NULL" if model is Step else ""
        )
        statement = f"INSERT INTO {source.name}({names}) SELECT {names} FROM {source.name}{machine}"
        with pytest.raises(IntegrityError, match="UNIQUE"), lab.writing() as connection:
            connection.exec_driver_sql(statement)
    with pytest.raises(IntegrityError, match="UNIQUE"), lab.writing() as connection:
        connection.exec_driver_sql(
            "INSERT INTO step(tree_id, ordinal, depth, action, text) SELECT tree_id, 1, 0, 'root', '' FROM step LIMIT 1"
        )
