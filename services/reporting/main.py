"""The API process of the reporting service."""

from datetime import timedelta

from fastapi import FastAPI

from services.reporting.adapters.documents import Documents
from services.reporting.adapters.outgoing.networks import Guard
from services.reporting.adapters.outgoing.target import UrlRefused, check_url
from services.reporting.adapters.unit_of_work import SqlReportingUnitOfWork
from services.reporting.adapters.webhook_fanout import FanOut
from services.reporting.adapters.webhook_secrets import SecretBox
from services.reporting.api import notices, progress, reports, webhook_deliveries, webhook_endpoints
from services.reporting.api.errors import PROBLEMS
from services.reporting.api.permissions import PERMISSIONS
from services.reporting.domain.errors import WebhookUrlRefused
from services.reporting.domain.method import Method
from services.reporting.domain.scoring import proportional
from services.reporting.handlers import Desk, Mailroom, Office
from services.reporting.settings import ReportingSettings
from shared.clock import Clock, SystemClock
from shared.database.engine import create_engine
from shared.http.app import create_service_app
from shared.http.server import serve
from shared.ids import TimeOrderedIds
from shared.settings import load

HISTORY = "services.reporting"


def create_app(settings: ReportingSettings, *, clock: Clock | None = None) -> FastAPI:
    """Build the API process; a given clock stands for the machine's."""
    engine = create_engine(
        settings.reporting_database_url, application_name="reporting-api", pool_size=settings.reporting_pool_size
    )
    ids = TimeOrderedIds()
    clock = clock or SystemClock()
    fan_out = FanOut(clock)
    desk = Desk(
        unit_of_work=lambda: SqlReportingUnitOfWork(engine, ids, fan_out),
        clock=clock,
        ids=ids,
        renderer=Documents(settings.report_template),
        office=Office(
            issuer=settings.report_issuer,
            parent=settings.report_parent,
            place=settings.report_place,
            signature=settings.report_signature,
            recipients=settings.report_recipients,
        ),
        rule=proportional(settings.plan_score_max),
        method=Method(settings.counting_method, settings.percent_rounding),
        mailroom=_mailroom(settings),
    )
    return create_service_app(
        title="Số liệu và báo cáo",
        service="reporting",
        settings=settings,
        engine=engine,
        histories=[HISTORY],
        routers=[
            progress.router,
            reports.router,
            webhook_endpoints.router,
            webhook_deliveries.router,
            notices.router,
        ],
        permissions=PERMISSIONS,
        problems=PROBLEMS,
        state={"desk": desk},
    )


def _mailroom(settings: ReportingSettings) -> Mailroom:
    guard = Guard(settings.webhook_allowed_networks, settings.webhook_plain_http)

    def check(url: str) -> None:
        try:
            check_url(url, guard)
        except UrlRefused as refused:
            raise WebhookUrlRefused(refused.code, str(refused)) from None

    return Mailroom(
        safe=None if settings.webhook_key_file is None else SecretBox.of_file(settings.webhook_key_file),
        check_url=check,
        overlap=timedelta(hours=settings.webhook_key_overlap_hours),
    )


if __name__ == "__main__":
    chosen = load(ReportingSettings)
    serve(create_app(chosen), chosen.host, chosen.reporting_port)
