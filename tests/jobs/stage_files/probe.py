"""A stage for tests: it does one small thing, named by `does`, that jobs have to cope with."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from o1coder.lab import Lab
from o1coder.stage import Pick, Reporter, StageConfig, stage


class Probe(StageConfig):
    """Do one small thing."""

    does: Literal[
        "nothing",
        "sleep",
        "deaf",
        "breed",
        "orphan",
        "lab-error",
        "bug",
        "memory",
        "polite",
        "count",
        "budget",
        "again",
    ] = "nothing"
    seconds: float = Field(30.0, ge=0)
    batch: int = 8
    policy: Annotated[int | None, Pick("checkpoint", role="policy")] = None
    sources: Annotated[tuple[int, ...], Pick("job", stage="probe")] = ()


@stage("probe", Probe)
def probe(lab: Lab, config: Probe, report: Reporter) -> None:
    """What `does` says."""
    import os
    import signal
    import subprocess
    import time

    from o1coder.errors import LabError

    until = time.monotonic() + config.seconds
    report.log(f"probe {config.does} in {os.getcwd()}")
    match config.does:
        case "nothing":
            report.progress(3, 3)
        case "sleep":
            while time.monotonic() < until:
                time.sleep(0.02)
        case "polite":
            while time.monotonic() < until and not report.cancelled:
                time.sleep(0.02)
        case "deaf":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            print("deaf now", flush=True)
            while time.monotonic() < until:
                time.sleep(0.02)
        case "breed" | "orphan":
            subprocess.Popen(["sleep", "300"], start_new_session=True)
            while config.does == "breed" and time.monotonic() < until:
                time.sleep(0.02)
        case "lab-error":
            raise LabError("the spoon is bent", "straighten it")
        case "bug":
            raise ZeroDivisionError("one by none")
        case "memory":
            raise MemoryError
        case "count":
            for iteration in range(1, 5):
                report.metric(iteration, loss=iteration + 100 * report.attempt)
            report.progress(5, 5)
        case "budget":
            while report.remaining_s:
                time.sleep(0.02)
            report.stopped("budget")
        case "again":
            if report.attempt == 1:
                os.kill(os.getpid(), signal.SIGKILL)
