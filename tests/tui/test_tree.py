"""The tree screen with real keys: going about, searching, what a first error brings with it, undo and redo, two trees beside
each other, a tree that grows under the cursor. What its cells say, without a terminal."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from o1coder.lab import Lab
from o1coder.queries.steprows import Line
from o1coder.queries.trees import StepRow
from tests.tui.conftest import Made
from tests.tui.random_trees import add_random_trees
from tests.tui.terminal import Terminal
from tui.screens import tree_cells, tree_retrain
from tui.screens.tree_source import TreeSource

Start = Callable[..., Terminal]
HUMAN = "SELECT s.id, l.value, l.category, l.retracts IS NOT NULL FROM label l JOIN step s ON s.id = l.step_id "
HUMAN += "WHERE l.source = 'human' ORDER BY l.id"


def asked(home: Path, query: str) -> list[tuple[object, ...]]:
    with sqlite3.connect(home / "lab.db") as raw:
        found = raw.execute(query).fetchall()
    raw.close()
    return found


def begin(tui: Start, place: str, *options: str, **terminal: object) -> Terminal:
    shown = tui("--open", place, *options, **terminal)
    shown.wait_for("Count above")
    shown.settle(0.5)
    return shown


def at(path: str) -> Callable[[str], bool]:
    """Whether the line over the keys says that the cursor is there."""
    return lambda shown: any(line.startswith(f" {path} problem") for line in shown.splitlines())


def test_jumps_and_a_search_go_where_they_say(tui: Start) -> None:
    terminal = begin(tui, "tree 1")
    for key, path in (("e", "1.0"), ("b", "1.0"), ("home", "root"), ("b", "0"), ("*", "0.0"), ("E", "1.0"), ("P", "1")):
        terminal.press(key)
        terminal.wait_for(at(path))
    terminal.press("d")
    terminal.wait_for("gap 1 of 2, the widest first")
    terminal.press("home", "/")
    terminal.wait_for("words label:invalid")
    terminal.press(*"action:code", "enter")
    terminal.wait_for(lambda shown: "action:code: 1/2" in shown and at("0.0")(shown))
    terminal.press("n")
    terminal.wait_for(lambda shown: "action:code: 2/2" in shown and at("1.0")(shown))
    terminal.press("n")
    terminal.wait_for(lambda shown: "action:code: 1/2" in shown)
    terminal.press("N")
    terminal.wait_for(lambda shown: "action:code: 2/2" in shown)
    terminal.press("/")
    terminal.settle(0.3)
    terminal.press("end", *" nofield:3", "enter")
    terminal.wait_for("steps have no field 'nofield'")
    terminal.press("esc")
    terminal.wait_for(lambda shown: "action:code" not in shown)
    terminal.press("L")
    terminal.wait_for("no person has labelled another step here")


def test_a_first_error_is_counted_asked_written_taken_back_and_given_again(tui: Start, home: Path, made: Made) -> None:
    terminal = begin(tui, "tree 1:1.0")
    terminal.wait_for(at("1.0"))
    terminal.press("X")
    terminal.wait_for("call 1.0 the first error?")
    assert "2 labels: 1 valid, 1 invalid" in terminal.text()
    terminal.press("n")
    terminal.settle()
    assert asked(home, HUMAN) == []
    terminal.press("X")
    terminal.wait_for("call 1.0 the first error?")
    terminal.press("y")
    terminal.wait_for("1.0 is the first error")
    words = [(made.steps["1"], "valid", None, 0), (made.steps["1.0"], "invalid", None, 0)]
    assert asked(home, HUMAN) == words
    terminal.wait_for(lambda shown: "✓ valid*" in shown and "✗ invalid*" in shown)
    terminal.press("home", "z")
    terminal.wait_for("2 labels are taken back")
    terminal.wait_for(lambda shown: "valid*" not in shown and at("root")(shown))
    assert asked(home, HUMAN)[2:] == [(made.steps[path], None, None, 1) for path in ("1", "1.0")]
    terminal.press("Z")
    terminal.wait_for("2 said again")
    assert asked(home, HUMAN)[4:] == words
    terminal.press("Z")
    terminal.wait_for("nothing to redo")
    terminal.press("L")
    terminal.wait_for(at("1"))


def test_a_word_is_said_again_with_what_follows_and_undone_after_a_restart(tui: Start, home: Path, made: Made) -> None:
    terminal = begin(tui, "tree 1:0")
    terminal.wait_for(at("0"))
    terminal.press("x")
    terminal.wait_for("checkpoints now stale: 1 2")
    terminal.wait_for(lambda shown: "stale: 1 2" in shown.splitlines()[1])
    terminal.press("home", "down", "p")
    terminal.wait_for("say invalid of 0 and of what follows?")
    terminal.press("y")
    terminal.wait_for("invalid with what follows")
    assert (made.steps["0.0"], "invalid", "tainted", 0) in asked(home, HUMAN)
    terminal.press("q")
    assert terminal.wait() == 0
    again = begin(tui, "tree 1")
    again.press("backspace")
    again.wait_for("2 labels are taken back")
    again.press("backspace")
    again.wait_for("label 5 is taken back")  # the four of the search come before it
    again.press("backspace")
    again.wait_for("nothing to undo")


def test_trees_are_listed_filtered_and_put_beside_each_other(tui: Start, home: Path) -> None:
    lab = Lab(home)
    add_random_trees(lab, 7, trees=2)
    lab.close()
    terminal = begin(tui, "tree list")
    terminal.wait_for("all trees · newest first")
    terminal.press("s")
    terminal.wait_for("steps first")
    terminal.press("/")
    terminal.wait_for("problem:4 job:3")
    terminal.press(*"ended:growing", "enter")
    terminal.wait_for(lambda shown: "ended:growing · steps first" in shown and "simulations" not in shown)
    terminal.press("esc")
    terminal.wait_for("all trees")
    terminal.wait_for("simulations")
    terminal.press("=")
    terminal.wait_for("mark two trees of one problem")
    terminal.press("home", "space", "space", "enter")
    terminal.wait_for("steps differ")
    terminal.wait_for("no such step")
    first = terminal.text()
    terminal.press("n")
    terminal.wait_for(lambda shown: shown != first)
    terminal.press("t")
    terminal.wait_for("the same settings")
    terminal.press("t")
    terminal.wait_for("ways to fail, over")
    terminal.press("esc")
    terminal.wait_for("all trees")
    terminal.press("[")
    terminal.wait_for("steps differ")


def test_a_tree_of_another_problem_is_not_put_beside_it(tui: Start, home: Path) -> None:
    with sqlite3.connect(home / "lab.db") as raw:
        raw.execute(
            "INSERT INTO tree SELECT 2, job_id, 2, 9, kind, preset, config, config_digest, prompt_digest, sampler, "
            "reproducible, seed, policy_id, test_set_id, profile_id, with_reference, withdrawals, created_at FROM tree"
        )
    raw.close()
    terminal = tui("--open", "tree 1 2")
    terminal.wait_for(lambda shown: "tree 1 is of problem p0, tree 2 of p1" in shown.splitlines()[1])
    assert "being compared" not in terminal.text()


def test_steps_are_found_by_id_and_places_come_back(tui: Start, made: Made) -> None:
    terminal = begin(tui, f"tree step:{made.steps['1.0']}")
    terminal.wait_for(at("1.0"))
    terminal.press("t")
    terminal.wait_for("[tests]")
    terminal.settle(3.0)
    terminal.press("q")
    assert terminal.wait() == 0
    again = tui()
    again.wait_for(lambda shown: at("1.0")(shown) and "[tests]" in shown)
    again.press(*":tree 1:7.7", "enter")
    again.wait_for("tree 1 has no step 7.7")
    again.press(*":tree step:999", "enter")
    again.wait_for("there is no step 999")


def test_a_tree_grows_under_the_cursor(tui: Start, home: Path, made: Made) -> None:
    terminal = begin(tui, "tree 1:1.0", rows=30)
    terminal.wait_for(at("1.0"))
    add = "INSERT INTO step (tree_id, parent_id, ordinal, depth, action, text) VALUES (1, ?, ?, ?, 'refine', ?)"
    with sqlite3.connect(home / "lab.db") as raw:
        raw.execute(add, (made.steps["0"], 1, 2, "Then a heap."))
    raw.close()
    terminal.wait_for("Then a heap.")
    assert at("1.0")(terminal.text())
    terminal.press("F")
    terminal.wait_for("following the newest step")
    with sqlite3.connect(home / "lab.db") as raw:
        raw.execute(add, (made.steps["0"], 2, 2, "Or two heaps."))
    raw.close()
    terminal.wait_for(at("0.2"))


def test_nothing_is_written_read_only(tui: Start, home: Path) -> None:
    terminal = begin(tui, "tree 1:1", "--readonly")
    for key, verb in (("X", "label steps"), ("p", "label steps"), ("z", "take labels back"), ("R", "retrain")):
        terminal.press(key)
        terminal.wait_for(f"leave --readonly away to {verb}")
    assert asked(home, HUMAN) == []


# without a terminal ------------------------------------------------------------------------------------------------------
STEP = StepRow(
    5, 1, "0.2", 2, "code", "# Step\n```\nx = 1", 3, 1.0, 4, 1, 0.25, 0.25, 0.7, "valid", "human", 9, "WA", 1, 3, None
)


def line(**changes: object) -> Line:
    return Line(STEP._replace(**changes), "tree", None, None)  # type: ignore[arg-type]


def test_only_fresh_draws_have_an_interval() -> None:
    assert tree_cells.interval(STEP, "tree") == tree_cells.interval(STEP, "visits") == ""
    assert tree_cells.interval(STEP, "mc") == "0.05-0.70"
    assert tree_cells.interval(STEP._replace(k=None, c=None), "mc") == ""
    narrow = tree_cells.columns(before=False, fresh=False, rescored=False)
    assert next(column.at for column in narrow if column.title == "95 %") == tree_cells.NEVER


@pytest.mark.parametrize(
    ("changes", "again", "told"),
    [
        ({}, None, "✗ WA 1/3"),
        ({"verdict_rescored": "AC"}, (2, 2), "✓ WA → AC 2/2"),
        ({"verdict_rescored": "WA"}, (0, 2), "✗ WA 0/2"),
        ({"verdict_rescored": "WA"}, (1, 3), "✗ WA 1/3"),
        ({"verdict": None, "passed": None, "total": None}, None, ""),
        ({"verdict": None, "passed": None, "total": None, "verdict_rescored": "AC"}, (2, 2), "✓ - → AC 2/2"),
    ],
)
def test_the_word_of_the_re_score_counts(changes: dict[str, object], again: tuple[int, int] | None, told: str) -> None:
    assert tree_cells.verdict(line(**changes)._replace(rescored=again)).text == told


def test_a_row_says_the_value_so_far_dim_and_both_scores() -> None:
    cells = tree_cells.row(line(v=None, k=None)._replace(before=0.9), 0.5)
    assert [cell.text for cell in cells] == [
        "code · x = 1", "3", "0.50", "", "", "0.33", "0.90 → 0.70", "✓ valid*", "✗ WA 1/3",
    ]  # fmt: skip
    assert cells[2].style == "dim"


def test_only_the_rows_in_view_are_asked_for(home: Path) -> None:
    lab = Lab(home)
    [tree] = add_random_trees(lab, 12, trees=1)
    source = TreeSource(lab, tree)
    order = source.order()
    assert len(order) > 6
    assert source.lines == {}
    shown = [order.id_at(index) for index in range(3)]
    assert set(source.rows(shown)) == set(source.lines) == set(shown)
    assert source.news() == (False, {}, False)
    lab.close()


def test_what_was_trained_is_scored_and_compared_on_the_steps_that_people_spoke_of(
    home: Path, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    from o1coder.labels import add_human

    monkeypatch.setattr("o1coder.jobs.launch.ensure_worker", lambda lab: None)
    lab = Lab(home)
    source = TreeSource(lab, made.tree)
    source.order()
    training = tree_retrain._stands(source, made.jobs["prm"], None)
    assert (training.told, training.training) == (f"PRM checkpoint {made.prm} is trained", None)
    query = "SELECT id, stage, json_extract(config, '$.prm'), json_extract(config, '$.query') FROM job WHERE id > 5"
    with lab.reading() as connection:
        assert connection.exec_driver_sql(query).all() == [(training.scoring, "score", made.prm, "job:1 problem:1")]
    waiting = tree_retrain._stands(source, None, training.scoring)
    assert waiting == (f"score job {training.scoring} queued", None, training.scoring)
    add_human(lab, made.steps["0"], "invalid", "ann")  # the new PRM says .9, the old one .5
    add_human(lab, made.steps["1"], "invalid", "ann")  # .2 and .6
    assert not source.about()
    assert tree_retrain._compared(source) == ("on the 2 steps people spoke of, PRM 2 is right on 1, PRM 1 was on 1")
    lost = tree_retrain._stands(source, made.jobs["failed"], None)
    assert lost.told.startswith(f"job {made.jobs['failed']} failed: out of memory")
    lab.close()


def test_a_new_prm_is_asked_for_and_stands_beside_the_one_before(home: Path, made: Made) -> None:
    lab = Lab(home)
    source = TreeSource(lab, made.tree)
    step = made.steps["0"]
    source.order()
    assert source.rows([step])[step][6].text == "0.50 → 0.90"
    with lab.writing() as connection:
        connection.exec_driver_sql(
            "INSERT INTO checkpoint (id, digest, role, format, base_digest, bytes, path, job_id, created_at) "
            "SELECT 3, 'sha256:n', role, format, base_digest, bytes, path, job_id, created_at FROM checkpoint WHERE id = 2"
        )
        connection.exec_driver_sql(
            "INSERT INTO score (step_id, checkpoint_id, format_digest, value, job_id) VALUES (?, 3, 'sha256:f', 0.25, 2)",
            (step,),
        )
    assert source.news() == (True, {}, True)
    assert source.about()
    assert not source.about()
    assert source.rows([step])[step][6].text == "0.90 → 0.25"
    lab.close()


def test_a_label_that_cannot_be_written_is_taken_off_the_screen_and_said(
    home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import asyncio

    from o1coder.errors import LabError
    from tui.app import LabApp
    from tui.places import Went
    from tui.screens.tree import TreeScreen

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def full(*_: object, **__: object) -> None:
        raise LabError("the disk is full", "free some space")

    monkeypatch.setattr("o1coder.labels.add_human", full)

    async def pressed() -> tuple[str, str]:
        app = LabApp(home, start=Went("tree", "1:0"))
        async with app.run_test(size=(120, 30)) as pilot:
            for _ in range(400):
                screen = app.screen
                if isinstance(screen, TreeScreen) and len(screen.outline.order) == 5 and screen.outline.index == 1:
                    break
                await pilot.pause(0.02)
            assert isinstance(screen, TreeScreen)
            await pilot.press("x")
            for _ in range(400):
                if "not written" in screen._message:
                    break
                await pilot.pause(0.02)
            row = screen.outline.row(screen.outline.row_id or 0)
            return screen._message, "" if row is None else " ".join(cell.text for cell in row)

    message, row = asyncio.run(pressed())
    assert "the disk is full" in message
    assert "✓ valid" in row
    assert "invalid" not in row
