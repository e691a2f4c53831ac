"""Plumbing tables that every service's database has: outbox, inbox, dead letters, progress, stored answers, keys.

Their migrations are one history of their own (shared/messaging/migrations, version table `plumbing_version`), run
before the service's.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
"""Constraint names, so that a violation can be told by its constraint."""
metadata = MetaData(naming_convention=NAMING)
MOMENT = DateTime(timezone=True)

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("event_id", Uuid, nullable=False, unique=True),
    Column("topic", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("headers", JSONB, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("recorded_at", MOMENT, nullable=False, server_default=text("clock_timestamp()")),
    Column("published_at", MOMENT),
    Column("published_to", Text),  # cluster id of the broker that said yes
    CheckConstraint("(published_at IS NULL) = (published_to IS NULL)", name="published_together"),
    Index("ix_outbox_unpublished", "id", postgresql_where=text("published_at IS NULL")),
)

relay_state = Table(
    "relay_state",
    metadata,
    Column("id", SmallInteger, primary_key=True),
    Column("cluster_id", Text, nullable=False),
    CheckConstraint("id = 1", name="single_row"),
)

inbox = Table(
    "inbox",
    metadata,
    Column("consumer_group", Text, primary_key=True),
    Column("event_id", Uuid, primary_key=True),
    Column("type", Text, nullable=False),
    Column("received_at", MOMENT, nullable=False, server_default=text("clock_timestamp()")),
)

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("consumer_group", Text, nullable=False),
    Column("cluster_id", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("key", LargeBinary),
    Column("headers", JSONB, nullable=False),  # values that are not UTF-8 stand as {"base64": ...}
    Column("value", LargeBinary),
    Column("event_id", Text),  # as claimed, perhaps malformed
    Column("type", Text),
    Column("reason_code", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("dead_at", MOMENT, nullable=False, server_default=text("clock_timestamp()")),
    Column("replays", Integer, nullable=False, server_default=text("0")),
    Column("resolved_at", MOMENT),  # a replay went through, or an operator discarded it
    Column("resolution", Text),  # "replayed", "parked", "discarded: <why>"
    UniqueConstraint("consumer_group", "cluster_id", "topic", "partition", "position", name="uq_dead_letters_place"),
    CheckConstraint("(resolved_at IS NULL) = (resolution IS NULL)", name="resolved_together"),
    Index("ix_dead_letters_open", "consumer_group", "id", postgresql_where=text("resolved_at IS NULL")),
)

parked_messages = Table(
    "parked_messages",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("consumer_group", Text, nullable=False),
    Column("event_id", Uuid, nullable=False),
    Column("cluster_id", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("key", LargeBinary),
    Column("headers", JSONB, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("waits_for", Text, nullable=False),
    Column("parked_at", MOMENT, nullable=False, server_default=text("clock_timestamp()")),
    UniqueConstraint("consumer_group", "event_id"),
    Index("ix_parked_messages_waits_for", "consumer_group", "waits_for"),
)

consumer_state = Table(  # what this database has taken in: the truth about positions, written with the results
    "consumer_state",
    metadata,
    Column("consumer_group", Text, primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("cluster_id", Text, nullable=False),
    Column("position", BigInteger, nullable=False),  # the next one to take in
)

consumer_progress = Table(
    "consumer_progress",
    metadata,
    Column("consumer_group", Text, primary_key=True),
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("lag", BigInteger, nullable=False),
    Column("last_event_time", MOMENT),
    Column("checked_at", MOMENT, nullable=False),
)

worker_status = Table(
    "worker_status",
    metadata,
    Column("part", Text, primary_key=True),  # "relay", "consumer:<group>"
    Column("state", Text, nullable=False),
    Column("detail", Text, nullable=False, server_default=text("''")),
    Column("beat_at", MOMENT, nullable=False),
    CheckConstraint("state IN ('running', 'retrying', 'halted', 'stopped')", name="known_state"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("caller", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_sha256", LargeBinary, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("answer", JSONB, nullable=False),
    Column("recorded_at", MOMENT, nullable=False, server_default=text("clock_timestamp()")),
)

access_keys = Table(
    "access_keys",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("sha256", LargeBinary, nullable=False),  # of the whole key as it is shown
    Column("unit", Text, nullable=False),
    Column("verbs", ARRAY(Text), nullable=False),
    Column("expires_at", MOMENT, nullable=False),
    Column("revoked", Boolean, nullable=False),
    Column("used_on", Date),  # Vietnamese calendar day
    CheckConstraint("version >= 1", name="version_counts"),
    CheckConstraint("octet_length(sha256) = 32", name="digest_is_whole"),
    CheckConstraint("cardinality(verbs) > 0 AND verbs <@ ARRAY['read', 'report']", name="verbs_known"),
)

PLUMBING_TABLES = frozenset(
    table.name
    for table in (
        outbox,
        relay_state,
        inbox,
        dead_letters,
        parked_messages,
        consumer_state,
        consumer_progress,
        worker_status,
        idempotency_keys,
        access_keys,
    )
)
"""Names of the tables of the plumbing history; a service's history leaves them alone."""
