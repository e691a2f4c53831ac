"""What route functions ask for."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from services.reporting.domain.sight import Viewer
from services.reporting.handlers import Ask, Desk
from services.reporting.queries import Engine
from shared.http.caller import Caller, CallerDep, Role
from shared.http.idempotency import IdempotencyKeyDep
from shared.http.preconditions import ExpectedVersionDep

_OVERSIGHT = frozenset({Role.LEADER, Role.SECRETARIAT, Role.ADMIN})


def viewer_of(caller: Caller) -> Viewer:
    """Return the caller in the words of the domain, without a name."""
    return Viewer(
        subject=caller.subject,
        unit=caller.unit,
        sees_subtree=bool(caller.roles & _OVERSIGHT),
        reports_upward=Role.DEPARTMENT in caller.roles,
        administers=Role.ADMIN in caller.roles,
    )


async def current_viewer(caller: CallerDep) -> Viewer:
    """Return who calls."""
    return viewer_of(caller)


async def current_desk(request: Request) -> Desk:
    """Return what the use cases work with."""
    desk = request.app.state.desk
    if not isinstance(desk, Desk):
        raise TypeError("the application has no desk")
    return desk


async def current_engine(request: Request) -> Engine:
    """Return the service's database."""
    engine = request.app.state.engine
    if not isinstance(engine, Engine):
        raise TypeError("the application has no engine")
    return engine


ViewerDep = Annotated[Viewer, Depends(current_viewer)]
DeskDep = Annotated[Desk, Depends(current_desk)]
EngineDep = Annotated[Engine, Depends(current_engine)]


async def current_ask(
    viewer: ViewerDep,
    request_key: IdempotencyKeyDep,
    expected_version: ExpectedVersionDep,
) -> Ask:
    """Return what this write says of itself."""
    return Ask(viewer=viewer, request=request_key, expected_version=expected_version)


AskDep = Annotated[Ask, Depends(current_ask)]
