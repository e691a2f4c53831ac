"""Who may call what: one table a service, denied by default.

The edge reads the table before a request's body is read; a second lock in front of every route function makes sure
that the route which runs is the very one that the edge let the caller through to.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import FastAPI, Security
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import Request
from starlette.types import Scope

from shared.access_keys import Verb
from shared.http.caller import Caller, Forbidden, Role, VerbRequired

Permissions = Mapping[str, frozenset[Role]]
"""Route function name -> roles that may call it."""

Verbs = Mapping[str, Verb]
"""Route function name -> what an access key must be good for to call it. Keys are let through to no other route."""

OPEN_PATHS: Final = frozenset({"/health/live", "/health/ready", "/metrics", "/openapi.json"})
"""Answered without a token: probes, scrapes and the API's description carry no business data. Keep them inside."""

_SCOPE_KEY: Final = "cchc.permitted_endpoint"


class PermissionTableError(RuntimeError):
    """The service and its permission table do not fit; it must not start."""


@dataclass(frozen=True)
class GuardedRoute:
    """A route with those who may call it and the query parameters that it knows."""

    path: str
    methods: frozenset[str]
    name: str
    roles: frozenset[Role]
    verb: Verb | None
    endpoint: Callable[..., Any]
    pattern: re.Pattern[str]
    parameters: frozenset[str]


class PermissionTable:
    """The guarded routes of an application, in the order in which it looks for them."""

    def __init__(self, routes: Sequence[GuardedRoute]) -> None:
        self.routes = tuple(routes)

    def find(self, method: str, path: str) -> GuardedRoute | None:
        """Return the route that the application will choose; None means that it will answer 404 or 405."""
        for route in self.routes:
            if method in route.methods and route.pattern.match(path):
                return route
        return None


def build_table(app: FastAPI, permissions: Permissions, verbs: Verbs | None = None) -> PermissionTable:
    """Return the table of all routes of `app` but the open ones.

    Raises:
        PermissionTableError: a route has no row or cannot be guarded, a row has no route, two routes share a name.
    """
    routes: list[GuardedRoute] = []
    for context in iter_route_contexts(app.routes):
        if context.path in OPEN_PATHS and _is_own(context):
            continue
        route = _guarded(context, permissions, verbs or {})
        if any(route.pattern.match(path) for path in OPEN_PATHS):
            raise PermissionTableError(f"{route.name}: {route.path} would answer on an open path")
        routes.append(route)
    shared_names = [name for name, uses in Counter(route.name for route in routes).items() if uses > 1]
    if shared_names:
        raise PermissionTableError(f"route functions share a name: {', '.join(sorted(shared_names))}")
    if stale := (permissions.keys() | (verbs or {}).keys()) - {route.name for route in routes}:
        raise PermissionTableError(f"permission rows without a route: {', '.join(sorted(stale))}")
    return PermissionTable(routes)


def _is_own(context: RouteContext) -> bool:
    return str(getattr(context.endpoint, "__module__", "")).startswith(("shared.http.", "fastapi."))


def _guarded(context: RouteContext, permissions: Permissions, verbs: Verbs) -> GuardedRoute:
    if not isinstance(context.original_route, APIRoute) or context.endpoint is None:
        raise PermissionTableError(f"{context.path}: only API routes can be guarded")
    name = context.endpoint.__name__
    if name not in permissions:
        raise PermissionTableError(f"{name} ({context.path}) has no row in the permission table")
    known = [field.alias for field in get_flat_params(context.dependant) if isinstance(field.field_info, Query)]
    return GuardedRoute(
        path=str(context.path),
        methods=frozenset(context.methods or ()),
        name=name,
        roles=permissions[name],
        verb=verbs.get(name),
        endpoint=context.endpoint,
        pattern=context.path_regex,
        parameters=frozenset(known),
    )


def permit(scope: Scope, route: GuardedRoute, caller: Caller) -> None:
    """Let `caller` through to `route`.

    Raises:
        Forbidden: none of its roles may call it.
        VerbRequired: it shows an access key that was not made for this.
    """
    if not caller.roles & route.roles:
        raise Forbidden
    if caller.verbs is not None and route.verb not in caller.verbs:
        raise VerbRequired
    scope[_SCOPE_KEY] = route.endpoint


_BEARER: Final = HTTPBearer(
    auto_error=False,
    bearerFormat="JWT",
    description="Mã truy cập (JWT) của nơi cấp tài khoản, hoặc khóa truy cập của phần mềm đơn vị (cchc_...).",
)


async def second_lock(
    request: Request,
    documented: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)] = None,
) -> None:
    """Refuse a route function that the edge has not let the caller through to; in front of every one.

    Raises:
        Forbidden: the edge judged another route, or none.
    """
    del documented  # stands in the signature for the API document
    if request.scope.get(_SCOPE_KEY) is not request.scope["endpoint"]:
        raise Forbidden


def permission_matrix(app: FastAPI) -> list[tuple[str, str, str, frozenset[Role]]]:
    """Return method, path, route function name and roles of every guarded route, for the authorisation-matrix test."""
    return [
        (method, route.path, route.name, route.roles)
        for route in _table(app).routes
        for method in sorted(route.methods)
    ]


def _table(app: FastAPI) -> PermissionTable:
    table = app.state.permission_table
    if not isinstance(table, PermissionTable):
        raise PermissionTableError("not an application of create_service_app")
    return table


def open_paths(app: FastAPI) -> Iterator[str]:
    """Return the paths of `app` that are answered without a token."""
    return (
        path for path in sorted(OPEN_PATHS) if any(context.path == path for context in iter_route_contexts(app.routes))
    )
