"""What the sender asks the database: one statement claims, one records, one wakes those that stood behind.

They run in turns: one transaction at a time in the whole installation, under an advisory lock (webhook_queue.py). So
what is counted here is true until the transaction ends, whoever else sends.

Planning CLAIM takes longer than carrying it out, so plans are kept; and since one that was made when the tables were
empty would read them through later, they are kept for a second.
"""

from typing import Final

TAKE_TURN: Final = "SELECT pg_advisory_xact_lock(7263004)"
BEGIN_TURN: Final = f"BEGIN; {TAKE_TURN}"
"""In one round trip, yet two statements: what a statement sees is settled before it waits for a lock."""
END_TURN: Final = "COMMIT"
PLAN_ANEW: Final = "DISCARD PLANS; "
"""Goes before a turn."""
PLANS_LAST: Final = 1.0
"""Seconds."""

SESSION: Final = (
    "SET plan_cache_mode = force_generic_plan",
    "SET enable_seqscan = off",
    "SET enable_hashjoin = off",  # rows are few and looked up by key
    "SET enable_mergejoin = off",
    # Scans of an index forget the rows that are dead; those by bitmaps meet them again until the next vacuum.
    "SET enable_bitmapscan = off",
)

CLAIM: Final = """
WITH room AS MATERIALIZED (
    SELECT e.id, e.url, e.scheme, e.failures, e.per_second, b.tokens, f.lanes AS busy,
        LEAST(
            CASE WHEN e.failures >= $2 THEN 1 WHEN e.failures = 0 AND e.id = ANY ($9::uuid[]) THEN $3
                ELSE LEAST($3, $11::integer) END - cardinality(f.lanes),
            CASE WHEN e.per_second IS NULL THEN $3 ELSE floor(b.tokens)::integer END
        ) AS slots
    FROM webhook_endpoints e
    CROSS JOIN LATERAL (
        SELECT LEAST(
            e.per_second,
            e.tokens + e.per_second * GREATEST(0, extract(epoch FROM $1 - COALESCE(e.tokens_at, e.created_at)))
        )::double precision AS tokens
    ) b
    CROSS JOIN LATERAL (
        SELECT COALESCE(array_agg(d.lane), '{}') AS lanes FROM webhook_deliveries d
        WHERE d.endpoint_id = e.id AND d.lease IS NOT NULL AND d.leased_until > $1
    ) f
    WHERE e.state = 'enabled' AND (e.paused_until IS NULL OR e.paused_until <= $1)
), looked AS MATERIALIZED (
    SELECT r.id AS endpoint_id, r.slots, r.failures, cardinality(r.busy) AS under_way,
        d.id, d.due_at, d.tries, d.is_behind, d.is_busy
    FROM room r
    CROSS JOIN LATERAL (
        SELECT d.id, d.due_at, d.tries, d.lane = ANY (r.busy) AS is_busy,
            EXISTS (
                SELECT FROM webhook_deliveries b WHERE b.lane = d.lane AND b.state = 'waiting' AND b.id < d.id
            ) AS is_behind
        FROM webhook_deliveries d
        WHERE d.endpoint_id = r.id AND d.state = 'waiting' AND d.due_at <= $1
        ORDER BY d.due_at, d.id
        LIMIT GREATEST(r.slots, 0) * $4
    ) d
    WHERE r.slots > 0
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY failures > 0 ORDER BY place, due_at) AS place_of_kind,
        row_number() OVER (PARTITION BY place > $11 ORDER BY place, due_at) AS place_of_more
    FROM (
        SELECT *, under_way + row_number() OVER (PARTITION BY endpoint_id ORDER BY due_at, id) AS place
        FROM looked WHERE NOT is_behind AND NOT is_busy
    ) heads
    WHERE place - under_way <= slots
), chosen AS MATERIALIZED (
    SELECT id FROM ranked WHERE (failures = 0 OR place_of_kind <= $6) AND (place <= $11 OR place_of_more <= $10)
    ORDER BY failures > 0, place, due_at LIMIT $5
), behind AS (
    UPDATE webhook_deliveries d
    SET due_at = $1 + CASE l.tries WHEN 0 THEN interval '1 hour' ELSE interval '1 minute' END
    FROM looked l WHERE d.id = l.id AND l.is_behind AND d.state = 'waiting'
    RETURNING d.id
), claimed AS (
    UPDATE webhook_deliveries d
    SET lease = $7, leased_until = $8, due_at = $8, attempts = d.attempts + 1
    FROM chosen c WHERE d.id = c.id AND d.state = 'waiting'
    RETURNING d.id, d.endpoint_id, d.event_id, d.attempts, d.tries
), noted AS (
    INSERT INTO webhook_attempts (delivery_id, number, started_at) SELECT id, attempts, $1 FROM claimed
), spent AS (
    UPDATE webhook_endpoints e SET tokens = r.tokens - n.claimed, tokens_at = $1
    FROM (SELECT endpoint_id, count(*) AS claimed FROM claimed GROUP BY endpoint_id) n
    JOIN room r ON r.id = n.endpoint_id
    WHERE e.id = n.endpoint_id AND e.per_second IS NOT NULL
)
SELECT (SELECT count(*) FROM behind) AS postponed, c.*, r.url, r.scheme, r.failures, r.per_second, v.body,
    (
        SELECT array_agg(s.sealed ORDER BY s.id DESC) FROM webhook_secrets s
        WHERE s.endpoint_id = c.endpoint_id AND (s.expires_at IS NULL OR s.expires_at > $1)
    ) AS sealed
FROM (SELECT) one
LEFT JOIN (claimed c JOIN room r ON r.id = c.endpoint_id JOIN webhook_events v ON v.id = c.event_id) ON true
ORDER BY c.id
"""
"""Claim what is due: $1 now, $2 failures that open a circuit, $3 most under way for one endpoint, $4 looked at for each
that may be claimed, $5 most claimed, $6 most of them for failing endpoints, $7 the lease, $8 its end, $9 endpoints that
answer quickly, $10 most claimed beyond $11 under way for their endpoint, which is what the others get."""

