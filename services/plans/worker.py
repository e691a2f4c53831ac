"""The worker process of the plans service: outbox relay, and the consumer of task events."""

import asyncio

from shared.messaging.worker import run_worker

from services.plans.consumers import SUBSCRIPTION
from services.plans.settings import PlansSettings
from shared.contracts.topics import PLANS
from shared.database.engine import create_engine


async def run(settings: PlansSettings) -> None:
    """Run until SIGTERM or SIGINT."""
    engine = create_engine(settings.plans_database_url, application_name="plans-worker", pool_size=5)
    try:
        await run_worker(service="plans", settings=settings, engine=engine, topics=(PLANS,), subscription=SUBSCRIPTION)
    finally:
        await engine.dispose()


if __name__ == "__main__":
    asyncio.run(run(PlansSettings()))
