"""Inference: a statement in; tests from the test case generator, a search they steer, code and the evidence out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from o1coder.stage import OfProblem, Pick, Reporter, Sampled, stage

if TYPE_CHECKING:
    from o1coder.lab import Lab


class Solve(Sampled):
    """Solve one problem: tests from the generator, search, the program they agree on, and the evidence."""

    problem: Annotated[int | None, OfProblem()] = Field(
        None, description="a problem of the lab (its tests and reference are not looked at)"
    )
    statement: str | None = Field(None, description="a statement, when the problem is not in the lab")
    tcg: Annotated[int | None, Pick("checkpoint", role=("policy", "tcg"))] = Field(
        None, description="the test case generator; default: the policy"
    )
    simulations: int = Field(4, ge=1, description="simulations of the tree")
    width: int = Field(3, ge=1, description="completions sampled below a step")
    refines: int = Field(1, ge=0, description="refine steps between structure and code")
    budget_tokens: int | None = Field(None, ge=1, description="sampled tokens after which the search stops")


@stage("solve", Solve, gpus=1, foreground=True)
def solve(lab: Lab, config: Solve, report: Reporter) -> None:
    """Generate tests, then search; what was chosen is derived from the rows."""
    from o1coder.checkpoints import weights
    from o1coder.errors import LabError
    from o1coder.growing import grow, open_policy
    from o1coder.queries import problems
    from o1coder.rows import By
    from o1coder.solving import problem_from, search_plans, verify_sets

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
    with open_policy(lab, config) as (sampler, _):
        (plans,) = search_plans(
            lab, config, sets, n=1, simulations=config.simulations, width=config.width, refines=config.refines
        )
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
        )
