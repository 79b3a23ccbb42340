"""Evaluate a policy (or programs from a file): n samples a problem, judged on tests that no search, reward or filter saw.

Modes are different estimands and never pooled: `direct` code, `pseudocode` chains, `search` (the program that `solve` would
choose; `baseline` puts best-of-n at equal tokens beside it), and programs from a file. A sample whose judging failed is
masked, never wrong. `official` compares as the evaluator of each problem's dataset does, faults included: for figures that
must match published ones, and said with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from o1coder.searched import Answering
from o1coder.stage import Reporter, stage

if TYPE_CHECKING:
    from o1coder.growing import Plan
    from o1coder.lab import Lab


class Evaluate(Answering):
    """Measure pass@k of a policy, or of programs from a file, on held-out tests."""

    split: tuple[Literal["train", "validation", "test"], ...] = Field(
        ("test",), description="split; may be given twice"
    )
    slice: str | None = Field(None, description="only this named slice of the split")
    limit: int | None = Field(None, ge=1, description="at most this many problems of a split")
    mode: Literal["direct", "pseudocode", "search"] = Field("pseudocode", description="how the policy is asked")
    n: int = Field(4, ge=1, description="samples a problem")
    k: tuple[Annotated[int, Field(ge=1)], ...] = Field((1,), description="the k of pass@k to print")
    baseline: bool = Field(
        False, description="search: beside it, best-of-n of as many sampled tokens, chosen by the same rule"
    )
    programs: str | None = Field(
        None, description="JSONL file of {problem, code} to judge instead of a policy's; its problems name the splits"
    )

    official: bool = Field(
        False, description="compare as the evaluator of each problem's dataset does, to match published figures"
    )

    @model_validator(mode="after")
    def _enough_samples(self) -> Evaluate:
        from o1coder.errors import LabError

        if self.programs is None and self.k and max(self.k) > self.n:
            raise LabError(f"pass@{max(self.k)} cannot be read off {self.n} samples a problem", "k must not exceed n")
        if self.baseline and self.mode != "search":
            raise LabError("a baseline stands beside a search", "add --mode search")
        if self.baseline and self.search == "best-of-n":
            raise LabError("best-of-n is the baseline", "leave --baseline away, or search otherwise")
        return self


@stage("evaluate", Evaluate, gpus=1, foreground=True)
def evaluate(lab: Lab, config: Evaluate, report: Reporter) -> None:
    """One evaluation a split, with one item a problem."""
    from o1coder.evaluating import evaluate_programs, official_comparators, record_trees
    from o1coder.growing import grow_waves, open_policy
    from o1coder.queries import problems

    if config.programs is not None:
        evaluate_programs(lab, report, config.programs, config.seed, official=config.official)
        return
    if config.official:  # before anything is sampled: a problem may have none
        with lab.reading() as connection:
            for split in config.split:
                ids = problems.select(connection, split=split, slice=config.slice, limit=config.limit)
                official_comparators(connection, ids)
    with open_policy(lab, config) as (sampler, _):
        if config.mode == "search":
            from o1coder.searchfigures import evaluate_search

            evaluate_search(
                lab,
                report,
                config,
                sampler,
                splits=config.split,
                slice=config.slice,
                limit=config.limit,
                n=config.n,
                official=config.official,
                baseline=config.baseline,
            )
            return
        waves = plan(lab, config)
        grown = grow_waves(lab, report, waves, sampler, config.policy, kind="group", rows=config.batch)
    if not report.cancelled:
        for split in config.split:
            record_trees(lab, report, config, split, waves[0][0].prompt.digest, grown)


def plan(lab: Lab, config: Evaluate) -> list[list[Plan]]:
    """n waves: in each one chain, a tree of its own, of every problem of every split. So a budget that runs out leaves all
    problems with the same number of samples."""
    from o1coder.checkpoints import weights
    from o1coder.growing import Plan, prompt_of, seed_of
    from o1coder.queries import problems
    from o1coder.search import SearchConfig

    direct = config.mode == "direct"
    policy = None if config.policy is None else weights(lab, config.policy)
    name = "direct" if direct and config.prompt == "auto" else config.prompt
    prompt = prompt_of(name, policy)
    search = SearchConfig(
        prompt=prompt.name,
        chooses=prompt.chooses,
        simulations=1,
        width=1,
        refines=config.refines,
        direct=direct,
        temperature=config.temperature,
    )
    with lab.reading() as connection:
        ids = [
            i
            for split in config.split
            for i in problems.select(connection, split=split, slice=config.slice, limit=config.limit)
        ]
        marks = {i: problems.show(connection, i).digest for i in ids}
        sets = {i: problems.unseen_set(connection, i) for i in ids}
    return [
        [Plan(i, n, search, prompt, seed_of(config.seed, config.mode, marks[i], n), sets[i]) for i in ids]
        for n in range(config.n)
    ]
