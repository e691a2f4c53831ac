"""Working days of Vietnamese offices: Monday to Friday, less the days off, with what an office has set for itself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

ONE_DAY = timedelta(days=1)
SATURDAY = 5


class DaySource(StrEnum):
    """Who says that a day is a working day or not."""

    PUBLIC = "public"
    """The Labour Code's holidays with their lieu days, and the swaps that the government has announced."""
    OFFICE = "office"
    """Set here, because it was announced late or holds for this province alone; goes before the other."""


@dataclass(frozen=True)
class CalendarDay:
    """A day that is not what its weekday says, or that an office has set."""

    day: date
    is_working: bool
    name: str
    source: DaySource


class WorkingCalendar:
    """Tells working days from days off.

    Args:
        known: days that differ from their weekday; of two for one day the later one holds.
    """

    def __init__(self, known: Iterable[CalendarDay] = ()) -> None:
        self._known: Mapping[date, bool] = {each.day: each.is_working for each in known}

    def is_working(self, day: date) -> bool:
        """Tell whether offices work on `day`."""
        return self._known.get(day, day.weekday() < SATURDAY)

    def working_days(self, after: date, until: date) -> int:
        """Return how many working days lie after `after`, up to and including `until`."""
        span = (until - after).days
        return sum(self.is_working(after + timedelta(days=number)) for number in range(1, span + 1))

    def last_day_with(self, most: int, *, after: date, horizon: int) -> date:
        """Return the last day up to which at most `most` working days lie after `after`, `horizon` days away at most.

        That is the eve of the working day number `most` + 1.
        """
        day, left = after, most
        for _ in range(horizon):
            left -= self.is_working(day + ONE_DAY)
            if left < 0:
                break
            day += ONE_DAY
        return day

    def first_day_with(self, least: int, *, until: date, horizon: int) -> date:
        """Return the last day after which `least` working days lie up to `until`, `horizon` days away at most."""
        day, left = until, least
        for _ in range(horizon):
            if left <= 0:
                break
            left -= self.is_working(day)
            day -= ONE_DAY
        return day