RECORD: Final = """
WITH done AS (
    SELECT * FROM unnest($1::bigint[], $2::integer[], $3::uuid[], $4::text[], $5::timestamptz[], $6::integer[],
        $7::smallint[], $8::text[], $9::bytea[])
        AS done (delivery_id, number, lease, state, due_at, duration_ms, status, failure, excerpt)
), noted AS (
    UPDATE webhook_attempts a
    SET duration_ms = done.duration_ms, status = done.status, failure = done.failure, excerpt = done.excerpt
    FROM done WHERE a.delivery_id = done.delivery_id AND a.number = done.number
), recorded AS (
    UPDATE webhook_deliveries d
    SET state = done.state, due_at = done.due_at, tries = d.tries + 1, lease = NULL, leased_until = NULL,
        settled_at = CASE done.state WHEN 'waiting' THEN NULL ELSE $10::timestamptz END
    FROM done
    WHERE d.id = done.delivery_id AND d.lease = done.lease AND d.state = 'waiting'
    RETURNING d.id, d.lane, d.state
), ended AS MATERIALIZED (
    SELECT id, lane FROM recorded WHERE state <> 'waiting'
), woken AS (
    UPDATE webhook_deliveries d SET due_at = d.created_at
    FROM (
        SELECT (
            SELECT n.id FROM webhook_deliveries n
            WHERE n.lane = ended.lane AND n.state = 'waiting' AND n.id <> ended.id ORDER BY n.id LIMIT 1
        ) AS id
        FROM ended
    ) next
    WHERE d.id = next.id AND d.due_at > $10 AND d.lease IS NULL AND d.tries = 0
)
SELECT id FROM webhook_endpoints
WHERE id = ANY ($11::uuid[]) AND (failures > 0 OR failing_since IS NOT NULL OR paused_until IS NOT NULL)
"""
"""Record what has ended, wake those that stood behind, and say which of the endpoints $11 were in trouble before. Those
behind that have been tried keep their own time. The one that has ended still waits in what the statement sees."""

READ_HEALTH: Final = """
SELECT id, owner_subject, owner_unit, state, failures, failing_since, paused_until
FROM webhook_endpoints WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE
"""
WRITE_HEALTH: Final = """
UPDATE webhook_endpoints e
SET failures = h.failures, failing_since = h.failing_since, paused_until = h.paused_until
FROM unnest($1::uuid[], $2::integer[], $3::timestamptz[], $4::timestamptz[])
    AS h (id, failures, failing_since, paused_until)
WHERE e.id = h.id
"""
SWITCH_OFF: Final = """
WITH off AS (
    UPDATE webhook_endpoints SET state = 'disabled', disabled_reason = $2, disabled_at = $3, version = version + 1
    WHERE id = $1 AND state = 'enabled'
    RETURNING id, owner_subject, owner_unit
)
INSERT INTO webhook_notices (owner_subject, owner_unit, endpoint_id, kind, created_at, detail)
SELECT owner_subject, owner_unit, id, $2, $3, $4::jsonb FROM off
RETURNING id
"""
