"""Time. The only room that asks the machine for it (ruff's banned-api holds it)."""

from datetime import UTC, date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
"""Days begin at midnight of this zone: cut-offs, deadlines and "today" are Vietnamese calendar days."""


class Clock(Protocol):
    """What tells the time."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 -- the one place


class FixedClock:
    """A clock that stands still until it is set; for tests and for replaying the past."""

    def __init__(self, moment: datetime) -> None:
        self._moment = moment

    def now(self) -> datetime:
        return self._moment

    def set(self, moment: datetime) -> None:
        self._moment = moment


def vietnam_date(moment: datetime) -> date:
    """Return the Vietnamese calendar day in which `moment` (aware) falls."""
    return moment.astimezone(VIETNAM).date()
