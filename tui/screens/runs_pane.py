"""Which lines stand under a tab of the Runs screen's pane; asked in worker threads. The lines are made in runs_lines.py."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from o1coder.errors import LabError
from tui.screens import runs_lines
from tui.screens.runs_xray import NO_ITERATION, Rewards
from tui.text import Cell, inert
from tui.widgets.pane import RichLine

if TYPE_CHECKING:
    from o1coder.lab import Lab
    from tui.screens.runs import RunsScreen


def lines(screen: RunsScreen, lab: Lab, tab: str, row: int) -> Callable[[int], list[RichLine]]:
    """What makes the lines under a tab, of a width; to be called in a thread."""
    if tab in ("figures", "config"):
        return partial(compared, lab, list(screen.compared), screen.chart.metric, tab)
    path, level = screen.path, screen.level
    rewards = screen.rewards_of(lab, path[0] if path else row)
    wanted = row if level == 1 else path[1] if level > 1 else NO_ITERATION
    return partial(of_rewards, lab, rewards, tab, row, wanted, path[2] if level == 3 else row)


def compared(lab: Lab, jobs: list[int], metric: str | None, tab: str, width: int) -> list[RichLine]:
    """Figures, or differing settings, of jobs."""
    from o1coder.queries import curves, runs

    with lab.reading() as connection:
        offered = {name for job in jobs for name in curves.names(connection, job)}
    try:
        found = runs.compare(lab, jobs, metric=metric if metric in offered else None, columns=2)
    except LabError as error:
        return [[Cell(inert(error.message), "dim")]]
    return runs_lines.figures(found, width) if tab == "figures" else runs_lines.differing(found, width)


def of_rewards(lab: Lab, rewards: Rewards, tab: str, row: int, iteration: int, tree: int, width: int) -> list[RichLine]:
    """A side of what is under the cursor, at a job or below it."""
    try:
        rewards.read()
    except LabError as error:
        return [[Cell(inert(error.message), "dim")]]
    if tab == "rewards":
        return runs_lines.rewards(rewards, width)
    if tab == "iteration":
        known = rewards.iterations.get(iteration)
        return [] if known is None else runs_lines.iteration(known, rewards, width)
    if tab == "statement":
        problem = next((one.problem for one in rewards.taken if one.tree == tree), None)
        return [] if problem is None else runs_lines.statement(lab, problem)
    one = rewards.rollouts.get(row)
    if one is None:
        return []
    if tab == "rollout":
        return runs_lines.rollout(one)
    return runs_lines.program(lab, one.leaf) if tab == "program" else runs_lines.tests(lab, one.leaf)
