"""`datasets` and `sql` on the command line: what is previewed, compared, kept by name."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import done, say


def test_a_preview_writes_nothing_and_says_what_the_export_will(copy: Path, tmp_path: Path) -> None:
    before = len(done("datasets list", copy))
    seen = done("datasets preview stepwise --rows 2", copy)
    assert len(done("datasets list", copy)) == before
    answer = done(["export", "stepwise", "--out", str(tmp_path / "rows")], copy)
    assert {name: seen[name] for name in ("kind", "rows", "excluded", "sha256", "as_of")} == {
        name: answer[name] for name in ("kind", "rows", "excluded", "sha256", "as_of")
    }
    rows = [json.loads(text) for text in (tmp_path / "rows" / "data.jsonl").read_text().splitlines()]
    assert [one["row"] for one in seen["first"]] == rows[:2]
    assert seen["card"] == (tmp_path / "rows" / "README.md").read_text()
    assert "pretty_name" not in say("datasets preview stepwise", copy).out
    shown = done(["datasets", "show", str(answer["dataset"]), "--rows", "1", "--skip", "1"], copy)
    assert (shown["by"], shown["out"], shown["stale_labels"]) == (seen["by"], str(tmp_path / "rows"), [])
    assert [(one["ordinal"], one["row"]) for one in shown["first"]] == [(1, rows[1])]
    assert {"used_by", "stale_labels"} <= set(done("datasets list", copy)[0])


def test_wishes_are_kept_by_name(copy: Path) -> None:
    kept = done(["datasets", "save", "good", "stepwise", "label:search target:value job:2"], copy)
    assert (kept["query"], kept["replaced"]) == ("label:search job:2 target:value", False)
    seen = done("datasets preview good", copy)
    assert (seen["kind"], seen["target"], seen["query"]) == ("stepwise", "value", {"query": "job:2 label:search"})
    assert done("datasets preview good --target validity", copy)["target"] == "value"  # the wish's own word stands
    [row] = done("datasets saved", copy)
    assert (row["name"], row["kind"]) == ("good", "stepwise")
    assert done("datasets forget good", copy) == {"forgotten": "good"}
    assert done("datasets saved", copy) == []
    for line in ("datasets preview good", "datasets forget good", "datasets save a stepwise colour:red"):
        assert say(f"{line} --json", copy).code == 2
    assert (
        say("datasets save a stepwise split:train --readonly --json", copy).error["error"]
        == "the lab is open read-only"
    )


def test_two_datasets_side_by_side(copy: Path, tmp_path: Path) -> None:
    done("labels add 1:0 invalid --author ann", copy)
    one = done(["export", "o1coder-prm", "--out", str(tmp_path / "one")], copy)
    done("labels add 1:0 valid --author ann", copy)
    two = done(["export", "o1coder-prm", "--out", str(tmp_path / "two")], copy)
    found = done(f"datasets diff {one['dataset']} {two['dataset']}", copy)
    assert (found["relabelled"], found["added"], found["removed"]) == (1, 0, 0)
    [difference] = found["differences"]
    assert (difference["before"], difference["after"]) == (["invalid"], ["valid"])
    plain = say(f"datasets diff {one['dataset']} {two['dataset']}", copy).out
    assert "1 relabelled" in plain
    assert "invalid → valid" in plain
    stale = {row["id"]: row["stale_labels"] for row in done("datasets list", copy)}
    assert (stale[one["dataset"]], stale[two["dataset"]]) == (1, 0)


def test_sql_by_name_to_a_file_and_cut(copy: Path, tmp_path: Path) -> None:
    assert done(["sql", "select id from problem order by id", "--limit", "2", "--save", "ids"], copy) == [
        {"id": 1},
        {"id": 2},
    ]
    assert len(done("sql ids", copy)) > 100
    listed = {row["name"]: row for row in done("sql --list", copy)}
    assert listed["ids"]["query"] == "select id from problem order by id"
    assert "verdicts" in listed
    assert done("sql verdicts", copy)[0]["verdicts"] > 0
    wrote = done(["sql", "ids", "--out", str(tmp_path / "ids.csv"), "--limit", "3"], copy)
    assert wrote["rows"] == 3
    assert (tmp_path / "ids.csv").read_text() == "id\n1\n2\n3\n"
    said = say("sql ids --limit 1", copy)
    assert "only the first 1 rows" in said.err
    assert done("sql --forget ids", copy) == {"forgotten": "ids"}
    assert say("sql ids --json", copy).error["error"].startswith("the query failed: column 1: near")
    for line in ("sql", "sql --forget ids", "sql 'select 1' --timeout 0", "sql 'select 1' --save 'A b'"):
        assert say(f"{line} --json", copy).code == 2, line
    assert say("sql 'select 1' --save x --readonly --json", copy).code == 2
    assert done("sql 'select 1 as n' --readonly", copy) == [{"n": 1}]
