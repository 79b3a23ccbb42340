"""Problems, programs, test cases and frozen test sets. Nothing here says whether a program is right: verdicts do."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from o1coder.models.columns import AUTO, key, one_of, provenance, ref

SPLITS = ("train", "validation", "test")
KINDS = ("call", "stdio", "assert")
CASE_ORIGINS = ("dataset", "starter", "tcg", "human")
PROGRAM_ORIGINS = ("reference", "dataset", "search", "rl", "tcg", "evaluation", "human")
PURPOSES = ("reward", "audit", "held-out", "public", "verify")


class Problem(SQLModel, table=True):
    """A statement with its limits and comparator. `digest` covers what a policy sees and how outputs are compared."""

    __table_args__ = (
        UniqueConstraint("source", "source_key"),
        # A filter by any of these reads this, not the statements beside them.
        Index("ix_problem_fields", "difficulty", "kind", "slice", "family", "source", "source_key", "split"),
        one_of("split", SPLITS),
        one_of("kind", KINDS),
        provenance(),
        AUTO,
    )
    id: int | None = key()
    digest: str = Field(unique=True)
    source: str
    source_key: str
    split: str = Field(index=True)
    family: str
    slice: str | None = None
    difficulty: str | None = None
    kind: str
    title: str
    statement: str
    entry_point: str | None = None
    signature: str | None = None
    comparator: str
    comparator_args: str = "{}"
    cpu_s: float = 2.0
    memory_mb: int = 512
    job_id: int | None = ref("job.id", default=None)
    author: str | None = None
    created_at: str


class Program(SQLModel, table=True):
    """Source text, de-duplicated per problem. It may be wrong."""

    __table_args__ = (UniqueConstraint("problem_id", "digest"), AUTO)
    id: int | None = key()
    problem_id: int = ref("problem.id", index=False)
    digest: str
    code: str


class ProgramOrigin(SQLModel, table=True):
    """Where a program came from, and what its source claims of it."""

    __tablename__ = "program_origin"
    __table_args__ = (
        UniqueConstraint("program_id", "origin", "job_id"),
        one_of("origin", PROGRAM_ORIGINS),
        one_of("claim", ("correct", "wrong")),
        provenance(),
        AUTO,
    )
    id: int | None = key()
    program_id: int = ref("program.id", index=False)
    origin: str
    claim: str | None = None
    job_id: int | None = ref("job.id", default=None)
    author: str | None = None
    created_at: str


class TestCase(SQLModel, table=True):
    """Input and expected output with an origin. `digest` covers both and the origin's kind of question."""

    __test__ = False
    __tablename__ = "test_case"
    __table_args__ = (
        UniqueConstraint("problem_id", "digest"),
        Index("test_case_not_given", "origin", sqlite_where=text("origin IN ('tcg', 'human')")),
        one_of("origin", CASE_ORIGINS),
        provenance(),
        AUTO,
    )
    id: int | None = key()
    problem_id: int = ref("problem.id", index=False)
    digest: str
    input: str
    expected: str
    origin: str
    job_id: int | None = ref("job.id", default=None)
    author: str | None = None
    created_at: str


class TestWithdrawal(SQLModel, table=True):
    """A statement that a test is wrong; a later row may retract it."""

    __test__ = False
    __tablename__ = "test_withdrawal"
    __table_args__ = (provenance(), AUTO)
    id: int | None = key()
    test_case_id: int = ref("test_case.id")
    reason: str
    retracts: int | None = ref("test_withdrawal.id", index=False, default=None)
    job_id: int | None = ref("job.id", default=None)
    author: str | None = None
    created_at: str


class TestSet(SQLModel, table=True):
    """A frozen choice of one problem's cases with a purpose."""

    __test__ = False
    __tablename__ = "test_set"
    __table_args__ = (
        UniqueConstraint("problem_id", "purpose", "digest"),
        one_of("purpose", PURPOSES),
        CheckConstraint("digest LIKE 'sha256:%'", name="digest_form"),
        provenance(),
        AUTO,
    )
    id: int | None = key()
    problem_id: int = ref("problem.id", index=False)
    purpose: str
    digest: str
    job_id: int | None = ref("job.id", default=None)
    author: str | None = None
    created_at: str


class TestSetItem(SQLModel, table=True):
    """One case of a test set, in order."""

    __test__ = False
    __tablename__ = "test_set_item"
    test_set_id: int = Field(primary_key=True, foreign_key="test_set.id")
    ordinal: int = Field(primary_key=True)
    test_case_id: int = ref("test_case.id")
