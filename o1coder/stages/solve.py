"""Inference: a statement in; tests from the test case generator, a search they steer, code and the evidence out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from o1coder.searched import Answering
from o1coder.stage import OfProblem, Pick, Reporter, stage

if TYPE_CHECKING:
    from o1coder.lab import Lab


class Solve(Answering):
    """Solve one problem: tests from the generator, search, the program that is chosen, and the evidence."""

    problem: Annotated[int | None, OfProblem()] = Field(
        None, description="a problem of the lab (its tests and reference are not looked at)"
    )
    statement: str | None = Field(None, description="a statement, when the problem is not in the lab")
    tcg: Annotated[int | None, Pick("checkpoint", role=("policy", "tcg"))] = Field(
        None, description="the test case generator; default: the policy"
    )


@stage("solve", Solve, gpus=1, foreground=True)
def solve(lab: Lab, config: Solve, report: Reporter) -> None:
    """Generate tests, then search; what was chosen is derived from the rows."""
    from o1coder.checkpoints import weights
    from o1coder.errors import LabError
    from o1coder.growing import grow, open_policy
    from o1coder.queries import problems
    from o1coder.rows import By
    from o1coder.solving import open_steering, problem_from, score_answers, search_plans, verify_sets

    with lab.writing() as connection:
        if config.problem is not None:
            problem_id = problems.show(connection, config.problem).row.id
        elif config.statement is not None:
            problem_id = problem_from(connection, config.statement, By(job_id=report.job_id))
        else:
            raise LabError("nothing to solve", "give a file, a problem of the lab, or - for standard input")
    asker = config if config.tcg is None else config.model_copy(update={"policy": config.tcg})
    tcg = weights(lab, config.tcg) if config.tcg is not None else None
    trained = tcg.prompt if tcg is not None and tcg.role == "tcg" and tcg.prompt else None
    prompt = trained if trained is not None and "statement" in trained else "tcg-statement"
    with open_policy(lab, asker) as (sampler, _):
        sets = verify_sets(lab, report, [problem_id], config, sampler, prompt, asker.policy)
    if not sets:
        report.log("the generator returned no test that could be read: nothing can be verified")
        return
    with open_policy(lab, config) as (sampler, _), open_steering(lab, config) as scorer:
        (plans,) = search_plans(lab, config, sets, n=1)
        grow(
            lab,
            report,
            plans,
            sampler,
            config.policy,
            kind="search",
            origin="search",
            label=False,
            token_budget=config.budget_tokens,
            scorer=scorer,
            prm=config.prm,
        )
        score_answers(lab, report, config, scorer)
