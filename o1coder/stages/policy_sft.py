"""Stage 3: fine-tune the policy on reasoning whose program passes every reward test and whose every step is valid."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from o1coder.stage import Pick, Reporter, Selects, Trains, stage

if TYPE_CHECKING:
    from o1coder.lab import Lab

PROMPT = "short"  # the form without the worked example: what a fine-tuned policy is asked in from here on


class PolicySFT(Trains):
    """Fine-tune the policy on reasoning whose every step is valid."""

    policy: Annotated[int, Pick("checkpoint", role="policy")] = Field(description="the policy to start from")
    query: Selects = Field("split:train", description="which trees: field:value words")
    per_problem: int = Field(4, ge=1, description="distinct chains of one problem at most")
    iterations: int = Field(8, ge=1, description="optimizer iterations")
    batch: int = Field(8, ge=1, description="rows an iteration")
    lr: float = Field(5e-4, gt=0, description="learning rate")


@stage("policy-sft", PolicySFT, gpus=1)
def policy_sft(lab: Lab, config: PolicySFT, report: Reporter) -> None:
    """Freeze passing chains, train, record the checkpoint."""
    from collections import Counter

    from o1coder import checkpoints, consensus, datasets, selection
    from o1coder.export import prompt_completion
    from o1coder.rows import By
    from o1coder.training import train

    by = By(job_id=report.job_id)
    excluded = selection.Excluded()
    with lab.reading() as connection:
        as_of = selection.as_of_now(connection)
        query, said = consensus.settled(connection, selection.Query.parse(config.query).training(), as_of)
        found = list(selection.chains(connection, query, as_of, excluded, per_problem=config.per_problem))
    rows_of = Counter(chain.problem_id for chain in found)
    rows = []
    for chain in found:
        row = prompt_completion.row(chain)
        rows.append(row._replace(content=row.content | {"weight": 1 / rows_of[chain.problem_id]}))
    frozen = datasets.freeze(
        lab,
        "policy-sft",
        rows,
        query={"query": query.text(), **said, "per_problem": config.per_problem},
        as_of=as_of,
        by=by,
        target="validity",
        excluded=excluded.counts,
    )
    report.log(f"{frozen.rows} chains of {len(rows_of)} problems")
    start = checkpoints.weights(lab, config.policy, "policy")
    trained = train(lab, report, config.spec("sft", start, max_length=config.max_length), datasets.rows_of(frozen))
    checkpoints.record(
        lab,
        trained.model,
        trained.done,
        role="policy",
        start=start,
        parent_id=config.policy,
        prompt=PROMPT,
        by=by,
    )
