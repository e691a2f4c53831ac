"""The ledger in PostgreSQL: each event once, in the order in which it was heard, never changed."""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import repeat
from typing import Any
from uuid import UUID

import asyncpg
from pydantic_core import to_json
from sqlalchemy import or_, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.adapters.event_mapping import heard
from services.reporting.adapters.tables import ledger
from services.reporting.domain.fold import known_at
from services.reporting.ports import LedgerReading
from shared.contracts.envelope import Attributes, Contract
from shared.contracts.plans import PlanIssuedV1, UnitChangedV1
from shared.database.engine import DRIVER_ERRORS
from shared.database.tables import consumer_state
from shared.messaging.transports.port import Received

_LARGEST = 2**63 - 1

_WORTH_COPYING = 50
"""From so many events on, two more round trips for a savepoint are less than what arrays cost."""
_OF_A_BATCH = ("cluster_id", "topic", "partition")

# One array a column: the statement is the same for one event and for a thousand. Data travel as the text that was sent.
_WRITE = text("""
    INSERT INTO ledger (event_id, type, source, subject, plan_id, task_id, version, time, headers, data, cluster_id,
        topic, partition, position)
    SELECT event_id, type, source, subject, plan_id, task_id, version, time, headers::jsonb, data::jsonb,
        (SELECT cluster_id FROM consumer_state AS known
        WHERE known.consumer_group = :group AND known.topic = :topic AND known.partition = :partition),
        CAST(:topic AS text), CAST(:partition AS integer), position
    FROM unnest(
        CAST(:event_id AS uuid[]), CAST(:type AS text[]), CAST(:source AS text[]), CAST(:subject AS text[]),
        CAST(:plan_id AS uuid[]), CAST(:task_id AS uuid[]), CAST(:version AS bigint[]), CAST(:time AS timestamptz[]),
        CAST(:headers AS text[]), CAST(:data AS text[]), CAST(:position AS bigint[])
    ) WITH ORDINALITY AS heard (event_id, type, source, subject, plan_id, task_id, version, time, headers, data,
        position, place)
    ORDER BY place
    ON CONFLICT (event_id) DO NOTHING
    RETURNING event_id
""")


@dataclass(slots=True)
class Heard:
    """An event as it came: its attributes, the message it was in, and its data where they have been read."""

    attributes: Attributes
    message: Received
    data: Contract | None = None


class SqlLedger:
    """Writes and reads the ledger on the connection of a transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def write(self, events: Sequence[Heard], *, group: str) -> set[UUID]:
        """Write events of one partition down in their order; return the ids of those heard for the first time."""
        if len(events) >= _WORTH_COPYING and await self._copy(events, group):
            return {event.attributes.id for event in events}
        place = events[0].message
        asked = {"group": group, "topic": place.topic, "partition": place.partition}
        return set((await self._connection.execute(_WRITE, _columns(events) | asked)).scalars())

    async def _copy(self, events: Sequence[Heard], group: str) -> bool:
        """Write events that nobody has heard before; False, and nothing is written, when one of them is known.

        Raises:
            DBAPIError: as for any other statement; the driver's error is its `orig`.
        """
        place, state = events[0].message, consumer_state.c
        cluster = await self._connection.scalar(
            select(state.cluster_id).where(
                state.consumer_group == group, state.topic == place.topic, state.partition == place.partition
            )
        )
        columns = _columns(events)
        same = [repeat(each) for each in (cluster, place.topic, place.partition)]
        rows = zip(*columns.values(), *same, strict=False)
        savepoint = await self._connection.begin_nested()
        driver: Any = (await self._connection.get_raw_connection()).driver_connection
        try:
            await driver.copy_records_to_table("ledger", records=rows, columns=(*columns, *_OF_A_BATCH))
        except asyncpg.UniqueViolationError:
            await savepoint.rollback()
            return False
        except DRIVER_ERRORS as error:
            raise DBAPIError(
                None, None, error, hide_parameters=True, connection_invalidated=driver.is_closed()
            ) from error
        await savepoint.commit()
        return True

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


def _columns(events: Sequence[Heard]) -> dict[str, list[Any]]:
    """What was sent is kept as it was sent, fields unknown to us included."""
    attributes = [event.attributes for event in events]
    messages = [event.message for event in events]
    values = [message.value or b"{}" for message in messages]
    data = [
        json.loads(value) if event.data is None else vars(event.data)
        for event, value in zip(events, values, strict=True)
    ]
    return {
        "event_id": [each.id for each in attributes],
        "type": [each.type for each in attributes],
        "source": [each.source for each in attributes],
        "subject": [each.subject for each in attributes],
        "plan_id": [_uuid(each.get("plan_id")) for each in data],
        "task_id": [_uuid(each.get("task_id")) for each in data],
        "version": [_version(each.get("version")) for each in data],
        "time": [each.time for each in attributes],
        "headers": [_headers(message.headers) for message in messages],
        "data": [value.decode() for value in values],
        "position": [message.position for message in messages],
    }


def _headers(headers: Mapping[str, bytes | str]) -> str:
    kept: Mapping[str, object] = headers
    if bytes in map(type, headers.values()):
        kept = {name: _header(value) for name, value in headers.items()}
    return to_json(kept).decode()


def _header(value: bytes | str) -> str | dict[str, str]:
    """Headers of others may be no text."""
    return value if isinstance(value, str) else {"base64": b64encode(value).decode()}


def _uuid(value: object) -> UUID | None:
    """Read an identifier of an event that may be of a type unknown to us."""
    if isinstance(value, UUID):
        return value
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _version(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST else None
