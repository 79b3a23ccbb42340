"""Screens 6 and 8 with real keys: overlay, smooth, go down to a rollout and up again; rounds, their moves, where they lead."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from o1coder.lab import Lab
from tests.runs.conftest import Made, runs, runs_template
from tests.tui.terminal import Terminal

__all__ = ["runs", "runs_template"]
Start = Callable[..., Terminal]


@pytest.fixture
def home(runs: Made) -> Path:
    """The lab of these screens, in the place of the one that other tests look at."""
    return runs.home


def flow(
    home: Path, place: str, steps: Callable[[Pilot[int]], Awaitable[None]], *, size: tuple[int, int] = (80, 24)
) -> None:
    """Run the app without a terminal and give it to `steps` once its screen stands."""
    from tui.app import LabApp
    from tui.places import Went

    async def run() -> None:
        mode, _, target = place.partition(" ")
        app = LabApp(home, start=Went(mode, target))
        async with app.run_test(size=size) as pilot:
            await steps(pilot)

    asyncio.run(run())


async def until(pilot: Pilot[int], true: Callable[[], bool]) -> None:
    for _ in range(2000):
        if true():
            return
        await pilot.pause(0.02)
    raise AssertionError("it never came about")


def seen(terminal: Terminal, wanted: str | Callable[[str], bool]) -> str:
    """Wait for as long as a loaded machine may need."""
    return terminal.wait_for(wanted, timeout_s=90)


def test_runs_are_overlaid_and_told_apart(tui: Start) -> None:
    terminal = tui("--open", "runs")
    seen(terminal, "job 5 rl")
    terminal.press("down", "down")
    seen(terminal, "job 3 prm")
    terminal.press("space", "space")
    shown = seen(terminal, lambda shown: "1  job 2 policy-sft" in shown and "2  job 3 prm" in shown)
    assert "●1" in shown
    assert "n=50/50" in shown
    terminal.press("s")
    seen(terminal, "smooth 0.6")
    terminal.press("x")
    seen(terminal, "100 s")
    terminal.press("t")
    seen(terminal, "best")
    terminal.press("t")
    shown = seen(terminal, "validity")
    assert "seed" not in shown
    terminal.press("esc", "up")
    seen(terminal, lambda shown: "mark two to six jobs" in shown and "●" not in shown)
    terminal.press("down")
    seen(terminal, "job 1 (synthesize) reports no metrics")


def test_a_reward_is_taken_apart_down_to_a_rollout_and_up_again(tui: Start) -> None:
    terminal = tui("--open", "runs 4")
    seen(terminal, "job 4 rl")
    terminal.press("enter")
    shown = seen(terminal, lambda shown: "▸ job 4" in shown and "reward hacking" in shown)
    assert "audit" in shown.splitlines()[1]
    terminal.press("enter")
    seen(terminal, lambda shown: "iteration 12" in shown and "[bold]x" in shown and "Return it, kind 0." in shown)
    terminal.press("enter")
    seen(terminal, lambda shown: "tree" in shown.splitlines()[0] and "structure" in shown and "✗ fail" in shown)
    terminal.press("t")
    seen(terminal, "def same(x):")
    terminal.press("enter")
    seen(terminal, lambda shown: "3 Tree" in shown.splitlines()[0])
    terminal.press("[")
    seen(terminal, "def same(x):")
    terminal.press("esc")
    seen(terminal, "Return it, kind 0.")
    terminal.press("esc")
    seen(terminal, "all/mix/none")
    terminal.press("esc")
    seen(terminal, "rl 0.8")


def test_a_search_goes_straight_to_its_trees(home: Path, made_ids: Made) -> None:
    async def steps(pilot: Pilot[int]) -> None:
        from tui.screens.runs import RunsScreen

        screen = pilot.app.screen
        assert isinstance(screen, RunsScreen)
        await until(pilot, lambda: screen.table.row_id == made_ids.ids.search)
        await pilot.press("enter")
        await until(pilot, lambda: screen.rewards is not None and len(screen.rewards.groups) == 1)
        assert screen.path == (made_ids.ids.search, 0)
        assert screen.twin() == f"o1coder runs xray {made_ids.ids.search} --iteration 0"
        assert screen.where() == f"{made_ids.ids.search}/0"
        await pilot.press("enter")
        await until(pilot, lambda: screen.rewards is not None and len(screen.rewards.rollouts) == 3)
        await until(pilot, lambda: screen.table.row_id is not None)
        assert screen.copied().endswith(":0")
        await pilot.press("escape", "escape")
        await until(pilot, lambda: screen.path == () and screen.table.row_id == made_ids.ids.search)

    flow(home, f"runs {made_ids.ids.search}", steps)


@pytest.fixture
def made_ids(runs: Made) -> Made:
    return runs


def test_a_target_marks_jobs_and_leads_back(home: Path) -> None:
    async def steps(pilot: Pilot[int]) -> None:
        from tui.screens.runs import RunsScreen

        screen = pilot.app.screen
        assert isinstance(screen, RunsScreen)
        await until(pilot, lambda: screen.picture is not None and len(screen.picture.curves) == 2)
        assert screen.where() == "4 5"
        assert screen.twin() == "o1coder runs compare 4 5"
        screen.goto("4/12/")
        await until(pilot, lambda: screen.rewards is not None and len(screen.rewards.groups) == 6)
        assert screen.where() == "4/12"
        screen.goto("no such thing")
        assert screen.where() == "4/12"

    flow(home, "runs 4 5", steps)


def test_what_runs_is_followed_until_it_is_not(home: Path, made_ids: Made) -> None:
    job = made_ids.ids.sft

    def add(lab: Lab | None, iteration: int) -> None:
        assert lab is not None
        with lab.writing() as connection:
            connection.exec_driver_sql(
                "INSERT INTO metric(job_id, attempt, iteration, name, value, created_at) VALUES (?, 1, ?, 'loss', 7.5, '')",
                (job, iteration),
            )

    async def steps(pilot: Pilot[int]) -> None:
        from tui.screens.runs import RunsScreen

        screen = pilot.app.screen
        assert isinstance(screen, RunsScreen)
        await until(pilot, lambda: screen.picture is not None and screen.picture.curves[0].n == 50)
        add(screen.lab, 51)
        await until(pilot, lambda: screen.picture is not None and screen.picture.curves[0].n == 51)
        await pilot.press("F")
        add(screen.lab, 52)
        await pilot.pause(2.0)
        assert screen.picture is not None
        assert screen.picture.curves[0].n == 51
        await pilot.press("r")
        await until(pilot, lambda: screen.picture is not None and screen.picture.curves[0].n == 52)

    flow(home, f"runs {job}", steps)


def test_a_filter_that_means_nothing_is_said_and_taken_back(home: Path) -> None:
    async def steps(pilot: Pilot[int]) -> None:
        from tui.screens.runs import RunsScreen

        screen = pilot.app.screen
        assert isinstance(screen, RunsScreen)
        await until(pilot, lambda: len(screen.table.order) == 5)
        await pilot.press("slash", *"stage:rl", "enter")
        await until(pilot, lambda: len(screen.table.order) == 2)
        await pilot.press("escape")
        await until(pilot, lambda: len(screen.table.order) == 5)

    flow(home, "runs", steps)


def test_rounds_lead_to_their_moves_and_what_these_left(tui: Start) -> None:
    terminal = tui("--open", "rounds")
    shown = seen(terminal, lambda shown: "demo/0" in shown and "n=1 problems with a passing rollout" in shown)
    for told in ("4/4", "1/1", "≈ undecided", "-0.020", "lower bound -0.020", "none by people"):
        assert told in " ".join(shown.split())
    terminal.press("enter")
    seen(terminal, lambda shown: "▸ demo/0" in shown and "policy-sft" in shown and "checkpoint 1" in shown)
    terminal.press("t")
    seen(terminal, "run demo, round 0")
    terminal.press("end", "L")
    seen(terminal, lambda shown: "1 Jobs" in shown.splitlines()[0])
    terminal.press("[")
    seen(terminal, lambda shown: "▸ demo/0" in shown)
    terminal.press("esc")
    seen(terminal, lambda shown: "▸" not in shown.splitlines()[0] and "solved" in shown.splitlines()[1])


@pytest.mark.parametrize(
    "environment", [{"LANG": "C"}, {"NO_COLOR": "1"}, {"TERM": "xterm"}], ids=["ascii", "no colour", "16 colours"]
)
def test_curves_are_told_apart_on_every_terminal(tui: Start, environment: dict[str, str]) -> None:
    terminal = tui("--open", "runs 2 3", environment=environment)
    shown = seen(terminal, lambda shown: "2  job 3 prm" in shown)
    drawn = [line[10:] for line in shown.splitlines()[9:-2]]
    assert sum(line.count("1") for line in drawn) >= 2
    assert sum(line.count("2") for line in drawn) >= 2
    if "LANG" in environment:
        assert shown.isascii()


def test_the_wire_stays_quiet(tui: Start) -> None:
    """An arrow with marks moves the cursor and leaves the plot alone; a switch of pane stays small."""
    terminal = tui("--open", "runs 2 3")
    seen(terminal, "2  job 3 prm")
    terminal.settle(1.5)
    _, _, arrow = terminal.latency("up", quiet_s=0.5)
    _, _, pane = terminal.latency("t", quiet_s=0.5)
    assert 0 < arrow <= 600
    assert 0 < pane <= 7_000
    assert terminal.settle(1.5, timeout_s=1.6) == 0
