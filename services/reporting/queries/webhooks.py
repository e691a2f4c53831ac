"""Endpoints, deliveries and notices within the caller's reach."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, Row, Select, Table, and_, false, or_, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.adapters.plans import SqlPlans
from services.reporting.adapters.webhook_endpoints import to_endpoint, to_secret
from services.reporting.adapters.webhook_tables import (
    webhook_attempts,
    webhook_deliveries,
    webhook_endpoints,
    webhook_events,
    webhook_notices,
    webhook_secrets,
)
from services.reporting.domain.errors import WebhookDeliveryNotFound, WebhookEndpointNotFound
from services.reporting.domain.presentation import Answer
from services.reporting.domain.sight import Viewer
from services.reporting.domain.webhooks.endpoint import EndpointState
from services.reporting.domain.webhooks.ownership import Reach
from services.reporting.domain.webhooks.portrait import endpoint_portrait, moment
from services.reporting.handlers import Desk
from services.reporting.handlers.notices import notice_id
from services.reporting.handlers.webhook_deliveries import delivery_id
from services.reporting.handlers.webhook_endpoints import reach_of, shown_keys
from services.reporting.ports import KeptSecret
from services.reporting.queries.engine import Engine

MOST_ATTEMPTS: Final = 20


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Page:
    """Which part of a list: after which endpoint, how many."""

    after: UUID | None
    limit: int


@dataclass(frozen=True)
class DeliveryFilter:
    """Which deliveries to list; None means any."""

    endpoint_id: UUID | None = None
    state: DeliveryState | None = None


async def list_endpoints(
    engine: Engine, desk: Desk, viewer: Viewer, state: EndpointState | None, page: Page
) -> tuple[list[Answer], UUID | None]:
    """Return endpoints, newest first, and where the next page begins."""
    found = webhook_endpoints.c
    async with engine.connect() as connection:
        statement = select(webhook_endpoints).where(await _in_reach(connection, viewer, webhook_endpoints))
        if state is not None:
            statement = statement.where(found.state == state.value)
        if page.after is not None:
            statement = statement.where(found.id < page.after)
        rows = (await connection.execute(statement.order_by(found.id.desc()).limit(page.limit + 1))).all()
        items = await _portraits(connection, rows[: page.limit], desk.clock.now())
    return items, rows[page.limit - 1].id if len(rows) > page.limit else None


async def get_endpoint(engine: Engine, desk: Desk, viewer: Viewer, endpoint_id: UUID) -> Answer:
    """Return an endpoint.

    Raises:
        WebhookEndpointNotFound: there is none, or it is out of reach.
    """
    async with engine.connect() as connection:
        reached = await _in_reach(connection, viewer, webhook_endpoints)
        statement = select(webhook_endpoints).where(webhook_endpoints.c.id == endpoint_id, reached)
        rows = (await connection.execute(statement)).all()
        if not rows:
            raise WebhookEndpointNotFound
        return (await _portraits(connection, rows, desk.clock.now()))[0]


async def list_deliveries(
    engine: Engine, viewer: Viewer, wanted: DeliveryFilter, *, after: tuple[UUID, UUID] | None, limit: int
) -> tuple[list[Answer], tuple[UUID, UUID] | None]:
    """Return deliveries, newest event first, and where the next page begins (event, endpoint).

    Each endpoint gives its own newest ones by its index, of which the newest are taken: what others have costs nothing.
    """
    found, endpoint = webhook_deliveries.c, webhook_endpoints.c
    async with engine.connect() as connection:
        of_one = select(webhook_deliveries).where(found.endpoint_id == endpoint.id)
        if wanted.state is not None:
            of_one = of_one.where(found.state == wanted.state.value)
        if after is not None:
            of_one = of_one.where(tuple_(found.event_id, found.endpoint_id) < tuple_(*after))
        newest = of_one.order_by(found.event_id.desc()).limit(limit + 1).lateral("newest")
        statement = (
            _with_event(newest, webhook_endpoints.join(newest, true()))
            .where(await _in_reach(connection, viewer, webhook_endpoints))
            .order_by(newest.c.event_id.desc(), newest.c.endpoint_id.desc())
            .limit(limit + 1)
        )
        if wanted.endpoint_id is not None:
            statement = statement.where(endpoint.id == wanted.endpoint_id)
        rows = (await connection.execute(statement)).all()
        attempts = await _attempts(connection, [row.id for row in rows[:limit]])
    items = [_delivery(row, attempts.get(row.id, [])) for row in rows[:limit]]
    last = rows[limit - 1] if len(rows) > limit else None
    return items, None if last is None else (last.event_id, last.endpoint_id)


async def get_delivery(engine: Engine, viewer: Viewer, endpoint_id: UUID, event_id: UUID) -> Answer:
    """Return a delivery with the body that is sent.

    Raises:
        WebhookDeliveryNotFound: there is none, or it is out of reach.
    """
    found = webhook_deliveries.c
    async with engine.connect() as connection:
        statement = (
            _with_event(webhook_deliveries, webhook_endpoints.join(webhook_deliveries))
            .where(found.endpoint_id == endpoint_id, found.event_id == event_id)
            .where(await _in_reach(connection, viewer, webhook_endpoints))
        )
        row = (await connection.execute(statement)).one_or_none()
        if row is None:
            raise WebhookDeliveryNotFound
        attempts = await _attempts(connection, [row.id])
    return {**_delivery(row, attempts.get(row.id, [])), "body": row.body}


async def list_notices(
    engine: Engine, viewer: Viewer, *, unseen: bool, before: tuple[datetime, UUID] | None, limit: int
) -> tuple[list[Answer], tuple[datetime, UUID] | None]:
    """Return notices, newest first, and where the next page begins (moment, endpoint)."""
    found = webhook_notices.c
    async with engine.connect() as connection:
        statement = select(webhook_notices).where(await _in_reach(connection, viewer, webhook_notices))
        if unseen:
            statement = statement.where(found.seen_at.is_(None))
        if before is not None:
            statement = statement.where(tuple_(found.created_at, found.endpoint_id) < tuple_(*before))
        newest = statement.order_by(found.created_at.desc(), found.endpoint_id.desc()).limit(limit + 1)
        rows = (await connection.execute(newest)).all()
    items = [
        {
            "id": notice_id(row.endpoint_id, row.created_at),
            "endpoint_id": str(row.endpoint_id),
            "kind": row.kind,
            "detail": row.detail,
            "created_at": moment(row.created_at),
            "seen_at": moment(row.seen_at),
        }
        for row in rows[:limit]
    ]
    last = rows[limit - 1] if len(rows) > limit else None
    return items, None if last is None else (last.created_at, last.endpoint_id)


def _reached(reached: Reach, columns: Any) -> ColumnElement[bool]:  # noqa: ANN401 -- columns of a table
    if reached.offices is None:
        return true()
    office = columns.owner_unit.in_(reached.offices) if reached.offices else false()
    if reached.person is None:
        return office
    return or_(office, and_(columns.owner_unit.is_(None), columns.owner_subject == reached.person))


async def _in_reach(connection: AsyncConnection, viewer: Viewer, table: Table) -> ColumnElement[bool]:
    return _reached(await reach_of(SqlPlans(connection), viewer), table.c)


async def _portraits(connection: AsyncConnection, rows: Sequence[Row[Any]], now: datetime) -> list[Answer]:
    found = webhook_secrets.c
    ids = [row.id for row in rows]
    statement = select(webhook_secrets).where(found.endpoint_id.in_(ids)).order_by(found.id.desc())
    keys: dict[UUID, list[KeptSecret]] = {}
    for row in await connection.execute(statement):
        keys.setdefault(row.endpoint_id, []).append(to_secret(row))
    return [endpoint_portrait(to_endpoint(row), shown_keys(keys.get(row.id, []), now)) for row in rows]


def _with_event(deliveries: FromClause, place: FromClause) -> Select[Any]:
    """Select deliveries, which stand in `place`, with their events."""
    event = webhook_events.c
    told = (event.type, event.plan_id, event.task_id, event.occurred_at, event.body)
    return select(deliveries, *told).select_from(place.join(webhook_events, event.id == deliveries.c.event_id))


async def _attempts(connection: AsyncConnection, deliveries: Sequence[int]) -> dict[int, list[Answer]]:
    """Return the newest attempts of each delivery."""
    of_one = (
        select(webhook_attempts)
        .where(webhook_attempts.c.delivery_id == webhook_deliveries.c.id)
        .order_by(webhook_attempts.c.number.desc())
        .limit(MOST_ATTEMPTS)
        .lateral("newest")
    )
    statement = select(of_one).join_from(webhook_deliveries, of_one, true())
    attempts: dict[int, list[Answer]] = {}
    for row in await connection.execute(statement.where(webhook_deliveries.c.id.in_(deliveries))):
        attempts.setdefault(row.delivery_id, []).append(
            {
                "number": row.number,
                "started_at": moment(row.started_at),
                "duration_ms": row.duration_ms,
                "status": row.status,
                "failure": row.failure,
                "excerpt": None if row.excerpt is None else row.excerpt.decode(errors="replace"),
            }
        )
    return {each: sorted(found, key=lambda attempt: -attempt["number"]) for each, found in attempts.items()}


def _delivery(row: Row[Any], attempts: list[Answer]) -> Answer:
    return {
        "id": delivery_id(row.endpoint_id, row.event_id),
        "endpoint_id": str(row.endpoint_id),
        "event_id": str(row.event_id),
        "event_type": row.type,
        "plan_id": None if row.plan_id is None else str(row.plan_id),
        "task_id": None if row.task_id is None else str(row.task_id),
        "occurred_at": moment(row.occurred_at),
        "state": row.state,
        "next_attempt_at": moment(row.due_at) if row.state == DeliveryState.WAITING else None,
        "created_at": moment(row.created_at),
        "settled_at": moment(row.settled_at),
        "attempt_count": row.attempts,
        "attempts": attempts,
    }
