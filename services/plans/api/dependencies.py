"""What route functions ask for."""

import re
from typing import Annotated

from fastapi import Depends, Header
from starlette.requests import Request

from services.plans.api.errors import IfMatchInvalid
from services.plans.domain.access import Scope
from services.plans.handlers import Ask, Desk
from shared.http.caller import Caller, CallerDep, Role
from shared.http.idempotency import IdempotencyKeyDep

_ENTITY_TAG = re.compile(r'\s*(W/)?"([\x21\x23-\x7e]*)"\s*')
_NO_VERSION = -1


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


async def current_ask(
    scope: ScopeDep,
    request_key: IdempotencyKeyDep,
    if_match: Annotated[
        str | None, Header(description="ETag của lần xem trước; nếu đã đổi thì trả 412.", max_length=200)
    ] = None,
) -> Ask:
    """Return what this write says of itself."""
    return Ask(scope=scope, request=request_key, expected_version=expected_version(if_match))


AskDep = Annotated[Ask, Depends(current_ask)]


def entity_tag(version: object) -> dict[str, str]:
    """Return the ETag header of a version."""
    return {"ETag": f'"{version}"'}
