"""The ledger of everything heard, what is read from it, the reports; and the triggers that keep them as they are."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001_ledger_and_reports"
down_revision = None
branch_labels = None
depends_on = None

ISSUE = "number, issued_on, issue_year, signature, issued_at, issued_by, as_of, ledger_position, frozen, sha256"
ISSUED_IS_COMPLETE = (
    f"(state = 'issued') = (num_nulls({ISSUE}) = 0) AND (state = 'draft') = (num_nonnulls({ISSUE}, signed_by) = 0)"
)
REFUSALS = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE FUNCTION refuse_change_of_issued() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'issued' THEN
        RAISE EXCEPTION 'an issued report never changes' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END
$$;
CREATE FUNCTION refuse_document_of_issued() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Documents are written before the report becomes issued, in the same transaction; later ones would be forged.
    IF (SELECT state FROM reports WHERE id = NEW.report_id FOR UPDATE) = 'issued' THEN
        RAISE EXCEPTION 'an issued report takes no more documents' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
"""
TRIGGERS = """
CREATE TRIGGER ledger_is_append_only BEFORE UPDATE OR DELETE ON ledger
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_is_never_emptied BEFORE TRUNCATE ON ledger
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER issued_reports_never_change BEFORE UPDATE OR DELETE ON reports
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_issued();
CREATE TRIGGER reports_are_never_emptied BEFORE TRUNCATE ON reports
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER issued_reports_take_no_documents BEFORE INSERT ON report_documents
    FOR EACH ROW EXECUTE FUNCTION refuse_document_of_issued();
CREATE TRIGGER report_documents_never_change BEFORE UPDATE OR DELETE ON report_documents
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER report_documents_are_never_emptied BEFORE TRUNCATE ON report_documents
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""


def upgrade() -> None:
    op.create_table(
        "ledger",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=True),
        sa.Column("task_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=True),
        sa.Column("time", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("headers", postgresql.JSONB(), nullable=False),
        sa.Column("data", postgresql.JSONB(), nullable=False),
        sa.Column("cluster_id", sa.Text(), nullable=True),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_ledger")),
        sa.UniqueConstraint("event_id", name=op.f("uq_ledger_event_id")),
    )
    op.create_index(
        "ix_ledger_plan_id_seq",
        "ledger",
        ["plan_id", "seq"],
        unique=False,
        postgresql_where=sa.text("plan_id IS NOT NULL"),
    )
    op.create_index("ix_ledger_type_seq", "ledger", ["type", "seq"], unique=False)
    op.create_table(
        "plans",
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("unit_code", sa.Text(), nullable=False),
        sa.Column("unit_name", sa.Text(), nullable=False),
        sa.Column("year", sa.SmallInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("plan_id", name=op.f("pk_plans")),
    )
    op.create_index("ix_plans_unit_code_year", "plans", ["unit_code", "year"], unique=False)
    op.create_table(
        "reports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("unit_code", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("period_name", sa.Text(), nullable=False),
        sa.Column("period_from", sa.Date(), nullable=False),
        sa.Column("period_to", sa.Date(), nullable=False),
        sa.Column("standing_tasks", sa.Text(), nullable=False),
        sa.Column("rounding", sa.Text(), nullable=False),
        sa.Column("narrative", postgresql.JSONB(), nullable=False),
        sa.Column("corrects", sa.Uuid(), nullable=True),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("issued_on", sa.Date(), nullable=True),
        sa.Column("issue_year", sa.SmallInteger(), nullable=True),
        sa.Column("signed_by", sa.Text(), nullable=True),
        sa.Column("signature", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("issued_by", sa.Text(), nullable=True),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ledger_position", sa.BigInteger(), nullable=True),
        sa.Column("frozen", postgresql.JSONB(), nullable=True),
        sa.Column("sha256", postgresql.JSONB(), nullable=True),
        sa.CheckConstraint(
            ISSUED_IS_COMPLETE,
            name=op.f("ck_reports_issued_is_complete"),
        ),
        sa.CheckConstraint("issue_year = date_part('year', issued_on)", name=op.f("ck_reports_issue_year_of_date")),
        sa.CheckConstraint("rounding IN ('half_up', 'cut')", name=op.f("ck_reports_known_rounding")),
        sa.CheckConstraint(
            "standing_tasks IN ('period_met', 'year_end', 'excluded')", name=op.f("ck_reports_known_method")
        ),
        sa.CheckConstraint("state IN ('draft', 'issued')", name=op.f("ck_reports_known_state")),
        sa.CheckConstraint("corrects <> id", name=op.f("ck_reports_corrects_another")),
        sa.CheckConstraint("period_from <= period_to", name=op.f("ck_reports_period_forward")),
        sa.CheckConstraint("version >= 1", name=op.f("ck_reports_version_counts")),
        sa.ForeignKeyConstraint(["corrects"], ["reports.id"], name=op.f("fk_reports_corrects")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reports")),
    )
    op.create_index("ix_reports_plan_id_id", "reports", ["plan_id", "id"], unique=False)
    op.create_index(
        "uq_reports_number",
        "reports",
        ["unit_code", "number", "issue_year"],
        unique=True,
        postgresql_where=sa.text("state = 'issued'"),
    )
    op.create_table(
        "units",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("parent", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_units")),
    )
    op.create_table(
        "report_documents",
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.CheckConstraint("format IN ('docx', 'json')", name=op.f("ck_report_documents_known_format")),
        sa.CheckConstraint("sha256 = encode(sha256(bytes), 'hex')", name=op.f("ck_report_documents_hash_of_bytes")),
        sa.ForeignKeyConstraint(["report_id"], ["reports.id"], name=op.f("fk_report_documents_report_id")),
        sa.PrimaryKeyConstraint("report_id", "format", name=op.f("pk_report_documents")),
    )

    for statement in (*split(REFUSALS, "$$;"), *split(TRIGGERS, ";")):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("report_documents")
    op.drop_table("units")
    op.drop_index("uq_reports_number", table_name="reports", postgresql_where=sa.text("state = 'issued'"))
    op.drop_index("ix_reports_plan_id_id", table_name="reports")
    op.drop_table("reports")
    op.drop_index("ix_plans_unit_code_year", table_name="plans")
    op.drop_table("plans")
    op.drop_index("ix_ledger_type_seq", table_name="ledger")
    op.drop_index("ix_ledger_plan_id_seq", table_name="ledger", postgresql_where=sa.text("plan_id IS NOT NULL"))
    op.drop_table("ledger")

    op.execute("DROP FUNCTION refuse_change()")
    op.execute("DROP FUNCTION refuse_change_of_issued()")
    op.execute("DROP FUNCTION refuse_document_of_issued()")


def split(script: str, end: str) -> list[str]:
    """Return the statements of a script; the driver takes one at a time."""
    return [f"{found}{end}" for found in script.split(end) if found.strip()]
