"""Import problems with their programs and tests: the starter set, HumanEval, MBPP, or a JSONL file of your own.

Every row that cannot be a problem is logged with its reason, and listed in `jobs/<id>/rejected.jsonl`; so is a row that
would carry a problem of one split into another (problems/leaks.py says when: what comes first stays). A problem that is
there already is left as it is, so that importing twice adds nothing twice. What is imported is believed, unless `check`
is set: then every reference is judged on its tests, and those that fail are reported (and kept: a test may be the one
that is wrong).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from o1coder.stage import Reporter, StageConfig, stage

if TYPE_CHECKING:
    from o1coder.lab import Lab

BATCH = 50  # problems a transaction


class Import(StageConfig):
    """Import problems: the starter set, HumanEval, MBPP, or a JSONL file of your own."""

    source: Literal["starter", "humaneval", "mbpp", "jsonl"] = Field("starter", description="the format")
    path: str | None = Field(None, description="the file; the starter problems need none")
    split: Literal["train", "validation", "test"] | None = Field(
        None, description="put every problem into this split instead of its own (not for the starter problems)"
    )
    limit: int | None = Field(None, ge=1, description="problems at most")
    check: bool = Field(False, description="judge every reference on its tests and report those that fail")


@stage("import", Import, foreground=True)
def import_problems(lab: Lab, config: Import, report: Reporter) -> None:
    """Read, store in batches, say what was rejected; judge references when asked to."""
    from itertools import islice

    from o1coder.answers import leave
    from o1coder.errors import LabError
    from o1coder.importing import Tally, check_references, reader, store, write_rejected

    if config.source == "starter" and config.split is not None:
        raise LabError("the starter problems have their splits, by family", "leave --split away")
    from o1coder.problems.leaks import with_prompts

    tally, leaks = Tally(config.source, config.path), with_prompts()
    items = reader(config.source, config.path, config.limit)
    while batch := list(islice(items, BATCH)):
        if report.cancelled:
            return
        if report.remaining_s == 0:
            report.stopped("budget")
            break
        store(lab, batch, config.split, leaks, tally, report)
    write_rejected(lab.job_folder(report.job_id), tally)
    report.log(f"{tally.added} problems added, {tally.known} there already, {len(tally.rejected)} rows rejected")
    if config.check and not check_references(lab, tally, report) and report.cancelled:
        return
    leave(lab, report.job_id, tally.answer())
