"""The reward of a job's rollouts taken apart: by iteration and by term, and against the audit tests that it never saw.

Everything is derived from rollouts as they were stored; what a trainer logged of the same iteration stands beside it. A
masked rollout (the judge or the PRM failed) counts in no mean. The audit column counts only rollouts whose program was
judged on the problem's audit tests, and the reward tests of the same rollouts stand next to it. Groups and single rollouts
are in groups.py, what changed over the iterations in drift.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean, stdev
from typing import NamedTuple

from sqlalchemy.engine import Connection

from o1coder.errors import LabError
from o1coder.queries import curves
from o1coder.queries.trees import NOT_REPEATED
from o1coder.withdrawn import withdrawn

LOGGED = ("kl", "entropy", "clip_ratio/region_mean", "frac_reward_zero_std", "completions/clipped_ratio", "grad_norm")
EQUAL = 1e-9  # rewards of a group that differ by less rank nothing


class Taken(NamedTuple):
    """One rollout in numbers. `audit` is whether its program passes the audit tests; None where nobody asked."""

    id: int
    tree: int
    problem: int
    iteration: int | None
    program: int | None
    passed: int
    total: int
    compiled: bool
    reward: float | None
    terms: dict[str, float]
    audit: bool | None

    @property
    def solved(self) -> bool:
        """Does it pass every test that rewards it?"""
        return self.total > 0 and self.passed == self.total


class IterationRow(NamedTuple):
    """The rollouts that one iteration read first (a search has one row, without a number). `all`, `none`, `mixed` count
    groups by how many of their judged rollouts are solved; `spread` is the mean standard deviation of reward within a
    group: what there is to learn from; `zero_std` the share of groups that have none. `audit` and `audited_solved` are over
    the same `audited` rollouts."""

    iteration: int | None
    rollouts: int
    masked: int
    groups: int
    all: int
    none: int
    mixed: int
    reward: float | None
    low: float | None
    high: float | None
    spread: float | None
    zero_std: float | None
    solved: float | None
    compiled: float
    complete: float
    terms: dict[str, float]
    audited: int
    audit: float | None
    audited_solved: float | None
    logged: dict[str, float]


def taken(connection: Connection, job_id: int) -> list[Taken]:
    """A job's rollouts, those of a repeated iteration once. LabError when it made none."""
    audit = audited(connection, job_id)
    rows = connection.exec_driver_sql(
        "SELECT r.id, x.id, x.problem_id, r.iteration, r.program_id, r.passed, r.total, r.compiled, r.reward, r.terms "
        f"FROM tree x JOIN rollout r ON r.tree_id = x.id WHERE x.job_id = ? AND {NOT_REPEATED} ORDER BY x.id, r.ordinal",
        (job_id,),
    )
    found = [
        Taken._make((*row[:7], bool(row[7]), row[8], json.loads(row[9]), None if row[4] is None else audit.get(row[4])))
        for row in rows
    ]
    if not found:
        raise LabError(f"job {job_id} made no rollouts", "choose a job of rl, synthesize, evaluate or evaluate-prm")
    return found


def marks(connection: Connection, job_id: int) -> tuple[int, ...]:
    """Numbers that change when a job has more rollouts or metrics, or when more was judged: whether to ask again."""
    row = connection.exec_driver_sql(
        "SELECT (SELECT COUNT(*) FROM tree x JOIN rollout r ON r.tree_id = x.id WHERE x.job_id = ?1), "
        "(SELECT COUNT(*) FROM attempt WHERE job_id = ?1), (SELECT COALESCE(MAX(id), 0) FROM metric WHERE job_id = ?1), "
        "(SELECT COALESCE(MAX(id), 0) FROM verdict), (SELECT COALESCE(MAX(id), 0) FROM test_withdrawal)",
        (job_id,),
    ).one()
    return tuple(int(value) for value in row)


def audited(connection: Connection, job_id: int) -> dict[int, bool]:
    """By program of a job's rollouts: does it pass its problem's audit tests? Only those of which it is known: one wrong
    verdict is enough, and all right ones are needed."""
    rows = connection.exec_driver_sql(
        "WITH made AS (SELECT DISTINCT r.program_id AS program, x.problem_id AS problem, x.profile_id AS profile "
        " FROM tree x JOIN rollout r ON r.tree_id = x.id WHERE x.job_id = ? AND r.program_id IS NOT NULL), "
        "sets AS (SELECT problem, (SELECT MAX(s.id) FROM test_set s WHERE s.problem_id = m.problem "
        " AND s.purpose = 'audit') AS id FROM (SELECT DISTINCT problem FROM made) m) "
        "SELECT m.program, COUNT(*), COUNT(v.id), COALESCE(SUM(v.code <> 'AC'), 0) FROM made m "
        f"JOIN sets ON sets.problem = m.problem JOIN test_set_item i ON i.test_set_id = sets.id "
        f"AND NOT {withdrawn('i.test_case_id')} LEFT JOIN verdict v ON v.program_id = m.program "
        "AND v.test_case_id = i.test_case_id AND v.profile_id = m.profile GROUP BY m.program",
        (job_id,),
    )
    return {program: not wrong for program, cases, judged, wrong in rows if wrong or judged == cases}


