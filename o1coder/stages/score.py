"""Scores steps with a PRM: a number for every step of the chosen trees, under the format the PRM reads.

Scores are facts about a checkpoint, never labels: a PRM must not teach itself its own opinion.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from o1coder.stage import OPENS, Opens, Pick, Reporter, Selects, StageConfig, stage

if TYPE_CHECKING:
    from o1coder.lab import Lab

CHUNK = 64


class Score(StageConfig):
    """Score the steps of trees with a process reward model."""

    prm: Annotated[int, Pick("checkpoint", role="prm")] = Field(description="the process reward model")
    query: Selects = Field("", description="which trees: field:value words; empty for all")
    scorer: Opens = Field("hf", description=OPENS)
    threads: int | None = Field(None, ge=1, description="CPU threads of the model")
    batch: int | None = Field(
        None,
        ge=1,
        description="rows the scorer runs at once (hf 16, vllm 256), or requests under way at each server (64)",
    )


@stage("score", Score, gpus=1)
def score(lab: Lab, config: Score, report: Reporter) -> None:
    """Score every step that this PRM has not scored yet; what is written stays when the stage is stopped."""
    from o1coder import selection
    from o1coder.scoring import open_prm, score_steps

    with lab.reading() as connection:
        steps = list(selection.unscored(connection, selection.Query.parse(config.query), config.prm))
    report.log(f"{len(steps)} steps to score")
    with open_prm(lab, config.prm, config.scorer, threads=config.threads, batch=config.batch) as scorer:
        for start in range(0, len(steps), CHUNK):
            if report.cancelled:
                return
            if report.remaining_s is not None and report.remaining_s <= 0:
                report.stopped("budget")
                return
            score_steps(lab, scorer, config.prm, steps[start : start + CHUNK], report.job_id)
            report.progress(min(start + CHUNK, len(steps)), len(steps))
