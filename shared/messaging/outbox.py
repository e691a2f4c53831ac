"""The outbox: an event is a row written by the transaction of the change it tells of.

It never flushes, commits or opens anything; publishing is the relay's work alone.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from opentelemetry.propagate import inject
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.envelope import Contract, event, to_headers
from shared.database.tables import outbox
from shared.ids import Ids
from shared.messaging.transports.port import MAX_RECORD_BYTES


class EventTooLarge(Exception):  # noqa: N818 -- errors say the refusal
    """No event log would take the event, and everything later of its key would wait behind it for ever."""


class Outbox:
    """Adds events to the outbox of one service within the caller's transaction."""

    def __init__(self, connection: AsyncConnection, *, source: str, ids: Ids) -> None:
        self._connection = connection
        self._source = source
        self._ids = ids

    async def add(self, data: Contract, *, subject: str, key: str, time: datetime) -> UUID:
        """Write one event; it travels once the transaction commits.

        Args:
            data: what happened, in its published form.
            subject: the aggregate's id.
            key: the partition key; events of one key keep their order.
            time: the moment of recording (UTC), the same that the state change carries.

        Returns:
            The event's id.

        Raises:
            EventTooLarge: its data have more than four MiB.
        """
        event_id = self._ids.new()
        row = outbox_row(data, event_id=event_id, source=self._source, subject=subject, key=key, time=time)
        await self._connection.execute(insert(outbox).values(row))
        return event_id


def outbox_row(
    data: Contract, *, event_id: UUID, source: str, subject: str, key: str, time: datetime
) -> dict[str, Any]:
    """Return the columns of the row that tells of an event, for who writes it together with other rows.

    Raises:
        EventTooLarge: its data have more than four MiB.
    """
    made = event(data, event_id=event_id, time=time, source=source, subject=subject, key=key)
    headers = to_headers(made.attributes)
    trace: dict[str, str] = {}
    inject(trace)  # W3C trace context of the request that caused the event
    headers.update({f"ce_{name}": value for name, value in trace.items() if name in {"traceparent", "tracestate"}})
    value = data.model_dump_json(by_alias=True, exclude_none=True).encode()
    if len(value) > MAX_RECORD_BYTES:
        raise EventTooLarge(data.event_type, len(value))
    return {
        "event_id": event_id,
        "topic": data.topic.name,
        "key": key,
        "type": data.event_type,
        "headers": headers,
        "value": value,
    }
