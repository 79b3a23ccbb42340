"""The SQL screen: queries by name, the line that completes, rows in a table, one esc a step; hostile values stay text."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from o1coder.queries.sqltext import Result
from tests.tui.terminal import Terminal
from tui.screens import sql_source
from tui.screens.sql_line import candidates
from tui.screens.sql_source import Query
from tui.screens.sql_state import State

Start = Callable[..., Terminal]
TABLES = {"step": ["id", "tree_id", "text"], "tree": ["id", "problem_id"], "rollout": ["id", "tree_id", "leaf_id"]}
ENDLESS = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n"


@pytest.mark.parametrize(
    ("before", "whole", "start", "words"),
    [
        ("select * from st", "", "st", ["step"]),
        ("select * from step join ", "", "", ["step", "tree", "rollout"]),
        ("select s.t", "select s.t from step s", "t", ["tree_id", "text"]),
        ("select tree.", "select tree. from tree", "", ["id", "problem_id"]),
        ("select x.le", "select x.le", "le", ["leaf_id"]),
        ("select te", "select te from step", "te", ["text"]),
        ("select t", "select t from rollout as r", "t", ["tree_id", "tree"]),
        ("select STEP.TE", "", "TE", ["text"]),
        ("select ;", "", "", ["step", "tree", "rollout"]),
    ],
)
def test_what_a_word_may_become(before: str, whole: str, start: str, words: list[str]) -> None:
    assert candidates(before, whole or before, TABLES) == (start, words)


def result(columns: list[str], *rows: tuple[object, ...]) -> Result:
    kinds = {int: "integer", str: "text", type(None): "null"}
    return Result(columns, [kinds[type(value)] for value in rows[0]], list(rows), None, 1.0)


def test_columns_get_the_room_they_need_and_share_what_is_left() -> None:
    few = result(["id", "name"], (1, "one"), (22, "three"))
    assert sql_source.widths(few, 80) == [3, 5]
    many = result([f"c{n}" for n in range(12)], tuple(f"{n}" * 40 for n in range(12)))
    assert sql_source.widths(many, 80) == [sql_source.LEAST] * 12
    uneven = result(["id", "long"], (1, "x" * 500))
    assert sum(sql_source.widths(uneven, 80)) == 76
    shown = sql_source.columns(many, sql_source.widths(many, 80), 80, 0)
    assert [column.at for column in shown] == [0] * 12
    shown = sql_source.columns(many, sql_source.widths(many, 80), 80, 9)
    hidden = [column.at > 0 for column in shown]
    assert hidden[9] is False
    assert hidden == sorted(hidden, reverse=True)
    assert sum(hidden) > 3
    assert shown[9].title.endswith("c9")
    assert len(shown[9].title) == 3
    assert [column.right for column in sql_source.columns(few, sql_source.widths(few, 80), 80, 0)] == [True, False]


def test_values_as_cells_are_one_inert_line() -> None:
    for value, text in (
        (None, "null"),
        (1.5, "1.5"),
        (b"\x00\xff", "x'00ff' 2 bytes"),
        ("a\nb\x1b[2J", "a b␛[2J"),
        ("x" * 500, "x" * 400 + "…"),
    ):
        assert sql_source.cell(value).text == text
    evil = result(["a\x1b[2J"], ("one\n\x1b]52;c;aGk=\x07two",))
    for lines in (sql_source.cell_lines(evil, 0, 0), sql_source.row_lines(evil, 0)):
        assert not re.search(r"[\x00-\x1f]", "".join(cell.text for line in lines for cell in line))
    assert len(sql_source.cell_lines(evil, 0, 0)) == 3
    text = "select 'a''b', x -- why\nfrom t where a is not null"
    assert ["".join(cell.text for cell in line) for line in sql_source.sql(text)] == text.split("\n")


def test_the_line_above_fits_the_screen() -> None:
    state = State(Query("", "select " + "x, " * 90 + "1"), result(["x"], (1,)))
    left, right = state.headline(state.query, None, 80)
    assert sum(len(cell.text) for cell in [*left, *right]) < 80
    assert "1 row " in right[0].text
    assert "esc stops" in state.headline(state.query, 3.2, 80)[1][0].text


def open_line(terminal: Terminal, key: str, shown: str) -> None:
    """Press a key that asks for a line, wait until it is there, and empty it."""
    terminal.press(key)
    terminal.wait_for(shown)
    terminal.settle(0.2)
    terminal.press("end", "\x15")
    terminal.wait_for(lambda screen: shown not in screen or "..." in shown or shown.startswith("a name"))
    terminal.settle(0.2)


def test_ask_look_write_keep_and_go_back(tui: Start, home: Path, tmp_path: Path) -> None:
    terminal = tui(rows=30)
    terminal.wait_for("○ queued")
    terminal.press("9")
    terminal.wait_for("disagreements")
    open_line(terminal, "/", "select ... from")
    terminal.press(*"select id, title, statement fro problem order by id limit 2", "enter")
    terminal.wait_for('near "problem"')
    terminal.press("/")
    terminal.wait_for(lambda shown: "select id" in shown.splitlines()[1])
    terminal.press("\x15")  # what stands before the cursor, which is put where the error lies
    terminal.settle(0.3)
    terminal.press(*"select id, title from ", "enter")
    terminal.wait_for("2 rows")
    shown = terminal.wait_for("Sneak")
    assert "52;c;aGk=" in shown
    assert b"\x1b]52;c;aGk" not in terminal.raw
    terminal.press("down", "right")
    terminal.wait_for(lambda shown: "▸title" in shown and "title text" in shown)
    open_line(terminal, "w", "rows.csv")
    terminal.press(*str(tmp_path / "rows.jsonl"), "enter")
    terminal.wait_for("rows in")
    assert (tmp_path / "rows.jsonl").read_text().count("\n") == 2
    open_line(terminal, "S", "a name for the query")
    terminal.press(*"two", "enter")
    terminal.wait_for("kept as two")
    terminal.press("esc")
    terminal.wait_for(lambda shown: "enter asks one" in shown and " two " in shown)
    terminal.press("x")
    terminal.wait_for("forget the query two?")
    terminal.press("y")
    terminal.wait_for("forgotten: two")


def test_a_query_without_end_is_stopped_and_quitting_waits_for_none(tui: Start) -> None:
    terminal = tui()
    terminal.wait_for("○ queued")
    terminal.press("9")
    terminal.wait_for("disagreements")
    open_line(terminal, "/", "select ... from")
    terminal.press(*ENDLESS, "enter")
    terminal.wait_for("esc stops")
    terminal.press("down", "down", "1")  # the screen goes on meanwhile
    terminal.wait_for("○ queued")
    terminal.press("9")
    terminal.wait_for("esc stops")
    terminal.press("esc")
    terminal.wait_for("the query was stopped")
    open_line(terminal, "/", "select ... from")
    terminal.press(*ENDLESS, "enter")
    terminal.wait_for("esc stops")
    terminal.press("q")
    assert terminal.wait() == 0


def test_a_read_only_lab_is_asked_but_keeps_no_name(tui: Start) -> None:
    terminal = tui("--readonly")
    terminal.wait_for("○ queued")
    terminal.press(*":sql select count(*) as problems from problem", "enter")
    terminal.wait_for(lambda shown: "1 row " in shown and "42" in shown)
    terminal.press("S")
    terminal.wait_for("open read-only")
