"""The worker of the plans service: publishes its events, hears how tasks are carried out."""

import asyncio

from services.plans.consumers import SUBSCRIPTION
from services.plans.settings import PlansSettings
from shared.contracts.topics import PLANS
from shared.database.engine import create_engine
from shared.logging import configure_logging
from shared.memory import leave_out_what_is_loaded
from shared.messaging.worker import run_worker
from shared.settings import load


async def run(settings: PlansSettings, *, stop: asyncio.Event | None = None) -> None:
    """Work until SIGTERM or SIGINT; a given event takes their place inside another program."""
    metrics_at = (settings.host, settings.plans_worker_port) if settings.plans_worker_port else None
    engine = create_engine(settings.plans_database_url, application_name="plans-worker", pool_size=5)
    try:
        await run_worker(
            service="plans",
            settings=settings,
            engine=engine,
            topics=(PLANS,),
            subscription=SUBSCRIPTION,
            stop=stop,
            metrics_at=metrics_at,
        )
    finally:
        await engine.dispose()


if __name__ == "__main__":
    chosen = load(PlansSettings, opens_log=True)
    configure_logging("plans", chosen.log_level)
    leave_out_what_is_loaded()
    asyncio.run(run(chosen))
