"""Tables of the reporting service: the ledger of everything heard, what is read from it, and the reports.

The ledger is the truth of this service; `units` and `plans` can be rebuilt from it at any time. Rows of the ledger,
issued reports and their documents never change: triggers of the migration refuse it.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
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

ledger = Table(
    "ledger",
    metadata,
    Column("seq", BigInteger, Identity(always=True), primary_key=True),
    Column("event_id", Uuid, nullable=False, unique=True),
    Column("type", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("plan_id", Uuid),
    Column("task_id", Uuid),
    Column("version", BigInteger),
    Column("time", MOMENT, nullable=False),  # when the publisher had it on disk
    Column("heard_at", MOMENT, nullable=False, server_default=text("clock_timestamp()")),
    Column("headers", JSONB, nullable=False),
    Column("data", JSONB, nullable=False),
    Column("cluster_id", Text),  # unknown for a replayed dead letter of a partition never read since
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Index("ix_ledger_plan_id_seq", "plan_id", "seq", postgresql_where=text("plan_id IS NOT NULL")),
    Index("ix_ledger_type_seq", "type", "seq"),
)

units = Table(
    "units",
    metadata,
    Column("code", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("parent", Text),  # no foreign key: a parent may be heard of later
)

plans = Table(
    "plans",
    metadata,
    Column("plan_id", Uuid, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("unit_code", Text, nullable=False),
    Column("unit_name", Text, nullable=False),
    Column("year", SmallInteger, nullable=False),
    Column("title", Text, nullable=False),
    Column("issued_at", MOMENT, nullable=False),
    Index("ix_plans_unit_code_year", "unit_code", "year"),
)

_ISSUE = (
    "number",
    "issued_on",
    "issue_year",
    "signature",
    "issued_at",
    "issued_by",
    "as_of",
    "ledger_position",
    "frozen",
    "sha256",
)

reports = Table(
    "reports",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("plan_id", Uuid, nullable=False),  # no foreign key: `plans` is rebuilt, reports are not
    Column("unit_code", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("period_name", Text, nullable=False),
    Column("period_from", Date, nullable=False),
    Column("period_to", Date, nullable=False),
    Column("standing_tasks", Text, nullable=False),
    Column("rounding", Text, nullable=False),
    Column("narrative", JSONB, nullable=False),
    Column("corrects", Uuid, ForeignKey("reports.id")),
    Column("session_id", Uuid),
    Column("created_by", Text, nullable=False),
    Column("created_at", MOMENT, nullable=False),
    Column("number", Text),
    Column("issued_on", Date),
    Column("issue_year", SmallInteger),  # numbers begin anew each year
    Column("signed_by", Text),
    Column("signature", ARRAY(Text)),
    Column("issued_at", MOMENT),
    Column("issued_by", Text),
    Column("as_of", MOMENT),
    Column("ledger_position", BigInteger),
    Column("frozen", JSONB),
    Column("sha256", JSONB),
    CheckConstraint("state IN ('draft', 'issued')", name="known_state"),
    CheckConstraint("period_from <= period_to", name="period_forward"),
    CheckConstraint("standing_tasks IN ('period_met', 'year_end', 'excluded')", name="known_method"),
    CheckConstraint("rounding IN ('half_up', 'cut')", name="known_rounding"),
    CheckConstraint("version >= 1", name="version_counts"),
    CheckConstraint(
        f"(state = 'issued') = (num_nulls({', '.join(_ISSUE)}) = 0)"
        f" AND (state = 'draft') = (num_nonnulls({', '.join(_ISSUE)}, signed_by) = 0)",
        name="issued_is_complete",
    ),
    CheckConstraint("issue_year = date_part('year', issued_on)", name="issue_year_of_date"),
    CheckConstraint("corrects <> id", name="corrects_another"),
    Index(
        "uq_reports_number",
        "unit_code",
        "number",
        "issue_year",
        unique=True,
        postgresql_where=text("state = 'issued'"),
    ),
    Index("ix_reports_plan_id_id", "plan_id", "id"),
)

report_documents = Table(
    "report_documents",
    metadata,
    Column("report_id", Uuid, ForeignKey("reports.id"), primary_key=True),
    Column("format", Text, primary_key=True),
    Column("bytes", LargeBinary, nullable=False),
    Column("sha256", Text, nullable=False),
    CheckConstraint("format IN ('docx', 'json')", name="known_format"),
    CheckConstraint("sha256 = encode(sha256(bytes), 'hex')", name="hash_of_bytes"),
)
