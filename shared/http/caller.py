"""Who calls: read from the bearer token by the edge, asked for by route functions that need to know."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection, Request
from starlette.types import Scope

from shared.access_keys import Verb
from shared.security import Identity

_SCOPE_KEY = "cchc.caller"


class Role(StrEnum):
    """The four roles; what each may do stands in every service's api/permissions.py."""

    DEPARTMENT = "department"
    SECRETARIAT = "secretariat"
    LEADER = "leader"
    ADMIN = "admin"


class Unauthenticated(Exception):  # noqa: N818 -- errors say the refusal
    """No bearer token, or one that does not hold (HTTP 401). Why it does not hold is told to nobody."""


class Forbidden(Exception):  # noqa: N818 -- errors say the refusal
    """The caller is known, and its roles do not allow this (HTTP 403)."""


class UnitRequired(Exception):  # noqa: N818 -- errors say the refusal
    """A token with the role `department` names no unit: whose tasks it may touch is unknown (HTTP 403)."""


class VerbRequired(Exception):  # noqa: N818 -- errors say the refusal
    """The caller's access key was not made for this (HTTP 403)."""


@dataclass(frozen=True)
class Caller:
    """A person or program with a valid token.

    `unit` is a unit's code; None means the whole installation, which only callers without the role `department` have.
    `subject` and `name` are personal data: they are stored with what the caller did, and never logged.
    """

    subject: str = field(repr=False)
    name: str | None = field(repr=False)
    roles: frozenset[Role]
    unit: str | None
    verbs: frozenset[Verb] | None = None
    """What the caller's access key may be used for; None: no key, a token."""


def caller_of(identity: Identity) -> Caller:
    """Return the caller that a validated token stands for; roles unknown to us are ignored.

    Raises:
        UnitRequired: the role is `department` and no unit is named.
    """
    known = {role.value for role in Role}
    caller = Caller(
        subject=identity.subject,
        name=identity.name,
        roles=frozenset(Role(role) for role in identity.roles if role in known),
        unit=identity.unit,
        verbs=identity.verbs,
    )
    if Role.DEPARTMENT in caller.roles and caller.unit is None:
        raise UnitRequired
    return caller


def remember_caller(scope: Scope, caller: Caller) -> None:
    """Attach the caller to the request."""
    scope[_SCOPE_KEY] = caller


def find_caller(connection: HTTPConnection) -> Caller | None:
    """Return the caller of the request, None on an open path."""
    caller = connection.scope.get(_SCOPE_KEY)
    return caller if isinstance(caller, Caller) else None


async def current_caller(request: Request) -> Caller:
    """Return the caller of the request.

    Raises:
        Unauthenticated: the edge has let nobody in, which it does on open paths only.
    """
    caller = find_caller(request)
    if caller is None:
        raise Unauthenticated
    return caller


CallerDep = Annotated[Caller, Depends(current_caller)]
