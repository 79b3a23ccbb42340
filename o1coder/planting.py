"""Trees begun for a job, or taken up again where an earlier attempt left them: rows made and facts read a chunk at a time.

So that a job of a thousand unfinished trees goes on within seconds. It decides nothing about a tree and samples nothing
(growing.py, search/).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy.engine import Connection

from o1coder.errors import LabError
from o1coder.lab import Lab
from o1coder.queries import problems
from o1coder.trees import Opening, TreeWriter, add_trees, cases_of, cases_of_trees, known_trees
from o1coder.verdicts import Asked, add_profile, asked

if TYPE_CHECKING:
    from o1coder.growing import Plan
    from o1coder.search.facts import Fact
    from o1coder.task import Case

CHUNK = 64  # trees


class Planted(NamedTuple):
    """A plan with its tree's id, what its problem asks of the judge, the cases it is judged on for its whole life, and the
    facts that are stored of it."""

    plan: Plan
    tree_id: int
    what: Asked
    cases: tuple[Case, ...]
    stored: list[Fact]


def planted(lab: Lab, job_id: int, plans: Sequence[Plan], writer: TreeWriter, **columns: Any) -> Iterator[Planted]:
    """The trees of `plans` in order, each taken on by `writer`; `columns` are of every tree that is made. They are made and
    read as they are drawn. LabError when a problem has no test set to judge with."""
    problem: dict[int, tuple[Asked, int]] = {}
    for start in range(0, len(plans), CHUNK):
        chunk = plans[start : start + CHUNK]
        with lab.writing() as connection:
            for plan in chunk:
                if plan.problem_id not in problem:
                    what = asked(connection, plan.problem_id)
                    problem[plan.problem_id] = what, add_profile(connection, what)
            known = known_trees(connection, job_id, (plan.problem_id for plan in chunk))
            made = [
                {
                    "problem_id": plan.problem_id,
                    "ordinal": plan.ordinal,
                    "config": plan.config,
                    "preset": plan.config.preset,
                    "prompt_digest": plan.prompt.digest,
                    "seed": plan.seed,
                    "test_set_id": _judged_with(connection, plan),
                    "profile_id": problem[plan.problem_id][1],
                    **columns,
                }
                for plan in chunk
                if (plan.problem_id, plan.ordinal) not in known
            ]
            for one, tree_id in zip(made, add_trees(connection, job_id, made), strict=True):
                known[one["problem_id"], one["ordinal"]] = tree_id
        ids = [known[plan.problem_id, plan.ordinal] for plan in chunk]
        with lab.reading() as connection:
            cases = cases_of_trees(connection, ids)
            by_digest = {id(some): {case.digest: case_id for case_id, case in some} for some in cases.values()}
            stored = writer.open_all(
                connection,
                [
                    Opening(tree_id, plan.problem_id, problem[plan.problem_id][1], by_digest[id(cases[tree_id])])
                    for tree_id, plan in zip(ids, chunk, strict=True)
                ],
            )
        for tree_id, plan in zip(ids, chunk, strict=True):
            judged = tuple(case for _, case in cases[tree_id])
            yield Planted(plan, tree_id, problem[plan.problem_id][0], judged, stored.pop(tree_id))


def _judged_with(connection: Connection, plan: Plan) -> int:
    """The test set of a new tree."""
    test_set = plan.test_set or problems.test_set(connection, plan.problem_id)
    if test_set is None or not cases_of(connection, test_set):
        raise LabError(
            f"problem {plan.problem_id} has no tests to judge with", "import it again with tests, or leave it out"
        )
    return test_set
