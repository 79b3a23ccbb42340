"""How deep the Runs screen is: jobs, a job's iterations, an iteration's groups, a group's rollouts; what stands at each level,
and the target that names it. A path is (job, iteration, tree), cut where one stands.
"""

from __future__ import annotations

from collections.abc import Sequence

from tui.screens.runs_source import COLUMNS, JobSource
from tui.screens.runs_xray import (
    GROUP_COLUMNS,
    ITERATION_COLUMNS,
    NO_ITERATION,
    ROLLOUT_COLUMNS,
    GroupSource,
    IterationSource,
    Rewards,
    RolloutSource,
)
from tui.widgets.virtual_table import FlatOrder, Source, VirtualTable

Path = tuple[int, ...]
TABS = (  # by level
    ("curve", "figures", "config", "rewards"),
    ("rewards", "iteration"),
    ("statement", "iteration"),
    ("rollout", "program", "tests", "statement"),
)
LEVELS = (COLUMNS, ITERATION_COLUMNS, GROUP_COLUMNS, ROLLOUT_COLUMNS)


class RunsTable(VirtualTable):
    """The table; it says when marks change as if the cursor had moved."""

    def action_mark(self) -> None:
        super().action_mark()
        self._told()

    def action_range(self) -> None:
        super().action_range()
        self._told()

    def action_mark_all(self) -> None:
        super().action_mark_all()
        self._told()

    def clear_marks(self) -> bool:
        had = super().clear_marks()
        if had:
            self._told()
        return had

    def _told(self) -> None:
        self.post_message(self.Moved(self, self.row_id))

    def begin(self) -> None:
        """Forget rows, marks and place: what is shown next is of another kind, and its ids mean something else."""
        self.marks, self._anchor, self._before = set(), None, frozenset()
        self.order, self._index, self._top = FlatOrder(()), 0, 0
        self._cache.clear()


def source_at(path: Path, jobs: JobSource, rewards: Rewards | None, now: Source | None) -> Source:
    """What the table shows at a path; the source it has already where that is the one."""
    if not path or rewards is None:
        return jobs
    if len(path) == 1:
        return now if isinstance(now, IterationSource) and now.rewards is rewards else IterationSource(rewards)
    if len(path) == 2:
        same = isinstance(now, GroupSource) and now.rewards is rewards and now.iteration == path[1]
        return now if same and now is not None else GroupSource(rewards, path[1])
    same = isinstance(now, RolloutSource) and now.rewards is rewards and now.tree == path[2]
    return now if same and now is not None else RolloutSource(rewards, path[2])


def above(path: Path) -> Path:
    """One level up; a search has no iterations to stop at."""
    return path[:-2] if path[1:] == (NO_ITERATION,) else path[:-1]


def named(path: Path) -> list[str]:
    """The levels gone into, in words."""
    words = ("job", "iteration", "tree")
    return [
        f"{word} {one}" for word, one in zip(words, path, strict=False) if (word, one) != ("iteration", NO_ITERATION)
    ]


def target_of(path: Path, jobs: Sequence[int]) -> str:
    """The target that leads to a path, or to these jobs."""
    return "/".join(map(str, path)) + ("/" if len(path) == 1 else "") if path else " ".join(map(str, jobs))


def read_target(target: str) -> tuple[Path, list[int]]:
    """A path, or the jobs that are to be compared; words that are no ids are left out."""
    if "/" in target:
        return tuple(int(part) for part in target.split("/") if part.isdecimal())[:3], []
    return (), [int(word) for word in target.split() if word.isdecimal()]


def twin(path: Path, jobs: Sequence[int], metric: str | None) -> str:
    """The command that says what is shown."""
    if not path:
        chosen = f" --metric {metric}" if metric else ""
        return f"o1coder runs compare {' '.join(map(str, jobs))}{chosen}" if jobs else ""
    words = f"o1coder runs xray {path[0]}"
    return (
        words if len(path) == 1 else f"{words} --iteration {path[1]}" if len(path) == 2 else f"{words} --tree {path[2]}"
    )
