"""Two trees side by side from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import done, say


@pytest.fixture
def pair(copy: Path) -> tuple[int, int]:
    """The tree of a problem by one seed and one simulation budget, and by others."""
    job = done("run synthesize --sampler fake:8 --limit 2 --simulations 5 --c 1 --wait", copy)
    first, second = done("trees list --job 2", copy), done(f"trees list --job {job['id']}", copy)
    assert first[0]["problem"] == second[0]["problem"]
    return first[0]["id"], second[0]["id"]


def test_a_tree_beside_itself_differs_in_nothing(lab: Path) -> None:
    found = done("trees diff 1 1", lab)
    assert {row["match"] for row in found["steps"]} == {"equal"}
    assert not any(row["changes"] for row in found["steps"])
    assert (found["modes"]["new"], found["modes"]["gone"], found["settings"]) == ([], [], {})
    assert len(found["steps"]) == done("trees show 1", lab)["steps"]


def test_steps_values_and_ways_to_fail_of_two_searches(copy: Path, pair: tuple[int, int]) -> None:
    a, b = pair
    found = done(f"trees diff {a} {b}", copy)
    back = done(f"trees diff {b} {a}", copy)
    assert (found["a"]["tree"], found["b"]["tree"]) == (a, b)
    assert found["settings"]["c"] == {"a": 2.0, "b": 1.0}
    steps = [{row[side]["path"]: row[side] for row in found["steps"] if row[side]} for side in "ab"]
    for tree, seen in zip(pair, steps, strict=True):
        shown = {s["path"]: s for s in done(f"trees show {tree}", copy)["step_list"] if s["path"]}
        assert set(seen) == set(shown)
        assert all(
            (seen[p]["visits"], seen[p]["value"], seen[p]["k"], seen[p]["label"])
            == (s["n"], s["v"], s["k"], s["label"])
            for p, s in shown.items()
        )
    matched = [row for row in found["steps"] if row["match"] in ("equal", "alike")]
    assert matched
    for row in matched:
        if "k" in row["changes"]:
            assert row["changes"]["k"] == row["b"]["k"] - row["a"]["k"]
    assert found["modes"]["new"] == back["modes"]["gone"]
    assert found["modes"]["gone"] == back["modes"]["new"]
    judged = (
        "select count(distinct r.program_id) as n from rollout r "
        "where r.tree_id = {} and r.passed < r.total and r.program_id is not null"
    )
    failing = [done(["sql", judged.format(tree)], copy)[0]["n"] for tree in pair]
    assert sum(m["programs"] for name in ("new", "both") for m in found["modes"][name]) == failing[1]
    assert found["a"]["solved"] == done(f"trees show {a}", copy)["solved"]


def test_the_listing_fits_80_columns(copy: Path, pair: tuple[int, int]) -> None:
    said = say(f"trees diff {pair[0]} {pair[1]}", copy)
    assert said.code == 0
    lines = said.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert f"A: tree {pair[0]}" in lines[1]
    assert f"B: tree {pair[1]}" in lines[1]
    assert any("steps correspond" in line for line in lines)


def test_trees_of_two_problems_are_not_compared(lab: Path) -> None:
    said = say("trees diff 1 2 --json", lab)
    assert said.code == 2
    assert "is of problem" in said.error["error"]
    assert say("trees diff 1 999", lab).code == 2
    assert say("trees diff 1", lab).code == 2
