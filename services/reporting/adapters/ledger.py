"""The ledger in PostgreSQL: each event once, in the order in which it was heard, never changed."""

import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.adapters.event_mapping import heard
from services.reporting.adapters.tables import ledger
from services.reporting.domain.fold import known_at
from services.reporting.ports import LedgerReading
from shared.contracts.envelope import Attributes
from shared.contracts.plans import PlanIssuedV1, UnitChangedV1
from shared.database.tables import consumer_state
from shared.messaging.transports.port import Received

_LARGEST = 2**63 - 1
_ROWS_A_STATEMENT = 500  # PostgreSQL takes 32,767 parameters in one statement


@dataclass(frozen=True, slots=True)
class Heard:
    """An event as it came: its attributes, and the message it was in."""

    attributes: Attributes
    message: Received


class SqlLedger:
    """Writes and reads the ledger on the connection of a transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def write(self, events: Sequence[Heard], *, group: str) -> set[UUID]:
        """Write events of one partition down in their order; return the ids of those heard for the first time."""
        new: set[UUID] = set()
        place = events[0].message
        state = consumer_state.c
        cluster = await self._connection.scalar(
            select(state.cluster_id).where(
                state.consumer_group == group, state.topic == place.topic, state.partition == place.partition
            )
        )
        for start in range(0, len(events), _ROWS_A_STATEMENT):
            rows = [{**_row(event), "cluster_id": cluster} for event in events[start : start + _ROWS_A_STATEMENT]]
            statement = insert(ledger).values(rows).on_conflict_do_nothing(index_elements=["event_id"])
            new.update((await self._connection.execute(statement.returning(ledger.c.event_id))).scalars())
        return new

    async def read(self, plan_id: UUID, as_of: datetime) -> LedgerReading:
        """Return what was known of a plan at `as_of`, by one statement."""
        found = ledger.c
        statement = (
            select(found.seq, found.type, found.event_id, found.time, found.data)
            .where(found.plan_id == plan_id, found.time <= as_of)
            .order_by(found.seq)
        )
        rows = (await self._connection.execute(statement)).all()
        told = (heard(row.type, row.event_id, row.time, row.data) for row in rows)
        return LedgerReading(
            known=known_at((event for event in told if event is not None), as_of),
            position=rows[-1].seq if rows else 0,
            last_time=max((row.time for row in rows), default=None),
        )

    async def state_events(self, after: int, limit: int) -> list[tuple[int, str, dict[str, Any]]]:
        """Return (seq, type, data) of the next events that `units` and `plans` are made from."""
        found = ledger.c
        statement = (
            select(found.seq, found.type, found.data)
            .where(
                found.seq > after, or_(found.type == PlanIssuedV1.event_type, found.type == UnitChangedV1.event_type)
            )
            .order_by(found.seq)
            .limit(limit)
        )
        return [(row.seq, row.type, row.data) for row in await self._connection.execute(statement)]


def _row(event: Heard) -> dict[str, Any]:
    """What was sent is kept as it was sent, fields unknown to us included."""
    attributes, message = event.attributes, event.message
    data = json.loads(message.value or b"{}")
    return {
        "event_id": attributes.id,
        "type": attributes.type,
        "source": attributes.source,
        "subject": attributes.subject,
        "plan_id": _uuid(data.get("plan_id")),
        "task_id": _uuid(data.get("task_id")),
        "version": _version(data.get("version")),
        "time": attributes.time,
        "headers": {name: _header(value) for name, value in message.headers.items()},
        "data": data,
        "topic": message.topic,
        "partition": message.partition,
        "position": message.position,
    }


def _header(value: bytes | str) -> str | dict[str, str]:
    """Headers of others may be no text."""
    return value if isinstance(value, str) else {"base64": b64encode(value).decode()}


def _uuid(value: object) -> UUID | None:
    """Read an identifier of an event that may be of a type unknown to us."""
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _version(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST else None
