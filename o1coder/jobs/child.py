"""The process of one attempt: takes it, runs the stage, writes its outcome as the last transaction.

    python -P -m o1coder.jobs.child --home HOME --job J --attempt N      (the worker starts it, as a session leader)

It takes the attempt by writing its pid where none is, so two processes never run one attempt. It neither schedules nor
retries nor watches: when it dies without a word, the worker says so.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.metadata
import json
import os
import platform
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import text

from o1coder import db, stage
from o1coder.clock import age_s, now
from o1coder.errors import LabError
from o1coder.jobs import alive
from o1coder.jobs.outcome import DONE, EXIT_DISK_FULL, Ended, of_exception
from o1coder.jobs.report import JobReporter
from o1coder.lab import Lab

PACKAGES = ("o1coder", "torch", "transformers", "trl", "peft", "accelerate", "vllm", "numpy", "sqlalchemy")


class Taken(NamedTuple):
    """The attempt this process runs."""

    attempt_id: int
    stage: str
    config: dict[str, Any]
    spent_s: float  # seconds that earlier attempts of the job took


def take(lab: Lab, job_id: int, n: int) -> Taken | None:
    """Make this process the one that runs attempt `n`; None when another is, or when it has ended."""
    mine = alive.standing(os.getpid())
    assert mine is not None
    at = now()
    with lab.writing() as connection:
        changed = connection.execute(
            text(
                "UPDATE attempt SET pid = :pid, create_time = :born, host = :host, boot_id = :boot, started_at = :now, "
                "heartbeat_at = :now, versions = :versions, code_digest = :code "
                "WHERE job_id = :job AND n = :n AND pid IS NULL AND outcome IS NULL"
            ),
            {
                "pid": os.getpid(),
                "born": mine.create_time,
                "host": alive.host(),
                "boot": alive.boot_id(),
                "now": at,
                "versions": json.dumps(versions(), sort_keys=True),
                "code": code_digest(),
                "job": job_id,
                "n": n,
            },
        )
        if not changed.rowcount:
            return None
        row = connection.execute(
            text(
                "SELECT attempt.id, job.stage, job.config FROM attempt JOIN job ON job.id = attempt.job_id "
                "WHERE attempt.job_id = :job AND attempt.n = :n"
            ),
            {"job": job_id, "n": n},
        ).one()
        earlier = connection.execute(
            text(
                "SELECT started_at, coalesce(ended_at, heartbeat_at) FROM attempt "
                "WHERE job_id = :job AND n < :n AND pid IS NOT NULL"
            ),
            {"job": job_id, "n": n},
        ).all()
    spent = sum(age_s(begun) - age_s(ended) for begun, ended in earlier)
    return Taken(row[0], row[1], json.loads(row[2]), spent)


def versions() -> dict[str, str]:
    """What this attempt runs on: Python, SQLite and the packages that matter, without importing any."""
    found = {"python": platform.python_version(), "sqlite": db.driver()[0].sqlite_version}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def code_digest() -> str:
    """Digest of every Python and prompt file of the package as it lies on disk."""
    package = Path(stage.__file__).parent
    total = hashlib.sha256()
    for path in sorted(p for p in package.rglob("*") if p.suffix in (".py", ".txt")):
        total.update(f"{path.relative_to(package)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return "sha256:" + total.hexdigest()


def run(lab: Lab, job_id: int, n: int) -> int:
    """Run one attempt to its end; returns the exit status of the process. What a stage raises is printed and recorded."""
    taken = take(lab, job_id, n)
    if taken is None:
        print(f"attempt {n} of job {job_id} is another process's, or has ended")
        return 0
    budget = taken.config.get("budget_s")
    left = None if budget is None else max(0.0, float(budget) - taken.spent_s)
    report = JobReporter(lab, job_id, n, taken.attempt_id, left)
    signal.signal(signal.SIGTERM, lambda *_: report.terminate())
    report.start()
    report.log(f"{now()} attempt {n} of job {job_id}: {taken.stage}")
    try:
        declared = stage.find(taken.stage)
        declared.run(lab, stage.parse(declared.config, taken.config), report)
    except BaseException as error:
        if not isinstance(error, stage.Cancelled):
            traceback.print_exc()
        raise SystemExit(_end(report, of_exception(error, taken.config))) from error
    return _end(report, DONE)


def _end(report: JobReporter, ended: Ended) -> int:
    try:
        final = report.end(ended)
    except LabError as error:
        print(f"the outcome ({ended.outcome}) could not be written: {error.message}", file=sys.stderr)
        return EXIT_DISK_FULL if error.kind == "disk-full" else 1
    report.log(f"{now()} {final.outcome}" + (f": {final.message}" if final.message else ""))
    return final.exit_status or 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line of one attempt."""
    parser = argparse.ArgumentParser(prog="o1coder.jobs.child", description="Run one attempt of a job.")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--job", type=int, required=True)
    parser.add_argument("--attempt", type=int, required=True)
    asked = parser.parse_args(arguments)
    lab = Lab(asked.home)
    try:
        return run(lab, asked.job, asked.attempt)
    finally:
        lab.close()


if __name__ == "__main__":
    raise SystemExit(main())
