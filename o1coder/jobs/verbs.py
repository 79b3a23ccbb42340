"""What can be done to a job: enqueue, cancel, retry, wait. Each is one short transaction; none runs a stage.

A job's state is asked of queries/jobs.py and stored nowhere. Relative paths in a config mean nothing here: the caller makes
them absolute, since a job runs in its own folder.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Connection

from o1coder import stage
from o1coder.canonical import canonical, digest_bytes
from o1coder.clock import now
from o1coder.errors import LabError
from o1coder.home import author
from o1coder.jobs.alive import is_alive
from o1coder.jobs.launch import ensure_worker, worker
from o1coder.jobs.outcome import of_exit, record
from o1coder.lab import Lab
from o1coder.queries import problems
from o1coder.queries.jobs import FINAL, JobView, job, state_of

_COLUMN = {"checkpoint": "checkpoint_id", "dataset": "dataset_id", "test_set": "test_set_id", "job": "tree_job_id"}
_KIND = {"checkpoint": "role", "dataset": "kind", "test_set": "purpose", "job": "stage"}


def enqueue(
    lab: Lab,
    stage_name: str,
    config: stage.StageConfig | Mapping[str, Any],
    run: str | None = None,
    round: int | None = None,
    key: str | None = None,
) -> int:
    """Ask for one stage with one config; returns the job's id. `ensure_worker` then sees that it is run.

    A `key` that was used before gives the job it made. `run` is made where there is none of that name. LabError when the
    stage or a field is wrong, a row or problem it names is missing or of another role or split, the disk is nearly full, or the
    lab is somebody else's.
    """
    declared = stage.find(stage_name)
    values = config.model_dump() if isinstance(config, stage.StageConfig) else dict(config)
    parsed = stage.parse(declared.config, values)
    _require_owner(lab)
    lab.require_space()
    stored = canonical(parsed.model_dump(mode="json"))
    with lab.writing() as connection:
        if key is not None:
            known = connection.execute(text("SELECT id FROM job WHERE key = :key"), {"key": key}).scalar()
            if known is not None:
                return int(known)
        picked = list(stage.picked_ids(parsed))
        for name, pick, _, row_id in picked:
            _require_row(connection, name, pick, row_id)
        for name, problem_id in stage.problem_ids(parsed):
            _require_problem(connection, name, problem_id)
            problems.require_split(connection, problem_id, getattr(parsed, "split", None))
        job_id = _insert(
            connection,
            "job",
            run_id=None if run is None else _run_id(connection, run),
            round=round,
            stage=declared.name,
            key=key,
            config=stored,
            config_digest=digest_bytes(stored.encode()),
            seed=parsed.seed,
            author=author(),
            cancel_requested=False,
            attempts_wanted=1,
            slots=declared.slots,
            gpus=declared.gpus,
            created_at=now(),
        )
        for name, pick, ordinal, row_id in picked:
            _insert(
                connection, "job_input", job_id=job_id, name=name, ordinal=ordinal, **{_COLUMN[pick.source]: row_id}
            )
    return job_id


def cancel(lab: Lab, job_id: int) -> None:
    """Ask that a job end: its worker sends TERM, waits, then KILLs. LabError when it has ended already."""
    with lab.writing() as connection:
        state = state_of(connection, job_id)
        if state in FINAL:
            raise LabError(f"job {job_id} is {state} already", "there is nothing to cancel")
        connection.execute(text("UPDATE job SET cancel_requested = 1 WHERE id = :id"), {"id": job_id})
    ensure_worker(lab)


def retry(lab: Lab, job_id: int) -> None:
    """Ask for one more attempt of a job that failed, was cancelled or was lost; a queued one stays as it is.

    LabError when it runs or is done, or when the lab is somebody else's.
    """
    _require_owner(lab)
    lab.require_space()
    with lab.writing() as connection:
        if worker(lab.home) is None:
            _bury(connection, job_id)
        state = state_of(connection, job_id)
        if state in ("running", "done"):
            raise LabError(f"job {job_id} is {state}", "only a job that failed, was cancelled or was lost is retried")
        if state != "queued":
            connection.execute(
                text(
                    "UPDATE job SET cancel_requested = 0, attempts_wanted = (SELECT count(*) + (count(*) = "
                    "count(outcome)) FROM attempt WHERE job_id = :id) WHERE id = :id"
                ),  # an attempt that was claimed and cancelled before it began is the one that is wanted
                {"id": job_id},
            )
    ensure_worker(lab)


def wait(lab: Lab, job_id: int, timeout_s: float | None = None, poll_s: float = 0.1) -> JobView:
    """Block until a job is done, failed, cancelled or lost for good; a worker is started again should it die meanwhile.

    Returns the job as it stands after `timeout_s`, ended or not. An interrupt leaves the job running.
    """
    until = None if timeout_s is None else time.monotonic() + timeout_s
    look_at = 0.0
    while True:
        with lab.reading() as connection:
            state = state_of(connection, job_id)
        if state in FINAL or (until is not None and time.monotonic() >= until):
            return job(lab, job_id)._replace(state=state)  # what a worker has yet to notice is no end
        if time.monotonic() >= look_at:
            ensure_worker(lab)
            look_at = time.monotonic() + 1.0
        time.sleep(poll_s)


def _bury(connection: Connection, job_id: int) -> None:
    """Write down the loss of an attempt that died while no worker was there to do so."""
    rows = connection.execute(
        text("SELECT * FROM attempt WHERE job_id = :id AND outcome IS NULL AND pid IS NOT NULL"), {"id": job_id}
    ).all()
    for row in rows:
        if is_alive(row.host, row.boot_id, row.pid, row.create_time) is False:
            record(connection, row.id, of_exit(None, False, {}))


def _require_owner(lab: Lab) -> None:
    if not lab.owned():
        raise LabError(
            f"the lab at {lab.home} belongs to another user, and only its owner runs jobs",
            "you may read it, label and ask to cancel; `o1coder init` makes a lab of your own",
        )


def _require_row(connection: Connection, field: str, pick: stage.Pick, row_id: int) -> None:
    kind = _KIND[pick.source]
    words = pick.source.replace("_", " ")
    found = connection.execute(text(f"SELECT {kind} FROM {pick.source} WHERE id = :id"), {"id": row_id}).first()
    if found is None:
        raise LabError(
            f"{field}: there is no {words} {row_id}", f"`o1coder {words.replace(' ', '-')}s list` shows them"
        )
    if pick.wanted and found[0] not in pick.wanted:
        raise LabError(
            f"{field}: {words} {row_id} has the {kind} {found[0]!r}, and {' or '.join(map(repr, pick.wanted))} is needed",
            f"`o1coder {words.replace(' ', '-')}s list` shows the {kind} of each",
        )
    if (
        pick.full
        and connection.execute(text("SELECT format FROM checkpoint WHERE id = :id"), {"id": row_id}).scalar() != "full"
    ):
        raise LabError(
            f"{field}: checkpoint {row_id} is an adapter, and a whole model is needed",
            "name a model, or a checkpoint whose format is full (`o1coder checkpoints list`)",
        )


def _require_problem(connection: Connection, field: str, problem_id: int) -> None:
    if connection.execute(text("SELECT 1 FROM problem WHERE id = :id"), {"id": problem_id}).first() is None:
        raise LabError(f"{field}: there is no problem {problem_id}", "`o1coder problems list` shows them")


def _run_id(connection: Connection, name: str) -> int:
    known = connection.execute(text("SELECT id FROM run WHERE name = :name"), {"name": name}).scalar()
    if known is not None:
        return int(known)
    return _insert(connection, "run", name=name, author=author(), created_at=now())


def _insert(connection: Connection, table: str, **values: Any) -> int:
    columns = ", ".join(values)
    places = ", ".join(f":{name}" for name in values)
    made = connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({places})"), values)
    return int(made.lastrowid)
