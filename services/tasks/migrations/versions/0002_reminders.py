"""Reminders, and the days that an office sets in its working calendar."""

import sqlalchemy as sa
from alembic import op

revision = "0002_reminders"
down_revision = "0001_tasks"
branch_labels = None
depends_on = None

EARLIER_KINDS = "kind IN ('progressed', 'completed', 'confirmed', 'returned', 'reopened')"
KINDS = "kind IN ('progressed', 'completed', 'confirmed', 'returned', 'reopened', 'due_soon', 'overdue', 'unconfirmed')"


def upgrade() -> None:
    op.create_table(
        "reminders",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("deadline", sa.Date(), nullable=True),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("completion_id", sa.Uuid(), nullable=True),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "written_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.CheckConstraint("kind IN ('due_soon', 'overdue', 'unconfirmed')", name=op.f("ck_reminders_kind_known")),
        sa.CheckConstraint(
            "(kind = 'unconfirmed') = (completion_id IS NOT NULL)", name=op.f("ck_reminders_about_a_completion")
        ),
        sa.CheckConstraint("kind = 'unconfirmed' OR deadline IS NOT NULL", name=op.f("ck_reminders_about_a_deadline")),
        sa.CheckConstraint("round >= 0", name=op.f("ck_reminders_round_counts")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_reminders_version_counts")),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_reminders_task_id")),
        sa.ForeignKeyConstraint(["completion_id"], ["completions.id"], name=op.f("fk_reminders_completion_id")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_reminders")),
    )
    op.create_index(
        "uq_reminders_deadline",
        "reminders",
        ["task_id", "kind", "deadline", "round"],
        unique=True,
        postgresql_where=sa.text("completion_id IS NULL"),
    )
    op.create_index(
        "uq_reminders_completion",
        "reminders",
        ["completion_id"],
        unique=True,
        postgresql_where=sa.text("completion_id IS NOT NULL"),
    )
    op.create_index("ix_reminders_written_at", "reminders", ["written_at"], unique=False)
    op.create_table(
        "holidays_overrides",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("is_working", sa.Boolean(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("set_by", sa.Text(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("name <> ''", name=op.f("ck_holidays_overrides_name_says_something")),
        sa.CheckConstraint(
            "day BETWEEN '2000-01-01' AND '2100-12-31'", name=op.f("ck_holidays_overrides_day_plausible")
        ),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_holidays_overrides")),
    )
    op.create_index("ix_tasks_deadline_date", "tasks", ["deadline_date"], unique=False)
    op.create_index(
        "ix_completions_awaiting",
        "completions",
        ["recorded_at"],
        unique=False,
        postgresql_where=sa.text("state = 'awaiting'"),
    )
    op.create_index(
        "ix_task_history_opened",
        "task_history",
        ["moment"],
        unique=False,
        postgresql_where=sa.text("kind IN ('returned', 'reopened')"),
    )
    op.drop_constraint(op.f("ck_task_history_kind_known"), "task_history", type_="check")
    op.create_check_constraint(op.f("ck_task_history_kind_known"), "task_history", KINDS)


def downgrade() -> None:
    op.drop_constraint(op.f("ck_task_history_kind_known"), "task_history", type_="check")
    op.create_check_constraint(op.f("ck_task_history_kind_known"), "task_history", EARLIER_KINDS)
    op.drop_index("ix_task_history_opened", table_name="task_history")
    op.drop_index("ix_completions_awaiting", table_name="completions")
    op.drop_index("ix_tasks_deadline_date", table_name="tasks")
    op.drop_table("holidays_overrides")
    op.drop_index("ix_reminders_written_at", table_name="reminders")
    op.drop_index("uq_reminders_completion", table_name="reminders")
    op.drop_index("uq_reminders_deadline", table_name="reminders")
    op.drop_table("reminders")