def to_audit(connection: Connection, rollouts: Sequence[Taken], every: int = 1) -> dict[int, list[str]]:
    """The programs, by problem, of which nobody knows whether they pass the audit tests; of every n-th iteration and the
    last. Problems without audit tests are left out."""
    last = max((one.iteration or 0 for one in rollouts), default=0)
    wanted = {
        one.program: one.problem
        for one in rollouts
        if one.program is not None
        and one.audit is None
        and (one.iteration in (None, last) or one.iteration % every == 0)
    }
    out: dict[int, list[str]] = {}
    for program, problem in wanted.items():
        row = connection.exec_driver_sql(
            "SELECT code FROM program g WHERE g.id = ? AND EXISTS (SELECT 1 FROM test_set s JOIN test_set_item i ON "
            "i.test_set_id = s.id WHERE s.problem_id = g.problem_id AND s.purpose = 'audit' "
            f"AND NOT {withdrawn('i.test_case_id')})",
            (program,),
        ).first()
        if row is not None:
            out.setdefault(problem, []).append(row[0])
    return out


def iterations(connection: Connection, job_id: int, rollouts: Sequence[Taken]) -> list[IterationRow]:
    """A row an iteration, with what the trainer logged of it."""
    logged = {name: _logged(connection, job_id, name) for name in LOGGED}
    by: dict[int | None, list[Taken]] = {}
    for one in rollouts:
        by.setdefault(one.iteration, []).append(one)
    return [
        summed(number, by[number], {name: values[number] for name, values in logged.items() if number in values})
        for number in sorted(by, key=lambda number: -1 if number is None else number)
    ]


def _logged(connection: Connection, job_id: int, name: str) -> Mapping[int | None, float]:
    found = curves.curve(connection, job_id, name)
    return dict(zip(map(int, found.xs), found.ys, strict=True))


def summed(number: int | None, rollouts: Sequence[Taken], logged: Mapping[str, float]) -> IterationRow:
    """The row of some rollouts of one iteration."""
    groups: dict[int, list[Taken]] = {}
    for one in rollouts:
        groups.setdefault(one.tree, []).append(one)
    judged = [one for one in rollouts if one.reward is not None]
    rewards = [one.reward for one in judged if one.reward is not None]
    solved = [[one.solved for one in group if one.reward is not None] for group in groups.values()]
    spreads = [sd for group in groups.values() if (sd := spread(group)) is not None]
    known = [one for one in rollouts if one.audit is not None]
    names = dict.fromkeys(name for one in judged for name in one.terms)
    return IterationRow(
        number,
        len(rollouts),
        len(rollouts) - len(judged),
        len(groups),
        sum(bool(group) and all(group) for group in solved),
        sum(bool(group) and not any(group) for group in solved),
        sum(any(group) and not all(group) for group in solved),
        mean(rewards),
        min(rewards, default=None),
        max(rewards, default=None),
        mean(spreads),
        mean([sd < EQUAL for sd in spreads]),
        mean([one.solved for one in judged]),
        fmean(one.compiled for one in rollouts),
        fmean(one.program is not None for one in rollouts),
        {name: fmean(one.terms[name] for one in judged if name in one.terms) for name in names},
        len(known),
        mean([bool(one.audit) for one in known]),
        mean([one.solved for one in known]),
        dict(logged),
    )


def mean(values: Sequence[float]) -> float | None:
    """The mean, or None of nothing."""
    return fmean(values) if values else None


def spread(group: Iterable[Taken]) -> float | None:
    """The standard deviation of a group's rewards (n − 1); None for fewer than two."""
    rewards = [one.reward for one in group if one.reward is not None]
    return stdev(rewards) if len(rewards) > 1 else None


def histogram(rewards: Iterable[float | None], bins: int = 10) -> list[tuple[float, float, int]]:
    """(from, to, how many) of rewards: exactly 0 and exactly 1 in bins of their own where they are the ends, `bins`
    between the least and the largest of the others."""
    known = sorted(reward for reward in rewards if reward is not None)
    ends = [(value, value, known.count(value)) for value in (0.0, 1.0) if value in known]
    inner = [reward for reward in known if reward not in (0.0, 1.0)]
    if not inner:
        return ends
    low, high = min(0.0, inner[0]), max(1.0, inner[-1])
    width = (high - low) / bins
    counts = [0] * bins
    for reward in inner:
        counts[min(bins - 1, int((reward - low) / width))] += 1
    middle = [(low + n * width, low + (n + 1) * width, count) for n, count in enumerate(counts)]
    return [*(e for e in ends if e[0] == 0.0), *middle, *(e for e in ends if e[0] == 1.0)]
