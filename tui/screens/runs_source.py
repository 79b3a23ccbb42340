"""What the Runs screen's table shows, level by level, asked for in worker threads: jobs that report metrics; of one job its
iterations; of one iteration its groups; of one group its rollouts. Rewards are read once and again only when they changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tui.text import Cell, first_line, inert, number, state
from tui.widgets.virtual_table import Column, FlatOrder, Order, Row

if TYPE_CHECKING:
    from o1coder.lab import Lab
    from o1coder.queries.groups import GroupRollout, GroupRow
    from o1coder.queries.runs import RunJob
    from o1coder.queries.xray import IterationRow, Taken

JOB_COLUMNS = (
    Column("", 1),
    Column("job", 5, right=True),
    Column("state", 11),
    Column("stage", 12),
    Column("run", 0),
    Column("metric", 11),
    Column("n", 6, right=True),
    Column("final", 8, right=True),
    Column("best", 8, right=True),
    Column("at", 6, right=True, at=86),
)
ITERATION_COLUMNS = (
    Column("iter", 5, right=True),
    Column("reward", 7, right=True),
    Column("outcome", 7, right=True),
    Column("process", 7, right=True),
    Column("spread", 6, right=True),
    Column("0 std", 5, right=True),
    Column("solved", 6, right=True),
    Column("audit", 6, right=True),
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


def share(value: float | None) -> str:
    """A share in percent; nothing where there is none."""
    return "" if value is None else f"{value:.0%}"


def figure(value: float | None) -> str:
    """A metric's value in at most eight characters."""
    return "" if value is None else f"{value:.4g}"


def run_of(run: str | None, round_: int | None) -> str:
    """The run and round of a job as one word."""
    return "" if run is None else inert(run) + ("" if round_ is None else f"/{round_}")


class JobSource:
    """Jobs that report metrics, newest first. `chosen` says which digit a compared job has."""

    def __init__(self, lab: Lab, query: str) -> None:
        self.lab = lab
        self.query = query
        self.jobs: dict[int, RunJob] = {}
        self.chosen: dict[int, str] = {}

    def order(self) -> Order:
        from o1coder.queries import runs

        with self.lab.reading() as connection:
            return FlatOrder(runs.job_ids(connection, self.query))

    def rows(self, ids: Sequence[int]) -> Mapping[int, Row]:
        from o1coder.queries import runs

        found = {one.job.id: one for one in runs.rows(self.lab, list(ids))}
        self.jobs |= found
        return {job_id: self.row(job_id) for job_id in found}

    def row(self, job_id: int) -> Row:
        """The cells of a job that has been fetched."""
        one = self.jobs[job_id]
        job, told = one.job, one.figure
        return (
            Cell(self.chosen.get(job_id, ""), "bold"),
            Cell(str(job.id)),
            state(job.state),
            Cell(inert(job.stage), "bold" if job.state == "running" else ""),
            Cell(run_of(job.run, job.round)),
            Cell(inert(one.metric or ""), "dim"),
            Cell("" if told is None else str(told.n)),
            Cell("" if told is None else figure(told.final)),
            Cell("" if told is None else figure(told.best)),
            Cell("" if told is None or told.best_at is None else str(told.best_at), "dim"),
        )


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
    audit = Cell("") if row.audit is None else state("AC" if row.audit else "WA")
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
