"""Tables of the PostgreSQL event log, alone in its own database (history `shared.messaging.transports`)."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from shared.database.tables import metadata as plumbing

metadata = MetaData(naming_convention=plumbing.naming_convention)

log_cluster = Table(
    "log_cluster",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("cluster_id", Text, nullable=False),
    CheckConstraint("id = 1", name="single_row"),
)

log_partitions = Table(
    "log_partitions",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("next_position", BigInteger, nullable=False, server_default=text("0")),
    UniqueConstraint("topic", "partition"),
)

log_records = Table(
    "log_records",
    metadata,
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Column("key", LargeBinary),
    Column("headers", JSONB, nullable=False),
    Column("value", LargeBinary),
    Column("appended_at", DateTime(timezone=True), nullable=False, server_default=text("clock_timestamp()")),
)

log_groups = Table(
    "log_groups",
    metadata,
    Column("id", Integer, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False, unique=True),
)

log_positions = Table(
    "log_positions",
    metadata,
    Column("group_id", ForeignKey("log_groups.id"), primary_key=True),
    Column("partition_id", ForeignKey("log_partitions.id"), primary_key=True),
    Column("position", BigInteger, nullable=False),
)
