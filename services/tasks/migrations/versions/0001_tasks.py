"""Units and plans as learnt; tasks with their duties, completions and history."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001_tasks"
down_revision = None
branch_labels = None
depends_on = None

APPEND_ONLY = """
CREATE FUNCTION refuse_to_rewrite_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'task_history is append-only' USING ERRCODE = 'restrict_violation';
END
$$
"""
GUARD = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON task_history
FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_rewrite_history()
"""


def upgrade() -> None:
    op.create_table(
        "plans",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("year", sa.SmallInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("counts_when", sa.Text(), nullable=False),
        sa.Column("evidence_required", sa.Boolean(), nullable=False),
        sa.CheckConstraint("counts_when IN ('reported', 'confirmed')", name=op.f("ck_plans_counts_when_known")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_plans_version_counts")),
        sa.CheckConstraint("year BETWEEN 2000 AND 2100", name=op.f("ck_plans_year_plausible")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plans")),
    )
    op.create_table(
        "units",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.Column("parent", sa.Text(), nullable=True),
        sa.Column("successors", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("lineage", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.CheckConstraint("code = ANY (lineage)", name=op.f("ck_units_lineage_holds_itself")),
        sa.CheckConstraint("parent <> code", name=op.f("ck_units_not_its_own_parent")),
        sa.CheckConstraint("version = 0 OR kind IS NOT NULL", name=op.f("ck_units_kind_known")),
        sa.CheckConstraint("version >= 0", name=op.f("ck_units_version_counts")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_units")),
    )
    op.create_index("ix_units_lineage", "units", ["lineage"], unique=False, postgresql_using="gin")
    op.create_table(
        "tasks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("deadline_phrase", sa.Text(), nullable=False),
        sa.Column("deadline_kind", sa.Text(), nullable=False),
        sa.Column("deadline_date", sa.Date(), nullable=True),
        sa.Column("deadline_dates", postgresql.ARRAY(sa.Date()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'not_started'"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("completed_on", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "(state IN ('awaiting_confirmation', 'done')) = (completed_on IS NOT NULL)",
            name=op.f("ck_tasks_completed_has_its_day"),
        ),
        sa.CheckConstraint(
            "deadline_kind IN ('date', 'month', 'quarter', 'range', 'milestones', 'continuous', 'recurring', 'event',"
            " 'relative', 'year', 'none')",
            name=op.f("ck_tasks_deadline_kind_known"),
        ),
        sa.CheckConstraint(
            "state IN ('not_started', 'in_progress', 'awaiting_confirmation', 'done', 'returned', 'declined',"
            " 'suspended', 'withdrawn')",
            name=op.f("ck_tasks_state_known"),
        ),
        sa.CheckConstraint("version > 0 OR state = 'not_started'", name=op.f("ck_tasks_untouched_is_not_started")),
        sa.CheckConstraint("position >= 0", name=op.f("ck_tasks_position_counts")),
        sa.CheckConstraint("version >= 0", name=op.f("ck_tasks_version_counts")),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_tasks_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tasks")),
        postgresql_with={"fillfactor": 80},
    )
    op.create_index("ix_tasks_plan_id", "tasks", ["plan_id", "position", "id"], unique=False)
    op.create_table(
        "completions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("completed_on", sa.Date(), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_subject", sa.Text(), nullable=False),
        sa.Column("by_unit", sa.Text(), nullable=True),
        sa.Column("evidence", postgresql.JSONB(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), server_default=sa.text("'awaiting'"), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(state = 'awaiting') = (decided_at IS NULL) AND (decided_at IS NULL) = (decided_by IS NULL)",
            name=op.f("ck_completions_decided_by_someone"),
        ),
        sa.CheckConstraint(
            "(state IN ('returned', 'reopened')) = (reason IS NOT NULL)",
            name=op.f("ck_completions_refused_with_reason"),
        ),
        sa.CheckConstraint("jsonb_typeof(evidence) = 'array'", name=op.f("ck_completions_evidence_is_a_list")),
        sa.CheckConstraint("reason <> ''", name=op.f("ck_completions_reason_says_something")),
        sa.CheckConstraint(
            "state IN ('awaiting', 'confirmed', 'returned', 'reopened')", name=op.f("ck_completions_state_known")
        ),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_completions_task_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_completions")),
    )
    op.create_index("ix_completions_task_id", "completions", ["task_id", "recorded_at"], unique=False)
    op.create_index(
        "uq_completions_live",
        "completions",
        ["task_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('awaiting', 'confirmed')"),
    )
    op.create_table(
        "task_history",
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("actor_subject", sa.Text(), nullable=False),
        sa.Column("actor_unit", sa.Text(), nullable=True),
        sa.Column("moment", sa.DateTime(timezone=True), nullable=False),
        sa.Column("payload", postgresql.JSONB(), nullable=False),
        sa.CheckConstraint("jsonb_typeof(payload) = 'object'", name=op.f("ck_task_history_payload_is_an_object")),
        sa.CheckConstraint(
            "kind IN ('progressed', 'completed', 'confirmed', 'returned', 'reopened')",
            name=op.f("ck_task_history_kind_known"),
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_task_history_version_counts")),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_task_history_task_id")),
        sa.PrimaryKeyConstraint("task_id", "version", name=op.f("pk_task_history")),
    )
    op.create_table(
        "task_units",
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("duty", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "duty <> 'lead' OR (code IS NOT NULL AND kind IS NOT NULL)", name=op.f("ck_task_units_lead_is_a_unit")
        ),
        sa.CheckConstraint("duty IN ('lead', 'coordinating')", name=op.f("ck_task_units_duty_known")),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name=op.f("fk_task_units_task_id")),
        sa.PrimaryKeyConstraint("task_id", "duty", "position", name=op.f("pk_task_units")),
    )
    op.create_index("ix_task_units_code", "task_units", ["code"], unique=False)
    op.execute(APPEND_ONLY)
    op.execute(GUARD)


def downgrade() -> None:
    op.execute("DROP TRIGGER append_only ON task_history")
    op.execute("DROP FUNCTION refuse_to_rewrite_history")
    op.drop_index("ix_task_units_code", table_name="task_units")
    op.drop_table("task_units")
    op.drop_table("task_history")
    op.drop_index(
        "uq_completions_live", table_name="completions", postgresql_where=sa.text("state IN ('awaiting', 'confirmed')")
    )
    op.drop_index("ix_completions_task_id", table_name="completions")
    op.drop_table("completions")
    op.drop_index("ix_tasks_plan_id", table_name="tasks")
    op.drop_table("tasks")
    op.drop_index("ix_units_lineage", table_name="units", postgresql_using="gin")
    op.drop_table("units")
    op.drop_table("plans")
