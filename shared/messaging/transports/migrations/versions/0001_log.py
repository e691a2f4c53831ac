"""The append-only log, its partitions, groups and positions, and the identity of this log."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001_log"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "log_cluster",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("cluster_id", sa.Text(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_log_cluster_single_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_cluster")),
    )
    op.create_table(
        "log_partitions",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("next_position", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_partitions")),
        sa.UniqueConstraint("topic", "partition", name=op.f("uq_log_partitions_topic_partition")),
    )
    op.create_table(
        "log_records",
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=True),
        sa.Column("headers", postgresql.JSONB(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=True),
        sa.Column(
            "appended_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("topic", "partition", "position", name=op.f("pk_log_records")),
    )
    op.create_table(
        "log_groups",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_groups")),
        sa.UniqueConstraint("name", name=op.f("uq_log_groups_name")),
    )
    op.create_table(
        "log_positions",
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("partition_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["log_groups.id"], name=op.f("fk_log_positions_group_id")),
        sa.ForeignKeyConstraint(["partition_id"], ["log_partitions.id"], name=op.f("fk_log_positions_partition_id")),
        sa.PrimaryKeyConstraint("group_id", "partition_id", name=op.f("pk_log_positions")),
    )
    # A new log is another log: publishers refill it and readers begin at its beginning.
    op.execute("INSERT INTO log_cluster (id, cluster_id) VALUES (1, 'postgres-' || gen_random_uuid())")


def downgrade() -> None:
    op.drop_table("log_positions")
    op.drop_table("log_groups")
    op.drop_table("log_records")
    op.drop_table("log_partitions")
    op.drop_table("log_cluster")
