"""Writing and reading of rows that keep whole messages: dead letters and parked messages."""

import base64
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database.tables import dead_letters, parked_messages
from shared.messaging.fates import Dead, Item
from shared.messaging.transports.port import Received

MAX_CLAIM = 200


async def bury(connection: AsyncConnection, group: str, cluster: str, item: Item, why: Dead) -> None:
    """Write a dead letter; one that is there already (the log was read again) stays as it is."""
    received = item.received
    await connection.execute(
        insert(dead_letters)
        .values(
            consumer_group=group,
            cluster_id=cluster,
            topic=received.topic,
            partition=received.partition,
            position=received.position,
            key=received.key,
            headers=headers_to_json(received.headers),
            value=received.value,
            event_id=_claim(received, "ce_id"),
            type=_claim(received, "ce_type"),
            reason_code=why.code,
            reason=why.reason,
        )
        .on_conflict_do_nothing(constraint="uq_dead_letters_place")
    )


async def park(connection: AsyncConnection, group: str, cluster: str, item: Item, waits_for: str) -> None:
    """Keep a message until `waits_for` is released; a repeat of one that is kept changes nothing."""
    received = item.received
    if item.event is None or received.value is None:
        raise ValueError("only a decoded message can wait")
    await connection.execute(
        insert(parked_messages)
        .values(
            consumer_group=group,
            event_id=item.event.attributes.id,
            cluster_id=cluster,
            topic=received.topic,
            partition=received.partition,
            position=received.position,
            key=received.key,
            headers=headers_to_json(received.headers),
            value=received.value,
            waits_for=waits_for,
        )
        .on_conflict_do_nothing()
    )


def select_kept(table: Any) -> Select[*tuple[Any, ...]]:  # noqa: ANN401 -- either of the two tables
    """Return the query of what `received_from` needs, to be narrowed."""
    kept = table.c
    return select(
        kept.id, kept.cluster_id, kept.topic, kept.partition, kept.position, kept.key, kept.headers, kept.value
    )


def received_from(row: Row[*tuple[Any, ...]]) -> Received:
    """Return the message as it came from the log."""
    headers = {
        name: base64.b64decode(value["base64"]) if isinstance(value, dict) else value
        for name, value in row.headers.items()
    }
    return Received(row.topic, row.partition, row.position, row.key, headers, row.value)


def headers_to_json(headers: Mapping[str, bytes | str]) -> dict[str, Any]:
    """Return what JSONB can hold: what is not UTF-8 or has NUL in it stands as `{"base64": ...}`."""
    return {name.replace("\0", "\\0"): _jsonable(value) for name, value in headers.items()}


def _jsonable(value: bytes | str) -> str | dict[str, str]:
    if isinstance(value, str) and "\0" not in value:
        return value
    raw = value.encode() if isinstance(value, str) else value
    return {"base64": base64.b64encode(raw).decode()}


def _claim(received: Received, name: str) -> str | None:
    claimed = received.headers.get(name)
    return claimed.replace("\0", "\\0")[:MAX_CLAIM] if isinstance(claimed, str) else None
