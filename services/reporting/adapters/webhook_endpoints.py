"""Endpoints, their keys, and what is sent on request, in PostgreSQL."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Table, and_, delete, false, func, insert, or_, select, text, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.adapters.webhook_statements import TAKE_TURN
from services.reporting.adapters.webhook_tables import (
    CHANNEL,
    webhook_deliveries,
    webhook_endpoints,
    webhook_events,
    webhook_notices,
    webhook_secrets,
)
from services.reporting.domain.webhooks.endpoint import (
    DisabledReason,
    Disabling,
    Endpoint,
    EventFilter,
    Owner,
    Subscription,
)
from services.reporting.domain.webhooks.health import Health
from services.reporting.domain.webhooks.ownership import Reach
from services.reporting.ports import KeptSecret, OutgoingEvent

MOST_KEYS = 5
"""Each signs every attempt: who changes keys ten times a day gets no header of ten signatures."""
_LOCK_OF_OWNERS = 0x77686F6F6B


def to_endpoint(row: Row[Any]) -> Endpoint:
    """Build the endpoint of a row."""
    return Endpoint(
        id=row.id,
        owner=Owner(row.owner_subject, row.owner_unit),
        subscription=Subscription(
            url=row.url,
            event_types=tuple(row.event_types),
            filter=EventFilter(row.plan_id, row.unit, row.field),
            description=row.description,
            per_second=row.per_second,
        ),
        scheme=row.scheme,
        created_at=row.created_at,
        version=row.version,
        disabled=None if row.disabled_at is None else Disabling(DisabledReason(row.disabled_reason), row.disabled_at),
        health=Health(row.failures, row.failing_since, row.paused_until),
    )


def to_secret(row: Row[Any]) -> KeptSecret:
    """Build the key of a row."""
    return KeptSecret(row.id, row.sealed, row.public_key, row.created_at, row.expires_at)


def in_reach(reach: Reach, table: Table) -> ColumnElement[bool]:
    """Return the condition that a row of a table with owners is in reach (Reach.covers, in SQL)."""
    if reach.offices is None:
        return true()
    office = table.c.owner_unit.in_(reach.offices) if reach.offices else false()
    if reach.person is None:
        return office
    return or_(office, and_(table.c.owner_unit.is_(None), table.c.owner_subject == reach.person))


def _choices(endpoint: Endpoint) -> dict[str, Any]:
    chosen, disabled, health = endpoint.subscription, endpoint.disabled, endpoint.health
    return {
        "url": chosen.url,
        "event_types": list(chosen.event_types),
        "plan_id": chosen.filter.plan_id,
        "unit": chosen.filter.unit,
        "field": chosen.filter.field,
        "description": chosen.description,
        "per_second": chosen.per_second,
        "state": endpoint.state.value,
        "disabled_reason": None if disabled is None else disabled.reason.value,
        "disabled_at": None if disabled is None else disabled.at,
        "failures": health.failures,
        "failing_since": health.failing_since,
        "paused_until": health.paused_until,
        "version": endpoint.version,
    }


class SqlWebhookEndpoints:
    """Endpoints and keys on the connection of a transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def count_of(self, owner: Owner) -> int:
        """Return how many an owner has; nobody adds one for him until the end of the transaction."""
        lock = select(func.pg_advisory_xact_lock(func.hashtextextended(owner.subject, _LOCK_OF_OWNERS)))
        await self._connection.execute(lock)
        found = webhook_endpoints.c
        owned = (found.owner_subject == owner.subject, found.owner_unit.is_not_distinct_from(owner.unit))
        count: int = (await self._connection.execute(select(func.count()).where(*owned))).scalar_one()
        return count

    async def add(self, endpoint: Endpoint) -> None:
        """Write a new one."""
        await self._connection.execute(
            insert(webhook_endpoints).values(
                id=endpoint.id,
                owner_subject=endpoint.owner.subject,
                owner_unit=endpoint.owner.unit,
                scheme=endpoint.scheme,
                created_at=endpoint.created_at,
                **_choices(endpoint),
            )
        )

    async def load(self, endpoint_id: UUID, reach: Reach, *, to_change: bool = False) -> Endpoint | None:
        """Return an endpoint in reach; until the transaction ends nobody deletes it or, `to_change`, changes it.

        The weakest locks that do: the sender writes how an endpoint fares, and whoever hears of events looks for those
        who want them, while thousands of deliveries are made due again. Nobody waits for, or locks, what is not his.
        """
        found = webhook_endpoints.c
        statement = select(webhook_endpoints).where(found.id == endpoint_id, in_reach(reach, webhook_endpoints))
        locked = statement.with_for_update(key_share=True, read=not to_change)
        row = (await self._connection.execute(locked)).one_or_none()
        return None if row is None else to_endpoint(row)

    async def hold_sending(self) -> None:
        """Let nothing be sent or recorded until the end of the transaction; before the lock on what is deleted.

        The sender locks deliveries before their endpoint, a deletion the endpoint before its deliveries.
        """
        await self._connection.execute(text(TAKE_TURN))

    async def save(self, endpoint: Endpoint) -> None:
        """Write what its owner may change; what had waited is looked at again by the sender."""
        found = webhook_endpoints.c
        await self._connection.execute(
            update(webhook_endpoints).where(found.id == endpoint.id).values(_choices(endpoint))
        )
        await _wake(self._connection)

    async def remove(self, endpoint_id: UUID) -> None:
        """Delete it with its keys and deliveries."""
        await self._connection.execute(delete(webhook_endpoints).where(webhook_endpoints.c.id == endpoint_id))

    async def add_secret(
        self, endpoint_id: UUID, sealed: bytes, public_key: bytes | None, *, at: datetime, old_until: datetime
    ) -> int:
        """Add a key and let the earlier ones end; return its number."""
        found = webhook_secrets.c
        of_the_endpoint = found.endpoint_id == endpoint_id
        kept = select(found.id).where(of_the_endpoint).order_by(found.id.desc()).limit(MOST_KEYS - 1)
        worn_out = or_(found.expires_at <= at, found.id.not_in(kept))
        await self._connection.execute(delete(webhook_secrets).where(of_the_endpoint, worn_out))
        until = func.least(found.expires_at, old_until)
        await self._connection.execute(update(webhook_secrets).where(of_the_endpoint).values(expires_at=until))
        row = {"endpoint_id": endpoint_id, "sealed": sealed, "public_key": public_key, "created_at": at}
        statement = insert(webhook_secrets).values(row).returning(found.id)
        number: int = (await self._connection.execute(statement)).scalar_one()
        return number

    async def secrets_of(self, endpoint_id: UUID) -> list[KeptSecret]:
        """Return its keys, the newest first."""
        found = webhook_secrets.c
        statement = select(webhook_secrets).where(found.endpoint_id == endpoint_id).order_by(found.id.desc())
        return [to_secret(row) for row in await self._connection.execute(statement)]


