"""The list of trees: what it draws of each, asked for in worker threads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tui.text import GLYPHS, Cell, duration, inert, state
from tui.widgets.virtual_table import Column, FlatOrder, Order, Row

if TYPE_CHECKING:
    from o1coder.lab import Lab
    from o1coder.queries.trees import TreeRow

COLUMNS = (
    Column("tree", 6, right=True),
    Column("problem", 0),
    Column("kind", 6, at=96),
    Column("job", 5, right=True, at=60),
    Column("round", 5, right=True, at=104),
    Column("steps", 6, right=True),
    Column("solved", 12, right=True),
    Column("per s", 6, right=True, at=84),
    Column("state", 16),
    Column("preset", 12, at=110),
)
SORTS = ("", "sort:steps", "sort:rollouts", "sort:solved", "sort:problem", "sort:-id")


class TreeListSource:
    """The trees that a filter names, in its order."""

    def __init__(self, lab: Lab, query: str) -> None:
        self.lab = lab
        self.query = query
        self.problems: dict[int, int] = {}  # by tree that was shown: its problem

    def order(self) -> Order:
        from o1coder.queries import treelist

        with self.lab.reading() as connection:
            return FlatOrder(treelist.ids(connection, self.query))

    def rows(self, ids: Sequence[int]) -> Mapping[int, Row]:
        from o1coder.queries import trees

        with self.lab.reading() as connection:
            found = trees.rows(connection, ids)
        self.problems |= {tree.id: tree.problem for tree in found}
        return {tree.id: _row(tree) for tree in found}


def _row(tree: TreeRow) -> Row:
    return (
        Cell(str(tree.id)),
        Cell(inert(tree.title), "bold"),
        Cell(inert(tree.kind), "dim"),
        Cell(str(tree.job), "dim"),
        Cell("" if tree.round is None else str(tree.round), "dim"),
        Cell(str(tree.steps)),
        solved(tree),
        Cell(speed(tree), "dim"),
        standing(tree),
        Cell(inert(tree.preset), "dim"),
    )


def speed(tree: TreeRow) -> str:
    """Rollouts a second, with the digits that say something."""
    found = tree.rollouts_per_s
    return "" if found is None else f"{found:.2f}" if found < 100 else f"{found:.0f}"


def solved(tree: TreeRow) -> Cell:
    """Rollouts that pass every test of all, and where a re-score has its own word, that too."""
    again = tree.solved_rescored
    told = f"{tree.solved}" if again in (None, tree.solved) else f"{tree.solved} {GLYPHS.arrow} {again}"
    return Cell(f"{told}/{tree.rollouts}", "bright_blue" if (again if again is not None else tree.solved) else "")


def standing(tree: TreeRow) -> Cell:
    """Why a tree ended, or how it is getting on: growing with the age of its last event, stuck, waiting for its job."""
    if tree.ended is not None:
        return Cell(inert(tree.ended), "dim")
    age = "" if tree.last_event_age_s is None else f" {duration(tree.last_event_age_s)}"
    if tree.stuck:
        return Cell(f"! stuck{age}", "bold yellow")
    if tree.last_event_age_s is None:
        return Cell(f"{state('queued').text.partition(' ')[0]} open", "dim")
    running = state("running")
    return Cell(f"{running.text.partition(' ')[0]} growing{age}", running.style)
