"""People who label: who holds which step, questions with known answers, why a label was given, and queries kept by name.

Why: several people work on one queue and must never get the same step; whether they agree is measured on steps that were
chosen at random and on questions whose answer is known, so a label says how its step was chosen and of which kind its
reason is. A query that is asked again and again gets a name. No older row changes.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


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
