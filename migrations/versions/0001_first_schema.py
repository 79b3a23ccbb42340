"""The first schema: every table of the lab, empty where a later stage fills it.

Why: facts are appended from the first day, so the whole shape has to stand before the first row.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "blob",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "profile",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("judge_version", sa.String(), nullable=False),
        sa.Column("python", sa.String(), nullable=False),
        sa.Column("harness", sa.String(), nullable=False),
        sa.Column("comparator", sa.String(), nullable=False),
        sa.Column("limits", sa.String(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "job",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("round", sa.Integer(), nullable=True),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=True),
        sa.Column("config", sa.String(), nullable=False),
        sa.Column("config_digest", sa.String(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("attempts_wanted", sa.Integer(), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("gpus", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["run.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.create_index("ix_job_run_id", ["run_id"], unique=False)

    op.create_table(
        "attempt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("boot_id", sa.String(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=True),
        sa.Column("create_time", sa.Float(), nullable=True),
        sa.Column("started_at", sa.String(), nullable=False),
        sa.Column("heartbeat_at", sa.String(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("versions", sa.String(), nullable=False),
        sa.Column("code_digest", sa.String(), nullable=False),
        sa.Column("resumed_from_iteration", sa.Integer(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.Column("stopped", sa.String(), nullable=True),
        sa.Column("exit_status", sa.Integer(), nullable=True),
        sa.Column("error_kind", sa.String(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("hint", sa.String(), nullable=True),
        sa.Column("ended_at", sa.String(), nullable=True),
        sa.CheckConstraint(
            "error_kind IN ('gpu-oom', 'host-oom', 'disk-full', 'signal', 'lab-error', 'bug')", name="error_kind_word"
        ),
        sa.CheckConstraint("outcome IN ('done', 'failed', 'cancelled', 'lost')", name="outcome_word"),
        sa.ForeignKeyConstraint(
            ["job_id"],
            ["job.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("job_id", "n"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "checkpoint",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("base_id", sa.Integer(), nullable=True),
        sa.Column("base_digest", sa.String(), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("iteration", sa.Integer(), nullable=True),
        sa.Column("prompt", sa.String(), nullable=True),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("author", sa.String(), nullable=True),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.CheckConstraint("(format = 'peft') = (base_id IS NOT NULL)", name="adapter_has_base"),
        sa.CheckConstraint("format IN ('full', 'peft')", name="format_word"),
        sa.CheckConstraint("role IN ('policy', 'prm', 'tcg')", name="role_word"),
        sa.CheckConstraint("(job_id IS NULL) <> (author IS NULL)", name="provenance"),
        sa.ForeignKeyConstraint(
            ["base_id"],
            ["checkpoint.id"],
        ),
        sa.ForeignKeyConstraint(
            ["job_id"],
            ["job.id"],
        ),
        sa.ForeignKeyConstraint(
            ["parent_id"],
            ["checkpoint.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("checkpoint", schema=None) as batch_op:
        batch_op.create_index("ix_checkpoint_digest", ["digest"], unique=False)
        batch_op.create_index("ix_checkpoint_job_id", ["job_id"], unique=False)
        batch_op.create_index("ix_checkpoint_parent_id", ["parent_id"], unique=False)

    op.create_table(
        "dataset",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=True),
        sa.Column("query", sa.String(), nullable=False),
        sa.Column("as_of", sa.String(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("excluded", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("author", sa.String(), nullable=True),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.CheckConstraint("(job_id IS NULL) <> (author IS NULL)", name="provenance"),
        sa.ForeignKeyConstraint(
            ["job_id"],
            ["job.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("dataset", schema=None) as batch_op:
        batch_op.create_index("ix_dataset_digest", ["digest"], unique=False)
        batch_op.create_index("ix_dataset_job_id", ["job_id"], unique=False)

    op.create_table(
        "ingest",
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("offset", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"],
            ["job.id"],
        ),
        sa.PrimaryKeyConstraint("job_id", "file"),
    )
    op.create_table(
        "metric",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("iteration", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"],
            ["job.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("metric", schema=None) as batch_op:
        batch_op.create_index("ix_metric_job_id", ["job_id"], unique=False)

    op.create_table(
        "problem",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("source_key", sa.String(), nullable=False),
        sa.Column("split", sa.String(), nullable=False),
        sa.Column("family", sa.String(), nullable=False),
        sa.Column("slice", sa.String(), nullable=True),
        sa.Column("difficulty", sa.String(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("statement", sa.String(), nullable=False),
        sa.Column("entry_point", sa.String(), nullable=True),
        sa.Column("signature", sa.String(), nullable=True),
        sa.Column("comparator", sa.String(), nullable=False),
        sa.Column("comparator_args", sa.String(), nullable=False),
        sa.Column("cpu_s", sa.Float(), nullable=False),
        sa.Column("memory_mb", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("author", sa.String(), nullable=True),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.CheckConstraint("kind IN ('call', 'stdio', 'assert')", name="kind_word"),
        sa.CheckConstraint("split IN ('train', 'validation', 'test')", name="split_word"),
        sa.CheckConstraint("(job_id IS NULL) <> (author IS NULL)", name="provenance"),
        sa.ForeignKeyConstraint(
            ["job_id"],
            ["job.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest"),
        sa.UniqueConstraint("source", "source_key"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("problem", schema=None) as batch_op:
        batch_op.create_index("ix_problem_job_id", ["job_id"], unique=False)
        batch_op.create_index("ix_problem_split", ["split"], unique=False)

    op.create_table(
        "decision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("checkpoint_id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("round", sa.Integer(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("evidence", sa.String(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("author", sa.String(), nullable=True),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.CheckConstraint("outcome IN ('accepted', 'rejected', 'undecided')", name="outcome_word"),
        sa.CheckConstraint("(job_id IS NULL) <> (author IS NULL)", name="provenance"),
        sa.ForeignKeyConstraint(
            ["checkpoint_id"],
            ["checkpoint.id"],
        ),
        sa.ForeignKeyConstraint(
            ["job_id"],
            ["job.id"],
        ),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["run.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("decision", schema=None) as batch_op:
        batch_op.create_index("ix_decision_checkpoint_id", ["checkpoint_id"], unique=False)
        batch_op.create_index("ix_decision_job_id", ["job_id"], unique=False)
        batch_op.create_index("ix_decision_run_id", ["run_id"], unique=False)

    op.create_table(
        "evaluation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("checkpoint_id", sa.Integer(), nullable=True),
        sa.Column("split", sa.String(), nullable=False),
        sa.Column("slice", sa.String(), nullable=True),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("temperature", sa.Float(), nullable=True),
        sa.Column("prompt_digest", sa.String(), nullable=True),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("tokens_in", sa.Integer(), nullable=False),
        sa.Column("tokens_out", sa.Integer(), nullable=False),
        sa.Column("sandbox_runs", sa.Integer(), nullable=False),
        sa.Column("sandbox_s", sa.Float(), nullable=False),
        sa.Column("stopped", sa.String(), nullable=True),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.CheckConstraint("mode IN ('direct', 'pseudocode', 'search', 'programs', 'cases')", name="mode_word"),
        sa.ForeignKeyConstraint(
            ["checkpoint_id"],
            ["checkpoint.id"],
        ),
        sa.ForeignKeyConstraint(
            ["job_id"],
            ["job.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("evaluation", schema=None) as batch_op:
        batch_op.create_index("ix_evaluation_checkpoint_id", ["checkpoint_id"], unique=False)
        batch_op.create_index("ix_evaluation_job_id", ["job_id"], unique=False)

    op.create_table(
        "gpu_lease",
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("gpu", sa.String(), nullable=False),
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["attempt_id"],
            ["attempt.id"],
        ),
        sa.PrimaryKeyConstraint("host", "gpu"),
    )
    with op.batch_alter_table("gpu_lease", schema=None) as batch_op:
        batch_op.create_index("ix_gpu_lease_attempt_id", ["attempt_id"], unique=False)

    op.create_table(
        "model",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("checkpoint_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["checkpoint_id"],
            ["checkpoint.id"],
        ),
        sa.PrimaryKeyConstraint("name"),
    )
    with op.batch_alter_table("model", schema=None) as batch_op:
        batch_op.create_index("ix_model_checkpoint_id", ["checkpoint_id"], unique=False)

    op.create_table(
        "program",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("problem_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["problem_id"],
            ["problem.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("problem_id", "digest"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "test_case",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("problem_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("input", sa.String(), nullable=False),
        sa.Column("expected", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("author", sa.String(), nullable=True),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.CheckConstraint("origin IN ('dataset', 'starter', 'tcg', 'human')", name="origin_word"),
        sa.CheckConstraint("(job_id IS NULL) <> (author IS NULL)", name="provenance"),
        sa.ForeignKeyConstraint(
            ["job_id"],
            ["job.id"],
        ),
        sa.ForeignKeyConstraint(
            ["problem_id"],
            ["problem.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("problem_id", "digest"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("test_case", schema=None) as batch_op:
        batch_op.create_index("ix_test_case_job_id", ["job_id"], unique=False)

    op.create_table(
        "test_set",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("problem_id", sa.Integer(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("author", sa.String(), nullable=True),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.CheckConstraint("digest LIKE 'sha256:%'", name="digest_form"),
        sa.CheckConstraint("purpose IN ('reward', 'audit', 'held-out', 'public', 'verify')", name="purpose_word"),
        sa.CheckConstraint("(job_id IS NULL) <> (author IS NULL)", name="provenance"),
        sa.ForeignKeyConstraint(
            ["job_id"],
            ["job.id"],
        ),
        sa.ForeignKeyConstraint(
            ["problem_id"],
            ["problem.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("problem_id", "purpose", "digest"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("test_set", schema=None) as batch_op:
        batch_op.create_index("ix_test_set_job_id", ["job_id"], unique=False)

    op.create_table(
        "evaluation_item",
        sa.Column("evaluation_id", sa.Integer(), nullable=False),
        sa.Column("problem_id", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("c", sa.Integer(), nullable=False),
        sa.Column("masked", sa.Integer(), nullable=False),
        sa.Column("complete", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["evaluation_id"],
            ["evaluation.id"],
        ),
        sa.ForeignKeyConstraint(
            ["problem_id"],
            ["problem.id"],
        ),
        sa.PrimaryKeyConstraint("evaluation_id", "problem_id"),
    )
    op.create_table(
        "job_input",
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("checkpoint_id", sa.Integer(), nullable=True),
        sa.Column("dataset_id", sa.Integer(), nullable=True),
        sa.Column("test_set_id", sa.Integer(), nullable=True),
        sa.Column("tree_job_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["checkpoint_id"],
            ["checkpoint.id"],
        ),
        sa.ForeignKeyConstraint(
            ["dataset_id"],
            ["dataset.id"],
        ),
        sa.ForeignKeyConstraint(
            ["job_id"],
            ["job.id"],
        ),
        sa.ForeignKeyConstraint(
            ["test_set_id"],
            ["test_set.id"],
        ),
        sa.ForeignKeyConstraint(
            ["tree_job_id"],
            ["job.id"],
        ),
        sa.PrimaryKeyConstraint("job_id", "name", "ordinal"),
    )
    with op.batch_alter_table("job_input", schema=None) as batch_op:
        batch_op.create_index("ix_job_input_checkpoint_id", ["checkpoint_id"], unique=False)
        batch_op.create_index("ix_job_input_dataset_id", ["dataset_id"], unique=False)
        batch_op.create_index("ix_job_input_test_set_id", ["test_set_id"], unique=False)
        batch_op.create_index("ix_job_input_tree_job_id", ["tree_job_id"], unique=False)

    op.create_table(
        "program_origin",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("program_id", sa.Integer(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("claim", sa.String(), nullable=True),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("author", sa.String(), nullable=True),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.CheckConstraint("claim IN ('correct', 'wrong')", name="claim_word"),
        sa.CheckConstraint(
            "origin IN ('reference', 'dataset', 'search', 'rl', 'tcg', 'evaluation', 'human')", name="origin_word"
        ),
        sa.CheckConstraint("(job_id IS NULL) <> (author IS NULL)", name="provenance"),
        sa.ForeignKeyConstraint(
            ["job_id"],
            ["job.id"],
        ),
        sa.ForeignKeyConstraint(
            ["program_id"],
            ["program.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("program_id", "origin", "job_id"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("program_origin", schema=None) as batch_op:
        batch_op.create_index("ix_program_origin_job_id", ["job_id"], unique=False)

    op.create_table(
        "test_set_item",
        sa.Column("test_set_id", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("test_case_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["test_case_id"],
            ["test_case.id"],
        ),
        sa.ForeignKeyConstraint(
            ["test_set_id"],
            ["test_set.id"],
        ),
        sa.PrimaryKeyConstraint("test_set_id", "ordinal"),
    )
    with op.batch_alter_table("test_set_item", schema=None) as batch_op:
        batch_op.create_index("ix_test_set_item_test_case_id", ["test_case_id"], unique=False)

    op.create_table(
        "test_withdrawal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("test_case_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("retracts", sa.Integer(), nullable=True),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("author", sa.String(), nullable=True),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.CheckConstraint("(job_id IS NULL) <> (author IS NULL)", name="provenance"),
        sa.ForeignKeyConstraint(
            ["job_id"],
            ["job.id"],
        ),
        sa.ForeignKeyConstraint(
            ["retracts"],
            ["test_withdrawal.id"],
        ),
        sa.ForeignKeyConstraint(
            ["test_case_id"],
            ["test_case.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("test_withdrawal", schema=None) as batch_op:
        batch_op.create_index("ix_test_withdrawal_job_id", ["job_id"], unique=False)
        batch_op.create_index("ix_test_withdrawal_test_case_id", ["test_case_id"], unique=False)

    op.create_table(
        "tree",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("problem_id", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("preset", sa.String(), nullable=False),
        sa.Column("config", sa.String(), nullable=False),
        sa.Column("config_digest", sa.String(), nullable=False),
        sa.Column("prompt_digest", sa.String(), nullable=False),
        sa.Column("sampler", sa.String(), nullable=False),
        sa.Column("reproducible", sa.Boolean(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("policy_id", sa.Integer(), nullable=True),
        sa.Column("test_set_id", sa.Integer(), nullable=True),
        sa.Column("profile_id", sa.Integer(), nullable=True),
        sa.Column("with_reference", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.CheckConstraint("kind IN ('search', 'group', 'draws', 'cases')", name="kind_word"),
        sa.ForeignKeyConstraint(
            ["job_id"],
            ["job.id"],
        ),
        sa.ForeignKeyConstraint(
            ["policy_id"],
            ["checkpoint.id"],
        ),
        sa.ForeignKeyConstraint(
            ["problem_id"],
            ["problem.id"],
        ),
        sa.ForeignKeyConstraint(
            ["profile_id"],
            ["profile.id"],
        ),
        sa.ForeignKeyConstraint(
            ["test_set_id"],
            ["test_set.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("job_id", "problem_id", "ordinal"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("tree", schema=None) as batch_op:
        batch_op.create_index("ix_tree_policy_id", ["policy_id"], unique=False)
        batch_op.create_index("ix_tree_problem_id", ["problem_id"], unique=False)

    op.create_table(
        "verdict",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("program_id", sa.Integer(), nullable=False),
        sa.Column("test_case_id", sa.Integer(), nullable=False),
        sa.Column("profile_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("cpu_ms", sa.Float(), nullable=False),
        sa.Column("wall_ms", sa.Float(), nullable=False),
        sa.Column("memory_kb", sa.Integer(), nullable=False),
        sa.Column("exit", sa.Integer(), nullable=True),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("layer", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.CheckConstraint(
            "code IN ('AC', 'WA', 'PE', 'CE', 'TLE', 'ILE', 'MLE', 'OLE', 'RE', 'SV')", name="code_word"
        ),
        sa.CheckConstraint("layer <> 'L0'", name="isolated"),
        sa.ForeignKeyConstraint(
            ["job_id"],
            ["job.id"],
        ),
        sa.ForeignKeyConstraint(
            ["profile_id"],
            ["profile.id"],
        ),
        sa.ForeignKeyConstraint(
            ["program_id"],
            ["program.id"],
        ),
        sa.ForeignKeyConstraint(
            ["test_case_id"],
            ["test_case.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("program_id", "test_case_id", "profile_id"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("verdict", schema=None) as batch_op:
        batch_op.create_index("ix_verdict_test_case_id", ["test_case_id"], unique=False)

    op.create_table(
        "step",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("tree_id", sa.Integer(), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("program_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("(parent_id IS NULL) = (action = 'root')", name="root_has_no_parent"),
        sa.CheckConstraint("action IN ('root', 'structure', 'refine', 'code')", name="action_word"),
        sa.ForeignKeyConstraint(
            ["parent_id"],
            ["step.id"],
        ),
        sa.ForeignKeyConstraint(
            ["program_id"],
            ["program.id"],
        ),
        sa.ForeignKeyConstraint(
            ["tree_id"],
            ["tree.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tree_id", "parent_id", "ordinal"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("step", schema=None) as batch_op:
        batch_op.create_index("ix_step_parent_id", ["parent_id"], unique=False)
        batch_op.create_index("ix_step_program_id", ["program_id"], unique=False)
        batch_op.create_index("step_one_root", ["tree_id"], unique=True, sqlite_where=sa.text("parent_id IS NULL"))

    op.create_table(
        "tree_end",
        sa.Column("tree_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tree_id"],
            ["tree.id"],
        ),
        sa.PrimaryKeyConstraint("tree_id"),
    )
    op.create_table(
        "completion",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("tree_id", sa.Integer(), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("tokens_in", sa.Integer(), nullable=False),
        sa.Column("tokens_out", sa.Integer(), nullable=False),
        sa.Column("logprob", sa.Float(), nullable=True),
        sa.Column("finish_reason", sa.String(), nullable=False),
        sa.Column("step_id", sa.Integer(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.CheckConstraint("(step_id IS NULL) OR (error IS NULL)", name="step_or_error"),
        sa.ForeignKeyConstraint(
            ["parent_id"],
            ["step.id"],
        ),
        sa.ForeignKeyConstraint(
            ["step_id"],
            ["step.id"],
        ),
        sa.ForeignKeyConstraint(
            ["tree_id"],
            ["tree.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tree_id", "parent_id", "ordinal"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("completion", schema=None) as batch_op:
        batch_op.create_index("ix_completion_step_id", ["step_id"], unique=False)

    op.create_table(
        "label",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("step_id", sa.Integer(), nullable=False),
        sa.Column("value", sa.String(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("estimate", sa.String(), nullable=True),
        sa.Column("k", sa.Integer(), nullable=True),
        sa.Column("c", sa.Integer(), nullable=True),
        sa.Column("v", sa.Float(), nullable=True),
        sa.Column("v_pass", sa.Float(), nullable=True),
        sa.Column("author", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("seen", sa.String(), nullable=True),
        sa.Column("taken_ms", sa.Integer(), nullable=True),
        sa.Column("batch", sa.String(), nullable=True),
        sa.Column("retracts", sa.Integer(), nullable=True),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.CheckConstraint("(source = 'human') = (author IS NOT NULL)", name="people_are_human"),
        sa.CheckConstraint("source IN ('search', 'human', 'import')", name="source_word"),
        sa.CheckConstraint("value IN ('valid', 'invalid', 'unsure')", name="value_word"),
        sa.CheckConstraint("(job_id IS NULL) <> (author IS NULL)", name="provenance"),
        sa.CheckConstraint("(value IS NULL) = (retracts IS NOT NULL)", name="value_or_retraction"),
        sa.ForeignKeyConstraint(
            ["job_id"],
            ["job.id"],
        ),
        sa.ForeignKeyConstraint(
            ["retracts"],
            ["label.id"],
        ),
        sa.ForeignKeyConstraint(
            ["step_id"],
            ["step.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("step_id", "job_id"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("label", schema=None) as batch_op:
        batch_op.create_index("ix_label_job_id", ["job_id"], unique=False)
        batch_op.create_index("ix_label_retracts", ["retracts"], unique=False)
        batch_op.create_index("ix_label_step_id", ["step_id"], unique=False)

    op.create_table(
        "rollout",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("tree_id", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("iteration", sa.Integer(), nullable=True),
        sa.Column("leaf_id", sa.Integer(), nullable=False),
        sa.Column("program_id", sa.Integer(), nullable=True),
        sa.Column("passed", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("compiled", sa.Boolean(), nullable=False),
        sa.Column("reward", sa.Float(), nullable=True),
        sa.Column("terms", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["leaf_id"],
            ["step.id"],
        ),
        sa.ForeignKeyConstraint(
            ["program_id"],
            ["program.id"],
        ),
        sa.ForeignKeyConstraint(
            ["tree_id"],
            ["tree.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tree_id", "ordinal"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("rollout", schema=None) as batch_op:
        batch_op.create_index("ix_rollout_leaf_id", ["leaf_id"], unique=False)
        batch_op.create_index("ix_rollout_program_id", ["program_id"], unique=False)

    op.create_table(
        "score",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("step_id", sa.Integer(), nullable=False),
        sa.Column("checkpoint_id", sa.Integer(), nullable=False),
        sa.Column("format_digest", sa.String(), nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["checkpoint_id"],
            ["checkpoint.id"],
        ),
        sa.ForeignKeyConstraint(
            ["job_id"],
            ["job.id"],
        ),
        sa.ForeignKeyConstraint(
            ["step_id"],
            ["step.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("step_id", "checkpoint_id", "format_digest"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("score", schema=None) as batch_op:
        batch_op.create_index("ix_score_checkpoint_id", ["checkpoint_id"], unique=False)
        batch_op.create_index("ix_score_job_id", ["job_id"], unique=False)

    op.create_table(
        "dataset_item",
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("step_id", sa.Integer(), nullable=True),
        sa.Column("rollout_id", sa.Integer(), nullable=True),
        sa.Column("program_id", sa.Integer(), nullable=True),
        sa.Column("problem_id", sa.Integer(), nullable=True),
        sa.Column("row_digest", sa.String(), nullable=False),
        sa.CheckConstraint(
            "(step_id IS NOT NULL) + (rollout_id IS NOT NULL) + (program_id IS NOT NULL) + (problem_id IS NOT NULL) = 1",
            name="one_fact",
        ),
        sa.ForeignKeyConstraint(
            ["dataset_id"],
            ["dataset.id"],
        ),
        sa.ForeignKeyConstraint(
            ["problem_id"],
            ["problem.id"],
        ),
        sa.ForeignKeyConstraint(
            ["program_id"],
            ["program.id"],
        ),
        sa.ForeignKeyConstraint(
            ["rollout_id"],
            ["rollout.id"],
        ),
        sa.ForeignKeyConstraint(
            ["step_id"],
            ["step.id"],
        ),
        sa.PrimaryKeyConstraint("dataset_id", "ordinal"),
    )
    with op.batch_alter_table("dataset_item", schema=None) as batch_op:
        batch_op.create_index("ix_dataset_item_problem_id", ["problem_id"], unique=False)
        batch_op.create_index("ix_dataset_item_program_id", ["program_id"], unique=False)
        batch_op.create_index("ix_dataset_item_rollout_id", ["rollout_id"], unique=False)
        batch_op.create_index("ix_dataset_item_step_id", ["step_id"], unique=False)

    op.create_table(
        "generated_case",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("completion_id", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("test_case_id", sa.Integer(), nullable=True),
        sa.Column("valid", sa.Boolean(), nullable=True),
        sa.Column("error", sa.String(), nullable=True),
        sa.CheckConstraint("(test_case_id IS NULL) <> (error IS NULL)", name="case_or_error"),
        sa.ForeignKeyConstraint(
            ["completion_id"],
            ["completion.id"],
        ),
        sa.ForeignKeyConstraint(
            ["test_case_id"],
            ["test_case.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("completion_id", "ordinal"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("generated_case", schema=None) as batch_op:
        batch_op.create_index("ix_generated_case_test_case_id", ["test_case_id"], unique=False)

    op.create_table(
        "dataset_label",
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("label_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dataset_id", "ordinal"],
            ["dataset_item.dataset_id", "dataset_item.ordinal"],
        ),
        sa.ForeignKeyConstraint(
            ["label_id"],
            ["label.id"],
        ),
        sa.PrimaryKeyConstraint("dataset_id", "ordinal", "label_id"),
    )
    with op.batch_alter_table("dataset_label", schema=None) as batch_op:
        batch_op.create_index("ix_dataset_label_label_id", ["label_id"], unique=False)

    op.execute("CREATE VIRTUAL TABLE problem_fts USING fts5(title, statement, content='problem', content_rowid='id')")
