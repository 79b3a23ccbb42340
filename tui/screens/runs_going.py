"""From the runs screen to others: to the tree of what is under the cursor, the checkpoint that a job left, the job itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui.screens.runs import RunsScreen


def to_tree(screen: RunsScreen) -> None:
    """The rollout in its tree, the tree of a group, or the trees of a job."""
    row, path = screen.table.row_id, screen.path
    known = None if screen.rewards is None or row is None else screen.rewards.rollouts.get(row)
    if screen.level == 3 and known is not None:
        screen.lab_app.go("tree", f"{path[2]}:{known.path}")
    elif screen.level == 2 and row is not None:
        screen.lab_app.go("tree", str(row))
    elif row is not None:
        screen.lab_app.go("tree", f"job:{path[0] if path else row}")


def to_checkpoint(screen: RunsScreen) -> None:
    """What the job left."""
    if screen.compared:
        screen.lab_app.go("checkpoints", f"job:{_job(screen)}")


def to_job(screen: RunsScreen) -> None:
    """The job and its log."""
    if screen.compared:
        screen.lab_app.go("jobs", str(_job(screen)))


def _job(screen: RunsScreen) -> int:
    """The job that is looked at: the one under the cursor, or the one gone into."""
    row = screen.table.row_id
    return screen.path[0] if screen.path else screen.compared[0] if row is None else row
