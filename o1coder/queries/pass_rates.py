"""How often what was sampled for a problem passes: over its judged rollouts, and of a tree that was re-scored by the word
of its newest re-score (o1coder/rescores.py says the same of one tree).

One SQL text for a page of problems and for all of them, by joins, so that a million problems with thousands of trees take
one pass. Rollouts of a search are chosen by it, so there is no interval here: the number of rollouts stands beside the rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy.engine import Connection

from o1coder.queries.trees import NOT_REPEATED
from o1coder.withdrawn import withdrawn

_COUNTED = "JOIN test_set ts ON ts.id = x.test_set_id AND ts.purpose <> 'verify'"
_SEARCHED = (
    "SELECT x.problem_id AS problem_id, (r.passed = r.total AND r.total > 0) AS solved FROM tree x "
    f"{_COUNTED} JOIN rollout r ON r.tree_id = x.id WHERE {{only}} AND r.reward IS NOT NULL AND {NOT_REPEATED}"
)
# A program on one case of a re-score's set: the verdict under the tree's own profile, else the first that was stored. What
# lacks a verdict on a case is not known and left out; what could not be parsed has no program and fails.
_RESCORED = (
    "SELECT problem_id, program IS NOT NULL AND MIN(code = 'AC') AS solved FROM ("
    "SELECT x.problem_id AS problem_id, r.id AS rollout, r.program_id AS program, "
    "(SELECT v.code FROM verdict v WHERE v.program_id = r.program_id AND v.test_case_id = i.test_case_id "
    "AND v.id <= b.verdicts ORDER BY v.profile_id = x.profile_id DESC, v.id LIMIT 1) AS code "
    f"FROM tree x {_COUNTED} JOIN rescore b ON b.id = (SELECT MAX(o.id) FROM rescore o WHERE o.tree_id = x.id) "
    "JOIN rollout r ON r.tree_id = x.id AND (r.program_id IS NOT NULL OR r.reward IS NOT NULL) "
    f"JOIN test_set_item i ON i.test_set_id = b.test_set_id AND NOT {withdrawn('i.test_case_id', 'b.withdrawals')} "
    f"WHERE {{only}} AND {NOT_REPEATED}) GROUP BY rollout HAVING program IS NULL OR COUNT(*) = COUNT(code)"
)


class PassRate(NamedTuple):
    """`solved` of `judged` rollouts pass every test."""

    solved: int
    judged: int

    @property
    def rate(self) -> float:
        """Their share."""
        return self.solved / self.judged


def pass_rates_sql(connection: Connection, only: str = "1") -> str:
    """SQL of (problem_id, value, solved, judged), one row a problem that has judged rollouts; `only` narrows trees `x`."""
    inner = _SEARCHED.format(only=only)
    if connection.exec_driver_sql("SELECT EXISTS (SELECT 1 FROM rescore)").scalar():
        plain = f"({only}) AND NOT EXISTS (SELECT 1 FROM rescore o WHERE o.tree_id = x.id)"
        inner = f"{_SEARCHED.format(only=plain)} UNION ALL {_RESCORED.format(only=only)}"
    return (
        "SELECT problem_id, AVG(solved) AS value, SUM(solved) AS solved, COUNT(*) AS judged "
        f"FROM ({inner}) GROUP BY problem_id"
    )


def pass_rates(connection: Connection, problems: Sequence[int]) -> dict[int, PassRate]:
    """By problem, for those of these that have judged rollouts."""
    if not problems:
        return {}
    only = f"x.problem_id IN ({','.join(str(int(one)) for one in problems)})"
    rows = connection.exec_driver_sql(pass_rates_sql(connection, only))
    return {int(row[0]): PassRate(int(row[2]), int(row[3])) for row in rows}
