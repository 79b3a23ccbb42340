"""Export training rows: prompt-completion, preference, stepwise or O1-CODER's PRM rows, as JSONL with manifest and sha256.

The rows are frozen as a dataset of the lab, then written to the folder `out`, which must not exist. The same query of the
same facts gives the same bytes; `as_of` asks of the facts that an earlier dataset could see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from o1coder.stage import Reporter, Selects, StageConfig, stage

if TYPE_CHECKING:
    from o1coder.lab import Lab


class Export(StageConfig):
    """Export training rows to a folder: JSONL with a manifest and its sha256."""

    kind: Literal["prompt-completion", "preference", "stepwise", "o1coder-prm"] = Field(description="the format")
    out: str = Field(description="the folder to make; it must not exist")
    query: Selects = Field("split:train", description="which trees: field:value words")
    as_of: str = Field("now", description="now, or the id of a dataset: only what it could see")
    target: Literal["validity", "value"] = Field(
        "validity", description="stepwise and o1coder-prm: hard labels, or the search's soft values"
    )
    per_problem: int = Field(4, ge=1, description="prompt-completion: distinct chains of one problem at most")
    pairs: Literal["siblings", "strict", "programs"] = Field(
        "siblings",
        description="preference: any siblings, under rStar-Math's conditions, or passing over failing programs",
    )
    margin: float | None = Field(
        None, ge=0, le=1, description="preference: least difference of the siblings' values; strict: 0.5 unless named"
    )
    edit: int | None = Field(
        None, ge=0, description="preference: least edit distance of the texts in characters; strict: 20 unless named"
    )


@stage("export", Export, foreground=True)
def export(lab: Lab, config: Export, report: Reporter) -> None:
    """Freeze the rows, write the folder, leave the command's object."""
    from o1coder.answers import leave
    from o1coder.exporting import Wanted, export_rows, require_absent, write_out

    wanted = Wanted(**config.model_dump(exclude={"seed", "budget_s"}))
    require_absent(lab, wanted, report.job_id)
    frozen = export_rows(lab, wanted, report.job_id)
    answer = write_out(lab, wanted, frozen)
    report.log(f"{frozen.rows} rows in {config.out}")
    leave(lab, report.job_id, answer)
