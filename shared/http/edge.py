"""The outermost layer of every API process: lets callers in, sets headers, writes one log line a request.

It stands outside of everything the framework does, so that nothing of a stranger's body is read, and so that no answer
leaves without the headers and without its line, not even one that the framework makes of an unexpected error.
"""

import logging
import time
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.database.engine import DatabaseTrouble
from shared.http import known_problems as known
from shared.http.caller import (
    Forbidden,
    Unauthenticated,
    UnitRequired,
    VerbRequired,
    caller_of,
    find_caller,
    remember_caller,
)
from shared.http.database_trouble import is_database_away
from shared.http.permissions import OPEN_PATHS, GuardedRoute, PermissionTable, permit
from shared.http.problems import field_error, internal_error, language_of, problem_response
from shared.http.rate import Rates, TooManyAtOnce, TooManyRequests, rate_headers
from shared.http.request_telemetry import ROUTE
from shared.http.short_way import ErrorHandlers, ShortWay, Walk
from shared.key_check import BearerVerifier
from shared.logging import PlainLines
from shared.security import InvalidToken, KeysUnavailable

_HEADERS: Final[Mapping[str, str]] = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}
TOO_MANY_AT_ONCE: Final = "cchc.too_many_at_once"
"""Set in the scope of a request that the server has no room for."""
_PLAIN_REFUSALS: Final = (
    *(Unauthenticated, InvalidToken, Forbidden, UnitRequired, VerbRequired),
    *(KeysUnavailable, TooManyAtOnce),
)
_MOST_PARAMETERS: Final = 100
_NOT_TEXT: Final = frozenset(chr(code) for code in range(32)) | {"\x7f"}

_log = structlog.get_logger("shared.http")
_lines = PlainLines("shared.http", "request")


class InvalidQuery(Exception):  # noqa: N818 -- errors say the refusal
    """Query parameters that the route does not know, or that hold control characters."""

    def __init__(self, found: list[tuple[str, str]]) -> None:
        super().__init__("invalid query")
        self.found = found


class StrangeAddress(Exception):  # noqa: N818 -- errors say the refusal
    """The path holds control characters, which no identifier of ours does and PostgreSQL partly refuses."""


