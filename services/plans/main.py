"""The API process of the plans service."""

from fastapi import FastAPI

from services.plans.adapters.plan_files import read_plan_file
from services.plans.adapters.unit_of_work import SqlPlansUnitOfWork
from services.plans.api import access_keys, plans, programmes, units
from services.plans.api.errors import PROBLEMS
from services.plans.api.permissions import PERMISSIONS, VERBS
from services.plans.handlers import Desk
from services.plans.settings import PlansSettings
from shared.clock import Clock, SystemClock
from shared.database.engine import DriverConnections, create_engine
from shared.http.app import create_service_app
from shared.http.server import serve
from shared.ids import TimeOrderedIds
from shared.settings import load

HISTORY = "services.plans"


def create_app(settings: PlansSettings, *, clock: Clock | None = None) -> FastAPI:
    """Build the API process; a given clock stands for the machine's."""
    engine = create_engine(
        settings.plans_database_url, application_name="plans-api", pool_size=settings.plans_pool_size
    )
    ids = TimeOrderedIds()
    desk = Desk(
        unit_of_work=lambda: SqlPlansUnitOfWork(engine, ids),
        read_file=read_plan_file,
        clock=clock or SystemClock(),
        ids=ids,
        before_is_inclusive=settings.before_is_inclusive,
    )
    return create_service_app(
        title="Kế hoạch, chương trình, đơn vị",
        service="plans",
        settings=settings,
        engine=engine,
        histories=[HISTORY],
        routers=[units.router, programmes.router, plans.router, access_keys.router],
        permissions=PERMISSIONS,
        verbs=VERBS,
        problems=PROBLEMS,
        state={"desk": desk, "connections": DriverConnections(engine)},
        short_ways=plans.SHORT_WAYS,
    )


if __name__ == "__main__":
    chosen = load(PlansSettings)
    serve(create_app(chosen), chosen.host, chosen.plans_port)
