"""What a person's SQL may do to a lab (read it) and to the program (nothing), and what is said where it fails."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from o1coder.clock import now
from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.models import Run
from o1coder.queries import saved, schema, sqlresult
from o1coder.queries.sqlexamples import EXAMPLES
from o1coder.queries.sqltext import Asking, Result
from o1coder.rows import add
from o1coder.saved import forget, save

EVIL = "\x1b]52;c;aGk=\x07"
ENDLESS = "with recursive n(i) as (select 1 union all select i + 1 from n) "


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Three runs, one with a hostile name; kept queries are all that tests change in it."""
    lab = Lab.create(tmp_path_factory.mktemp("sql") / "lab")
    with lab.writing() as connection:
        for name in ("one", "two", EVIL):
            add(connection, Run, name=name, author="t", created_at=now())
    yield lab
    lab.close()


def ask(lab: Lab, text: str, timeout_s: float = 20.0, most: int = 10_000) -> Result:
    return Asking(lab.home, text, timeout_s=timeout_s, most=most).answer()


def test_rows_with_the_type_that_each_column_holds(lab: Lab) -> None:
    found = ask(lab, "select id, name, 1.5 as r, null as z, x'00ff' as b, id as id from run order by id;")
    assert found.columns == ["id", "name", "r", "z", "b", "id_2"]
    assert found.types == ["integer", "text", "real", "null", "blob", "integer"]
    assert found.rows[0] == (1, "one", 1.5, None, b"\x00\xff", 1)
    assert found.cut is None
    mixed = ask(lab, "select 1 as a, 1 as b union all select 2.5, 'x'")
    assert mixed.types == ["real", "mixed"]


@pytest.mark.parametrize(
    "text",
    [
        "delete from run",
        "drop table run",
        "update run set name = 'x' returning *",
        "create temp table t(a)",
        "attach 'FOLDER/other.db' as other",
        "detach main",
        "vacuum into 'FOLDER/other.db'",
        "pragma query_only = 0",
        "pragma writable_schema = 1",
        "pragma journal_mode = delete",
        "begin immediate",
        "savepoint s",
        "reindex",
        "analyze",
        "select load_extension('FOLDER/x.so')",
        "select fts3_tokenizer('simple')",
        "select 1; delete from run",
        "with x as (select 1) insert into run(name) select 1 from x",
    ],
)
def test_nothing_passes_but_reading(lab: Lab, tmp_path: Path, text: str) -> None:
    before = (lab.home / "lab.db").read_bytes()
    with pytest.raises(LabError, match="only reading|several statements|no function"):
        ask(lab, text.replace("FOLDER", str(tmp_path)))
    assert list(tmp_path.iterdir()) == []
    assert (lab.home / "lab.db").read_bytes() == before
    assert len(ask(lab, "select * from run").rows) == 3


def test_what_has_no_end_is_cut_or_stopped(lab: Lab) -> None:
    found = ask(lab, ENDLESS + "select i from n", most=50)
    assert (len(found.rows), found.rows[-1], found.cut) == (50, (50,), "rows")
    with pytest.raises(LabError, match=r"too long \(more than 0.2 s\)"):
        ask(lab, ENDLESS + "select count(*) from n", timeout_s=0.2)
    with pytest.raises(LabError, match="too long"):  # within one call of a function no handler is asked
        ask(lab, "select instr(hex(zeroblob(90000000)), hex(zeroblob(40000000)) || '1')", timeout_s=0.2)


def test_huge_values_take_no_memory_of_ours(lab: Lab) -> None:
    with pytest.raises(LabError, match="more memory"):
        ask(lab, "select hex(zeroblob(600000000))")
    found = ask(lab, ENDLESS + "select zeroblob(20000000) from n")
    assert (len(found.rows), found.cut) == (3, "bytes")


