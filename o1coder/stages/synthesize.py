"""Stage 2: tree search over pseudocode steps makes reasoning data with step validity.

The search is search/'s and the rows are trees.py's; this file only chooses problems and settings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from o1coder.stage import OfProblem, Reporter, Sampled, stage

if TYPE_CHECKING:
    from o1coder.growing import Plan
    from o1coder.lab import Lab


class Synthesize(Sampled):
    """Search reasoning trees over problems: structure, refine, code; every step gets its validity."""

    split: Literal["train", "validation", "test"] = Field("train", description="split of the problems")
    slice: str | None = Field(None, description="only this named slice of the split")
    problems: Annotated[tuple[int, ...], OfProblem()] = Field((), description="exactly these problems")
    limit: int | None = Field(None, ge=1, description="at most this many problems")
    simulations: int = Field(6, ge=1, description="simulations a tree")
    width: int = Field(3, ge=1, description="completions sampled below a step")
    c: float = Field(2.0, ge=0, description="UCT's exploration constant")
    alpha: float = Field(0.0, ge=0, le=1, description="terminal reward: alpha x compile + (1 - alpha) x pass")
    refines: int = Field(1, ge=0, description="refine steps between structure and code")
    in_flight: int = Field(1, ge=1, description="simulations of one tree under way at once")
    budget_tokens: int | None = Field(None, ge=1, description="sampled tokens after which the stage stops")


@stage("synthesize", Synthesize, gpus=1)
def synthesize(lab: Lab, config: Synthesize, report: Reporter) -> None:
    """Grow one tree a problem and label its steps."""
    from o1coder.growing import grow, open_policy

    plans = plan(lab, config)
    report.log(f"{len(plans)} trees, {config.simulations} simulations × width {config.width}")
    with open_policy(lab, config) as (sampler, _):
        grown = grow(
            lab,
            report,
            plans,
            sampler,
            config.policy,
            kind="search",
            origin="search",
            token_budget=config.budget_tokens,
        )
    report.log(f"trees ended: {grown.ended}; {grown.sandbox_runs} sandbox runs, {grown.sandbox_s:.1f} s of CPU in them")


def plan(lab: Lab, config: Synthesize) -> list[Plan]:
    """The trees a config asks for, with their seeds."""
    from o1coder.checkpoints import weights
    from o1coder.growing import Plan, prompt_of, seed_of
    from o1coder.queries import problems
    from o1coder.search import SearchConfig

    prompt = prompt_of(config.prompt, None if config.policy is None else weights(lab, config.policy))
    search = SearchConfig(
        prompt=prompt.name,
        chooses=prompt.chooses,
        simulations=config.simulations,
        width=config.width,
        c=config.c,
        alpha=config.alpha,
        refines=config.refines,
        in_flight=config.in_flight,
        temperature=config.temperature,
    )
    with lab.reading() as connection:
        ids = problems.select(
            connection, split=config.split, slice=config.slice, limit=config.limit, ids=config.problems
        )
        return [Plan(i, 0, search, prompt, seed_of(config.seed, problems.show(connection, i).digest, 0)) for i in ids]
