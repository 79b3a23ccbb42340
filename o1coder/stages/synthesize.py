"""Stage 2: tree search over pseudocode steps makes reasoning data with step validity.

The search is search/'s and the rows are trees.py's; this file only chooses problems and settings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from o1coder.searched import GUIDED, RANKING, Searched
from o1coder.stage import Problems, Reporter, stage

if TYPE_CHECKING:
    from o1coder.growing import Plan
    from o1coder.lab import Lab

ESTIMATING = ("omega", "openr", "mc")


class Synthesize(Searched):
    """Search reasoning trees over problems: structure, refine, code; every step gets its validity."""

    split: Literal["train", "validation", "test"] = Field("train", description="split of the problems")
    slice: str | None = Field(None, description="only this named slice of the split")
    problems: Problems = Field((), description="exactly these problems")
    limit: int | None = Field(None, ge=1, description="at most this many problems")
    preset: Literal[
        "lab", "o1coder-code", "o1coder-paper", "omega", "openr", "mc", "puct", "beam", "dvts", "best-of-n"
    ] = Field("lab", description="the rules of the search and of its label values, by name")
    simulations: int = Field(6, ge=1, description="simulations a tree; searches of omega, chains of mc and best-of-n")
    c: float | None = Field(None, ge=0, description="exploration constant; default: the preset's (lab: 2)")
    alpha: float = Field(0.0, ge=0, le=1, description="terminal reward: alpha x compile + (1 - alpha) x pass")
    draws: int | None = Field(
        None, ge=1, description="omega, mc: completions of an estimate; default: the preset's (8)"
    )
    in_flight: int = Field(1, ge=1, description="simulations of one tree under way at once")
    open_trees: int = Field(256, ge=1, description="trees under way at once")
    budget_tokens: int | None = Field(None, ge=1, description="sampled tokens after which the stage stops")
    budget_sandbox_s: float | None = Field(
        None, gt=0, description="CPU-seconds of judged programs after which the stage stops"
    )

    @property
    def asks_prm(self) -> bool:
        """Whether anything goes by a process reward model's scores."""
        return self.preset in GUIDED

    @property
    def ranks_paths(self) -> bool:
        """Whether anything ranks chains by what `aggregate` makes of their scores."""
        return self.preset in RANKING

    @property
    def keeps_beams(self) -> bool:
        """Whether the search keeps `beams` prefixes of a level."""
        return self.preset == "beam"

    @model_validator(mode="after")
    def _has_its_prm(self) -> Synthesize:
        from o1coder.errors import LabError

        if self.asks_prm and self.prm is None:
            raise LabError(
                f"a process reward model steers {self.preset}", "name one with --prm, or take another preset"
            )
        if self.draws is not None and self.preset not in ESTIMATING:
            raise LabError(f"draws are of {', '.join(ESTIMATING)}", "take one of those presets, or leave --draws away")
        return self


@stage("synthesize", Synthesize, gpus=1)
def synthesize(lab: Lab, config: Synthesize, report: Reporter) -> None:
    """Grow one tree a problem and label its steps."""
    from o1coder.growing import grow, open_policy
    from o1coder.solving import open_steering

    plans = plan(lab, config)
    report.log(f"{len(plans)} trees by {config.preset}, {config.simulations} simulations × width {config.width}")
    with open_policy(lab, config) as (sampler, _), open_steering(lab, config) as scorer:
        grown = grow(
            lab,
            report,
            plans,
            sampler,
            config.policy,
            kind="search",
            origin="search",
            token_budget=config.budget_tokens,
            sandbox_budget_s=config.budget_sandbox_s,
            open_trees=config.open_trees,
            scorer=scorer,
            prm=config.prm,
        )
    report.log(f"trees ended: {grown.ended}; {grown.sandbox_runs} sandbox runs, {grown.sandbox_s:.1f} s of CPU in them")


def plan(lab: Lab, config: Synthesize) -> list[Plan]:
    """The trees a config asks for, with their seeds."""
    from o1coder.checkpoints import weights
    from o1coder.growing import Plan, prompt_of, seed_of
    from o1coder.queries import problems
    from o1coder.search import preset

    prompt = prompt_of(config.prompt, None if config.policy is None else weights(lab, config.policy))
    rules = config.rules() | {"alpha": config.alpha, "in_flight": config.in_flight}
    rules |= {name: value for name in ("c", "draws") if (value := getattr(config, name)) is not None}
    search = preset(config.preset, prompt=prompt.name, chooses=prompt.chooses, **rules)
    with lab.reading() as connection:
        ids = problems.select(
            connection, split=config.split, slice=config.slice, limit=config.limit, ids=config.problems
        )
        return [Plan(i, 0, search, prompt, seed_of(config.seed, problems.show(connection, i).digest, 0)) for i in ids]
