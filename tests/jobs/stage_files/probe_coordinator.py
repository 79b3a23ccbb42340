"""A coordinator for tests: it takes no slot, has a probe run, and ends with it."""

from __future__ import annotations

from o1coder.lab import Lab
from o1coder.stage import Reporter, StageConfig, stage


class ProbeCoordinator(StageConfig):
    """Have one probe run and wait for it."""


@stage("probe-coordinator", ProbeCoordinator, slots=0)
def probe_coordinator(lab: Lab, config: ProbeCoordinator, report: Reporter) -> None:
    """Enqueue, wait, end."""
    from o1coder.jobs import verbs

    job = verbs.enqueue(lab, "probe", {"does": "nothing"}, run="trial", round=0, key=f"probe of {report.job_id}")
    assert verbs.wait(lab, job).state == "done"
