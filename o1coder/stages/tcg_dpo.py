"""Stage 1b: DPO on the test case generator. Chosen: true cases; rejected: the same inputs with their outputs shuffled.

Shuffles that leave every output where it was are no negatives and are left out (paper 3.1.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from o1coder.stage import Pick, Reporter, Trains, stage

if TYPE_CHECKING:
    from o1coder.lab import Lab


class TcgDpo(Trains):
    """Train the test case generator (DPO): true outputs over shuffled ones."""

    tcg: Annotated[int, Pick("checkpoint", role="tcg")] = Field(description="the generator to start from (after SFT)")
    slice: str | None = Field(None, description="only this named slice of the train split")
    cases: int = Field(3, ge=2, description="cases a row")
    rows_per_problem: int = Field(2, ge=1, description="rows made of one problem at most")
    iterations: int = Field(4, ge=1, description="optimizer iterations")
    batch: int = Field(4, ge=1, description="pairs an iteration")
    lr: float = Field(1e-4, gt=0, description="learning rate")
    beta: float = Field(0.1, gt=0, description="DPO's β")
    sft_weight: float = Field(1.0, ge=0, description="weight of the likelihood term that keeps log p(chosen) up")


@stage("tcg-dpo", TcgDpo, gpus=1)
def tcg_dpo(lab: Lab, config: TcgDpo, report: Reporter) -> None:
    """Freeze pairs, train, record the checkpoint."""
    from o1coder import casework, checkpoints, datasets, selection
    from o1coder.errors import LabError
    from o1coder.rows import By
    from o1coder.training import train

    by = By(job_id=report.job_id)
    start = checkpoints.weights(lab, config.tcg, "tcg")
    if start.prompt is None:
        raise LabError(f"checkpoint {config.tcg} does not say which prompt it was trained on", "train it with tcg-sft")
    with lab.reading() as connection:
        as_of = selection.as_of_now(connection)
        found = casework.true_cases(
            connection,
            split="train",
            slice=config.slice,
            size=config.cases,
            per_problem=config.rows_per_problem,
            seed=config.seed + 1,
        )
    rows, excluded = [], selection.Excluded()
    for item in found:
        wrong = casework.shuffled(item, config.seed)
        if wrong is None:
            excluded.add("all outputs are equal: a shuffle is no negative")
            continue
        pair = {"chosen": casework.target(item), "rejected": casework.target(wrong)}
        rows.append(datasets.Row({"prompt": casework.prompt(start.prompt, item), **pair}, program_id=item.program_id))
    query = {"slice": config.slice, "cases": config.cases}
    frozen = datasets.freeze(lab, "tcg-dpo", rows, query=query, as_of=as_of, by=by, excluded=excluded.counts)
    report.log(f"{frozen.rows} pairs")
    spec = config.spec("dpo", start, max_length=config.max_length, beta=config.beta, sft_weight=config.sft_weight)
    trained = train(lab, report, spec, datasets.rows_of(frozen))
    checkpoints.record(
        lab, trained.model, trained.done, role="tcg", start=start, parent_id=config.tcg, prompt=start.prompt, by=by
    )
