"""Generate test cases with a generator, keep what it returned beside what survives the check against the reference.

Raw validity is measured before the filter: the reference's verdict on every parsed case. Survivors become a `verify` test
set. Where a problem has no reference (or it is asked from the statement alone) nothing can be filtered, and is said so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from o1coder.stage import Pick, Problems, Reporter, Sampled, stage

if TYPE_CHECKING:
    from o1coder.lab import Lab


class GenerateTests(Sampled):
    """Generate test cases for problems; each is checked against the reference program."""

    prompt_forms: ClassVar[tuple[str, ...]] = ("cases-with-code", "cases-from-statement")

    policy: Annotated[int | None, Pick("checkpoint", role=("policy", "tcg"))] = Field(
        None, description="the generator: a checkpoint (of role tcg, or a policy) or a model's name"
    )
    form: Literal["code", "statement"] = Field("code", description="from statement and code, or the statement alone")
    split: Literal["train", "validation", "test"] = Field("validation", description="split of the problems")
    slice: str | None = Field(None, description="only this named slice of the split")
    problems: Problems = Field((), description="exactly these problems")
    limit: int | None = Field(None, ge=1, description="at most this many problems")
    n: int = Field(1, ge=1, description="completions a problem")
    cases: int = Field(3, ge=1, description="cases asked for in one completion")


@stage("generate-tests", GenerateTests, gpus=1)
def generate_tests(lab: Lab, config: GenerateTests, report: Reporter) -> None:
    """Sample, parse, judge the reference on every case, write all of it, and the measure of validity."""
    from o1coder.generating import Asking, generate
    from o1coder.growing import open_policy, prompt_of
    from o1coder.judge import Judge
    from o1coder.queries import problems

    with lab.reading() as connection:
        ids = problems.select(
            connection, split=config.split, slice=config.slice, limit=config.limit, ids=config.problems
        )
    with open_policy(lab, config) as (sampler, policy), Judge() as judge:
        trained = policy is not None and policy.prompt is not None and policy.role == "tcg"
        name = config.prompt if config.prompt != "auto" or trained else f"tcg-{config.form}"
        asking = Asking(
            prompt_of(name, policy),
            config.policy,
            config.n,
            config.cases,
            config.temperature,
            config.seed,
            config.split,
        )
        made = generate(lab, report, ids, asking, sampler, judge)
    report.log(f"{made.parsed} of {made.asked} cases parsed, {made.valid} of {made.judged} judged ones are valid")
    if made.parsed > made.judged:
        report.log(
            f"{made.parsed - made.judged} parsed cases were not judged: no reference, or the judge itself failed"
        )
