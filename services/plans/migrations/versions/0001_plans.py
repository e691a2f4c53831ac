"""Units in a tree with dates, programmes with their fields, plans with tasks and progress."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001_plans"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "programmes",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("from_year", sa.SmallInteger(), nullable=False),
        sa.Column("to_year", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint("to_year >= from_year", name=op.f("ck_programmes_ends_after_it_begins")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_programmes")),
    )
    op.create_table(
        "units",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_folded", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text(), nullable=True),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("successors", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("aliases", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "CASE WHEN parent IS NULL THEN path = code || '/' ELSE path LIKE '%/' || code || '/' END",
            name=op.f("ck_units_path_ends_in_itself"),
        ),
        sa.CheckConstraint("code ~ '^[A-Z0-9][A-Z0-9.\\-]{0,31}$'", name=op.f("ck_units_code_well_formed")),
        sa.CheckConstraint(
            "kind IN ('province', 'department', 'district', 'commune', 'central_agency', 'organisation', 'group')",
            name=op.f("ck_units_kind_known"),
        ),
        sa.CheckConstraint("name <> ''", name=op.f("ck_units_name_not_empty")),
        sa.CheckConstraint("NOT code = ANY (successors)", name=op.f("ck_units_not_its_own_successor")),
        sa.CheckConstraint("parent <> code", name=op.f("ck_units_not_its_own_parent")),
        sa.CheckConstraint("valid_to >= valid_from", name=op.f("ck_units_ends_after_it_begins")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_units_version_counts")),
        sa.ForeignKeyConstraint(["parent"], ["units.code"], name=op.f("fk_units_parent")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_units")),
    )
    op.create_index("ix_units_parent", "units", ["parent"], unique=False)
    op.create_index("ix_units_path", "units", ["path"], unique=False, postgresql_ops={"path": "text_pattern_ops"})
    op.create_table(
        "plans",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("unit_name", sa.Text(), nullable=False),
        sa.Column("unit_kind", sa.Text(), nullable=False),
        sa.Column("year", sa.SmallInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("programme", sa.Text(), nullable=False),
        sa.Column("counts_when", sa.Text(), nullable=False),
        sa.Column("evidence_required", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document_number", sa.Text(), nullable=True),
        sa.Column("document_issued_on", sa.Date(), nullable=True),
        sa.Column("document_signed_by", sa.Text(), nullable=True),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(state = 'draft') = (document_number IS NULL) AND (document_number IS NULL) = (document_issued_on"
            " IS NULL) AND (document_number IS NULL) = (issued_at IS NULL)",
            name=op.f("ck_plans_issued_by_a_document"),
        ),
        sa.CheckConstraint("counts_when IN ('reported', 'confirmed')", name=op.f("ck_plans_counts_when_known")),
        sa.CheckConstraint("state IN ('draft', 'issued', 'closed')", name=op.f("ck_plans_state_known")),
        sa.CheckConstraint("title <> ''", name=op.f("ck_plans_title_not_empty")),
        sa.CheckConstraint(
            "unit_kind IN ('province', 'department', 'district', 'commune', 'central_agency', 'organisation', 'group')",
            name=op.f("ck_plans_unit_kind_known"),
        ),
        sa.CheckConstraint(
            "document_signed_by IS NULL OR document_number IS NOT NULL", name=op.f("ck_plans_signed_with_a_document")
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_plans_version_counts")),
        sa.CheckConstraint("year BETWEEN 2000 AND 2100", name=op.f("ck_plans_year_plausible")),
        sa.ForeignKeyConstraint(["programme"], ["programmes.code"], name=op.f("fk_plans_programme")),
        sa.ForeignKeyConstraint(["unit"], ["units.code"], name=op.f("fk_plans_unit")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plans")),
        sa.UniqueConstraint("id", "programme", name=op.f("uq_plans_id_programme")),
    )
    op.create_index("ix_plans_unit_year", "plans", ["unit", "year"], unique=False)
    op.create_table(
        "programme_fields",
        sa.Column("programme", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("aliases", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.ForeignKeyConstraint(["programme"], ["programmes.code"], name=op.f("fk_programme_fields_programme")),
        sa.PrimaryKeyConstraint("programme", "code", name=op.f("pk_programme_fields")),
        sa.UniqueConstraint("programme", "position", name=op.f("uq_programme_fields_programme_position")),
    )
    op.create_table(
        "plan_tasks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("programme", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("group_title", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("deliverable", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("deadline_phrase", sa.Text(), nullable=False),
        sa.Column("deadline_kind", sa.Text(), nullable=False),
        sa.Column("deadline_date", sa.Date(), nullable=True),
        sa.Column("deadline_dates", postgresql.ARRAY(sa.Date()), server_default=sa.text("'{}'"), nullable=False),
        sa.CheckConstraint(
            "(deadline_kind = 'milestones') = (cardinality(deadline_dates) > 1) AND (deadline_kind <>"
            " 'milestones' OR deadline_date = deadline_dates[cardinality(deadline_dates)])",
            name=op.f("ck_plan_tasks_milestones_end_with_the_deadline"),
        ),
        sa.CheckConstraint(
            "deadline_kind IN ('date', 'month', 'quarter', 'range', 'milestones', 'continuous', 'recurring',"
            " 'event', 'relative', 'year', 'none')",
            name=op.f("ck_plan_tasks_deadline_kind_known"),
        ),
        sa.CheckConstraint(
            "deadline_kind NOT IN ('continuous', 'recurring') OR deadline_date IS NULL",
            name=op.f("ck_plan_tasks_lasting_duty_has_no_day"),
        ),
        sa.CheckConstraint(
            "deadline_kind NOT IN ('date', 'month', 'quarter', 'range', 'milestones', 'year') OR deadline_date"
            " IS NOT NULL",
            name=op.f("ck_plan_tasks_dated_kind_has_a_day"),
        ),
        sa.CheckConstraint("number <> '' AND code <> '' AND title <> ''", name=op.f("ck_plan_tasks_named")),
        sa.ForeignKeyConstraint(
            ["plan_id", "programme"], ["plans.id", "plans.programme"], name=op.f("fk_plan_tasks_plan_id_programme")
        ),
        sa.ForeignKeyConstraint(
            ["programme", "field"],
            ["programme_fields.programme", "programme_fields.code"],
            name=op.f("fk_plan_tasks_programme_field"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_tasks")),
        sa.UniqueConstraint("plan_id", "code", name=op.f("uq_plan_tasks_plan_id_code")),
        sa.UniqueConstraint("plan_id", "number", name=op.f("uq_plan_tasks_plan_id_number")),
        sa.UniqueConstraint("plan_id", "position", name=op.f("uq_plan_tasks_plan_id_position")),
    )
    op.create_table(
        "plan_task_progress",
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('reported', 'confirmed', 'returned', 'reopened')", name=op.f("ck_plan_task_progress_state_known")
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_plan_task_progress_version_counts")),
        sa.ForeignKeyConstraint(["task_id"], ["plan_tasks.id"], name=op.f("fk_plan_task_progress_task_id")),
        sa.PrimaryKeyConstraint("task_id", name=op.f("pk_plan_task_progress")),
    )
    op.create_table(
        "plan_task_units",
        sa.Column("task_id", sa.Uuid(), nullable=False),
        sa.Column("duty", sa.Text(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "duty <> 'lead' OR (unit IS NOT NULL AND kind IS NOT NULL)", name=op.f("ck_plan_task_units_lead_is_a_unit")
        ),
        sa.CheckConstraint("duty IN ('lead', 'coordinating')", name=op.f("ck_plan_task_units_duty_known")),
        sa.CheckConstraint(
            "kind IN ('province', 'department', 'district', 'commune', 'central_agency', 'organisation', 'group')",
            name=op.f("ck_plan_task_units_kind_known"),
        ),
        sa.CheckConstraint("name <> ''", name=op.f("ck_plan_task_units_named")),
        sa.ForeignKeyConstraint(["task_id"], ["plan_tasks.id"], name=op.f("fk_plan_task_units_task_id")),
        sa.ForeignKeyConstraint(["unit"], ["units.code"], name=op.f("fk_plan_task_units_unit")),
        sa.PrimaryKeyConstraint("task_id", "duty", "position", name=op.f("pk_plan_task_units")),
    )
    op.create_index("ix_plan_task_units_unit", "plan_task_units", ["unit"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_plan_task_units_unit", table_name="plan_task_units")
    op.drop_table("plan_task_units")
    op.drop_table("plan_task_progress")
    op.drop_table("plan_tasks")
    op.drop_table("programme_fields")
    op.drop_index("ix_plans_unit_year", table_name="plans")
    op.drop_table("plans")
    op.drop_index("ix_units_path", table_name="units", postgresql_ops={"path": "text_pattern_ops"})
    op.drop_index("ix_units_parent", table_name="units")
    op.drop_table("units")
    op.drop_table("programmes")