class Edge:
    """ASGI middleware around a whole application."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        table: PermissionTable,
        verifier: BearerVerifier,
        rates: Rates,
        short_ways: Mapping[str, ShortWay],
        handlers: ErrorHandlers,
        most_body_bytes: int,
    ) -> None:
        self.app = app
        self._table = table
        self._verifier = verifier
        self._rates = rates
        self._short_ways = short_ways
        self._handlers = handlers
        self._most_body_bytes = most_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        await _Exchange(self, scope, receive, send).run()

    def route_of(self, request: Request) -> GuardedRoute | None:
        """Return the route that the request is for; None on open paths and where there is nothing."""
        return self._table.find(request.method, request.scope["path"])

    def short_way(self, route: GuardedRoute | None) -> Walk | None:
        """Return the short way of `route`, if it has one."""
        way = self._short_ways.get(route.name) if route is not None else None
        return (
            Walk(way, route, self._handlers, self._most_body_bytes) if way is not None and route is not None else None
        )

    async def admit(self, request: Request, route: GuardedRoute | None) -> None:
        """Let the request through, or raise the refusal."""
        if TOO_MANY_AT_ONCE in request.scope:
            raise TooManyAtOnce
        if request.method == "GET" and request.scope["path"] in OPEN_PATHS:
            return
        caller = caller_of(await self._verifier.identify(_bearer_token(request)))
        remember_caller(request.scope, caller)
        self._rates.take(request.scope, caller.subject)
        if _NOT_TEXT.intersection(request.scope["path"]):
            raise StrangeAddress
        if route is not None:
            permit(request.scope, route, caller)
            _check_query(request, route)


class _Exchange:
    """One request and its answer."""

    def __init__(self, edge: Edge, scope: Scope, receive: Receive, send: Send) -> None:
        self._edge = edge
        self._scope = scope
        self._receive = receive
        self._send = send
        self._status: int | None = None
        self._replaced = False
        self._route: GuardedRoute | None = None

    async def run(self) -> None:
        started = time.perf_counter()
        request = Request(self._scope, self._receive)
        try:
            answer, receive = await self._admitted(request), self._receive
            if answer is None and (walk := self._edge.short_way(self._route)) is not None:
                answer = await walk.answer(request)
                receive = walk.receive(receive)
            await (answer or self._edge.app)(self._scope, receive, self._answer)
        except Exception as error:  # noqa: BLE001 -- nothing is outside of this layer but the server, which would log the text
            _log.exception("request failed", error=type(error).__qualname__)
            if self._status is None:
                await internal_error(request)(self._scope, self._receive, self._answer)
        finally:
            self._write_line(request, started)

    async def _admitted(self, request: Request) -> Response | None:
        """Return the refusal, or None when the request may go on."""
        self._route = self._edge.route_of(request)
        path = self._scope["path"]
        self._scope[ROUTE] = self._route.path if self._route else path if path in OPEN_PATHS else None
        try:
            await self._edge.admit(request, self._route)
        except _PLAIN_REFUSALS as refusal:
            return problem_response(request, known.REFUSALS[type(refusal)])
        except TooManyRequests as refusal:
            headers = {"Retry-After": str(refusal.retry_after)}
            return problem_response(request, known.TOO_MANY_REQUESTS, refusal, headers=headers)
        except DatabaseTrouble as error:  # access keys are looked up in it
            if not is_database_away(error):
                raise
            _log.warning("database not available", reason=type(error).__name__)
            return problem_response(request, known.DATABASE_UNAVAILABLE)
        except StrangeAddress:
            return problem_response(request, known.NOT_FOUND)
        except InvalidQuery as refusal:
            language = language_of(request)
            errors = [field_error({"type": kind, "loc": ("query", name)}, language) for kind, name in refusal.found]
            return problem_response(request, known.INVALID_REQUEST, errors=errors)
        return None

    async def _answer(self, message: Message) -> None:
        if self._replaced:
            return
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = MutableHeaders(scope=message)
            if self._status == known.CONTENT_TOO_LARGE.status and headers.get("content-type", "").startswith("text/"):
                # The framework's body limit answers in plain text, past all handlers.
                self._replaced = True
                response = problem_response(Request(self._scope), known.CONTENT_TOO_LARGE)
                await response(self._scope, self._receive, self._dressed)
                return
        await self._dressed(message)

    async def _dressed(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            message["headers"].extend(rate_headers(self._scope))
        await self._send(message)

    def _write_line(self, request: Request, started: float) -> None:
        caller = find_caller(request)
        _lines.write(
            logging.DEBUG if self._scope["path"] in OPEN_PATHS else logging.INFO,  # probes come every few seconds
            {
                "method": request.method,
                "route": self._scope.get(ROUTE),
                "status": self._status,
                "duration_ms": round((time.perf_counter() - started) * 1000, 1),
                "unit": caller.unit if caller else None,
            },
        )


def _bearer_token(request: Request) -> str:
    values = request.headers.getlist("authorization")
    if len(values) != 1:
        raise Unauthenticated
    scheme, _, token = values[0].partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated
    return token.strip()


def _check_query(request: Request, route: GuardedRoute) -> None:
    query = request.scope.get("query_string", b"").decode("latin-1")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS, errors="strict")
    except ValueError as error:  # too many, or bytes that are not UTF-8
        raise InvalidQuery([("unreadable_parameters", "")]) from error
    found = [("unknown_parameter", name) for name, _ in pairs if name not in route.parameters]
    found += [("string_characters", name) for name, value in pairs if _NOT_TEXT.intersection(value)]
    if found:
        raise InvalidQuery(found)
