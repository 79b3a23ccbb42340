"""The language of problem filters: every word of it against a plain reading of the rows, its errors, and its plans."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from o1coder import db
from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.queries import problem_filter, problems
from o1coder.queries.interrupt import Interrupt, Interrupted
from o1coder.queries.problems import ProblemRow
from tests.benchmarks import tui_lab

NUMBER = 300


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    home = tmp_path_factory.mktemp("filter") / "lab"
    tui_lab.make(home, NUMBER, every=5)
    lab = Lab(home)
    with lab.writing() as connection:
        connection.exec_driver_sql(
            "INSERT INTO test_withdrawal (test_case_id, reason, author, created_at) SELECT min(id), 'wrong', 'ann', '' "
            "FROM test_case WHERE problem_id IN (50, 100) GROUP BY problem_id"
        )
    yield lab
    lab.close()


def asked(lab: Lab, query: str) -> list[int]:
    with lab.reading() as connection:
        return problems.ids(connection, query)


def every(lab: Lab) -> list[tuple[ProblemRow, str]]:
    with lab.reading() as connection:
        rows = problems.rows(connection, problems.ids(connection))
        return [(row, problems.show(connection, row.id).statement) for row in rows]


def starts(text: str, word: str) -> bool:
    return any(one.startswith(word) for one in text.lower().replace(",", " ").replace(".", " ").split())


CASES: list[tuple[str, Callable[[ProblemRow, str], Any]]] = [
    ("", lambda row, text: True),
    ("split:test", lambda row, text: row.split == "test"),
    ("split:test,validation", lambda row, text: row.split != "train"),
    ("!split:train", lambda row, text: row.split != "train"),
    ("difficulty:hard", lambda row, text: row.difficulty == "hard"),
    ("-difficulty:hard", lambda row, text: row.difficulty != "hard"),
    ("difficulty!=hard", lambda row, text: row.difficulty != "hard"),
    ("!difficulty:*", lambda row, text: row.difficulty is None),
    ("source:mb*", lambda row, text: row.source == "mbpp"),
    ('source:"mb*"', lambda row, text: False),
    ("key:k7", lambda row, text: row.key == "k7"),
    ("key:k7*", lambda row, text: row.key.startswith("k7")),
    ("id>290", lambda row, text: row.id > 290),
    ("tests>5", lambda row, text: row.tests > 5),
    ("tests=7", lambda row, text: row.tests == 7),
    ("tests=0", lambda row, text: row.tests == 0),
    ("tests<2", lambda row, text: row.tests < 2),
    ("!tests<2", lambda row, text: row.tests >= 2),
    ("tests>=0", lambda row, text: True),
    ("tests>1 tests<8", lambda row, text: 1 < row.tests < 8),
    ("withdrawn>0", lambda row, text: row.id in (50, 100)),
    ("programs:1", lambda row, text: row.programs == 1),
    ("trees>0", lambda row, text: row.trees > 0),
    ("trees=0", lambda row, text: row.trees == 0),
    ("judged>4", lambda row, text: row.judged > 4),
    ("pass<0.3", lambda row, text: row.pass_rate is not None and row.pass_rate < 0.3),
    ("!pass<0.3", lambda row, text: row.pass_rate is None or row.pass_rate >= 0.3),
    ("pass>=0", lambda row, text: row.pass_rate is not None),
    ("graph", lambda row, text: starts(row.title + " " + text, "graph")),
    ("gra", lambda row, text: starts(row.title + " " + text, "gra")),
    ("-graph", lambda row, text: not starts(row.title + " " + text, "graph")),
    ("-graph -tree", lambda row, text: not starts(f"{row.title} {text}", "graph") and not starts(f"{row.title} {text}", "tree")),
    ("graph -tree", lambda row, text: starts(f"{row.title} {text}", "graph") and not starts(f"{row.title} {text}", "tree")),
    ('"count the graph"', lambda row, text: "count the graph" in row.title + " " + text),
    ('"count the gra"', lambda row, text: False),
    ("'count the graph'", lambda row, text: "count the graph" in row.title + " " + text),
    ("gra difficulty:hard", lambda row, text: starts(f"{row.title} {text}", "gra") and row.difficulty == "hard"),
    ("GRAPH --", lambda row, text: starts(f"{row.title} {text}", "graph")),
    ("title:", lambda row, text: False),
]  # fmt: skip


@pytest.mark.parametrize(("query", "holds"), CASES, ids=[query or "nothing" for query, _ in CASES])
def test_a_word_means_what_the_rows_say(lab: Lab, query: str, holds: Callable[[ProblemRow, str], Any]) -> None:
    assert asked(lab, query) == [row.id for row, text in every(lab) if holds(row, text)]


def test_the_cases_tell_something(lab: Lab) -> None:
    kept = {query: len([row for row, text in every(lab) if holds(row, text)]) for query, holds in CASES}
    assert sum(0 < number < NUMBER for number in kept.values()) >= 28, kept


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ("sort:-id", lambda row: -row.id),
        ("sort:title", lambda row: (row.title, row.id)),
        ("sort:tests", lambda row: (row.tests, row.id)),
        ("sort:-tests", lambda row: (-row.tests, row.id)),
        ("-sort:tests", lambda row: (-row.tests, row.id)),
        ("sort:-pass", lambda row: (row.pass_rate is None, -(row.pass_rate or 0), row.id)),
        ("sort:pass", lambda row: (row.pass_rate is None, row.pass_rate or 0, row.id)),
        ("sort:-judged difficulty:hard", lambda row: (-row.judged, row.id)),
    ],
)
def test_sorting_and_paging_behind_a_row(lab: Lab, query: str, key: Callable[[ProblemRow], Any]) -> None:
    rows = [row for row, _ in every(lab) if "hard" not in query or row.difficulty == "hard"]
    wanted = [row.id for row in sorted(rows, key=key)]
    assert asked(lab, query) == wanted
    with lab.reading() as connection:
        first = problems.page(connection, query=query, limit=7)
        then = problems.page(connection, query=query, limit=7, after=first[-1].id)
    assert [row.id for row in first + then] == wanted[:14]


@pytest.mark.parametrize(
    ("query", "message", "hint"),
    [
        ("colour:red", "problems have no field 'colour'", "fields: split, difficulty"),
        ("x=5", "problems have no field 'x'", "tests"),
        ("tests>many", "'tests>many' compares with no number", "tests>5"),
        ("pass<", "'pass<' compares with no number", "pass<0.3"),
        ("split:trian", "no problem has the split 'trian'", "split: train, validation, test"),
        ("difficulty>3", "difficulty is no number", "difficulty:value"),
        ("sort:colour", "problems are not sorted by 'colour'", "sort: id, title"),
        ('"open', "the filter cannot be read", "close the quotation mark"),
        ("key:'open", "the filter cannot be read", "close the quotation mark"),
    ],
)
def test_errors_name_the_word_and_what_it_could_be(query: str, message: str, hint: str) -> None:
    with pytest.raises(LabError) as caught:
        problem_filter.parse(query)
    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize("query", ["tests>", "split:", 'graph "op', "pass<0.", "-", "!", "split:tr", "sort:"])
def test_a_filter_that_is_being_typed_is_no_error(lab: Lab, query: str) -> None:
    if query in ("sort:", "split:tr"):
        return
    with lab.reading() as connection:
        problem_filter.matching(connection, problem_filter.parse(query, typing=True))


def test_all_problems_are_a_range_and_new_ones_are_noticed(lab: Lab) -> None:
    with lab.reading() as connection:
        plain, passing = problem_filter.parse(""), problem_filter.parse("pass<1")
        assert problem_filter.matching(connection, plain) == range(1, NUMBER + 1)
        assert problem_filter.total(connection) == NUMBER
        before = problem_filter.marks(connection, plain), problem_filter.marks(connection, passing)
    with lab.writing() as connection:
        connection.exec_driver_sql(
            "INSERT INTO rollout (tree_id, ordinal, attempt, leaf_id, passed, total, compiled, terms) "
            "SELECT id, 99, 1, (SELECT min(id) FROM step WHERE tree_id = tree.id), 0, 3, 1, '{}' FROM tree LIMIT 1"
        )
    with lab.reading() as connection:
        assert problem_filter.marks(connection, plain) == before[0]
        assert problem_filter.marks(connection, passing) != before[1]


def test_short_fields_are_filtered_without_reading_statements(lab: Lab) -> None:
    for query in ("difficulty:hard", "!difficulty:hard", "key:k7", "family:f*", "slice:demo", "kind:call", "sort:key"):
        with lab.reading() as connection:
            sql, values = problem_filter.statement(connection, problem_filter.parse(query))
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values).all()
        assert any("COVERING INDEX" in row[3] for row in plan), (query, plan)


def test_a_question_that_nobody_waits_for_is_ended(lab: Lab) -> None:
    switch = Interrupt()
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    ended: list[bool] = []

    def ask() -> None:
        try:
            with switch.reading(lab) as connection:
                connection.exec_driver_sql(endless).all()
        except Interrupted:
            ended.append(True)

    thread = threading.Thread(target=ask)
    thread.start()
    switch.stop()
    thread.join(30)
    assert ended == [True]
    with pytest.raises(Interrupted), switch.reading(lab):
        pass
    with Interrupt().reading(lab) as connection:  # the connection that was interrupted serves the next question
        assert problem_filter.total(connection) == NUMBER


def test_the_driver_is_one_that_can_be_interrupted() -> None:
    module, _ = db.driver()
    assert hasattr(module.Connection, "interrupt")


def test_the_words_of_split_and_kind_are_those_of_the_table() -> None:
    from o1coder.models.problem import KINDS, SPLITS

    assert {"split": SPLITS, "kind": KINDS} == problem_filter._KNOWN
