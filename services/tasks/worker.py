"""The worker of the tasks service: publishes its events, hears the plans service's, makes reminders."""

import asyncio
from datetime import timedelta
from functools import partial
from typing import Final

from services.tasks.adapters.reminders import APART, SqlReminders
from services.tasks.consumers import SUBSCRIPTION
from services.tasks.domain.reminders import ReminderKind, ReminderRules
from services.tasks.handlers import REMINDERS, ReminderDesk, make_reminders
from services.tasks.settings import TasksSettings
from shared.clock import Clock, SystemClock
from shared.contracts.topics import TASKS
from shared.database.engine import Engine, create_engine
from shared.ids import TimeOrderedIds
from shared.logging import configure_logging
from shared.memory import leave_out_what_is_loaded
from shared.messaging.backoff import pause
from shared.messaging.worker import run_worker
from shared.settings import load

LOOK_EVERY: Final = timedelta(seconds=10)
"""How long after the office hour, or after a plan was learnt, a reminder may be made."""


async def run(settings: TasksSettings, *, stop: asyncio.Event | None = None) -> None:
    """Work until SIGTERM or SIGINT; a given event takes their place inside another program."""
    metrics_at = (settings.host, settings.tasks_worker_port) if settings.tasks_worker_port else None
    engine = create_engine(settings.tasks_database_url, application_name="tasks-worker", pool_size=5)
    try:
        await run_worker(
            service="tasks",
            settings=settings,
            engine=engine,
            topics=(TASKS,),
            subscription=SUBSCRIPTION,
            parts={"reminders": partial(keep_reminding, reminder_desk(settings, engine, SystemClock()))},
            stop=stop,
            metrics_at=metrics_at,
        )
    finally:
        await engine.dispose()


def reminder_desk(settings: TasksSettings, engine: Engine, clock: Clock, *, apart: timedelta = APART) -> ReminderDesk:
    """Return what reminders are made with. `apart` and `reminders_per_second` hold the pace."""
    return ReminderDesk(
        unit_of_work=partial(SqlReminders, engine, TimeOrderedIds(), apart=apart),
        clock=clock,
        rules=ReminderRules(
            due_soon_days=settings.due_soon_days,
            day_kind=settings.reminder_day_kind,
            unconfirmed_days=settings.unconfirmed_days,
            look_back_days=settings.reminder_look_back_days,
            hour=settings.reminder_hour,
        ),
        at_once=settings.reminders_per_second,
    )


async def keep_reminding(desk: ReminderDesk, stop: asyncio.Event, *, every: timedelta = LOOK_EVERY) -> None:
    """Make reminders until `stop` is set; the part of the worker of that name."""
    for kind in ReminderKind:
        REMINDERS.add(0, {"kind": kind.value})
    while not stop.is_set():
        is_idle = await make_reminders(desk) == 0
        await pause(stop, (every if is_idle else APART).total_seconds())


if __name__ == "__main__":
    chosen = load(TasksSettings, opens_log=True)
    configure_logging("tasks", chosen.log_level)
    leave_out_what_is_loaded()
    asyncio.run(run(chosen))
