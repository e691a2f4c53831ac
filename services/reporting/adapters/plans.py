"""Plans and units as heard of: the part of the read model that lists and permissions ask."""

from uuid import UUID

from sqlalchemy import Select, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reporting.adapters.tables import plans, units
from services.reporting.domain.sight import UnitTree
from services.reporting.ports import PlanEntry
from shared.contracts.plans import PlanIssuedV1, UnitChangedV1


def _entries() -> Select[tuple[UUID, str, str, int, str]]:
    found = plans.c
    return select(found.plan_id, found.unit_code, found.unit_name, found.year, found.title)


class SqlPlans:
    """Reads and learns plans and units on the connection of a transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, plan_id: UUID) -> PlanEntry | None:
        """Return a plan's entry."""
        row = (await self._connection.execute(_entries().where(plans.c.plan_id == plan_id))).one_or_none()
        return None if row is None else PlanEntry(row.plan_id, row.unit_code, row.unit_name, row.year, row.title)

    async def tree(self) -> UnitTree:
        """Return the units with their parents."""
        rows = await self._connection.execute(select(units.c.code, units.c.parent))
        return UnitTree({row.code: row.parent for row in rows})

    async def parent_name(self, unit_code: str) -> str | None:
        """Return the name of the unit above."""
        above = units.alias("above")
        statement = select(above.c.name).join(units, units.c.parent == above.c.code).where(units.c.code == unit_code)
        name: str | None = (await self._connection.execute(statement)).scalar_one_or_none()
        return name

    async def learn_unit(self, unit: UnitChangedV1) -> None:
        """Keep a unit's state unless this version or a newer one is known."""
        row = {
            "code": unit.code,
            "version": unit.version,
            "name": unit.name,
            "kind": unit.kind.value,
            "parent": unit.parent,
        }
        statement = insert(units).values(row)
        newer = statement.excluded.version > units.c.version
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["code"], set_=row, where=newer))

    async def learn_plan(self, plan: PlanIssuedV1) -> None:
        """Keep a plan's entry unless this version or a newer one is known."""
        row = {
            "plan_id": plan.plan_id,
            "version": plan.version,
            "unit_code": plan.unit.code,
            "unit_name": plan.unit.name,
            "year": plan.year,
            "title": plan.title,
            "issued_at": plan.issued_at,
        }
        statement = insert(plans).values(row)
        newer = statement.excluded.version > plans.c.version
        await self._connection.execute(
            statement.on_conflict_do_update(index_elements=["plan_id"], set_=row, where=newer)
        )

    async def forget_all(self) -> None:
        """Empty the read model; the ledger, from which it is made again, stays."""
        await self._connection.execute(text("TRUNCATE units, plans"))
