"""Stage 1a: train the test case generator by SFT on problems, reference programs and their true cases.

Two forms that are two generators: with code, and from the statement alone. Cases come from the reward tests of train
problems; the generator is measured on problems it never saw (`generate-tests`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from o1coder.stage import Pick, Reporter, Trains, stage

if TYPE_CHECKING:
    from o1coder.lab import Lab


class TcgSft(Trains):
    """Train the test case generator (SFT) on true cases of train problems."""

    base: Annotated[int, Pick("checkpoint", role=("policy", "tcg"))] = Field(
        description="the model to start from; an adapter is gone on with"
    )
    form: Literal["code", "statement"] = Field("code", description="cases from statement and code, or statement alone")
    split: Literal["train"] = Field("train", description="split of the problems")
    slice: str | None = Field(None, description="only this named slice of the split")
    cases: int = Field(3, ge=1, description="cases a row")
    rows_per_problem: int = Field(4, ge=1, description="rows made of one problem at most")
    iterations: int = Field(8, ge=1, description="optimizer iterations")
    batch: int = Field(8, ge=1, description="rows an iteration")
    lr: float = Field(5e-4, gt=0, description="learning rate")


@stage("tcg-sft", TcgSft, gpus=1)
def tcg_sft(lab: Lab, config: TcgSft, report: Reporter) -> None:
    """Freeze rows of true cases, train, record the checkpoint."""
    from o1coder import casework, checkpoints, datasets, selection
    from o1coder.rows import By
    from o1coder.training import train

    by = By(job_id=report.job_id)
    with lab.reading() as connection:
        as_of = selection.as_of_now(connection)
        found = casework.true_cases(
            connection,
            split=config.split,
            slice=config.slice,
            size=config.cases,
            per_problem=config.rows_per_problem,
            seed=config.seed,
        )
    name = f"tcg-{config.form}-short"
    rows = [
        datasets.Row(
            {"prompt": casework.prompt(name, item), "completion": casework.target(item)}, program_id=item.program_id
        )
        for item in found
    ]
    query = {"split": config.split, "slice": config.slice, "form": config.form, "cases": config.cases}
    frozen = datasets.freeze(lab, "tcg-sft", rows, query=query, as_of=as_of, by=by)
    report.log(f"{frozen.rows} rows of {config.cases} cases")
    start = checkpoints.weights(lab, config.base)
    trained = train(lab, report, config.spec("sft", start, max_length=config.max_length), datasets.rows_of(frozen))
    checkpoints.record(
        lab, trained.model, trained.done, role="tcg", start=start, parent_id=config.base, prompt=name, by=by
    )
