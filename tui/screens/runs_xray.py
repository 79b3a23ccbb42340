"""The levels below a job on the Runs screen: its iterations, one iteration's groups, one group's rollouts. Asked for in worker
threads; the rewards are read once, and again only when there are more of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tui.screens.runs_source import figure, share
from tui.text import Cell, first_line, inert, number, state
from tui.widgets.virtual_table import Column, FlatOrder, Order, Row

if TYPE_CHECKING:
    from o1coder.lab import Lab
    from o1coder.queries.groups import GroupRollout, GroupRow
    from o1coder.queries.xray import IterationRow, Taken

ITERATION_COLUMNS = (
    Column("iter", 5, right=True),
    Column("reward", 6, right=True),
    Column("outcome", 7, right=True),
    Column("process", 7, right=True),
    Column("spread", 6, right=True),
    Column("0 std", 5, right=True),
    Column("solved", 6, right=True),
    Column("audit", 5, right=True),
    Column("of", 4, right=True),
    Column("all/mix/none", 12, right=True),
    Column("kl", 7, right=True, at=86),
    Column("n", 5, right=True),
)
GROUP_COLUMNS = (
    Column("tree", 6, right=True),
    Column("problem", 0),
    Column("reward", 6, right=True),
    Column("least", 6, right=True),
    Column("most", 6, right=True),
    Column("sd", 5, right=True),
    Column("solved", 7, right=True),
    Column("complete", 8, right=True),
    Column("audit", 7, right=True),
)
ROLLOUT_COLUMNS = (
    Column("", 3, right=True),
    Column("leaf", 9),
    Column("reward", 6, right=True),
    Column("adv", 6, right=True),
    Column("outcome", 7, right=True),
    Column("process", 7, right=True),
    Column("tests", 7, right=True),
    Column("audit", 7),
    Column("steps", 0),
    Column("tokens", 6, right=True, at=86),
)
NO_ITERATION = 0  # the row id of a search's one row


class Rewards:
    """One job's rollouts in numbers, read again only when there are more of them, or more verdicts."""

    def __init__(self, lab: Lab, job: int) -> None:
        self.lab = lab
        self.job = job
        self.taken: list[Taken] = []
        self.iterations: dict[int, IterationRow] = {}
        self.groups: dict[int, GroupRow] = {}
        self.rollouts: dict[int, GroupRollout] = {}
        self._marks: tuple[int, ...] = ()

    def read(self) -> list[Taken]:
        """In a thread: the rollouts as they are now."""
        from o1coder.queries import xray

        with self.lab.reading() as connection:
            marks = xray.marks(connection, self.job)
            if marks != self._marks:
                self.taken = xray.taken(connection, self.job)
                rows = xray.iterations(connection, self.job, self.taken)
                self.iterations = {row.iteration or NO_ITERATION: row for row in rows}
                self._marks = marks
        return self.taken


class IterationSource:
    """A job's iterations, the newest first."""

    def __init__(self, rewards: Rewards) -> None:
        self.rewards = rewards

    def order(self) -> Order:
        self.rewards.read()
        return FlatOrder(sorted(self.rewards.iterations, reverse=True))

    def rows(self, ids: Sequence[int]) -> Mapping[int, Row]:
        known = self.rewards.iterations
        return {one: iteration_row(known[one]) for one in ids if one in known}


def iteration_row(row: IterationRow) -> Row:
    """The cells of one iteration."""
    idle = row.zero_std is not None and row.zero_std >= 0.5
    return (
        Cell("" if row.iteration is None else str(row.iteration)),
        Cell(number(row.reward), "bold"),
        Cell(number(row.terms.get("outcome", row.terms.get("pass")))),
        Cell(number(row.terms.get("process"))),
        Cell(number(row.spread)),
        Cell(share(row.zero_std), "yellow" if idle else ""),
        Cell(share(row.solved)),
        Cell(share(row.audit), "bright_blue" if row.audit else ""),
        Cell(str(row.audited or ""), "dim"),
        Cell(f"{row.all}/{row.mixed}/{row.none}"),
        Cell(figure(row.logged.get("kl")), "dim"),
        Cell(str(row.rollouts) + (f"-{row.masked}" if row.masked else ""), "dim"),
    )


class GroupSource:
    """The groups of one iteration: one tree a problem."""

    def __init__(self, rewards: Rewards, iteration: int) -> None:
        self.rewards = rewards
        self.iteration = iteration

    def order(self) -> Order:
        from o1coder.queries import groups

        taken = self.rewards.read()
        with self.rewards.lab.reading() as connection:
            found = groups.groups(connection, taken, self.iteration or None)
        self.rewards.groups = {one.tree: one for one in found}
        return FlatOrder([one.tree for one in found])

    def rows(self, ids: Sequence[int]) -> Mapping[int, Row]:
        known = self.rewards.groups
        return {one: group_row(known[one]) for one in ids if one in known}


def group_row(row: GroupRow) -> Row:
    """The cells of one group."""
    idle = row.sd is not None and row.sd == 0.0
    return (
        Cell(str(row.tree)),
        Cell(first_line(row.title)),
        Cell(number(row.reward), "bold"),
        Cell(number(row.low)),
        Cell(number(row.high)),
        Cell(number(row.sd), "yellow" if idle else ""),
        Cell(f"{row.solved}/{row.rollouts - row.masked}", "bright_blue" if row.solved else ""),
        Cell(f"{row.complete}/{row.rollouts}"),
        Cell(f"{row.audit}/{row.audited}" if row.audited else ""),
    )


class RolloutSource:
    """The rollouts of one group."""

    def __init__(self, rewards: Rewards, tree: int) -> None:
        self.rewards = rewards
        self.tree = tree

    def order(self) -> Order:
        from o1coder.queries import groups

        taken = self.rewards.read()
        with self.rewards.lab.reading() as connection:
            found = groups.rollouts_of(connection, taken, self.tree)
        self.rewards.rollouts = {one.id: one for one in found}
        return FlatOrder([one.id for one in found])

    def rows(self, ids: Sequence[int]) -> Mapping[int, Row]:
        known = self.rewards.rollouts
        return {one: rollout_row(known[one]) for one in ids if one in known}


def rollout_row(row: GroupRollout) -> Row:
    """The cells of one rollout."""
    steps = " ".join(
        f"{step.action[:1]}{number(step.score)}" if step.score is not None else step.action for step in row.steps
    )
    passing, failing = (state(word) for word in ("AC", "WA"))
    audit = Cell("") if row.audit is None else Cell(f"{passing.text[0]} pass", passing.style)
    if row.audit is False:
        audit = Cell(f"{failing.text[0]} fail", failing.style)
    advantage = "" if row.advantage is None else f"{row.advantage:+.2f}"
    return (
        Cell(str(row.ordinal), "dim"),
        Cell(row.path),
        Cell(number(row.reward), "bold"),
        Cell(advantage, "bright_blue" if (row.advantage or 0) > 0 else "yellow" if (row.advantage or 0) < 0 else ""),
        Cell(number(row.terms.get("outcome", row.terms.get("pass")))),
        Cell(number(row.terms.get("process"))),
        Cell(f"{row.passed}/{row.total}"),
        audit,
        Cell(inert(row.error) if row.error else steps, "yellow" if row.error else "dim"),
        Cell("" if row.tokens_out is None else str(row.tokens_out), "dim"),
    )
