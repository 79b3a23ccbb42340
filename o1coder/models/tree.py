"""Search trees as facts: completions, steps, rollouts. Visits, values and labels are derived from these by queries."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from o1coder.models.columns import AUTO, key, one_of, ref
from o1coder.ordinals import GROUP_STRIDE as GROUP_STRIDE

TREE_KINDS = ("search", "group", "draws", "cases")


class Tree(SQLModel, table=True):
    """All that one job explored for one problem. `group`: forks only at the root (RL, evaluation); `draws`: fresh
    Monte-Carlo draws below prefixes; `cases`: what a test case generator returned."""

    __table_args__ = (UniqueConstraint("job_id", "problem_id", "ordinal"), one_of("kind", TREE_KINDS), AUTO)
    id: int | None = key()
    job_id: int = ref("job.id", index=False)
    problem_id: int = ref("problem.id")
    ordinal: int
    kind: str
    preset: str
    config: str  # canonical JSON of what the search was asked
    config_digest: str
    prompt_digest: str
    sampler: str
    reproducible: bool
    seed: int
    policy_id: int | None = ref("checkpoint.id", default=None)
    test_set_id: int | None = ref("test_set.id", index=False, default=None)
    profile_id: int | None = ref("profile.id", index=False, default=None)
    with_reference: bool = False  # its prompts carried a reference program: kept out of SFT and PRM data
    # The largest test_withdrawal id when it was begun: which cases of its test set it is judged on, for its whole life.
    withdrawals: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    created_at: str


class TreePulse(SQLModel, table=True):
    """How a tree fared at its last event, as an attempt's heartbeat says it of a job. No fact: nothing is derived from it
    but whether the tree is slow or stuck, so it is changed in place, and a lab without these rows is as whole as before."""

    __tablename__ = "tree_pulse"
    tree_id: int = Field(primary_key=True, foreign_key="tree.id")
    attempt: int
    opened_at: str  # of this attempt
    at: str  # of the last event
    rollouts_before: int  # when this attempt opened it
    rollouts: int
    tokens_out: int
    doing: str


class TreeEnd(SQLModel, table=True):
    """Why a tree ended, and the digest of its canonical export at that moment."""

    __tablename__ = "tree_end"
    tree_id: int = Field(primary_key=True, foreign_key="tree.id")
    reason: str
    digest: str
    created_at: str


class Step(SQLModel, table=True):
    """One reasoning step. The root is the problem itself: no parent, depth 0, action `root`, empty text."""

    __table_args__ = (
        UniqueConstraint("tree_id", "parent_id", "ordinal"),
        Index("step_one_root", "tree_id", unique=True, sqlite_where=text("parent_id IS NULL")),
        one_of("action", ("root", "structure", "refine", "code")),
        CheckConstraint("(parent_id IS NULL) = (action = 'root')", name="root_has_no_parent"),
        AUTO,
    )
    id: int | None = key()
    tree_id: int = ref("tree.id", index=False)
    parent_id: int | None = ref("step.id", default=None)
    ordinal: int
    depth: int
    action: str
    text: str
    program_id: int | None = ref("program.id", default=None)


class Completion(SQLModel, table=True):
    """One thing a model returned below a step: parsed into a step, merged with an equal sibling, or an error."""

    __table_args__ = (
        UniqueConstraint("tree_id", "parent_id", "ordinal"),
        CheckConstraint("(step_id IS NULL) OR (error IS NULL)", name="step_or_error"),
        AUTO,
    )
    id: int | None = key()
    tree_id: int = ref("tree.id", index=False)
    parent_id: int = ref("step.id", index=False)
    ordinal: int
    text: str
    tokens_in: int
    tokens_out: int
    logprob: float | None = None
    finish_reason: str
    step_id: int | None = ref("step.id", default=None)
    error: str | None = None


class Rollout(SQLModel, table=True):
    """One path from the root to a judged leaf, with the reward that steered. Null reward: the judge failed."""

    __table_args__ = (UniqueConstraint("tree_id", "ordinal"), AUTO)
    id: int | None = key()
    tree_id: int = ref("tree.id", index=False)
    ordinal: int
    attempt: int
    iteration: int | None = None
    leaf_id: int = ref("step.id")
    program_id: int | None = ref("program.id", default=None)
    passed: int
    total: int
    compiled: bool
    reward: float | None = None
    terms: str = "{}"


class Rescore(SQLModel, table=True):
    """A tree whose rollouts were rewarded again after a test was withdrawn or added, or with another α: from what, as of
    which rows. The labels that it changed are its job's; `labels` is the largest label id once they were written."""

    __table_args__ = (UniqueConstraint("tree_id", "job_id"), AUTO)
    id: int | None = key()
    tree_id: int = ref("tree.id", index=False)
    job_id: int = ref("job.id", index=False)
    test_set_id: int = ref("test_set.id", index=False)
    alpha: float
    enough: int  # draws below which c = 0 stays unsure
    withdrawals: int  # largest test_withdrawal id
    verdicts: int  # largest verdict id
    labels: int
    created_at: str


class GeneratedCase(SQLModel, table=True):
    """One case that a test case generator returned, parsed (then it names its test case) or not. Raw validity is the
    verdict of the problem's reference on it; surviving is being in a test set."""

    __tablename__ = "generated_case"
    __table_args__ = (
        UniqueConstraint("completion_id", "ordinal"),
        CheckConstraint("(test_case_id IS NULL) <> (error IS NULL)", name="case_or_error"),
        AUTO,
    )
    id: int | None = key()
    completion_id: int = ref("completion.id", index=False)
    ordinal: int
    test_case_id: int | None = ref("test_case.id", default=None)
    valid: bool | None = None  # what the reference program made of it; null where there is none, or the judge failed
    error: str | None = None
