"""What route functions ask for."""

import re
from typing import Annotated

from fastapi import Depends, Header
from starlette.requests import Request

from services.reporting.api.errors import IfMatchInvalid
from services.reporting.domain.sight import Viewer
from services.reporting.handlers import Ask, Desk
from services.reporting.queries import Engine
from shared.http.caller import Caller, CallerDep, Role
from shared.http.idempotency import IdempotencyKeyDep

_ENTITY_TAG = re.compile(r'\s*(W/)?"([\x21\x23-\x7e]*)"\s*')
_NO_VERSION = -1
_OVERSIGHT = frozenset({Role.LEADER, Role.SECRETARIAT, Role.ADMIN})


def viewer_of(caller: Caller) -> Viewer:
    """Return the caller in the words of the domain, without a name."""
    return Viewer(
        subject=caller.subject,
        unit=caller.unit,
        sees_subtree=bool(caller.roles & _OVERSIGHT),
        reports_upward=Role.DEPARTMENT in caller.roles,
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


def expected_version(if_match: str | None) -> int | None:
    """Return the version that the caller has read; None where it does not say or `*` takes any.

    A tag that this service never gives out (weak, or no number) matches no version (RFC 9110, 13.1.1).

    Raises:
        IfMatchInvalid: the header is not an entity tag.
    """
    if if_match is None or if_match.strip() == "*":
        return None
    found = _ENTITY_TAG.fullmatch(if_match)
    if found is None:
        raise IfMatchInvalid
    weak, tag = found.groups()
    return int(tag) if not weak and re.fullmatch(r"[0-9]{1,9}", tag) else _NO_VERSION


ViewerDep = Annotated[Viewer, Depends(current_viewer)]
DeskDep = Annotated[Desk, Depends(current_desk)]
EngineDep = Annotated[Engine, Depends(current_engine)]


async def current_ask(
    viewer: ViewerDep,
    request_key: IdempotencyKeyDep,
    if_match: Annotated[
        str | None, Header(description="ETag của lần xem trước; báo cáo đã đổi thì trả 412.", max_length=200)
    ] = None,
) -> Ask:
    """Return what this write says of itself."""
    return Ask(viewer=viewer, request=request_key, expected_version=expected_version(if_match))


AskDep = Annotated[Ask, Depends(current_ask)]
