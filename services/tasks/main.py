"""The API process of the tasks service."""

from functools import partial

from fastapi import FastAPI

from services.tasks.adapters.calendar import SqlOfficeCalendar
from services.tasks.adapters.together import SqlTogetherUnitOfWork
from services.tasks.adapters.unit_of_work import SqlTasksUnitOfWork
from services.tasks.api import calendar, completions, tasks
from services.tasks.api.errors import PROBLEMS
from services.tasks.api.permissions import PERMISSIONS, VERBS
from services.tasks.handlers import CalendarDesk, Desk, report_together
from services.tasks.settings import TasksSettings
from shared.clock import Clock, SystemClock
from shared.database.engine import DriverConnections, create_engine
from shared.database.gathering import Gathering
from shared.http.app import create_service_app
from shared.http.server import serve
from shared.ids import TimeOrderedIds
from shared.settings import load

HISTORY = "services.tasks"


def create_app(settings: TasksSettings, *, clock: Clock | None = None) -> FastAPI:
    """Build the API process; a given clock stands for the machine's."""
    engine = create_engine(
        settings.tasks_database_url, application_name="tasks-api", pool_size=settings.tasks_pool_size
    )
    ids, connections = TimeOrderedIds(), DriverConnections(engine)
    desk = Desk(
        unit_of_work=partial(SqlTasksUnitOfWork, connections, ids),
        together=partial(SqlTogetherUnitOfWork, connections, ids),
        clock=clock or SystemClock(),
        ids=ids,
        due_soon_days=settings.due_soon_days,
        completions=Gathering(report_together),
    )
    return create_service_app(
        title="Theo dõi thực hiện nhiệm vụ",
        service="tasks",
        settings=settings,
        engine=engine,
        histories=[HISTORY],
        routers=[tasks.router, completions.router, calendar.router],
        permissions=PERMISSIONS,
        verbs=VERBS,
        problems=PROBLEMS,
        state={"desk": desk, "calendar": CalendarDesk(partial(SqlOfficeCalendar, engine), desk.clock)},
        short_ways=completions.SHORT_WAYS,
    )


if __name__ == "__main__":
    chosen = load(TasksSettings)
    serve(create_app(chosen), chosen.host, chosen.tasks_port)
