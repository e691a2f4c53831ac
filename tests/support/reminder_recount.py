"""An independent recount of what time should have told: plain rules on a plain model, nothing of the product.

The days off are those of the government's announcements for civil servants, written down by hand.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from uuid import UUID

DAY = timedelta(days=1)
OFF = {
    "2023-01-02", "2023-01-20", "2023-01-23", "2023-01-24", "2023-01-25", "2023-01-26", "2023-05-01", "2023-05-02",
    "2023-05-03", "2023-09-01", "2023-09-04", "2024-01-01", "2024-02-08", "2024-02-09", "2024-02-12", "2024-02-13",
    "2024-02-14", "2024-04-18", "2024-04-29", "2024-04-30", "2024-05-01", "2024-09-02", "2024-09-03", "2025-01-01",
    "2025-01-27", "2025-01-28", "2025-01-29", "2025-01-30", "2025-01-31", "2025-04-07", "2025-04-30", "2025-05-01",
    "2025-05-02", "2025-09-01", "2025-09-02", "2026-01-01", "2026-02-16", "2026-02-17", "2026-02-18", "2026-02-19",
    "2026-02-20",
}  # fmt: skip
"""Weekdays off."""
WORKED = {"2024-05-04", "2025-04-26"}
"""Saturdays worked."""

Expected = tuple[str, UUID, date, int, date | None, UUID | None]
"""Kind, task, day, days, deadline, completion."""


@dataclass
class Life:
    """What became of one task."""

    task_id: UUID
    deadline: date | None
    state: str = "open"
    reopenings: int = 0
    opened_on: date | None = None
    completion: UUID | None = None
    reported_on: date | None = None
    told: set[tuple[object, ...]] = field(default_factory=set)


@dataclass
class Recount:
    """All tasks, and what the office has set in its calendar."""

    due_soon_days: int = 3
    unconfirmed_days: int = 5
    look_back: int = 31
    lives: dict[UUID, Life] = field(default_factory=dict)
    office: dict[date, bool] = field(default_factory=dict)

    def works(self, day: date) -> bool:
        if day in self.office:
            return self.office[day]
        return (day.weekday() < 5 and str(day) not in OFF) or str(day) in WORKED

    def told_on(self, today: date) -> list[Expected]:
        """Return what a scheduler tells that looks on `today`, in no order, and remember that it was told."""
        found = []
        for life in self.lives.values():
            expected = self._due(life, today)
            if expected is None:
                continue
            kind = expected[0]
            key = (kind, life.completion) if kind == "unconfirmed" else (kind, life.deadline, life.reopenings)
            if key not in life.told:
                life.told.add(key)
                found.append(expected)
        return found

    def _due(self, life: Life, today: date) -> Expected | None:
        if life.state == "awaiting" and life.reported_on is not None and self.works(today):
            return self._unconfirmed(life, life.reported_on, today)
        if life.state != "open" or life.deadline is None:
            return None
        left = (life.deadline - today).days
        if 0 <= left <= self.due_soon_days:
            return ("due_soon", life.task_id, today, left, life.deadline, None)
        open_since = max(life.deadline, life.opened_on or life.deadline)
        if left < 0 and self.works(today) and (today - open_since).days <= self.look_back:
            return ("overdue", life.task_id, today, -left, life.deadline, None)
        return None

    def _unconfirmed(self, life: Life, reported: date, today: date) -> Expected | None:
        waited = self._working_days(reported, today)
        youngest = today
        while self._working_days(youngest, today) <= self.unconfirmed_days:
            youngest -= DAY
        if waited <= self.unconfirmed_days or (youngest - reported).days > self.look_back:
            return None
        return ("unconfirmed", life.task_id, today, waited, life.deadline, life.completion)

    def _working_days(self, after: date, until: date) -> int:
        day, found = after, 0
        while day < until:
            day += DAY
            found += self.works(day)
        return found
