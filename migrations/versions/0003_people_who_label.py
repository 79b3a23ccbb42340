"""People who label: who holds which step, questions with known answers, why a label was given, and queries kept by name.

Why: several people work on one queue and must never get the same step; whether they agree is measured on steps that were
chosen at random and on questions whose answer is known, so a label says how its step was chosen and of which kind its
reason is. A query that is asked again and again gets a name. And a row of a dataset names the steps of its path that no
label of it speaks of, so that a first word against one of them is seen to make stale what was trained on the row; older
datasets get them from their members. A million problems are filtered by their short fields without reading their statements.
One metric of a long job is read as a curve, without the job's other metrics. No older row changes.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# Of a chain: the steps of its path without a label that its row rests on.
_CHAINS = """
WITH RECURSIVE up(dataset_id, ordinal, step_id) AS (
    SELECT i.dataset_id, i.ordinal, r.leaf_id FROM dataset_item i JOIN rollout r ON r.id = i.rollout_id
    UNION SELECT up.dataset_id, up.ordinal, s.parent_id FROM up JOIN step s ON s.id = up.step_id
    WHERE s.parent_id IS NOT NULL)
INSERT INTO dataset_path SELECT up.dataset_id, up.ordinal, up.step_id FROM up JOIN step s ON s.id = up.step_id
WHERE s.parent_id IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM dataset_label i JOIN label l ON l.id = i.label_id
    WHERE i.dataset_id = up.dataset_id AND i.ordinal = up.ordinal AND l.step_id = up.step_id)
"""
# Of values: the steps above the last one whose value is not 0, neither by its draws nor by a person's word.
_VALUES = """
WITH RECURSIVE said(dataset_id, ordinal, source, value, v_pass, depth) AS (
    SELECT i.dataset_id, i.ordinal, l.source, l.value, l.v_pass, s.depth FROM dataset d
    JOIN dataset_label i ON i.dataset_id = d.id JOIN label l ON l.id = i.label_id JOIN step s ON s.id = l.step_id
    WHERE d.target = 'value'),
last(dataset_id, ordinal, depth) AS (
    SELECT dataset_id, ordinal, MAX(depth) FROM said WHERE v_pass > 0 AND NOT EXISTS (
        SELECT 1 FROM said c WHERE c.dataset_id = said.dataset_id AND c.ordinal = said.ordinal
        AND c.source = 'human' AND c.value = 'invalid' AND c.depth <= said.depth) GROUP BY 1, 2),
up(dataset_id, ordinal, step_id) AS (
    SELECT i.dataset_id, i.ordinal, i.step_id FROM last JOIN dataset_item i USING (dataset_id, ordinal)
    UNION SELECT up.dataset_id, up.ordinal, s.parent_id FROM up JOIN step s ON s.id = up.step_id
    WHERE s.parent_id IS NOT NULL)
INSERT INTO dataset_path SELECT up.dataset_id, up.ordinal, up.step_id FROM up JOIN step s ON s.id = up.step_id
JOIN last USING (dataset_id, ordinal) WHERE s.parent_id IS NOT NULL AND s.depth < last.depth
"""


def upgrade() -> None:
    op.add_column("label", sa.Column("category", sa.String(), nullable=True))
    op.add_column("label", sa.Column("picked", sa.String(), nullable=True))
    op.create_table(
        "label_lease",
        sa.Column("step_id", sa.Integer(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("session", sa.String(), nullable=False),
        sa.Column("until", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["step_id"], ["step.id"]),
        sa.PrimaryKeyConstraint("step_id"),
    )
    op.create_table(
        "gold",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("step_id", sa.Integer(), nullable=False),
        sa.Column("value", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("retracts", sa.Integer(), nullable=True),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.CheckConstraint("value IN ('valid', 'invalid', 'unsure')", name="value_word"),
        sa.CheckConstraint("(value IS NULL) = (retracts IS NOT NULL)", name="value_or_retraction"),
        sa.ForeignKeyConstraint(["retracts"], ["gold.id"]),
        sa.ForeignKeyConstraint(["step_id"], ["step.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_gold_step_id", "gold", ["step_id"])
    op.create_index("ix_gold_retracts", "gold", ["retracts"])
    op.create_table(
        "gold_answer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("gold_id", sa.Integer(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("taken_ms", sa.Integer(), nullable=True),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.CheckConstraint("value IN ('valid', 'invalid', 'unsure')", name="value_word"),
        sa.ForeignKeyConstraint(["gold_id"], ["gold.id"]),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_gold_answer_gold_id", "gold_answer", ["gold_id"])
    op.create_table(
        "saved_query",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "name"),
    )
    op.create_table(
        "dataset_path",
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("step_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id", "ordinal"], ["dataset_item.dataset_id", "dataset_item.ordinal"]),
        sa.ForeignKeyConstraint(["step_id"], ["step.id"]),
        sa.PrimaryKeyConstraint("dataset_id", "ordinal", "step_id"),
    )
    op.create_index("ix_dataset_path_step_id", "dataset_path", ["step_id"])
    op.execute(_CHAINS)
    op.execute(_VALUES)
    op.create_index("label_batch", "label", ["batch"], sqlite_where=sa.text("batch IS NOT NULL"))
    # What the label queue looks for among millions of rows: few or contradicting draws, a score far from its label,
    # tests that a person or a generator made, and what people said.
    op.create_index(
        "label_in_doubt",
        "label",
        ["value", "k"],
        sqlite_where=sa.text("source = 'search' AND (value = 'unsure' OR (c > 0 AND c < k))"),
    )
    op.create_index("label_by_people", "label", ["step_id"], sqlite_where=sa.text("source = 'human'"))
    op.create_index("score_by_value", "score", ["checkpoint_id", "value"])
    op.create_index("test_case_not_given", "test_case", ["origin"], sqlite_where=sa.text("origin IN ('tcg', 'human')"))
    op.create_index(
        "ix_problem_fields",
        "problem",
        ["difficulty", "kind", "slice", "family", "source", "source_key", "split"],
    )
    op.create_index("metric_curve", "metric", ["job_id", "name", "iteration", "attempt", "value"])
