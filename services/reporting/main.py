"""The API process of the reporting service."""

from fastapi import FastAPI

from services.reporting.adapters.documents import Documents
from services.reporting.adapters.unit_of_work import SqlReportingUnitOfWork
from services.reporting.api import progress, reports
from services.reporting.api.errors import PROBLEMS
from services.reporting.api.permissions import PERMISSIONS, VERBS
from services.reporting.domain.method import Method
from services.reporting.domain.scoring import proportional
from services.reporting.handlers import Desk, Office
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
    desk = Desk(
        unit_of_work=lambda: SqlReportingUnitOfWork(engine, ids),
        clock=clock or SystemClock(),
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
    )
    return create_service_app(
        title="Số liệu và báo cáo",
        service="reporting",
        settings=settings,
        engine=engine,
        histories=[HISTORY],
        routers=[progress.router, reports.router],
        permissions=PERMISSIONS,
        verbs=VERBS,
        problems=PROBLEMS,
        state={"desk": desk},
    )


if __name__ == "__main__":
    chosen = load(ReportingSettings)
    serve(create_app(chosen), chosen.host, chosen.reporting_port)
