"""The line over a tree (how it fares, what is stale because of it) and the one under it (the path to the step)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.screens.tree_list import SORTS, solved, speed, standing
from tui.text import GLYPHS, Cell, first_line, inert

if TYPE_CHECKING:
    from o1coder.queries.skeletons import Skeleton
    from o1coder.queries.trees import TreeRow
    from tui.screens.tree_source import TreeSource


def list_head(asked: str, sort: int) -> list[Cell]:
    """What the list shows, in which order."""
    told = SORTS[sort].partition(":")[2].replace("-id", "oldest") or "newest"
    return [Cell(f" {inert(asked) or 'all trees'} {GLYPHS.dot} {told} first", "dim")]


def tree_head(source: TreeSource, tree: TreeRow, note: str, found: str) -> list[Cell]:
    """One tree: problem, solved, how it ended or grows; what is stale, a job that is awaited, what is searched for."""
    dot = Cell(f" {GLYPHS.dot} ", "dim")
    cells = [Cell(f" tree {tree.id} "), Cell(first_line(tree.title), "bold")]
    cells += [dot, solved(tree), Cell(" solved"), dot, standing(tree)]
    if source.stale:
        cells += [dot, Cell(f"stale: {' '.join(map(str, source.stale))}", "bold yellow")]
    if note:
        cells += [dot, Cell(inert(note), "bold bright_blue")]
    if found:
        cells += [dot, Cell(inert(found), "bold")]
    rest = [tree.doing] if tree.doing and tree.ended is None else []
    rest += [] if tree.rollouts_per_s is None else [f"{speed(tree)} rollouts/s"]
    rest += [tree.preset, f"job {tree.job}", *([] if tree.round is None else [f"round {tree.round}"])]
    return [*cells, dot, Cell(inert(f" {GLYPHS.dot} ".join(rest)), "dim")]


def crumb(source: TreeSource, tree: Skeleton, step_id: int) -> list[Cell]:
    """The path to a step: its ordinals, then the action of every step on it that was in view."""
    shape, at = tree.shape, tree.shape.find(step_id)
    if at is None:
        return []
    names = []
    for one in reversed([at, *shape.above(at)]):
        line = source.lines.get(shape.ids[one])
        action = "step" if line is None else line.step.action
        names.append("problem" if one == 0 else f"{action} {shape.ordinal[one]}")
    return [Cell(f" {shape.path(at) or 'root'} ", "bold"), Cell(inert(f" {GLYPHS.closed} ".join(names)))]
