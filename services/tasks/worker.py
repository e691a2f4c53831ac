"""The worker of the tasks service: publishes its events, hears the plans service's."""

import asyncio

from services.tasks.consumers import SUBSCRIPTION
from services.tasks.settings import TasksSettings
from shared.contracts.topics import TASKS
from shared.database.engine import create_engine
from shared.messaging.worker import run_worker


async def run(settings: TasksSettings) -> None:
    """Work until SIGTERM or SIGINT."""
    engine = create_engine(settings.tasks_database_url, application_name="tasks-worker")
    try:
        await run_worker(service="tasks", settings=settings, engine=engine, topics=(TASKS,), subscription=SUBSCRIPTION)
    finally:
        await engine.dispose()


if __name__ == "__main__":
    asyncio.run(run(TasksSettings()))
