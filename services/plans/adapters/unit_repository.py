"""Units and programmes in PostgreSQL."""

from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.plans.adapters.tables import programme_fields, programmes, units
from services.plans.domain.programme import Programme, ProgrammeField
from services.plans.domain.unit import Unit, UnitKind
from shared.text import fold

_TREE_LOCK = 7_263_101
"""Advisory lock under which the tree of units changes: paths of many rows depend on each other."""


class SqlUnitRepository:
    """The units on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock(self) -> None:
        await self._connection.execute(select(func.pg_advisory_xact_lock(_TREE_LOCK)))

    async def get(self, code: str) -> Unit | None:
        row = (await self._connection.execute(select(units).where(units.c.code == code))).one_or_none()
        return None if row is None else _unit(row)

    async def path(self, code: str) -> str | None:
        found: str | None = await self._connection.scalar(select(units.c.path).where(units.c.code == code))
        return found

    async def tree_of(self, code: str) -> list[Unit]:
        root = select(func.split_part(units.c.path, "/", 1)).where(units.c.code == code).scalar_subquery()
        rows = await self._connection.execute(
            select(units).where(units.c.path.like(root.concat("/%"))).order_by(units.c.path)
        )
        return [_unit(row) for row in rows]

    async def known(self, codes: set[str]) -> set[str]:
        if not codes:
            return set()
        return set(await self._connection.scalars(select(units.c.code).where(units.c.code.in_(codes))))

    async def save(self, unit: Unit) -> str:
        above = await self.path(unit.parent) if unit.parent else ""
        path, before = f"{above}{unit.code}/", await self.path(unit.code)
        state = {
            "name": unit.name,
            "name_folded": fold(unit.name),
            "kind": unit.kind.value,
            "parent": unit.parent,
            "path": path,
            "valid_from": unit.valid_from,
            "valid_to": unit.valid_to,
            "successors": list(unit.successors),
            "aliases": list(unit.aliases),
            "version": unit.version,
        }
        written = insert(units).values(code=unit.code, **state)
        await self._connection.execute(written.on_conflict_do_update(index_elements=[units.c.code], set_=state))
        if before is not None and before != path:
            below = units.c.path.like(f"{before}%") & (units.c.code != unit.code)
            moved = func.concat(path, func.substr(units.c.path, len(before) + 1))
            await self._connection.execute(update(units).where(below).values(path=moved))
        return path


def _unit(row: Row[Any]) -> Unit:
    return Unit(
        code=row.code,
        name=row.name,
        kind=UnitKind(row.kind),
        parent=row.parent,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        successors=tuple(row.successors),
        aliases=tuple(row.aliases),
        version=row.version,
    )


class SqlProgrammeRepository:
    """The programmes on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, code: str) -> Programme | None:
        row = (await self._connection.execute(select(programmes).where(programmes.c.code == code))).one_or_none()
        if row is None:
            return None
        fields = await self._connection.execute(
            select(programme_fields).where(programme_fields.c.programme == code).order_by(programme_fields.c.position)
        )
        found = tuple(ProgrammeField(field.code, field.name, tuple(field.aliases)) for field in fields)
        return Programme(row.code, row.name, row.from_year, row.to_year, found)

    async def save(self, programme: Programme) -> bool:
        if await self.get(programme.code) == programme:
            return False
        state = {"name": programme.name, "from_year": programme.from_year, "to_year": programme.to_year}
        await self._connection.execute(
            insert(programmes)
            .values(code=programme.code, **state)
            .on_conflict_do_update(index_elements=[programmes.c.code], set_=state)
        )
        for position, field in enumerate(programme.fields, start=1):
            said = {"position": position, "name": field.name, "aliases": list(field.aliases)}
            await self._connection.execute(
                insert(programme_fields)
                .values(programme=programme.code, code=field.code, **said)
                .on_conflict_do_update(
                    index_elements=[programme_fields.c.programme, programme_fields.c.code], set_=said
                )
            )
        return True
