"""The worker process of the reporting service: relay, consumer of plan and task events, and all that webhooks need."""

import asyncio
from datetime import timedelta

import structlog

from services.reporting.adapters.outgoing.networks import Guard
from services.reporting.adapters.outgoing.poster import Poster
from services.reporting.adapters.plan_marks import PlanMarks
from services.reporting.adapters.webhook_fanout import FanOut
from services.reporting.adapters.webhook_mail import MailServer, NoticeMail
from services.reporting.adapters.webhook_queue import Limits
from services.reporting.adapters.webhook_secrets import SecretBox
from services.reporting.adapters.webhook_sender import WebhookSender
from services.reporting.adapters.webhook_upkeep import WebhookUpkeep
from services.reporting.consumers import subscription
from services.reporting.domain.method import Method
from services.reporting.domain.webhooks.schedule import Schedule
from services.reporting.settings import ReportingSettings
from shared.clock import SystemClock
from shared.contracts.topics import REPORTS
from shared.database.engine import Engine, create_engine
from shared.ids import TimeOrderedIds
from shared.logging import configure_logging
from shared.memory import WHILE_CATCHING_UP, leave_out_what_is_loaded
from shared.messaging.worker import Part, run_worker
from shared.settings import load

BEYOND_THE_LIMIT = 5.0
"""Seconds by which a lease is longer than an attempt may take."""

_log = structlog.get_logger(__name__)


async def run(settings: ReportingSettings, *, stop: asyncio.Event | None = None) -> None:
    """Run until SIGTERM or SIGINT; `stop` is for whoever runs it inside another program."""
    metrics_at = (settings.host, settings.reporting_worker_port) if settings.reporting_worker_port else None
    engine = create_engine(settings.reporting_database_url, application_name="reporting-worker", pool_size=5)
    clock = SystemClock()
    fan_out = FanOut(clock, timedelta(days=settings.webhook_oldest_days))
    try:
        async with Poster(
            Guard(settings.webhook_allowed_networks, settings.webhook_plain_http),
            clock=clock,
            total_seconds=settings.webhook_timeout_seconds,
            ca_file=settings.webhook_ca_file,
        ) as poster:
            await run_worker(
                service="reporting",
                settings=settings,
                engine=engine,
                topics=(REPORTS,),
                subscription=subscription(fan_out),
                parts=parts(settings, engine, poster, fan_out),
                stop=stop,
                metrics_at=metrics_at,
            )
    finally:
        await engine.dispose()


def parts(settings: ReportingSettings, engine: Engine, poster: Poster, fan_out: FanOut) -> dict[str, Part]:
    """Return the worker's further work by name.

    Raises:
        KeyUnusable: the file of the installation's key holds none.
    """
    clock, ids = fan_out.clock, TimeOrderedIds()
    marks = PlanMarks(
        engine,
        clock,
        ids,
        fan_out,
        Method(settings.counting_method, settings.percent_rounding),
        tuple(int(mark) for mark in settings.progress_marks),
    )
    upkeep = WebhookUpkeep(engine, clock=clock, keep=timedelta(days=settings.webhook_keep_days), oldest=fan_out.oldest)
    found: dict[str, Part] = {"marks": marks.run, "webhook-upkeep": upkeep.run}
    if settings.webhook_key_file is None:
        _log.warning("no webhooks are sent", reason="CCHC_WEBHOOK_KEY_FILE is not set")
    else:
        sender = WebhookSender(
            engine,
            poster,
            SecretBox.of_file(settings.webhook_key_file),
            clock=clock,
            ids=ids,
            schedule=Schedule(settings.webhook_schedule_seconds),
            limits=Limits(
                settings.webhook_at_once,
                settings.webhook_at_once_per_endpoint,
                lease=timedelta(seconds=settings.webhook_timeout_seconds + BEYOND_THE_LIMIT),
            ),
        )
        found["webhooks"] = sender.run
    if settings.smtp_url is not None and settings.mail_to:
        server = MailServer(settings.smtp_url, settings.mail_from, settings.mail_to)
        found["webhook-mail"] = NoticeMail(engine, server, clock=clock).run
    return found


if __name__ == "__main__":
    chosen = load(ReportingSettings, opens_log=True)
    configure_logging("reporting", chosen.log_level)
    leave_out_what_is_loaded(young=WHILE_CATCHING_UP)
    asyncio.run(run(chosen))
