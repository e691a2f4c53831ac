"""Keys with which programs of departments call the services."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002_access_keys"
down_revision = "0001_plumbing"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "access_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("verbs", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked", sa.Boolean(), nullable=False),
        sa.Column("used_on", sa.Date(), nullable=True),
        sa.CheckConstraint("version >= 1", name=op.f("ck_access_keys_version_counts")),
        sa.CheckConstraint("octet_length(sha256) = 32", name=op.f("ck_access_keys_digest_is_whole")),
        sa.CheckConstraint(
            "cardinality(verbs) > 0 AND verbs <@ ARRAY['read', 'report']", name=op.f("ck_access_keys_verbs_known")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_keys")),
    )


def downgrade() -> None:
    op.drop_table("access_keys")
