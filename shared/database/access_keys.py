"""Access keys in a service's own database: learnt from events, looked up for callers."""

from collections.abc import Collection, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.access_keys import AccessKey, Verb
from shared.database.tables import access_keys


class SqlAccessKeys:
    """The keys on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, ids: Collection[UUID]) -> Mapping[UUID, AccessKey]:
        """Return those that are known, revoked and expired ones included."""
        rows = await self._connection.execute(select(access_keys).where(access_keys.c.id.in_(ids)))
        return {row.id: _key(row) for row in rows}

    async def learn(self, key: AccessKey) -> None:
        """Keep the state of `key` unless a newer one is known. On which day it was used is this service's own."""
        state = {
            "version": key.version,
            "sha256": key.sha256,
            "unit": key.unit,
            "verbs": sorted(verb.value for verb in key.verbs),
            "expires_at": key.expires_at,
            "revoked": key.revoked,
        }
        await self._connection.execute(
            insert(access_keys)
            .values(id=key.id, **state)
            .on_conflict_do_update(
                index_elements=[access_keys.c.id], set_=state, where=access_keys.c.version < key.version
            )
        )

    async def note_use(self, key_id: UUID, day: date) -> bool:
        """Note that the key was used on `day`; return whether that is news, which it is once a day."""
        known = access_keys.c
        noted = await self._connection.execute(
            update(access_keys)
            .where(known.id == key_id, or_(known.used_on.is_(None), known.used_on < day))
            .values(used_on=func.greatest(known.used_on, day))
        )
        return bool(noted.rowcount)


def _key(row: Row[Any]) -> AccessKey:
    return AccessKey(
        id=row.id,
        version=row.version,
        sha256=row.sha256,
        unit=row.unit,
        verbs=frozenset(Verb(verb) for verb in row.verbs),
        expires_at=row.expires_at,
        revoked=row.revoked,
        used_on=row.used_on,
    )
