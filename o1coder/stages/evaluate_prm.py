"""Measure a PRM by fresh draws: prefixes on problem families it never saw, completed again and again by a policy.

Every step is labelled by what its own fresh completions came to (measurement.md §2-3) and scored by the PRM; the AUC is
read pooled and within problem, prefixes and code steps apart, beside the problem-mean and step-length baselines and the
ceiling. What is undefined is not written: n/a, never 0.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from o1coder.stage import OPENS, Opens, Pick, Reporter, Sampled, stage

if TYPE_CHECKING:
    from o1coder.growing import Plan
    from o1coder.lab import Lab


class EvaluatePrm(Sampled):
    """Measure a process reward model on unseen families by fresh draws of a policy."""

    prm: Annotated[int, Pick("checkpoint", role="prm")] = Field(description="the process reward model")
    scorer: Opens = Field("hf", description=OPENS)
    draws: Annotated[int | None, Pick("job", stage="evaluate-prm")] = Field(
        None,
        description="score the trees of this earlier job again instead of drawing anew (before/after a correction)",
    )
    split: Literal["train", "validation", "test"] = Field("validation", description="split of the problems")
    slice: str | None = Field(None, description="only this named slice of the split")
    limit: int | None = Field(8, ge=1, description="at most this many problems")
    structures: int = Field(2, ge=1, description="structures a problem")
    refines: int = Field(2, ge=1, description="refines a structure")
    codes: int = Field(8, ge=1, description="fresh programs below each refine: k of its label")


@stage("evaluate-prm", EvaluatePrm, gpus=1)
def evaluate_prm(lab: Lab, config: EvaluatePrm, report: Reporter) -> None:
    """Draw, score, measure; the figures become metrics of the job."""
    from o1coder import selection
    from o1coder.growing import grow, open_policy
    from o1coder.prmfigures import figures, scored_steps
    from o1coder.scoring import open_prm, score_steps

    source = report.job_id if config.draws is None else config.draws
    if config.draws is None:
        with open_policy(lab, config) as (sampler, _):
            plans = plan(lab, config)
            grow(lab, report, plans, sampler, config.policy, kind="draws", origin="evaluation", estimate="mc")
    if report.cancelled:
        return
    with lab.reading() as connection:
        steps = list(selection.unscored(connection, selection.Query.parse(f"job:{source}"), config.prm))
    if steps:
        with open_prm(lab, config.prm, config.scorer, threads=config.threads) as scorer:
            for start in range(0, len(steps), 64):
                score_steps(lab, scorer, config.prm, steps[start : start + 64], report.job_id)
    with lab.reading() as connection:
        found = figures(scored_steps(connection, source, config.prm))
    for name, value in found.items():
        report.log(f"{name}: {value:.3f}")
    report.metric(0, **found)


def plan(lab: Lab, config: EvaluatePrm) -> list[Plan]:
    """One tree a problem: `structures` × `refines` prefixes with `codes` fresh programs below each."""
    from o1coder.checkpoints import weights
    from o1coder.growing import Plan, prompt_of, seed_of
    from o1coder.queries import problems
    from o1coder.search import SearchConfig

    prompt = prompt_of(config.prompt, None if config.policy is None else weights(lab, config.policy))
    widths = (config.structures, config.refines, config.codes)
    search = SearchConfig(
        prompt=prompt.name,
        chooses=prompt.chooses,
        simulations=config.structures * config.refines,
        widths=widths,
        temperature=config.temperature,
    )
    with lab.reading() as connection:
        ids = problems.select(connection, split=config.split, slice=config.slice, limit=config.limit)
        return [
            Plan(i, 0, search, prompt, seed_of(config.seed, "draws", problems.show(connection, i).digest)) for i in ids
        ]
