"""Jobs: attempts in order, at most one open, ended ones with their end; inputs as the config names them; files read so far.

An attempt whose process is dead is not a disagreement but a job that the next worker calls lost.
"""

from __future__ import annotations

import json

from o1coder import stage
from o1coder.errors import LabError
from o1coder.jobs.alive import is_alive
from o1coder.lab import Lab
from o1coder.verify.findings import Findings

ATTEMPTS = {
    "attempt-order": (
        "SELECT MIN(id), 'attempts 1 to ' || COUNT(*) || ' of job ' || job_id, MIN(n) || ' to ' || MAX(n) FROM attempt "
        "GROUP BY job_id HAVING MIN(n) <> 1 OR MAX(n) <> COUNT(*)"
    ),
    "attempt-open": (
        "SELECT a.id, 'an outcome, since attempt ' || (a.n + 1) || ' began', 'none' FROM attempt a "
        "JOIN attempt later ON later.job_id = a.job_id AND later.n = a.n + 1 WHERE a.outcome IS NULL"
    ),
    "attempt-end": (
        "SELECT id, CASE WHEN outcome IS NULL THEN 'no end before an outcome' ELSE 'the time of its end' END, "
        "COALESCE(ended_at, 'none') FROM attempt WHERE (outcome IS NULL) <> (ended_at IS NULL)"
    ),
    "attempt-after-done": (
        "SELECT later.id, 'nothing after attempt ' || a.n || ', which is done', 'attempt ' || later.n FROM attempt a "
        "JOIN attempt later ON later.job_id = a.job_id AND later.n > a.n WHERE a.outcome = 'done'"
    ),
}


def check(lab: Lab, found: Findings) -> None:
    """Attempts, inputs, trainers' files."""
    with lab.reading() as connection:
        for kind, broken in ATTEMPTS.items():
            for row_id, expected, seen in connection.exec_driver_sql(broken):
                found.disagree(kind, "attempt", row_id, expected, seen)
        found.count("attempt", int(connection.exec_driver_sql("SELECT COUNT(*) FROM attempt").scalar() or 0))
        running = connection.exec_driver_sql(
            "SELECT job_id, n, host, boot_id, pid, create_time FROM attempt WHERE outcome IS NULL AND pid IS NOT NULL"
        ).all()
    for row in running:
        if is_alive(row.host, row.boot_id, row.pid, row.create_time) is False:
            found.remarks.append(f"attempt {row.n} of job {row.job_id} is lost: its process ended without an outcome")
    _inputs(lab, found)
    _ingests(lab, found)


def _inputs(lab: Lab, found: Findings) -> None:
    with lab.reading() as connection:
        jobs = connection.exec_driver_sql("SELECT id, stage, config FROM job ORDER BY id").all()
        stored: dict[int, set[tuple[str, int, int]]] = {}
        for row in connection.exec_driver_sql(
            "SELECT job_id, name, ordinal, COALESCE(checkpoint_id, dataset_id, test_set_id, tree_job_id) FROM job_input"
        ):
            stored.setdefault(row[0], set()).add(tuple(row[1:]))
            found.count("job_input", 1)
    names = set(stage.stage_names())
    for job_id, name, config in jobs:
        if name not in names:
            continue
        try:
            parsed = stage.parse(stage.find(name).config, json.loads(config))
        except LabError:
            continue  # written by a version whose stage had other fields
        named = {(field, ordinal, row_id) for field, _, ordinal, row_id in stage.picked_ids(parsed)}
        if named != stored.get(job_id, set()):
            found.disagree("job-input", "job", job_id, sorted(named), sorted(stored.get(job_id, set())))


def _ingests(lab: Lab, found: Findings) -> None:
    with lab.reading() as connection:
        rows = connection.exec_driver_sql("SELECT job_id, file, offset FROM ingest ORDER BY job_id, file").all()
    found.count("ingest", len(rows))
    for job_id, name, offset in rows:
        file = lab.home / "jobs" / str(job_id) / "train" / name
        size = file.stat().st_size if file.is_file() else 0
        if offset > size:
            found.disagree("ingest", "ingest", f"{job_id}:{name}", f"at most {size} bytes read", offset)
            continue
        if offset:
            with file.open("rb") as handle:
                handle.seek(offset - 1)
                if handle.read(1) != b"\n":
                    found.disagree("ingest", "ingest", f"{job_id}:{name}", "the end of a line", f"byte {offset}")
