"""Which level decides the outcome: problem, structure, refine or code; and whether the code step reads its pseudocode.

Nested fresh draws below each problem split the outcome's variance over the levels (measure/anatomy.py). The swap test draws
programs for a problem after pseudocode of its own and after that of another problem: where both pass alike, the
thinking is decoration. A third arm has no pseudocode at all. What is drawn measures, and is never trained on. It compares
no two policies: run it for each, on the same problems and seed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from o1coder.stage import Reporter, Sampled, stage

if TYPE_CHECKING:
    from o1coder.lab import Lab


class Anatomy(Sampled):
    """Say which level decides the outcome, by nested fresh draws, and whether the pseudocode is used, by a swap test."""

    split: Literal["train", "validation", "test"] = Field("validation", description="split of the problems")
    slice: str | None = Field(None, description="only this named slice of the split")
    limit: int | None = Field(20, ge=2, description="at most this many problems")
    structures: int = Field(3, ge=2, description="structures a problem")
    refines: int = Field(
        3, ge=2, description="refines below each structure, and below each refine where there are several"
    )
    codes: int = Field(3, ge=2, description="programs below each whole pseudocode")
    refine_steps: int = Field(1, ge=0, le=4, description="refine steps one below the other, each a level of its own")
    swaps: int = Field(3, ge=0, le=100, description="swap test: pseudocodes a problem and arm; 0: none")
    direct: bool = Field(True, description="swap test: also programs without any pseudocode")
    temperature: float = Field(0.8, ge=0, description="sampling temperature")


@stage("anatomy", Anatomy, gpus=1, foreground=True)
def anatomy(lab: Lab, config: Anatomy, report: Reporter) -> None:
    """Draw, swap, measure; the figures become metrics of the job."""
    from o1coder import anatomizing
    from o1coder.growing import Plan, grow, open_policy

    design = anatomizing.Design(**config.model_dump(include=set(anatomizing.Design.__dataclass_fields__)))
    nested = anatomizing.nested_plans(lab, design)
    count = sum(plan.config.expected_rollouts for plan in nested)
    total = count + anatomizing.swap_rollouts(design, len(nested))

    with open_policy(lab, config) as (sampler, _):

        def draw(plans: list[Plan], begin: int) -> None:
            if plans and not report.cancelled:
                before = (begin, total)
                shared: dict[str, Any] = {"kind": "draws", "origin": "evaluation", "label": False, "before": before}
                grow(lab, report, plans, sampler, config.policy, **shared)

        draw(nested, 0)
        draw(anatomizing.swap_plans(lab, design, report.job_id), count)
    if report.cancelled:
        return
    answer = anatomizing.answer(lab, report.job_id)
    for line in anatomizing.lines(answer):
        report.log(line)
    report.metric(0, **anatomizing.metrics(answer))
