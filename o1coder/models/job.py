"""Runs, jobs, attempts and what they leave while they run. State is derived (queries/jobs.py), never stored."""

from __future__ import annotations

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from o1coder.models.columns import AUTO, key, one_of, ref

OUTCOMES = ("done", "failed", "cancelled", "lost")
ERROR_KINDS = ("gpu-oom", "host-oom", "disk-full", "signal", "lab-error", "bug")


class Run(SQLModel, table=True):
    """A named experiment; rounds are integers within it."""

    __table_args__ = (AUTO,)
    id: int | None = key()
    name: str = Field(unique=True)
    author: str
    created_at: str


class Job(SQLModel, table=True):
    """One stage with one config. `key` makes a coordinator's request unique: (run, round, stage, branch)."""

    __table_args__ = (AUTO,)
    id: int | None = key()
    run_id: int | None = ref("run.id", default=None)
    round: int | None = None
    stage: str
    key: str | None = Field(default=None, unique=True)
    config: str
    config_digest: str
    seed: int
    author: str
    cancel_requested: bool = False
    attempts_wanted: int = 1  # raised by retry, and once by itself after a loss
    slots: int = 1  # CPU slots and GPUs its stage asks for: so the worker schedules without importing any stage
    gpus: int = 0
    created_at: str


class Attempt(SQLModel, table=True):
    """One process that tried a job. `pid` is null from the claim until the child has said it lives."""

    __table_args__ = (
        UniqueConstraint("job_id", "n"),
        one_of("outcome", OUTCOMES),
        one_of("error_kind", ERROR_KINDS),
        AUTO,
    )
    id: int | None = key()
    job_id: int = ref("job.id", index=False)
    n: int
    host: str
    boot_id: str
    pid: int | None = None
    create_time: float | None = None
    started_at: str
    heartbeat_at: str
    done: int = 0
    total: int = 0
    versions: str = "{}"
    code_digest: str = ""
    resumed_from_iteration: int | None = None
    outcome: str | None = None
    stopped: str | None = None  # budget: ended by its seconds, kept what it had
    exit_status: int | None = None
    error_kind: str | None = None
    error: str | None = None
    hint: str | None = None
    ended_at: str | None = None


class JobInput(SQLModel, table=True):
    """An input of a job, by the config field that named it: lineage is a join on these."""

    __tablename__ = "job_input"
    job_id: int = Field(primary_key=True, foreign_key="job.id")
    name: str = Field(primary_key=True)
    ordinal: int = Field(primary_key=True, default=0)
    checkpoint_id: int | None = ref("checkpoint.id", default=None)
    dataset_id: int | None = ref("dataset.id", default=None)
    test_set_id: int | None = ref("test_set.id", default=None)
    tree_job_id: int | None = ref("job.id", default=None)


class Ingest(SQLModel, table=True):
    """How far a trainer's file has been read into the lab: offset and rows move in one transaction."""

    job_id: int = Field(primary_key=True, foreign_key="job.id")
    file: str = Field(primary_key=True)
    offset: int = 0


class GpuLease(SQLModel, table=True):
    """One GPU held by one attempt, by UUID."""

    __tablename__ = "gpu_lease"
    host: str = Field(primary_key=True)
    gpu: str = Field(primary_key=True)
    attempt_id: int = ref("attempt.id")
    created_at: str


class Metric(SQLModel, table=True):
    """One number of one iteration. Iterations that a later attempt repeated are hidden by one expression in queries."""

    __table_args__ = (
        Index("metric_curve", "job_id", "name", "iteration", "attempt", "value"),
        AUTO,
    )  # holds all of a curve
    id: int | None = key()
    job_id: int = ref("job.id")
    attempt: int
    iteration: int
    name: str
    value: float
    created_at: str
