"""Access keys as events: what a service that hears of them does, and how a service tells that one was used."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.access_keys import AccessKey, Verb
from shared.clock import Clock
from shared.contracts.access_keys import AccessKeyChangedV1, AccessKeyUsedInReportingV1, AccessKeyUsedInTasksV1, UsedV1
from shared.contracts.envelope import Event
from shared.database.access_keys import SqlAccessKeys
from shared.ids import Ids
from shared.messaging.outbox import Outbox

NoteUse = Callable[[UUID, date], Awaitable[None]]

_TELLS: dict[str, type[AccessKeyUsedInTasksV1] | type[AccessKeyUsedInReportingV1]] = {
    "tasks": AccessKeyUsedInTasksV1,
    "reporting": AccessKeyUsedInReportingV1,
}
"""What a service tells others of a use; the plans service, which lists keys, needs to tell nobody."""


async def learn_access_key(connection: AsyncConnection, event: Event[Any]) -> None:
    """Keep what the event tells of a key. The key's version decides, not the order of arrival."""
    told: AccessKeyChangedV1 = event.data
    await SqlAccessKeys(connection).learn(
        AccessKey(
            id=told.key_id,
            version=told.version,
            sha256=bytes.fromhex(told.sha256),
            unit=told.unit,
            verbs=frozenset(Verb(verb.value) for verb in told.verbs),
            expires_at=told.expires_at.astimezone(UTC),
            revoked=told.revoked,
        )
    )


async def learn_use(connection: AsyncConnection, event: Event[Any]) -> None:
    """Keep on which day another service saw the key used; a key that is unknown here is passed over."""
    told: UsedV1 = event.data
    await SqlAccessKeys(connection).note_use(told.key_id, told.used_on)


def use_notes(engine: AsyncEngine, service: str, *, ids: Ids, clock: Clock) -> NoteUse:
    """Return what notes a use in the database of `service`, and tells the plans service of it.

    Both in one transaction, at most once a day and key however many processes see it used.
    """
    kind = _TELLS.get(service)

    async def note(key_id: UUID, day: date) -> None:
        async with engine.begin() as connection:
            is_news = await SqlAccessKeys(connection).note_use(key_id, day)
            if is_news and kind is not None:
                await Outbox(connection, source=f"/cchc/{service}", ids=ids).add(
                    kind(key_id=key_id, used_on=day), subject=str(key_id), key=str(key_id), time=clock.now()
                )

    return note
