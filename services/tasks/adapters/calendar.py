"""The working calendar: public holidays, and over them what the office has set."""

from datetime import date, datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.tasks.adapters.public_holidays import public_days
from services.tasks.adapters.tables import holidays_overrides
from services.tasks.domain.calendar import CalendarDay, DaySource
from shared.database.unit_of_work import UnitOfWork


async def known_days(connection: AsyncConnection, first: int, last: int) -> list[CalendarDay]:
    """Return what is known of the days of these years, both included: of two for one day the later one holds."""
    table = holidays_overrides.c
    statement = (
        select(table.day, table.is_working, table.name)
        .where(table.day.between(date(first, 1, 1), date(last, 12, 31)))
        .order_by(table.day)
    )
    rows = (await connection.execute(statement)).all()
    own = [CalendarDay(row.day, is_working=row.is_working, name=row.name, source=DaySource.OFFICE) for row in rows]
    return [*await public_days(first, last), *own]


class SqlOfficeCalendar(UnitOfWork):
    """Writes what the office sets."""

    def bind(self, connection: AsyncConnection) -> None:
        """Work on `connection`."""
        self._bound = connection

    async def put(self, day: CalendarDay, *, subject: str, moment: datetime) -> None:
        """Keep what was set, in place of what was set before."""
        told = {"is_working": day.is_working, "name": day.name, "set_by": subject, "set_at": moment}
        statement = insert(holidays_overrides).values(day=day.day, **told)
        await self._bound.execute(statement.on_conflict_do_update(index_elements=["day"], set_=told))

    async def remove(self, day: date) -> bool:
        """Forget what was set; return whether anything was."""
        table = holidays_overrides.c
        statement = delete(holidays_overrides).where(table.day == day).returning(table.day)
        return (await self._bound.execute(statement)).one_or_none() is not None
