"""Reporting periods: named ranges of days with a cut-off and a day of sending, by scheme.

Schemes: the decree's (NĐ 09/2019/NĐ-CP, article 12: data from the 15th to the 14th), the Ministry's CCHC periods (công
văn 581/BNV-CCHC: quarter I, six months, quarter III, year; sent by the 20th of the last month), the calendar's, and
periods made by hand. "10 tháng" is defined by no rule: a session asks for it, so its days are chosen.
"""

from calendar import monthrange
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from services.reporting.domain.errors import PeriodBackwards

_FIRST_DAY, _LAST_DAY, _MINISTRY_SENDING_DAY = 15, 14, 20
_JANUARY, _DECEMBER, _SATURDAY = 1, 12, 5


class Scheme(StrEnum):
    """Whose rule a period follows."""

    DECREE = "decree"
    MINISTRY = "ministry"
    CALENDAR = "calendar"
    BY_HAND = "by_hand"


@dataclass(frozen=True, slots=True)
class Period:
    """A named range of days, both ends included; `to` is the cut-off. `send_by` is None where no rule names it."""

    code: str
    name: str
    from_: date
    to: date
    send_by: date | None = None
    scheme: Scheme = Scheme.BY_HAND


def by_hand(name: str, from_: date, to: date, *, send_by: date | None = None, code: str = "") -> Period:
    """Return a period whose days were chosen.

    Raises:
        PeriodBackwards: it would end before it begins.
    """
    if to < from_:
        raise PeriodBackwards
    return Period(code or name, name, from_, to, send_by, Scheme.BY_HAND)


def decree_days(year: int, first_month: int, last_month: int) -> tuple[date, date]:
    """Return the 15th of the month before `first_month` and the 14th of `last_month`."""
    before = (year - 1, _DECEMBER) if first_month == _JANUARY else (year, first_month - 1)
    return date(*before, _FIRST_DAY), date(year, last_month, _LAST_DAY)


def calendar_days(year: int, first_month: int, last_month: int) -> tuple[date, date]:
    """Return the first day of `first_month` and the last of `last_month`."""
    return date(year, first_month, 1), date(year, last_month, monthrange(year, last_month)[1])


def months_to_date(year: int, months: int, *, scheme: Scheme) -> Period:
    """Return the cumulative period "N tháng" from the year's beginning, by the decree's days or the calendar's.

    No rule defines it (but for nine months in some provinces); the caller chose its days by choosing the scheme.
    """
    is_calendar = scheme is Scheme.CALENDAR
    days = calendar_days(year, 1, months) if is_calendar else decree_days(year, 1, months)
    suffix = "-DL" if is_calendar else ""
    return by_hand(f"{months} tháng", *days, code=f"{year}-{months}T{suffix}")


def working_days_after(day: date, number: int, holidays: Collection[date] = ()) -> date:
    """Return the `number`-th working day after `day`: neither Saturday, Sunday, nor one of `holidays`."""
    found = day
    while number > 0:
        found += timedelta(days=1)
        if found.weekday() < _SATURDAY and found not in holidays:
            number -= 1
    return found


def periods(scheme: Scheme, year: int) -> tuple[Period, ...]:
    """Return the periods of a year under a scheme; none for `by_hand`."""
    makers = {Scheme.DECREE: _decree, Scheme.MINISTRY: _ministry, Scheme.CALENDAR: _calendar}
    return tuple(makers[scheme](year)) if scheme in makers else ()


_MONTHS = tuple((f"T{month:02}", "tháng", month, month) for month in range(1, 13))
_QUARTERS = tuple((f"Q{quarter}", "quý", 3 * quarter - 2, 3 * quarter) for quarter in range(1, 5))
_HALVES = (("6T", "6 tháng đầu năm", 1, 6), ("6TC", "6 tháng cuối năm", 7, 12))
_YEAR = (("NAM", "năm", 1, 12),)
_ALL = (*_MONTHS, *_QUARTERS, *_HALVES, *_YEAR)


def _decree(year: int) -> Iterator[Period]:
    for suffix, name, first, last in _ALL:
        from_, to = decree_days(year, first, last)
        yield Period(f"{year}-{suffix}", name, from_, to, None, Scheme.DECREE)


def _calendar(year: int) -> Iterator[Period]:
    for suffix, name, first, last in _ALL:
        from_, to = calendar_days(year, first, last)
        yield Period(f"{year}-{suffix}-DL", name, from_, to, None, Scheme.CALENDAR)


def _ministry(year: int) -> Iterator[Period]:
    """Quarter III begins on 15/6 and is not "nine months"; quarter IV is part of the year's report."""
    rows = (("Q1", "CCHC quý I", 1, 3), ("6T", "CCHC 6 tháng", 1, 6), ("Q3", "CCHC quý III", 7, 9))
    for suffix, name, first, last in (*rows, ("NAM", "CCHC năm", 1, 12)):
        from_, to = decree_days(year, first, last)
        send_by = date(year, last, _MINISTRY_SENDING_DAY)
        yield Period(f"{year}-CCHC-{suffix}", name, from_, to, send_by, Scheme.MINISTRY)
