"""Working days: weekdays, days off, swaps; forwards and backwards the same."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tasks.adapters.public_holidays import public_days
from services.tasks.domain.calendar import CalendarDay, DaySource, WorkingCalendar
from tests.support.reminder_recount import OFF, WORKED

DAY = timedelta(days=1)
HORIZON = 200
DAYS = st.dates(date(2023, 1, 1), date(2026, 12, 31))


def a_day(day: date, *, is_working: bool, source: DaySource = DaySource.OFFICE) -> CalendarDay:
    return CalendarDay(day, is_working=is_working, name="x", source=source)


CALENDARS = st.dictionaries(DAYS, st.booleans(), max_size=60).map(
    lambda known: WorkingCalendar(a_day(day, is_working=is_working) for day, is_working in known.items())
)


def naive(calendar: WorkingCalendar, after: date, until: date) -> int:
    return len([1 for number in range(1, 2000) if (day := after + number * DAY) <= until and calendar.is_working(day)])


async def test_public_holidays_are_those_that_were_announced() -> None:
    """Three years day by day against the announcements, which were written down by hand."""
    calendar = WorkingCalendar(await public_days(2023, 2025))
    wrong = []
    for number in range((date(2025, 12, 31) - date(2023, 1, 1)).days + 1):
        day = date(2023, 1, 1) + number * DAY
        announced = (day.weekday() < 5 and str(day) not in OFF) or str(day) in WORKED
        if calendar.is_working(day) is not announced:
            wrong.append(day)
    assert wrong == []


@pytest.mark.parametrize("year", [2000, 2026, 2028, 2100])
async def test_every_year_has_its_tet(year: int) -> None:
    """At least four days off between 20 January and 28 February."""
    known = await public_days(year, year)
    assert sum(date(year, 1, 20) <= each.day <= date(year, 2, 28) for each in known if not each.is_working) >= 4
    assert {each.day.year for each in known} == {year}


async def test_years_out_of_reach_have_weekdays_only() -> None:
    assert await public_days(1998, 1999) == []
    assert await public_days(2101, 2102) == []


def test_what_the_office_sets_goes_before_the_law() -> None:
    tet = date(2026, 2, 16)
    law = a_day(tet, is_working=False, source=DaySource.PUBLIC)
    assert not WorkingCalendar([law]).is_working(tet)
    assert WorkingCalendar([law, a_day(tet, is_working=True)]).is_working(tet)


@given(CALENDARS, DAYS, st.integers(-5, 60))
def test_working_days_are_counted_one_by_one(calendar: WorkingCalendar, after: date, span: int) -> None:
    until = after + span * DAY
    assert calendar.working_days(after, until) == naive(calendar, after, until)


@given(CALENDARS, DAYS, st.integers(0, 30))
def test_the_last_day_within_reach_is_the_last(calendar: WorkingCalendar, today: date, most: int) -> None:
    last = calendar.last_day_with(most, after=today, horizon=HORIZON)
    assert calendar.working_days(today, last) <= most < calendar.working_days(today, last + DAY)


@given(CALENDARS, DAYS, st.integers(1, 30))
def test_the_youngest_day_that_is_late_is_the_youngest(calendar: WorkingCalendar, today: date, least: int) -> None:
    first = calendar.first_day_with(least, until=today, horizon=HORIZON)
    assert calendar.working_days(first, today) >= least > calendar.working_days(first + DAY, today)
