"""What route functions ask for."""

from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from services.plans.domain.access import Scope
from services.plans.handlers import Ask, Desk
from shared.http.caller import Caller, CallerDep, Role
from shared.http.idempotency import IdempotencyKeyDep
from shared.http.preconditions import ExpectedVersionDep


async def current_desk(request: Request) -> Desk:
    """Return what the use cases work with."""
    desk = request.app.state.desk
    if not isinstance(desk, Desk):
        raise TypeError("the application has no desk")
    return desk


def scope_of(caller: Caller) -> Scope:
    """Return the part of the tree in which the caller works."""
    return Scope(unit=caller.unit, reads_above=Role.DEPARTMENT in caller.roles)


async def current_scope(caller: CallerDep) -> Scope:
    """Return the part of the tree in which the caller works."""
    return scope_of(caller)


DeskDep = Annotated[Desk, Depends(current_desk)]
ScopeDep = Annotated[Scope, Depends(current_scope)]


async def current_ask(
    scope: ScopeDep,
    request_key: IdempotencyKeyDep,
    expected_version: ExpectedVersionDep,
) -> Ask:
    """Return what this write says of itself."""
    return Ask(scope=scope, request=request_key, expected_version=expected_version)


AskDep = Annotated[Ask, Depends(current_ask)]