def test_a_query_is_stopped_by_another_thread(lab: Lab) -> None:
    asking = Asking(lab.home, ENDLESS + "select count(*) from n", timeout_s=600)
    said: list[str] = []

    def wait() -> None:
        with pytest.raises(LabError) as caught:
            asking.answer()
        said.append(caught.value.message)

    thread = threading.Thread(target=wait)
    thread.start()
    while asking._process is None:
        time.sleep(0.01)
    asking.cancel()
    thread.join(timeout=60)
    assert said == ["the query was stopped"]
    with pytest.raises(LabError, match="stopped"):
        asking.answer()


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("selct 1", 'column 1: near "selct"', ""),
        ("select *, fro m\nfro from run", 'line 2, column 1: near "fro"', ""),
        ("select\n  nam from run", "line 2, column 3: there is no column nam", "did you mean name?"),
        ("select 1 from runs", "column 15: there is no table runs", "did you mean run?"),
        ("select lenght(name) from run", "column 8: there is no function lenght", "did you mean length?"),
        ("select 'a", "column 8: unrecognized token", "single quotation marks"),
        ("select (1", "column 10: it ends in the midst", "close"),
        ("", "no statement", ""),
        ("-- nothing", "no statement", ""),
        ("select \ud800", "surrogate", ""),
        ("select '\0'", "null character|unrecognized token", ""),
    ],
)
def test_errors_say_where_and_what_was_meant(lab: Lab, text: str, message: str, hint: str) -> None:
    with pytest.raises(LabError, match="^the query failed: ") as caught:
        ask(lab, text)
    assert re.search(message if "|" in message else re.escape(message), caught.value.message)
    assert hint in (caught.value.hint or "")


def test_every_example_answers(lab: Lab) -> None:
    assert len({one.name for one in EXAMPLES}) == len(EXAMPLES) > 4
    for one in EXAMPLES:
        assert ask(lab, one.text).columns, one.name


def test_results_as_files(lab: Lab, tmp_path: Path) -> None:
    found = ask(lab, "select id, name, x'0a' as b, 1e999 as i, null as z from run where id > 1 order by id")
    for form, want in (
        ("csv", f"id,name,b,i,z\n2,two,0a,inf,\n3,{EVIL},0a,inf,\n"),
        ("tsv", f"id\tname\tb\ti\tz\n2\ttwo\t0a\tinf\t\n3\t{EVIL}\t0a\tinf\t\n"),
    ):
        sqlresult.write(found, tmp_path / f"rows.{form}")
        assert (tmp_path / f"rows.{form}").read_text() == want
    sqlresult.write(found, tmp_path / "rows.json")
    sqlresult.write(found, tmp_path / "rows.jsonl")
    rows = json.loads((tmp_path / "rows.json").read_text())
    assert rows[0] == {"id": 2, "name": "two", "b": "0a", "i": None, "z": None}
    assert [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()] == rows
    assert rows[1]["name"] == EVIL
    with pytest.raises(LabError, match="exists already"):
        sqlresult.write(found, tmp_path / "rows.json")
    with pytest.raises(LabError, match=r"rows.xls"):
        sqlresult.write(found, tmp_path / "rows.xls")
    assert not (tmp_path / "rows.xls").exists()


def test_queries_are_kept_and_forgotten(lab: Lab) -> None:
    assert save(lab, "sql", "mine", "select 1", "ann") is False
    assert save(lab, "stepwise", "mine", "split:train", "ann", kinds=("preference",)) is False
    assert save(lab, "sql", "mine", "select 2", "bob") is True
    assert save(lab, "preference", "mine", "job:3", "ann", kinds=("stepwise",)) is True
    with lab.reading() as connection:
        assert [
            (row.kind, row.text, row.author) for row in saved.listed(connection, ["sql", "stepwise", "preference"])
        ] == [
            ("preference", "job:3", "ann"),
            ("sql", "select 2", "bob"),
        ]
        assert saved.named(connection, "mine", ["stepwise"]) is None
    forget(lab, "mine", ["sql"])
    for name, kinds in (("mine", ["sql"]), ("never", ["preference"])):
        with pytest.raises(LabError, match="no query is kept"):
            forget(lab, name, kinds)
    for name in ("", "two words", "-dash", "UPPER", "x" * 41, "a;b"):
        with pytest.raises(LabError, match="is no name"):
            save(lab, "sql", name, "select 1", "ann")
    with pytest.raises(LabError, match="read-only"):
        save(Lab(lab.home, readonly=True), "sql", "mine", "select 1", "ann")


def test_the_tables_and_what_they_hold(lab: Lab) -> None:
    with lab.reading() as connection:
        found = {table.name: table for table in schema.tables(connection)}
    assert {"step", "label", "dataset", "problem_fts", "saved_query"} <= set(found)
    assert not [name for name in found if name.startswith(("sqlite_", "alembic", "problem_fts_"))]
    assert found["run"].rows == 3
    assert "reasoning step" in found["step"].about
    refers = {column.name: column.refers for column in found["step"].columns}
    assert (refers["tree_id"], refers["parent_id"], refers["text"]) == ("tree", "step", None)
    assert [table.name for table in found.values() if not table.about] == []
