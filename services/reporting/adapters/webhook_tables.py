"""Tables of webhooks: endpoints with their secrets, what is to be told, and each attempt to tell it.

They are no read model: nothing of them can be made again from the ledger, and `cchc rebuild` leaves them alone. That an
event is never told twice to one endpoint is the unique pair (endpoint, event).

`due_at` of a waiting delivery is when the sender looks at it again: the next attempt, the end of the lease of the one
under way, or far ahead for one that stands behind an earlier delivery of its key (adapters/webhook_queue.py).
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.reporting.adapters.tables import metadata
from shared.database.tables import MOMENT

CHANNEL = "webhooks"
"""Who has made deliveries due notifies it in the same transaction: `SELECT pg_notify('webhooks', '')`."""

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("owner_subject", Text, nullable=False),
    Column("owner_unit", Text),  # none: an owner for the whole installation
    Column("url", Text, nullable=False),
    Column("event_types", ARRAY(Text), nullable=False),
    Column("plan_id", Uuid),
    Column("unit", Text),
    Column("field", Text),
    Column("description", Text),
    Column("scheme", Text, nullable=False, server_default=text("'hmac'")),
    Column("state", Text, nullable=False, server_default=text("'enabled'")),
    Column("disabled_reason", Text),
    Column("disabled_at", MOMENT),
    Column("created_at", MOMENT, nullable=False),  # events that happened before are not told
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("failing_since", MOMENT),
    Column("failures", Integer, nullable=False, server_default=text("0")),  # in a row
    Column("paused_until", MOMENT),
    Column("per_second", Integer),
    Column("tokens", Float, nullable=False, server_default=text("0")),  # of the rate limit's bucket
    Column("tokens_at", MOMENT),
    CheckConstraint("scheme IN ('hmac', 'ed25519')", name="known_scheme"),
    CheckConstraint("state IN ('enabled', 'disabled')", name="known_state"),
    CheckConstraint("disabled_reason IN ('owner', 'gone', 'failing')", name="known_reason"),
    CheckConstraint(
        "num_nonnulls(disabled_reason, disabled_at) = CASE state WHEN 'disabled' THEN 2 ELSE 0 END",
        name="disabled_together",
    ),
    CheckConstraint("failures >= 0", name="failures_count"),
    CheckConstraint("(failures = 0) = (failing_since IS NULL)", name="failing_together"),
    CheckConstraint("per_second >= 1", name="rate_positive"),
    Index("ix_webhook_endpoints_owner", "owner_unit", "owner_subject", "id"),
)

webhook_secrets = Table(
    "webhook_secrets",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("endpoint_id", Uuid, ForeignKey("webhook_endpoints.id", ondelete="CASCADE"), nullable=False),
    Column("sealed", LargeBinary, nullable=False),  # AES-256-GCM, bound to the endpoint's id
    Column("public_key", LargeBinary),
    Column("created_at", MOMENT, nullable=False),
    Column("expires_at", MOMENT),  # set when another has taken its place
    Index("ix_webhook_secrets_endpoint_id", "endpoint_id"),
)

webhook_events = Table(
    "webhook_events",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("type", Text, nullable=False),
    Column("plan_id", Uuid),
    Column("task_id", Uuid),
    Column("order_key", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("occurred_at", MOMENT, nullable=False),
    Column("created_at", MOMENT, nullable=False),
    Index("ix_webhook_events_created_at", "created_at"),
)

_LANE = "hashtextextended(((endpoint_id)::text || order_key), (0)::bigint)"
"""Deliveries of one lane go out one after the other. One column for the pair, so that whatever the planner knows of the
table there is one index that it can look a lane up by; two pairs that share a number would merely keep order too."""

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("endpoint_id", Uuid, ForeignKey("webhook_endpoints.id", ondelete="CASCADE"), nullable=False),
    Column("event_id", Uuid, ForeignKey("webhook_events.id"), nullable=False),
    Column("order_key", Text, nullable=False),
    Column("lane", BigInteger, Computed(_LANE, persisted=True), nullable=False),
    Column("state", Text, nullable=False, server_default=text("'waiting'")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),  # all that were ever begun
    Column("tries", Integer, nullable=False, server_default=text("0")),  # that ended, since it was last sent anew
    Column("due_at", MOMENT, nullable=False),
    Column("leased_until", MOMENT),
    Column("lease", Uuid),
    Column("created_at", MOMENT, nullable=False),
    Column("settled_at", MOMENT),
    UniqueConstraint("endpoint_id", "event_id"),
    CheckConstraint("state IN ('waiting', 'delivered', 'failed', 'cancelled')", name="known_state"),
    CheckConstraint("(state = 'waiting') = (settled_at IS NULL)", name="settled_together"),
    CheckConstraint("(lease IS NULL) = (leased_until IS NULL)", name="leased_together"),
    CheckConstraint("lease IS NULL OR state = 'waiting'", name="leased_while_waiting"),
    Index("ix_webhook_deliveries_due", "endpoint_id", "due_at", "id", postgresql_where=text("state = 'waiting'")),
    Index("ix_webhook_deliveries_lane", "lane", "id", postgresql_where=text("state = 'waiting'")),
    Index("ix_webhook_deliveries_leased", "endpoint_id", postgresql_where=text("lease IS NOT NULL")),
    Index("ix_webhook_deliveries_failed", "endpoint_id", "id", postgresql_where=text("state = 'failed'")),
    Index("ix_webhook_deliveries_endpoint_id_id", "endpoint_id", "id"),
    Index("ix_webhook_deliveries_event_id", "event_id"),
    Index("ix_webhook_deliveries_settled_at", "settled_at", postgresql_where=text("settled_at IS NOT NULL")),
)

webhook_attempts = Table(  # written before the call and completed after it, so that none goes unseen
    "webhook_attempts",
    metadata,
    Column("delivery_id", BigInteger, ForeignKey("webhook_deliveries.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("started_at", MOMENT, nullable=False),
    Column("duration_ms", Integer),
    Column("status", SmallInteger),
    Column("failure", Text),
    Column("excerpt", LargeBinary),
    CheckConstraint("octet_length(excerpt) <= 1024", name="excerpt_short"),
)

webhook_notices = Table(
    "webhook_notices",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("owner_subject", Text, nullable=False),
    Column("owner_unit", Text),
    Column("endpoint_id", Uuid, nullable=False),  # no foreign key: the notice outlives its endpoint
    Column("kind", Text, nullable=False),
    Column("created_at", MOMENT, nullable=False),
    Column("seen_at", MOMENT),
    Column("mailed_at", MOMENT),
    Column("detail", JSONB, nullable=False),
    CheckConstraint("kind IN ('gone', 'failing')", name="known_kind"),
    Index("ix_webhook_notices_owner", "owner_unit", "owner_subject", "id"),
    Index("ix_webhook_notices_unmailed", "id", postgresql_where=text("mailed_at IS NULL")),
)

webhook_waiting = Table(  # heard before their plan; the transaction that hears the plan tells of them
    "webhook_waiting",
    metadata,
    Column("plan_id", Uuid, primary_key=True),
    Column("event_id", Uuid, primary_key=True),
    Column("since", MOMENT, nullable=False),
)

plan_marks = Table(  # marks of progress that a plan has passed; 0 says that it was counted at all
    "plan_marks",
    metadata,
    Column("plan_id", Uuid, primary_key=True),
    Column("threshold", SmallInteger, primary_key=True),
    Column("passed_at", MOMENT, nullable=False),
    CheckConstraint("threshold BETWEEN 0 AND 100", name="percent"),
)

plans_to_count = Table(  # written with the events that may have moved a plan's figures
    "plans_to_count",
    metadata,
    Column("plan_id", Uuid, primary_key=True),
)
