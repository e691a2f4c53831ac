"""Access keys in PostgreSQL: what every service knows of one in the plumbing's table, the rest in ours."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.plans.adapters.tables import access_key_grants as grants
from services.plans.domain.access_key import Grant
from shared.database.access_keys import SqlAccessKeys


class SqlAccessKeyRepository:
    """The keys on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._keys = SqlAccessKeys(connection)

    async def load(self, key_id: UUID) -> Grant | None:
        statement = select(grants).where(grants.c.key_id == key_id).with_for_update()
        row = (await self._connection.execute(statement)).one_or_none()
        key = (await self._keys.find([key_id])).get(key_id)
        if row is None or key is None:
            return None
        return Grant(key, row.name, row.created_by, row.created_at, row.revoked_by, row.revoked_at)

    async def save(self, grant: Grant) -> None:
        end = {"revoked_by": grant.revoked_by, "revoked_at": grant.revoked_at}
        made = {"name": grant.name, "created_by": grant.created_by, "created_at": grant.created_at}
        await self._keys.learn(grant.key)
        await self._connection.execute(
            insert(grants)
            .values(key_id=grant.key.id, **made, **end)
            .on_conflict_do_update(index_elements=[grants.c.key_id], set_=end)
        )
