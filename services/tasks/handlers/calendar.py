"""What an office sets in its working calendar: a swap announced late, a day off of this province."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from services.tasks.domain.calendar import CalendarDay
from services.tasks.domain.errors import CalendarDayNotSet
from services.tasks.ports import OfficeCalendar
from shared.clock import Clock


@dataclass(frozen=True)
class CalendarDesk:
    """What the calendar is written with."""

    unit_of_work: Callable[[], OfficeCalendar]
    clock: Clock


async def set_calendar_day(desk: CalendarDesk, *, subject: str, day: CalendarDay) -> None:
    """Set whether offices work on a day. Reminders go by it from then on; those made stay made."""
    async with desk.unit_of_work() as work:
        await work.put(day, subject=subject, moment=desk.clock.now())
        await work.commit()


async def remove_calendar_day(desk: CalendarDesk, *, day: date) -> None:
    """Take back what was set for a day.

    Raises:
        CalendarDayNotSet: nothing was.
    """
    async with desk.unit_of_work() as work:
        if not await work.remove(day):
            raise CalendarDayNotSet
        await work.commit()
