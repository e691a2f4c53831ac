"""The worker of the tasks service: publishes its events, hears the plans service's."""

import asyncio

from services.tasks.consumers import SUBSCRIPTION
from services.tasks.settings import TasksSettings
from shared.contracts.topics import TASKS
from shared.database.engine import create_engine
from shared.logging import configure_logging
from shared.memory import leave_out_what_is_loaded
from shared.messaging.worker import run_worker
from shared.settings import load


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
            stop=stop,
            metrics_at=metrics_at,
        )
    finally:
        await engine.dispose()


if __name__ == "__main__":
    chosen = load(TasksSettings, opens_log=True)
    configure_logging("tasks", chosen.log_level)
    leave_out_what_is_loaded()
    asyncio.run(run(chosen))
