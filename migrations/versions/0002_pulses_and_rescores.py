"""How an open tree fares, trees re-scored later, and which withdrawals a tree's cases saw.

Why: a tree that hangs must be told from one that is slow; a test may be withdrawn or added after the search; and then the
facts of an ended tree must still be read with the cases that it was judged on. Trees from before are taken to have seen
every withdrawal that is not younger than they are.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tree", sa.Column("withdrawals", sa.Integer(), nullable=False, server_default="0"))
    op.execute("DROP TRIGGER IF EXISTS tree_no_update")  # made again after the migration, with all the others
    op.execute(
        "UPDATE tree SET withdrawals = COALESCE((SELECT MAX(w.id) FROM test_withdrawal w "
        "WHERE w.created_at <= tree.created_at), 0)"
    )
    op.create_table(
        "tree_pulse",
        sa.Column("tree_id", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("opened_at", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("rollouts_before", sa.Integer(), nullable=False),
        sa.Column("rollouts", sa.Integer(), nullable=False),
        sa.Column("tokens_out", sa.Integer(), nullable=False),
        sa.Column("doing", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["tree_id"], ["tree.id"]),
        sa.PrimaryKeyConstraint("tree_id"),
    )
    op.create_table(
        "rescore",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("tree_id", sa.Integer(), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=False),
        sa.Column("test_set_id", sa.Integer(), nullable=False),
        sa.Column("alpha", sa.Float(), nullable=False),
        sa.Column("enough", sa.Integer(), nullable=False),
        sa.Column("withdrawals", sa.Integer(), nullable=False),
        sa.Column("verdicts", sa.Integer(), nullable=False),
        sa.Column("labels", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"]),
        sa.ForeignKeyConstraint(["test_set_id"], ["test_set.id"]),
        sa.ForeignKeyConstraint(["tree_id"], ["tree.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tree_id", "job_id"),
        sqlite_autoincrement=True,
    )
