"""What the plans service alone knows of access keys: their names, who made and who revoked them."""

import sqlalchemy as sa
from alembic import op

revision = "0002_access_keys"
down_revision = "0001_plans"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "access_key_grants",
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_by", sa.Text(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("name <> ''", name=op.f("ck_access_key_grants_named")),
        sa.CheckConstraint(
            "(revoked_at IS NULL) = (revoked_by IS NULL)", name=op.f("ck_access_key_grants_revoked_together")
        ),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_access_key_grants")),
    )


def downgrade() -> None:
    op.drop_table("access_key_grants")
