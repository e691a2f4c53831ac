"""What the delivery machine needs besides sending: ends of switched-off endpoints, retention, figures for /metrics."""

import asyncio
import time
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.clock import Clock
from shared.messaging.backoff import pause
from shared.messaging.status import kind_of
from shared.telemetry import gauge

SLICE: Final = 1000
"""Rows of one transaction, so that nobody waits long behind it."""
END_EVERY: Final = 1.0
LOOK_EVERY: Final = 15.0
CLEAN_EVERY: Final = 3600.0

_log = structlog.get_logger(__name__)
_waiting = gauge("cchc.webhooks.waiting", unit="{delivery}", description="Webhook deliveries that wait to be sent.")
_oldest = gauge(
    "cchc.webhooks.oldest_waiting.age", unit="s", description="Age of the oldest delivery that waits; 0 without any."
)
_disabled = gauge(
    "cchc.webhooks.endpoints.disabled",
    unit="{endpoint}",
    description="Endpoints that were switched off because they are gone or have failed for days.",
)

_END = text("""
    UPDATE webhook_deliveries d
    SET state = found.state, settled_at = :now, lease = NULL, leased_until = NULL
    FROM (
        SELECT w.id, CASE e.disabled_reason WHEN 'owner' THEN 'cancelled' ELSE 'failed' END AS state
        FROM webhook_endpoints e
        CROSS JOIN LATERAL (
            SELECT w.id FROM webhook_deliveries w
            WHERE w.endpoint_id = e.id AND w.state = 'waiting' AND (w.lease IS NULL OR w.leased_until <= :now)
            LIMIT :slice
        ) w
        WHERE e.state = 'disabled'
        LIMIT :slice
    ) found
    WHERE d.id = found.id AND d.state = 'waiting'
""")
_CLEAN = (
    text("""
        DELETE FROM webhook_deliveries WHERE id IN (
            SELECT id FROM webhook_deliveries WHERE settled_at < :before ORDER BY settled_at LIMIT :slice
        )
    """),
    text("""
        DELETE FROM webhook_events WHERE id IN (
            SELECT e.id FROM webhook_events e
            WHERE e.created_at < :before AND NOT EXISTS (SELECT FROM webhook_deliveries d WHERE d.event_id = e.id)
            ORDER BY e.created_at LIMIT :slice
        )
    """),
    text("DELETE FROM webhook_notices WHERE created_at < :before AND seen_at IS NOT NULL"),
)
_GIVE_UP_WAITING = text("DELETE FROM webhook_waiting WHERE since < :before")
_LOOK = text("""
    SELECT
        (SELECT count(*) FROM webhook_deliveries WHERE state = 'waiting') AS waiting,
        (SELECT min(created_at) FROM webhook_deliveries WHERE state = 'waiting') AS oldest,
        (SELECT count(*) FROM webhook_endpoints WHERE disabled_reason <> 'owner') AS disabled
""")


class WebhookUpkeep:
    """A worker's part; several do no harm.

    Args:
        engine: the service's database.
        clock: tells what is old.
        keep: how long settled deliveries, their attempts and their events stay.
        oldest: how long an event waits for its plan.
    """

    def __init__(self, engine: AsyncEngine, *, clock: Clock, keep: timedelta, oldest: timedelta) -> None:
        self._engine, self._clock, self._keep, self._oldest = engine, clock, keep, oldest
        self._due = {"look": 0.0, "clean": 0.0}

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set."""
        while not stop.is_set():
            try:
                await self._look_after(stop)
            except (SQLAlchemyError, OSError) as error:
                _log.warning("webhooks not looked after", reason=kind_of(error))
            await pause(stop, END_EVERY)

    async def _look_after(self, stop: asyncio.Event) -> None:
        await self.end_switched_off()
        if self._is_due("look", LOOK_EVERY):
            await self.look()
        if self._is_due("clean", CLEAN_EVERY):
            await self.clean(stop)

    def _is_due(self, what: str, every: float) -> bool:
        now = time.monotonic()
        if now < self._due[what]:
            return False
        self._due[what] = now + every
        return True

    async def end_switched_off(self) -> int:
        """End what waits for endpoints that are off: failed, and so open to recovery; cancelled where the owner did it.

        Returns:
            How many deliveries ended.
        """
        ended = 0
        while True:
            async with self._engine.begin() as connection:
                found = await connection.execute(_END, {"now": self._clock.now(), "slice": SLICE})
            ended += found.rowcount
            if found.rowcount < SLICE:
                return ended

    async def clean(self, stop: asyncio.Event) -> int:
        """Delete what is older than it has to be kept, in slices; return how many rows."""
        now = self._clock.now()
        deleted = 0
        for statement in _CLEAN:
            more = True
            while more and not stop.is_set():
                async with self._engine.begin() as connection:
                    found = await connection.execute(statement, _values(statement.text, now - self._keep))
                deleted += found.rowcount
                more = ":slice" in statement.text and found.rowcount == SLICE
        async with self._engine.begin() as connection:
            await connection.execute(_GIVE_UP_WAITING, {"before": now - self._oldest})
        return deleted

    async def look(self) -> None:
        """Read what /metrics shows."""
        async with self._engine.connect() as connection:
            row = (await connection.execute(_LOOK)).one()
        _waiting.set(row.waiting)
        _oldest.set(0 if row.oldest is None else max(0.0, (self._clock.now() - row.oldest).total_seconds()))
        _disabled.set(row.disabled)


def _values(statement: str, before: datetime) -> dict[str, object]:
    return {"before": before, "slice": SLICE} if ":slice" in statement else {"before": before}
