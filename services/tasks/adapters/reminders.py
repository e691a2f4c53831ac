"""Reminders in PostgreSQL: found by indexes, judged under lock, written with their events in one transaction.

Exactly once rests on two things: one scheduler at a time (an advisory lock of the transaction, so that a killed or
hanging one frees it), and a unique key for each reminder (adapters/tables.py), should the first ever fail.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import bindparam, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.tasks.adapters.calendar import known_days
from services.tasks.adapters.event_mapping import reminder_to_contract, reminder_to_history
from services.tasks.adapters.rows import SOURCE
from services.tasks.adapters.tables import reminders, task_history, tasks
from services.tasks.domain.calendar import ONE_DAY, WorkingCalendar
from services.tasks.domain.reminders import SUBJECT, ReminderKind, Standing, TaskReminded, Window
from services.tasks.domain.task import TaskState
from shared.clock import VIETNAM, vietnam_date
from shared.database.tables import outbox
from shared.database.unit_of_work import UnitOfWork
from shared.ids import Ids
from shared.messaging.outbox import outbox_row

REMINDERS_LOCK = 7_263_102
"""Advisory lock of the one transaction that makes reminders in a database."""
APART = timedelta(seconds=1)
"""Least time between two transactions that made reminders, by the database's clock, whichever process they are of."""

_RECENTLY = text(
    "SELECT EXISTS (SELECT FROM reminders WHERE written_at BETWEEN clock_timestamp() - CAST(:apart AS interval)"
    " AND clock_timestamp())"
)
_UNTOLD = """NOT EXISTS (
        SELECT FROM reminders
        WHERE task_id = tasks.id AND completion_id IS NULL AND kind = '{kind}' AND deadline = tasks.deadline_date
            AND round = (SELECT count(*) FROM task_history WHERE task_id = tasks.id AND kind = 'reopened'))"""
_OPEN = "tasks.state IN ('not_started', 'in_progress', 'returned')"
_OVERDUE = f"{_OPEN} AND tasks.deadline_date < :today AND {_UNTOLD.format(kind='overdue')}"
# Says in SQL what domain/reminders.py says of one task; a test holds the two against each other. The third part is
# apart from the second because a task that was opened again is found by that day, however long its deadline is past.
_DUE = text(
    f"""
    SELECT id FROM tasks
    WHERE id IN (
        SELECT tasks.id FROM tasks
        WHERE {_OPEN} AND tasks.deadline_date BETWEEN :today AND :due_soon_until
            AND {_UNTOLD.format(kind="due_soon")}
        UNION
        SELECT tasks.id FROM tasks WHERE {_OVERDUE} AND tasks.deadline_date >= :overdue_since
        UNION
        SELECT tasks.id FROM task_history AS opened JOIN tasks ON tasks.id = opened.task_id
        WHERE opened.kind IN ('returned', 'reopened') AND opened.moment >= :opened_since AND {_OVERDUE}
        UNION
        SELECT tasks.id FROM completions JOIN tasks ON tasks.id = completions.task_id
        WHERE completions.state = 'awaiting' AND tasks.state = 'awaiting_confirmation'
            AND completions.recorded_at >= :reported_from AND completions.recorded_at < :reported_before
            AND NOT EXISTS (SELECT FROM reminders WHERE completion_id = completions.id)
        LIMIT :limit
    )
    FOR UPDATE SKIP LOCKED
    """  # noqa: S608 -- our own text
)
_STANDINGS = text(
    """
    SELECT tasks.id, tasks.plan_id, tasks.version, tasks.state, tasks.deadline_date, opened.reopenings,
        opened.opened_at, completions.id AS completion_id, completions.recorded_at,
        ARRAY(
            SELECT kind FROM reminders
            WHERE reminders.task_id = tasks.id AND (
                completion_id = completions.id
                OR (completion_id IS NULL AND deadline = tasks.deadline_date AND round = opened.reopenings))
        ) AS told
    FROM tasks
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE kind = 'reopened') AS reopenings, max(moment) AS opened_at
        FROM task_history WHERE task_id = tasks.id AND kind IN ('returned', 'reopened')
    ) AS opened
    LEFT JOIN completions ON completions.task_id = tasks.id AND completions.state = 'awaiting'
    WHERE tasks.id = ANY(CAST(:ids AS uuid[]))
    ORDER BY tasks.deadline_date NULLS LAST, tasks.id
    """
)
_MOVE_ON = update(tasks).where(tasks.c.id == bindparam("of")).values(version=bindparam("to"))


