"""Tables of the tasks service. Constraints make bad states impossible; each has a failing-insert test."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from shared.database.tables import MOMENT, NAMING

metadata = MetaData(naming_convention=NAMING)
ONE_LIVE_COMPLETION = "uq_completions_live"
ONE_REMINDER_A_DEADLINE = "uq_reminders_deadline"
ONE_REMINDER_A_COMPLETION = "uq_reminders_completion"

units = Table(
    "units",
    metadata,
    Column("code", Text, primary_key=True),
    Column("version", Integer, nullable=False),  # 0: named by a plan, its own events have not arrived
    Column("name", Text, nullable=False),
    Column("kind", Text),
    Column("parent", Text),
    Column("successors", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    # The unit itself and all that stands above it: parents, successors, and theirs. Written by learn_unit only.
    Column("lineage", ARRAY(Text), nullable=False),
    CheckConstraint("version >= 0", name="version_counts"),
    CheckConstraint("version = 0 OR kind IS NOT NULL", name="kind_known"),
    CheckConstraint("parent <> code", name="not_its_own_parent"),
    CheckConstraint("code = ANY (lineage)", name="lineage_holds_itself"),
    Index("ix_units_lineage", "lineage", postgresql_using="gin"),
)

plans = Table(
    "plans",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("unit", Text, nullable=False),
    Column("year", SmallInteger, nullable=False),
    Column("title", Text, nullable=False),
    Column("counts_when", Text, nullable=False),
    Column("evidence_required", Boolean, nullable=False),
    CheckConstraint("version >= 1", name="version_counts"),
    CheckConstraint("year BETWEEN 2000 AND 2100", name="year_plausible"),
    CheckConstraint("counts_when IN ('reported', 'confirmed')", name="counts_when_known"),
)

tasks = Table(
    "tasks",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("plan_id", Uuid, ForeignKey("plans.id"), nullable=False),
    Column("position", Integer, nullable=False),  # order within the plan
    Column("code", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("deadline_phrase", Text, nullable=False),
    Column("deadline_kind", Text, nullable=False),
    Column("deadline_date", Date),
    Column("deadline_dates", ARRAY(Date), nullable=False, server_default=text("'{}'")),
    Column("state", Text, nullable=False, server_default=text("'not_started'")),
    Column("version", Integer, nullable=False, server_default=text("0")),
    Column("completed_on", Date),  # of the completion that stands
    CheckConstraint("version >= 0", name="version_counts"),
    CheckConstraint("position >= 0", name="position_counts"),
    CheckConstraint(
        "state IN ('not_started', 'in_progress', 'awaiting_confirmation', 'done', 'returned', 'declined',"
        " 'suspended', 'withdrawn')",
        name="state_known",
    ),
    CheckConstraint(
        "deadline_kind IN ('date', 'month', 'quarter', 'range', 'milestones', 'continuous', 'recurring', 'event',"
        " 'relative', 'year', 'none')",
        name="deadline_kind_known",
    ),
    CheckConstraint("version > 0 OR state = 'not_started'", name="untouched_is_not_started"),
    CheckConstraint(
        "(state IN ('awaiting_confirmation', 'done')) = (completed_on IS NOT NULL)", name="completed_has_its_day"
    ),
    Index("ix_tasks_plan_id", "plan_id", "position", "id"),
    # Not of open tasks alone: an index that knows the state would be written with every completion.
    Index("ix_tasks_deadline_date", "deadline_date"),
    postgresql_with={"fillfactor": 80},  # room for the next version beside the last one
)

task_units = Table(
    "task_units",
    metadata,
    Column("task_id", Uuid, ForeignKey("tasks.id"), primary_key=True),
    Column("duty", Text, primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("code", Text),
    Column("name", Text, nullable=False),  # as the plan's document called it
    Column("kind", Text),
    CheckConstraint("duty IN ('lead', 'coordinating')", name="duty_known"),
    CheckConstraint("duty <> 'lead' OR (code IS NOT NULL AND kind IS NOT NULL)", name="lead_is_a_unit"),
    Index("ix_task_units_code", "code"),
)

completions = Table(
    "completions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("task_id", Uuid, ForeignKey("tasks.id"), nullable=False),
    Column("completed_on", Date, nullable=False),
    Column("reported_at", MOMENT, nullable=False),
    Column("recorded_at", MOMENT, nullable=False),
    Column("by_subject", Text, nullable=False),
    Column("by_unit", Text),
    Column("evidence", JSONB, nullable=False),
    Column("note", Text),
    Column("state", Text, nullable=False, server_default=text("'awaiting'")),
    Column("decided_at", MOMENT),
    Column("decided_by", Text),
    Column("reason", Text),
    CheckConstraint("state IN ('awaiting', 'confirmed', 'returned', 'reopened')", name="state_known"),
    CheckConstraint("jsonb_typeof(evidence) = 'array'", name="evidence_is_a_list"),
    CheckConstraint(
        "(state = 'awaiting') = (decided_at IS NULL) AND (decided_at IS NULL) = (decided_by IS NULL)",
        name="decided_by_someone",
    ),
    CheckConstraint("(state IN ('returned', 'reopened')) = (reason IS NOT NULL)", name="refused_with_reason"),
    CheckConstraint("reason <> ''", name="reason_says_something"),
    Index("ix_completions_task_id", "task_id", "recorded_at"),
    Index("ix_completions_awaiting", "recorded_at", postgresql_where=text("state = 'awaiting'")),
    Index(ONE_LIVE_COMPLETION, "task_id", unique=True, postgresql_where=text("state IN ('awaiting', 'confirmed')")),
)

task_history = Table(
    "task_history",
    metadata,
    Column("task_id", Uuid, ForeignKey("tasks.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("actor_subject", Text, nullable=False),
    Column("actor_unit", Text),
    Column("moment", MOMENT, nullable=False),
    Column("payload", JSONB, nullable=False),
    CheckConstraint("version >= 1", name="version_counts"),
    CheckConstraint(
        "kind IN ('progressed', 'completed', 'confirmed', 'returned', 'reopened', 'due_soon', 'overdue',"
        " 'unconfirmed')",
        name="kind_known",
    ),
    CheckConstraint("jsonb_typeof(payload) = 'object'", name="payload_is_an_object"),
    Index("ix_task_history_opened", "moment", postgresql_where=text("kind IN ('returned', 'reopened')")),
)

reminders = Table(
    "reminders",
    metadata,
    Column("event_id", Uuid, primary_key=True),
    Column("task_id", Uuid, ForeignKey("tasks.id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("deadline", Date),
    Column("round", Integer, nullable=False),  # how often the task had been reopened
    Column("completion_id", Uuid, ForeignKey("completions.id")),
    Column("day", Date, nullable=False),
    Column("version", Integer, nullable=False),
    Column("made_at", MOMENT, nullable=False),  # by our clock; the next by the database's, which keeps the pace
    Column("written_at", MOMENT, nullable=False, server_default=text("clock_timestamp()")),
    CheckConstraint("kind IN ('due_soon', 'overdue', 'unconfirmed')", name="kind_known"),
    CheckConstraint("(kind = 'unconfirmed') = (completion_id IS NOT NULL)", name="about_a_completion"),
    CheckConstraint("kind = 'unconfirmed' OR deadline IS NOT NULL", name="about_a_deadline"),
    CheckConstraint("round >= 0", name="round_counts"),
    CheckConstraint("version >= 1", name="version_counts"),
    Index(
        ONE_REMINDER_A_DEADLINE,
        "task_id",
        "kind",
        "deadline",
        "round",
        unique=True,
        postgresql_where=text("completion_id IS NULL"),
    ),
    Index(
        ONE_REMINDER_A_COMPLETION,
        "completion_id",
        unique=True,
        postgresql_where=text("completion_id IS NOT NULL"),
    ),
    Index("ix_reminders_written_at", "written_at"),
)

holidays_overrides = Table(
    "holidays_overrides",
    metadata,
    Column("day", Date, primary_key=True),
    Column("is_working", Boolean, nullable=False),
    Column("name", Text, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("set_at", MOMENT, nullable=False),
    CheckConstraint("name <> ''", name="name_says_something"),
    CheckConstraint("day BETWEEN '2000-01-01' AND '2100-12-31'", name="day_plausible"),
)
