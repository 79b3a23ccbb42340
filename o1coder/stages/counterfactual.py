"""Grows a stored tree again under other settings: what was drawn is served, the rest is sampled, as a tree of its own.

The new tree has the other's seed, prompt, given steps and test set (as it stands today). It is of kind `draws`: it shares its
completions with the tree it was asked of, and so is never training data. Which sampler asks for the rest is a field: `trees
counterfactual --continue` takes that of the job that made the tree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, field_validator

from o1coder.stage import OPENS, Opens, Pick, Reporter, Simulates, StageConfig, stage

if TYPE_CHECKING:
    from o1coder.lab import Lab

CHANGES = "settings of the search, NAME=VALUE: c=1.0, width=4, preset=o1coder-paper, …"


class Counterfactual(StageConfig):
    """Grow a tree again under other settings: its own draws first, the rest sampled."""

    tree: int = Field(description="the tree", ge=1)
    changes: tuple[str, ...] = Field(description=CHANGES)
    policy: Annotated[int | None, Pick("checkpoint", role="policy")] = Field(
        None, description="the policy: a checkpoint or a model's name"
    )
    sampler: Opens = Field("hf", description=OPENS)
    simulate: Simulates = Field(
        None, description="a server that does not exist before the sampler: latency=50ms,batch=64"
    )
    prm: Annotated[int | None, Pick("checkpoint", role="prm")] = Field(None, description="the PRM of a guided search")
    scorer: Opens = Field("hf", description="what runs the PRM: hf, or fake:SEED")
    threads: int | None = Field(None, ge=1, description="CPU threads of the model; default: all cores but one")
    batch: int | None = Field(None, ge=1, description="rows the sampler runs at once")
    gpu_share: float | None = Field(None, gt=0, le=1, description="share of the GPU's memory that vllm takes")
    context: int | None = Field(None, ge=64, description="tokens of prompt and text together that vllm makes room for")
    exact: bool = Field(False, description="fp32, constant batch shape: the same seed gives the same tree, slower")

    @field_validator("changes")
    @classmethod
    def _set(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        from o1coder.counterfactuals import settings_of

        settings_of(words)
        return words


@stage("counterfactual", Counterfactual, gpus=1)
def counterfactual(lab: Lab, config: Counterfactual, report: Reporter) -> None:
    """One tree, grown like any other, with a sampler before the policy's that knows what was drawn already."""
    from contextlib import ExitStack

    from o1coder.counterfactuals import known_draws, settings_of
    from o1coder.growing import Plan, grow, open_policy
    from o1coder.replaying import spec_of, stored_tree
    from o1coder.sampling.served import Served
    from o1coder.scoring import open_prm
    from o1coder.search.counterfactual import changed
    from o1coder.stage import Sampled
    from o1coder.text import load_prompt

    with lab.reading() as connection:
        tree = stored_tree(connection, config.tree)
        spec = spec_of(connection, tree)
    other = changed(tree.search, settings_of(config.changes))
    known = known_draws(spec)
    opens = config.model_dump(include={*Sampled.model_fields} & {*Counterfactual.model_fields})
    prompt = load_prompt(other.prompt)
    plan = Plan(tree.problem_id, 0, other, prompt, tree.seed, tree.test_set_id, spec.given)
    with ExitStack() as stack:
        sampler, _ = stack.enter_context(open_policy(lab, Sampled(**opens)))
        scorer = None
        if config.prm is not None and other.guided:
            scorer = stack.enter_context(open_prm(lab, config.prm, config.scorer, threads=config.threads))
        served = Served(sampler, known)
        grow(
            lab,
            report,
            [plan],
            served,
            config.policy,
            kind="draws",
            origin="search",
            scorer=scorer,
            prm=config.prm,
        )
    report.log(f"{served.served} completions served, {served.passed_on} sampled")