class SqlReminders(UnitOfWork):
    """The unit of work of one transaction's reminders.

    Args:
        engine: the service's database.
        ids: makes the identifiers of events.
        apart: least time since the transaction before.
    """

    def __init__(self, engine: AsyncEngine, ids: Ids, *, apart: timedelta = APART) -> None:
        super().__init__(engine)
        self._ids = ids
        self._apart = apart

    def bind(self, connection: AsyncConnection) -> None:
        """Work on `connection`."""
        self._bound = connection

    async def take_turn(self) -> bool:
        """Return whether nobody else makes reminders, nor did so a moment ago."""
        if not await self._bound.scalar(select(func.pg_try_advisory_xact_lock(REMINDERS_LOCK))):
            return False
        return not await self._bound.scalar(_RECENTLY, {"apart": self._apart})

    async def calendar(self, first: date, last: date) -> WorkingCalendar:
        """Return the calendar of the years of these days."""
        return WorkingCalendar(await known_days(self._bound, first.year, last.year))

    async def due(self, window: Window, *, limit: int) -> Sequence[Standing]:
        """Return tasks that seem due, locked. They are read after they were locked: nothing changes any more."""
        found = await self._bound.scalars(_DUE, {**_bounds(window), "limit": limit})
        rows = await self._bound.execute(_STANDINGS, {"ids": list(found)})
        return [_standing(row) for row in rows.mappings()]

    async def save(self, made: Sequence[TaskReminded]) -> None:
        """Write for each the task's version, its history, the reminder and the event."""
        if not made:
            return
        told = [(reminder, self._ids.new()) for reminder in made]
        await self._bound.execute(_MOVE_ON, [{"of": reminder.task_id, "to": reminder.version} for reminder in made])
        await self._bound.execute(insert(task_history), [_history_row(reminder) for reminder in made])
        await self._bound.execute(
            insert(outbox),
            [
                outbox_row(
                    reminder_to_contract(reminder),
                    event_id=event_id,
                    source=SOURCE,
                    subject=str(reminder.task_id),
                    key=str(reminder.plan_id),
                    time=reminder.moment,
                )
                for reminder, event_id in told
            ],
        )
        await self._bound.execute(insert(reminders), [{"event_id": key, **_reminder_row(each)} for each, key in told])


def _bounds(window: Window) -> dict[str, date | datetime | None]:
    return {
        "today": window.today,
        "due_soon_until": window.due_soon_until,
        "overdue_since": window.overdue_since,
        "opened_since": _midnight(window.overdue_since),
        "reported_from": _midnight(window.reported_since),
        "reported_before": None if window.reported_until is None else _midnight(window.reported_until + ONE_DAY),
    }


def _midnight(day: date | None) -> datetime | None:
    """Return the moment at which a Vietnamese day begins."""
    return None if day is None else datetime.combine(day, time(), tzinfo=VIETNAM).astimezone(UTC)


def _standing(row: Any) -> Standing:  # noqa: ANN401 -- a row
    return Standing(
        task_id=row["id"],
        plan_id=row["plan_id"],
        version=row["version"],
        state=TaskState(row["state"]),
        deadline=row["deadline_date"],
        reopenings=row["reopenings"],
        opened_on=None if row["opened_at"] is None else vietnam_date(row["opened_at"]),
        told=frozenset(map(ReminderKind, row["told"])),
        completion_id=row["completion_id"],
        reported_on=None if row["recorded_at"] is None else vietnam_date(row["recorded_at"]),
    )


def _history_row(reminder: TaskReminded) -> dict[str, Any]:
    return {
        "task_id": reminder.task_id,
        "version": reminder.version,
        "kind": reminder.kind.value,
        "actor_subject": SUBJECT,
        "actor_unit": None,
        "moment": reminder.moment,
        "payload": reminder_to_history(reminder),
    }


def _reminder_row(reminder: TaskReminded) -> dict[str, Any]:
    return {
        "task_id": reminder.task_id,
        "kind": reminder.kind.value,
        "deadline": reminder.deadline,
        "round": reminder.round,
        "completion_id": reminder.completion_id,
        "day": reminder.day,
        "version": reminder.version,
        "made_at": reminder.moment,
    }
