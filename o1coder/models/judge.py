"""What was asked of the judge (profile) and what it said (verdict). IE and SK are never rows."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlmodel import Field, SQLModel

from o1coder.models.columns import AUTO, key, one_of, ref

CODES = ("AC", "WA", "PE", "CE", "TLE", "ILE", "MLE", "OLE", "RE", "SV")


class Profile(SQLModel, table=True):
    """Everything a verdict depends on but program and case: judge version, Python, harness, comparator, limits."""

    __table_args__ = (AUTO,)
    id: int | None = key()
    digest: str = Field(unique=True)
    judge_version: str
    python: str
    harness: str
    comparator: str
    limits: str
    created_at: str


class Verdict(SQLModel, table=True):
    """What the judge said of one program on one case under one profile. `layer` L0 is refused: it is never stored."""

    __table_args__ = (
        UniqueConstraint("program_id", "test_case_id", "profile_id"),
        one_of("code", CODES),
        CheckConstraint("layer <> 'L0'", name="isolated"),
        AUTO,
    )
    id: int | None = key()
    program_id: int = ref("program.id", index=False)
    test_case_id: int = ref("test_case.id")
    profile_id: int = ref("profile.id", index=False)
    code: str
    cpu_ms: float
    wall_ms: float
    memory_kb: int
    exit: int | None = None
    detail: str = ""
    layer: str
    host: str
    job_id: int | None = ref("job.id", index=False, default=None)
    created_at: str