class SqlWebhookDeliveries:
    """What is sent anew or on request."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, endpoint_id: UUID, event: OutgoingEvent, *, at: datetime) -> None:
        """Write an event for one endpoint."""
        row = {
            "id": event.id,
            "type": event.type,
            "order_key": event.order_key,
            "body": event.body,
            "occurred_at": event.occurred_at,
            "created_at": at,
        }
        await self._connection.execute(insert(webhook_events).values(row))
        delivery = {
            "endpoint_id": endpoint_id,
            "event_id": event.id,
            "order_key": event.order_key,
            "due_at": at,
            "created_at": at,
        }
        await self._connection.execute(insert(webhook_deliveries).values(delivery))
        await self._look_now(endpoint_id)

    async def send_again(self, endpoint_id: UUID, event_id: UUID, *, at: datetime) -> bool:
        """Make a delivery due, unless it is under way; False: there is none."""
        found = webhook_deliveries.c
        one = (found.endpoint_id == endpoint_id, found.event_id == event_id)
        locked = select(found.lease).where(*one).with_for_update()
        row = (await self._connection.execute(locked)).one_or_none()
        if row is None:
            return False
        if row.lease is None:
            await self._connection.execute(update(webhook_deliveries).where(*one).values(_anew(at)))
            await self._look_now(endpoint_id)
        return True

    async def recover(self, endpoint_id: UUID, since: datetime, *, at: datetime) -> int:
        """Make all deliveries due that failed since then, in one statement; return how many."""
        found = webhook_deliveries.c
        failed = (found.endpoint_id == endpoint_id, found.state == "failed", found.settled_at >= since)
        done = await self._connection.execute(update(webhook_deliveries).where(*failed).values(_anew(at)))
        await self._look_now(endpoint_id)
        return done.rowcount

    async def _look_now(self, endpoint_id: UUID) -> None:
        """Let a failing endpoint be tried at once: who asks for it has repaired the receiver, or wants to know.

        The endpoint comes after its deliveries, as in the sender's turns.
        """
        found = webhook_endpoints.c
        paused = (found.id == endpoint_id, found.paused_until.is_not(None))
        await self._connection.execute(update(webhook_endpoints).where(*paused).values(paused_until=None))
        await _wake(self._connection)


def _anew(at: datetime) -> dict[str, Any]:
    return {"state": "waiting", "tries": 0, "due_at": at, "settled_at": None}


async def _wake(connection: AsyncConnection) -> None:
    """Tell the sender, once the transaction commits, that there is something to look at."""
    await connection.execute(text("SELECT pg_notify(:channel, '')"), {"channel": CHANNEL})


class SqlNotices:
    """What owners are told by another way than their webhooks."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def owner_of(self, endpoint_id: UUID, created_at: datetime, reach: Reach) -> Owner | None:
        """Return whom a notice in reach is for."""
        found = webhook_notices.c
        one = (found.endpoint_id == endpoint_id, found.created_at == created_at, in_reach(reach, webhook_notices))
        row = (await self._connection.execute(select(found.owner_subject, found.owner_unit).where(*one))).first()
        return None if row is None else Owner(row.owner_subject, row.owner_unit)

    async def mark_seen(self, endpoint_id: UUID, created_at: datetime, *, at: datetime) -> datetime:
        """Note that it was seen, unless that is known; return since when."""
        found = webhook_notices.c
        one = (found.endpoint_id == endpoint_id, found.created_at == created_at)
        since = func.coalesce(found.seen_at, at)
        statement = update(webhook_notices).where(*one).values(seen_at=since).returning(found.seen_at)
        seen: datetime = (await self._connection.execute(statement)).scalars().one()
        return seen
