"""Judge the programs of a job's rollouts on audit tests: the tests of train problems that never rewarded or filtered anything.

The third curve of RL: where the reward rises and this falls, the policy has learned the tests (`runs xray`). Verdicts are
facts as any other; no reward, label or dataset is made of them. What was judged before is not judged again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from o1coder.stage import Pick, Reporter, StageConfig, stage

if TYPE_CHECKING:
    from o1coder.lab import Lab

CHUNK = 16  # problems judged between two looks at the clock


class Audit(StageConfig):
    """Judge the programs of a job's rollouts on the audit tests that it never saw."""

    rollouts: Annotated[int, Pick("job")] = Field(description="the job whose rollouts' programs are judged")
    every: int = Field(1, ge=1, description="only every n-th iteration, and the last")


@stage("audit", Audit)
def audit(lab: Lab, config: Audit, report: Reporter) -> None:
    """Problems in chunks; what is written stays when the stage is stopped."""
    from o1coder.evaluating import judge_codes
    from o1coder.queries import xray
    from o1coder.rows import By

    with lab.reading() as connection:
        codes = xray.to_audit(connection, xray.taken(connection, config.rollouts), config.every)
    report.log(f"{sum(map(len, codes.values()))} programs of {len(codes)} problems")
    problems = list(codes)
    for start in range(0, len(problems), CHUNK):
        if report.remaining_s is not None and report.remaining_s <= 0:
            report.stopped("budget")
            return
        chunk = problems[start : start + CHUNK]
        judge_codes(lab, report, {problem: codes[problem] for problem in chunk}, By(job_id=report.job_id))
        if report.cancelled:
            return
        report.progress(start + len(chunk), len(problems))
