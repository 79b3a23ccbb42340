"""Labels (someone's statement about a step) and scores (a PRM's number for it). Neither is ever changed."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlmodel import SQLModel

from o1coder.models.columns import AUTO, key, one_of, provenance, ref


class Label(SQLModel, table=True):
    """valid, invalid or unsure; or a retraction, which names the label it takes back and has no value of its own."""

    __table_args__ = (
        one_of("value", ("valid", "invalid", "unsure")),
        one_of("source", ("search", "human", "import")),
        CheckConstraint("(value IS NULL) = (retracts IS NOT NULL)", name="value_or_retraction"),
        CheckConstraint("(source = 'human') = (author IS NOT NULL)", name="people_are_human"),
        UniqueConstraint("step_id", "job_id"),
        provenance(),
        AUTO,
    )
    id: int | None = key()
    step_id: int = ref("step.id", index=True)
    value: str | None = None
    source: str
    estimate: str | None = None  # which estimator made k and c: tree | mc
    k: int | None = None
    c: int | None = None
    v: float | None = None  # label value with the reward that steered (measurement.md §1)
    v_pass: float | None = None  # label value with v(leaf) = [all pass]: the soft target
    author: str | None = None
    reason: str | None = None
    seen: str | None = None  # what the person had in view (JSON): the score shown or hidden, the label replaced
    taken_ms: int | None = None
    batch: str | None = None
    retracts: int | None = ref("label.id", default=None)
    job_id: int | None = ref("job.id", default=None)
    created_at: str


class Score(SQLModel, table=True):
    """A PRM's number for a step, under one input format."""

    __table_args__ = (UniqueConstraint("step_id", "checkpoint_id", "format_digest"), AUTO)
    id: int | None = key()
    step_id: int = ref("step.id", index=False)
    checkpoint_id: int = ref("checkpoint.id")
    format_digest: str
    value: float
    job_id: int = ref("job.id")
