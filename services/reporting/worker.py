"""The worker process of the reporting service: outbox relay, and the consumer of plan and task events."""

import asyncio

from services.reporting.consumers import SUBSCRIPTION
from services.reporting.settings import ReportingSettings
from shared.contracts.topics import REPORTS
from shared.database.engine import create_engine
from shared.logging import configure_logging
from shared.memory import leave_out_what_is_loaded
from shared.messaging.worker import run_worker
from shared.settings import load


async def run(settings: ReportingSettings, *, stop: asyncio.Event | None = None) -> None:
    """Run until SIGTERM or SIGINT; `stop` is for whoever runs it inside another program."""
    metrics_at = (settings.host, settings.reporting_worker_port) if settings.reporting_worker_port else None
    engine = create_engine(settings.reporting_database_url, application_name="reporting-worker", pool_size=5)
    try:
        await run_worker(
            service="reporting",
            settings=settings,
            engine=engine,
            topics=(REPORTS,),
            subscription=SUBSCRIPTION,
            stop=stop,
            metrics_at=metrics_at,
        )
    finally:
        await engine.dispose()


if __name__ == "__main__":
    chosen = load(ReportingSettings, opens_log=True)
    configure_logging("reporting", chosen.log_level)
    leave_out_what_is_loaded()
    asyncio.run(run(chosen))
