"""Vietnam's public holidays, lieu days and announced swaps, as the library `holidays` knows them."""

import asyncio
from functools import cache
from typing import Final

from services.tasks.domain.calendar import SATURDAY, CalendarDay, DaySource

FIRST_YEAR: Final = 2000
LAST_YEAR: Final = 2100
WORKING_SATURDAY: Final = "Ngày làm việc bù"


async def public_days(first: int, last: int) -> list[CalendarDay]:
    """Return the days of these years, both included, that differ from their weekday; holidays at weekends too.

    In a thread: loading the library takes a quarter of a second, the first time.
    """
    return await asyncio.to_thread(_days_of_years, first, last)


def _days_of_years(first: int, last: int) -> list[CalendarDay]:
    years = range(max(first, FIRST_YEAR), min(last, LAST_YEAR) + 1)
    return [day for year in years for day in _days_of(year)]


@cache
def _days_of(year: int) -> tuple[CalendarDay, ...]:
    # Imported here: an API that nobody asks for the calendar does not pay for it.
    from holidays import country_holidays

    years = range(year - 1, year + 2)  # a swapped Saturday belongs to its holiday's year
    found = country_holidays("VN", years=years, language="vi")
    off = {day: CalendarDay(day, is_working=False, name=name, source=DaySource.PUBLIC) for day, name in found.items()}
    swapped = {
        day: CalendarDay(day, is_working=True, name=WORKING_SATURDAY, source=DaySource.PUBLIC)
        for day in found.weekend_workdays
        if day.weekday() >= SATURDAY
    }
    return tuple(each for day, each in sorted((off | swapped).items()) if day.year == year)
