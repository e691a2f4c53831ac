"""Reminders as tests make them: a scheduler at a moment of the test's choice, and what it has told."""

import json
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from services.tasks.handlers import ReminderDesk, make_reminders
from services.tasks.worker import reminder_desk
from shared.clock import Clock, FixedClock
from tests.support.tasks_service import TasksService

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
KINDS = {
    "cchc.task.due_soon.v1": "due_soon",
    "cchc.task.overdue.v1": "overdue",
    "cchc.completion.unconfirmed.v1": "unconfirmed",
}


def at(day: date, hour: int = 9, minute: int = 0) -> datetime:
    """Return a moment of a Vietnamese day."""
    return datetime.combine(day, time(hour, minute), tzinfo=VIETNAM)


@dataclass(frozen=True)
class Told:
    """One reminder as its event tells it."""

    kind: str
    task_id: UUID
    day: date
    days: int
    deadline: date | None
    version: int
    completion_id: UUID | None


def a_desk(service: TasksService, clock: Clock, **settings: Any) -> ReminderDesk:  # noqa: ANN401 -- any setting
    """Return what one scheduler works with; it need not wait between two transactions."""
    chosen = service.settings.model_copy(update={"reminders_per_second": 1000, **settings})
    return reminder_desk(chosen, service.engine, clock, apart=timedelta(0))


async def make_all(desk: ReminderDesk) -> int:
    """Make all that are due, and return how many."""
    made = 0
    while (more := await make_reminders(desk)) != 0:
        made += more or 0
    return made


async def remind_at(service: TasksService, moment: datetime, **settings: Any) -> int:  # noqa: ANN401 -- any setting
    """Make all that are due at `moment`."""
    return await make_all(a_desk(service, FixedClock(moment), **settings))


async def told(service: TasksService) -> list[Told]:
    """Return the reminders of the outbox in the order of writing."""
    rows = await service.rows("SELECT type, value FROM outbox WHERE type = ANY(:kinds) ORDER BY id", kinds=list(KINDS))
    return [_read(row["type"], json.loads(row["value"])) for row in rows]


async def kinds_of(service: TasksService, task_id: UUID) -> list[tuple[str, date]]:
    """Return what was told of one task, and on which day."""
    return [(each.kind, each.day) for each in await told(service) if each.task_id == task_id]


async def wrong_with_versions(service: TasksService) -> list[str]:
    """Return tasks whose events, history and version do not count on together without a gap."""
    rows = await service.rows(
        "SELECT tasks.id, tasks.version,"
        " (SELECT array_agg(version ORDER BY version) FROM task_history WHERE task_id = tasks.id) AS history,"
        " (SELECT array_agg((convert_from(value, 'UTF8')::jsonb ->> 'version')::int ORDER BY outbox.id) FROM outbox"
        "  WHERE convert_from(value, 'UTF8')::jsonb ->> 'task_id' = tasks.id::text) AS events FROM tasks"
    )
    wanted = {row["id"]: list(range(1, row["version"] + 1)) for row in rows}
    return [str(row) for row in rows if not (row["history"] or []) == (row["events"] or []) == wanted[row["id"]]]


def _read(kind: str, data: dict[str, Any]) -> Told:
    deadline, completion = data.get("deadline"), data.get("completion_id")
    return Told(
        kind=KINDS[kind],
        task_id=UUID(data["task_id"]),
        day=date.fromisoformat(data["day"]),
        days=data["days"],
        deadline=None if deadline is None else date.fromisoformat(deadline),
        version=data["version"],
        completion_id=None if completion is None else UUID(completion),
    )
