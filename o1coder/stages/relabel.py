"""Labels a search's trees again after a test was withdrawn, given back or added, or under another α; nothing is sampled.

Programs without a verdict on one of the tests are judged, and what the judge said is stored. Only labels that differ from
the newest search label are appended, so that the same question twice adds nothing. A person's label goes on counting first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, model_validator

from o1coder.stage import Pick, Reporter, Selects, StageConfig, stage

if TYPE_CHECKING:
    from o1coder.lab import Lab


class Relabel(StageConfig):
    """Label trees again from re-scored rollouts: tests withdrawn or added since, another α or threshold."""

    query: Selects = Field("", description="which trees: field:value words; empty for all that have search labels")
    withdrawn: bool = Field(False, description="only trees one of whose tests was withdrawn or given back since")
    newest: bool = Field(
        False, description="judge with the newest set of the same purpose: tests that were added count"
    )
    test_set: Annotated[int | None, Pick("test_set")] = Field(
        None, description="judge with this set; it must have the purpose of the tree's own"
    )
    alpha: float | None = Field(
        None, ge=0, le=1, description="another alpha of the terminal reward; default: the tree's"
    )
    threshold: int = Field(8, ge=1, description="draws below which c = 0 stays unsure")

    @model_validator(mode="after")
    def _one_choice(self) -> Relabel:
        if self.newest and self.test_set is not None:
            raise ValueError("newest and test_set name two sets of tests: give one")
        return self


@stage("relabel", Relabel)
def relabel(lab: Lab, config: Relabel, report: Reporter) -> None:
    """One tree after another: judge what is missing, then append a re-score and the labels it changes, in one transaction."""
    from o1coder.judge import Judge
    from o1coder.relabelling import chosen, relabel_tree

    with lab.reading() as connection:
        trees = chosen(
            connection,
            config.query,
            report.job_id,
            withdrawn=config.withdrawn,
            newest=config.newest,
            test_set=config.test_set,
        )
    report.log(f"{len(trees)} trees to label again")
    judged = changed = masked = 0
    with Judge() as judge:
        for done, tree in enumerate(trees, 1):
            if report.cancelled:
                return
            if report.remaining_s is not None and report.remaining_s <= 0:
                report.stopped("budget")
                return
            found = relabel_tree(lab, judge, tree, config.alpha, config.threshold, report.job_id)
            if found is None:
                report.log(f"tree {tree.tree}: all of its tests were withdrawn; its labels stay as they are")
                continue
            judged, changed, masked = judged + found.judged, changed + found.labels, masked + found.masked
            report.progress(done, len(trees))
    report.log(f"{judged} verdicts judged, {changed} labels changed, {masked} rollouts without every verdict")
