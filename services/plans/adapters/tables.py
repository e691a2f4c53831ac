"""Tables of the plans service. Constraints make bad states impossible; each has a failing-insert test."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from shared.database.tables import MOMENT, NAMING

metadata = MetaData(naming_convention=NAMING)
EMPTY = text("'{}'")
UNIT_KINDS = "('province', 'department', 'district', 'commune', 'central_agency', 'organisation', 'group')"

units = Table(
    "units",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("name_folded", Text, nullable=False),  # without marks and case, for searching
    Column("kind", Text, nullable=False),
    Column("parent", Text, ForeignKey("units.code")),
    Column("path", Text, nullable=False),  # codes from the root down, each followed by "/": "TV/TV-SNV/"
    Column("valid_from", Date),
    Column("valid_to", Date),
    Column("successors", ARRAY(Text), nullable=False, server_default=EMPTY),
    Column("aliases", ARRAY(Text), nullable=False, server_default=EMPTY),
    Column("version", Integer, nullable=False),
    CheckConstraint(r"code ~ '^[A-Z0-9][A-Z0-9.\-]{0,31}$'", name="code_well_formed"),
    CheckConstraint("name <> ''", name="name_not_empty"),
    CheckConstraint(f"kind IN {UNIT_KINDS}", name="kind_known"),
    CheckConstraint("parent <> code", name="not_its_own_parent"),
    CheckConstraint(
        "CASE WHEN parent IS NULL THEN path = code || '/' ELSE path LIKE '%/' || code || '/' END",
        name="path_ends_in_itself",
    ),
    CheckConstraint("valid_to >= valid_from", name="ends_after_it_begins"),
    CheckConstraint("NOT code = ANY (successors)", name="not_its_own_successor"),
    CheckConstraint("version >= 1", name="version_counts"),
    Index("ix_units_path", "path", postgresql_ops={"path": "text_pattern_ops"}),
    Index("ix_units_parent", "parent"),
)

programmes = Table(
    "programmes",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("from_year", SmallInteger, nullable=False),
    Column("to_year", SmallInteger, nullable=False),
    CheckConstraint("to_year >= from_year", name="ends_after_it_begins"),
)

programme_fields = Table(
    "programme_fields",
    metadata,
    Column("programme", Text, ForeignKey("programmes.code"), primary_key=True),
    Column("code", Text, primary_key=True),
    Column("position", SmallInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("aliases", ARRAY(Text), nullable=False, server_default=EMPTY),
    UniqueConstraint("programme", "position"),
)

plans = Table(
    "plans",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("unit", Text, ForeignKey("units.code"), nullable=False),
    Column("unit_name", Text, nullable=False),  # as it was called when the plan was made
    Column("unit_kind", Text, nullable=False),
    Column("year", SmallInteger, nullable=False),
    Column("title", Text, nullable=False),
    Column("programme", Text, ForeignKey("programmes.code"), nullable=False),
    Column("counts_when", Text, nullable=False),
    Column("evidence_required", Boolean, nullable=False),
    Column("state", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("document_number", Text),
    Column("document_issued_on", Date),
    Column("document_signed_by", Text),
    Column("issued_at", MOMENT),
    Column("imported_at", MOMENT, nullable=False),
    UniqueConstraint("id", "programme"),  # so that a task's field can be held to its plan's programme
    CheckConstraint("year BETWEEN 2000 AND 2100", name="year_plausible"),
    CheckConstraint("title <> ''", name="title_not_empty"),
    CheckConstraint(f"unit_kind IN {UNIT_KINDS}", name="unit_kind_known"),
    CheckConstraint("counts_when IN ('reported', 'confirmed')", name="counts_when_known"),
    CheckConstraint("state IN ('draft', 'issued', 'closed')", name="state_known"),
    CheckConstraint("version >= 1", name="version_counts"),
    CheckConstraint(
        "(state = 'draft') = (document_number IS NULL)"
        " AND (document_number IS NULL) = (document_issued_on IS NULL)"
        " AND (document_number IS NULL) = (issued_at IS NULL)",
        name="issued_by_a_document",
    ),
    CheckConstraint("document_signed_by IS NULL OR document_number IS NOT NULL", name="signed_with_a_document"),
    Index("ix_plans_unit_year", "unit", "year"),
)

plan_tasks = Table(
    "plan_tasks",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("plan_id", Uuid, nullable=False),
    Column("position", Integer, nullable=False),
    Column("code", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("programme", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("group_title", Text),
    Column("title", Text, nullable=False),
    Column("deliverable", Text),
    Column("note", Text),
    Column("deadline_phrase", Text, nullable=False),
    Column("deadline_kind", Text, nullable=False),
    Column("deadline_date", Date),
    Column("deadline_dates", ARRAY(Date), nullable=False, server_default=EMPTY),
    ForeignKeyConstraint(["plan_id", "programme"], ["plans.id", "plans.programme"]),
    ForeignKeyConstraint(["programme", "field"], ["programme_fields.programme", "programme_fields.code"]),
    UniqueConstraint("plan_id", "position"),
    UniqueConstraint("plan_id", "number"),
    UniqueConstraint("plan_id", "code"),
    CheckConstraint("number <> '' AND code <> '' AND title <> ''", name="named"),
    CheckConstraint(
        "deadline_kind IN ('date', 'month', 'quarter', 'range', 'milestones', 'continuous', 'recurring', 'event',"
        " 'relative', 'year', 'none')",
        name="deadline_kind_known",
    ),
    CheckConstraint(
        "(deadline_kind = 'milestones') = (cardinality(deadline_dates) > 1)"
        " AND (deadline_kind <> 'milestones' OR deadline_date = deadline_dates[cardinality(deadline_dates)])",
        name="milestones_end_with_the_deadline",
    ),
    CheckConstraint(
        "deadline_kind NOT IN ('continuous', 'recurring') OR deadline_date IS NULL", name="lasting_duty_has_no_day"
    ),
    CheckConstraint(
        "deadline_kind NOT IN ('date', 'month', 'quarter', 'range', 'milestones', 'year') OR deadline_date IS NOT NULL",
        name="dated_kind_has_a_day",
    ),
)

plan_task_units = Table(
    "plan_task_units",
    metadata,
    Column("task_id", Uuid, ForeignKey("plan_tasks.id"), primary_key=True),
    Column("duty", Text, primary_key=True),
    Column("position", SmallInteger, primary_key=True),
    Column("unit", Text, ForeignKey("units.code")),
    Column("name", Text, nullable=False),
    Column("kind", Text),
    CheckConstraint("duty IN ('lead', 'coordinating')", name="duty_known"),
    CheckConstraint("duty <> 'lead' OR (unit IS NOT NULL AND kind IS NOT NULL)", name="lead_is_a_unit"),
    CheckConstraint("name <> ''", name="named"),
    CheckConstraint(f"kind IN {UNIT_KINDS}", name="kind_known"),
    Index("ix_plan_task_units_unit", "unit"),
)

plan_task_progress = Table(
    "plan_task_progress",
    metadata,
    Column("task_id", Uuid, ForeignKey("plan_tasks.id"), primary_key=True),
    Column("version", Integer, nullable=False),  # of the task event that the state comes from
    Column("state", Text, nullable=False),
    CheckConstraint("version >= 1", name="version_counts"),
    CheckConstraint("state IN ('reported', 'confirmed', 'returned', 'reopened')", name="state_known"),
)

access_key_grants = Table(  # beside the plumbing's `access_keys`, which every service has
    "access_key_grants",
    metadata,
    Column("key_id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at", MOMENT, nullable=False),
    Column("revoked_by", Text),
    Column("revoked_at", MOMENT),
    CheckConstraint("name <> ''", name="named"),
    CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name="revoked_together"),
)
