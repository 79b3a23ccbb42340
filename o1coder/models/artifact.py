"""What leaves a stage as files (datasets, checkpoints, blobs) and what was said of a checkpoint (evaluations, decisions)."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, ForeignKeyConstraint
from sqlmodel import Field, SQLModel

from o1coder.models.columns import AUTO, key, one_of, provenance, ref

ROLES = ("policy", "prm", "tcg")


class Blob(SQLModel, table=True):
    """A file or folder of the lab named by its digest."""

    digest: str = Field(primary_key=True)
    bytes: int
    created_at: str


class Dataset(SQLModel, table=True):
    """A frozen export. `as_of` holds the largest id of every fact table it could see; `query` is what was asked."""

    __table_args__ = (provenance(), AUTO)
    id: int | None = key()
    digest: str = Field(index=True)
    kind: str
    target: str | None = None  # validity | value, for step datasets
    query: str
    as_of: str
    rows: int
    excluded: str = "{}"
    path: str
    job_id: int | None = ref("job.id", default=None)
    author: str | None = None
    created_at: str


class DatasetItem(SQLModel, table=True):
    """One row of a dataset and the fact it came from."""

    __tablename__ = "dataset_item"
    __table_args__ = (
        CheckConstraint(
            "(step_id IS NOT NULL) + (rollout_id IS NOT NULL) + (program_id IS NOT NULL) + (problem_id IS NOT NULL) = 1",
            name="one_fact",
        ),
    )
    dataset_id: int = Field(primary_key=True, foreign_key="dataset.id")
    ordinal: int = Field(primary_key=True)
    step_id: int | None = ref("step.id", default=None)
    rollout_id: int | None = ref("rollout.id", default=None)
    program_id: int | None = ref("program.id", default=None)
    problem_id: int | None = ref("problem.id", default=None)
    row_digest: str


class DatasetLabel(SQLModel, table=True):
    """A label that a row of a dataset rests on: overrule it, and what was trained on the row is stale."""

    __tablename__ = "dataset_label"
    __table_args__ = (
        ForeignKeyConstraint(["dataset_id", "ordinal"], ["dataset_item.dataset_id", "dataset_item.ordinal"]),
    )
    dataset_id: int = Field(primary_key=True)
    ordinal: int = Field(primary_key=True)
    label_id: int = Field(primary_key=True, foreign_key="label.id", index=True)


class DatasetPath(SQLModel, table=True):
    """A step on the path of a row that no label of the row speaks of: the row rests on nobody having said a word against it.
    Of a chain those without a label; of a value those before its step, which a person has not called invalid."""

    __tablename__ = "dataset_path"
    __table_args__ = (
        ForeignKeyConstraint(["dataset_id", "ordinal"], ["dataset_item.dataset_id", "dataset_item.ordinal"]),
    )
    dataset_id: int = Field(primary_key=True)
    ordinal: int = Field(primary_key=True)
    step_id: int = Field(primary_key=True, foreign_key="step.id", index=True)


class Checkpoint(SQLModel, table=True):
    """Weights with a role. `format`: full (a model folder) or peft (an adapter over `base_digest`)."""

    __table_args__ = (
        one_of("role", ROLES),
        one_of("format", ("full", "peft")),
        CheckConstraint("(format = 'peft') = (base_id IS NOT NULL)", name="adapter_has_base"),
        provenance(),
        AUTO,
    )
    id: int | None = key()
    digest: str = Field(index=True)
    role: str
    format: str
    base_id: int | None = ref("checkpoint.id", index=False, default=None)
    base_digest: str
    parent_id: int | None = ref("checkpoint.id", default=None)
    iteration: int | None = None
    prompt: str | None = None  # the prompt form this checkpoint was trained on, by name
    bytes: int
    path: str
    note: str | None = None
    job_id: int | None = ref("job.id", default=None)
    author: str | None = None
    created_at: str


class Model(SQLModel, table=True):
    """A name for a base checkpoint. Not a fact: `models remove` deletes the name, never the checkpoint's row."""

    name: str = Field(primary_key=True)
    checkpoint_id: int = ref("checkpoint.id")
    source: str
    author: str
    created_at: str


class Decision(SQLModel, table=True):
    """The gate's word on a checkpoint, or a person's."""

    __table_args__ = (one_of("outcome", ("accepted", "rejected", "undecided")), provenance(), AUTO)
    id: int | None = key()
    checkpoint_id: int = ref("checkpoint.id")
    run_id: int | None = ref("run.id", default=None)
    round: int | None = None
    outcome: str
    evidence: str
    job_id: int | None = ref("job.id", default=None)
    author: str | None = None
    created_at: str


class Evaluation(SQLModel, table=True):
    """n samples a problem over a split in one mode. `checkpoint_id` is null where programs came from a file."""

    __table_args__ = (one_of("mode", ("direct", "pseudocode", "search", "programs", "cases")), AUTO)
    id: int | None = key()
    job_id: int = ref("job.id")
    checkpoint_id: int | None = ref("checkpoint.id", default=None)
    split: str
    slice: str | None = None
    mode: str
    n: int
    temperature: float | None = None
    prompt_digest: str | None = None
    seed: int
    tokens_in: int = 0
    tokens_out: int = 0
    sandbox_runs: int = 0
    sandbox_s: float = 0.0
    stopped: str | None = None  # budget, when its seconds ran out before every problem was done
    created_at: str


class EvaluationItem(SQLModel, table=True):
    """One problem of an evaluation: c of n samples right; masked ones are judge faults and count in neither."""

    __tablename__ = "evaluation_item"
    evaluation_id: int = Field(primary_key=True, foreign_key="evaluation.id")
    problem_id: int = Field(primary_key=True, foreign_key="problem.id")
    n: int
    c: int
    masked: int = 0
    complete: int = 0  # samples whose whole chain parsed
