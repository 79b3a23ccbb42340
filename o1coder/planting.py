"""Trees begun for a job, or taken up again where an earlier attempt left them: rows made and facts read a chunk at a time.

So that a job of a thousand unfinished trees goes on within seconds. It decides nothing about a tree and samples nothing
(growing.py, search/).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
    """The trees of `plans` in order, each taken on by `writer`; `columns` are of every tree that is made. What stands already
    is read a chunk at a time; a new tree's row is made when it is drawn, so that a budget leaves no tree that was never
    begun. LabError when a problem has no test set to judge with."""
    problem: dict[int, tuple[Asked, int]] = {}
    for start in range(0, len(plans), CHUNK):
        chunk = plans[start : start + CHUNK]
        with lab.writing() as connection:
            for plan in chunk:
                if plan.problem_id not in problem:
                    what = asked(connection, plan.problem_id)
                    problem[plan.problem_id] = what, add_profile(connection, what)
            known = known_trees(connection, job_id, (plan.problem_id for plan in chunk))
            sets = {
                (plan.problem_id, plan.test_set): _judged_with(connection, plan)
                for plan in chunk
                if (plan.problem_id, plan.ordinal) not in known
            }
        standing = [plan for plan in chunk if (plan.problem_id, plan.ordinal) in known]
        with lab.reading() as connection:
            ids = [known[plan.problem_id, plan.ordinal] for plan in standing]
            there = dict(zip(ids, _taken_on(connection, writer, standing, ids, problem), strict=True))
        for plan in chunk:
            tree_id = known.get((plan.problem_id, plan.ordinal))
            if tree_id is None:
                with lab.writing() as connection:
                    row = {
                        "problem_id": plan.problem_id,
                        "ordinal": plan.ordinal,
                        "config": plan.config,
                        "preset": plan.config.preset,
                        "prompt_digest": plan.prompt.digest,
                        "seed": plan.seed,
                        "test_set_id": sets[plan.problem_id, plan.test_set],
                        "profile_id": problem[plan.problem_id][1],
                        **columns,
                    }
                    [tree_id] = add_trees(connection, job_id, [row])
                    [taken] = _taken_on(connection, writer, [plan], [tree_id], problem)
                known[plan.problem_id, plan.ordinal] = tree_id
                yield taken
            else:
                yield there.pop(tree_id)


def _taken_on(
    connection: Connection,
    writer: TreeWriter,
    plans: Sequence[Plan],
    ids: Sequence[int],
    problem: Mapping[int, tuple[Asked, int]],
) -> list[Planted]:
    """Trees that stand, with what is stored of them."""
    cases = cases_of_trees(connection, ids)
    by_digest = {id(some): {case.digest: case_id for case_id, case in some} for some in cases.values()}
    openings = [
        Opening(tree_id, plan.problem_id, problem[plan.problem_id][1], by_digest[id(cases[tree_id])])
        for tree_id, plan in zip(ids, plans, strict=True)
    ]
    stored = writer.open_all(connection, openings)
    return [
        Planted(plan, tree_id, problem[plan.problem_id][0], tuple(case for _, case in cases[tree_id]), stored[tree_id])
        for tree_id, plan in zip(ids, plans, strict=True)
    ]


def _judged_with(connection: Connection, plan: Plan) -> int:
    """The test set of a new tree."""
    test_set = plan.test_set or problems.test_set(connection, plan.problem_id)
    if test_set is None or not cases_of(connection, test_set):
        raise LabError(
            f"problem {plan.problem_id} has no tests to judge with", "import it again with tests, or leave it out"
        )
    return test_set
