"""Labels (someone's statement about a step), scores (a PRM's number for it), and what several people need to label together:
leases, and questions whose answer is known. None is ever changed but a lease, which is no fact."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from o1coder.models.columns import AUTO, key, one_of, provenance, ref


class Label(SQLModel, table=True):
    """valid, invalid or unsure; or a retraction, which names the label it takes back and has no value of its own."""

    __table_args__ = (
        one_of("value", ("valid", "invalid", "unsure")),
        one_of("source", ("search", "human", "import")),
        CheckConstraint("(value IS NULL) = (retracts IS NOT NULL)", name="value_or_retraction"),
        CheckConstraint("(source = 'human') = (author IS NOT NULL)", name="people_are_human"),
        UniqueConstraint("step_id", "job_id"),
        Index(
            "label_in_doubt",
            "value",
            "k",
            sqlite_where=text("source = 'search' AND (value = 'unsure' OR (c > 0 AND c < k))"),
        ),
        Index("label_by_people", "step_id", sqlite_where=text("source = 'human'")),
        Index("label_batch", "batch", sqlite_where=text("batch IS NOT NULL")),
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
    category: str | None = None  # of which kind the reason is: a word, `tainted` where a first error before it says so
    picked: str | None = (
        None  # how the step was chosen: tree | value | random | overlap | walk | file; null where nobody said
    )


class LabelLease(SQLModel, table=True):
    """A step that one person has before them until a time, so that nobody else is given it. No fact: it is changed in place."""

    __tablename__ = "label_lease"
    step_id: int = Field(primary_key=True, foreign_key="step.id")
    author: str
    session: str
    until: str


class Gold(SQLModel, table=True):
    """A question whose answer is known: asked blind, to see how well a person labels. Or a retraction of one."""

    __table_args__ = (
        one_of("value", ("valid", "invalid", "unsure")),
        CheckConstraint("(value IS NULL) = (retracts IS NOT NULL)", name="value_or_retraction"),
        AUTO,
    )
    id: int | None = key()
    step_id: int = ref("step.id")
    value: str | None = None
    reason: str | None = None
    retracts: int | None = ref("gold.id", default=None)
    author: str
    created_at: str


class GoldAnswer(SQLModel, table=True):
    """What a person answered to such a question. It says something of the person, nothing of the step: it is no label."""

    __tablename__ = "gold_answer"
    __table_args__ = (one_of("value", ("valid", "invalid", "unsure")), AUTO)
    id: int | None = key()
    gold_id: int = ref("gold.id")
    value: str
    taken_ms: int | None = None
    author: str
    created_at: str


class Score(SQLModel, table=True):
    """A PRM's number for a step, under one input format."""

    __table_args__ = (
        UniqueConstraint("step_id", "checkpoint_id", "format_digest"),
        Index("score_by_value", "checkpoint_id", "value"),
        AUTO,
    )
    id: int | None = key()
    step_id: int = ref("step.id", index=False)
    checkpoint_id: int = ref("checkpoint.id")
    format_digest: str
    value: float
    job_id: int = ref("job.id")
