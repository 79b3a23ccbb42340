"""The screens' benchmark: its arithmetic by hand, the shape of its lab, and that its parts run. Its figures are not tested."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.benchmarks import tui as bench
from tests.benchmarks import tui_labs
from tests.benchmarks.tui_figures import Bound, bounds_of, row, verdict
from tests.benchmarks.tui_keys import Press, press_of, walks
from tests.benchmarks.tui_saving import places, step_shown
from tests.benchmarks.tui_tree import grow


def test_a_row_is_of_all_presses_and_shows_each_repeat() -> None:
    found = row(
        "down",
        "cursor",
        [[Press(1, 5, 100, 90), Press(2, 6, 300, 80)], [Press(3, 7, 200, 70), Press(90, 99, 700, 60)]],
    )
    assert found.presses == 4
    assert (found.first_p50, found.first_p99, found.last_p99) == (2, 90, 99)
    assert (found.frame_p50, found.bytes_p50, found.bytes_max) == (70, 200, 700)
    assert found.medians == (1, 3)


def test_bounds_are_those_of_the_kind_and_bytes_of_the_small_screen_alone() -> None:
    cursor = row("down", "cursor", [[Press(9, 9, 400, 400), Press(60, 60, 600, 600)]])
    small, large = bounds_of(cursor, (80, 24)), bounds_of(cursor, (200, 60))
    assert [(one.value, one.at_most, one.held) for one in small] == [(9, 10, True), (60, 50, False), (400, 500, True)]
    assert large == [Bound(one.figure.replace("80x24", "200x60"), one.value, one.at_most) for one in small[:2]]
    heavy = bounds_of(row("help", "heavy", [[Press(40, 310, 9000, 9000)]]), (80, 24))
    assert [one.held for one in heavy] == [True, False, True]


def test_what_is_sent_at_once_ends_with_a_silence() -> None:
    assert press_of([(3.0, 100), (5.0, 50), (16.0, 7), (60.0, 900)]) == Press(3.0, 60.0, 1057, 157)
    assert press_of([]).bytes == 0


def test_what_does_not_hold_is_named() -> None:
    assert verdict([Bound("a", 1, 1)]) == "1 of 1 bounds hold."
    assert verdict([Bound("a", 1, 1), Bound("b", 3, 2)]).splitlines()[1:] == ["- b: 3.0, at most 2"]


def test_the_twelve_keys_are_there() -> None:
    names = {walk.name.partition(",")[0] for walk in walks(1, 10)}
    twelve = {"down", "up", "page", "end and home", "label valid", "undo", "pane tab", "screen switch"}
    assert twelve | {"palette", "command bar", "fold the root", "filter"} <= names


def test_a_grown_tree_is_one_tree_shaped_like_a_search() -> None:
    grown = grow(5000, random.Random(1))
    assert len(grown) == 5000
    assert all(node.parent < number for number, node in enumerate(grown[1:], 1))
    assert all(node.depth == grown[node.parent].depth + 1 for node in grown[1:])
    parents = {node.parent for node in grown[1:]}
    assert all(grown[parent].program is None for parent in parents)
    assert 3 < (len(grown) - 1) / len(parents) < 5
    assert 6 < max(node.depth for node in grown) < 60


def test_a_made_lab_is_sound_and_kept(tmp_path: Path) -> None:
    from o1coder.lab import Lab
    from o1coder.queries import trees

    home = tui_labs.kept(60, 50, tmp_path)
    assert tui_labs.kept(60, 50, tmp_path) == home
    assert tui_labs.kept(60, 51, tmp_path) != home
    lab = Lab(tui_labs.copied(home, tmp_path / "copy"))
    with lab.reading() as connection:
        steps = trees.steps(connection, bench.newest_tree(home))
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    lab.close()
    assert not broken
    leaves = [step for step in steps if step.total is not None]
    assert len(steps) == 50
    assert steps[0].n == len(leaves) > 5
    for step in leaves:
        assert (step.v, step.verdict) == ((1.0, "AC") if step.passed == step.total else (0.0, "WA"))
    for step in steps[1:]:
        assert (step.k is None) == (step.n == 0)
        assert step.score is not None
        if step.k:
            assert (step.k, step.c) == (step.n, round(step.q))


def test_the_step_before_a_person_is_read_from_the_screen() -> None:
    queue, tree = places(7, 200)
    assert step_shown(" code · WA 2/5\n [step] tests      41/200\n", tree) == "41"
    assert step_shown("nothing here", tree) == ""
    assert step_shown("4 Queue\n 21:1.3.1 code · problem 1\n last 20:1 ✓ valid", queue) == "21:1.3.1"


@pytest.mark.slow
def test_parts_run_and_a_broken_bound_is_exit_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--quick", "--json", "--folder", str(tmp_path), "--size", "80x24", "--only", "first", "idle", "labels"]
    status = bench.main(asked)
    found = json.loads(capsys.readouterr().out)
    assert status == (0 if all(bound["held"] for bound in found["bounds"]) else 1)
    assert set(found["first"]) == {"problems", "tree"}
    for told in found["labels"].values():
        assert len(told["waits_ms"]) == 4
        assert told["late"] == 0
        assert all(kill["on_disk"] >= kill["shown"] for kill in told["kills"])
    assert not [name for name in tmp_path.iterdir() if name.name.startswith(("copy-", "making-"))]
