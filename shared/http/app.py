"""The application factory that all services share."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.clock import SystemClock
from shared.http.api_document import complete_document
from shared.http.edge import Edge
from shared.http.health import Probe, health_router
from shared.http.metrics import metrics_router
from shared.http.permissions import Permissions, PermissionTable, Verbs, build_table, second_lock
from shared.http.problems import ProblemSpec, problem_handlers
from shared.http.rate import Rates
from shared.http.request_telemetry import RequestTelemetry
from shared.http.short_way import ShortWay
from shared.ids import TimeOrderedIds
from shared.key_check import BearerVerifier, KeyVerifier
from shared.logging import structure_events
from shared.messaging.access_keys import use_notes
from shared.security import Claims, TokenVerifier
from shared.settings import SharedSettings
from shared.signing_keys import key_source
from shared.telemetry import start_telemetry


class ServiceApp(FastAPI):
    """FastAPI with the edge around it and problem details in its API document."""

    def __init__(
        self,
        *,
        verifier: BearerVerifier,
        rates: Rates,
        short_ways: Mapping[str, ShortWay],
        requests: RequestTelemetry | None,
        max_body_size: int,
        **options: Any,  # noqa: ANN401 -- FastAPI's own
    ) -> None:
        super().__init__(max_body_size=max_body_size, **options)
        self._verifier = verifier
        self._rates = rates
        self._short_ways = short_ways
        self._requests = requests
        self._most_body_bytes = max_body_size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._requests is None or scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        scope["fastapi.telemetry"] = None  # the framework then leaves telemetry to who is around it
        await self._requests(super().__call__, scope, receive, send)

    def build_middleware_stack(self) -> ASGIApp:
        table = self.state.permission_table
        if not isinstance(table, PermissionTable):
            raise TypeError("the application has no permission table")
        return Edge(
            super().build_middleware_stack(),
            table=table,
            verifier=self._verifier,
            rates=self._rates,
            short_ways=self._short_ways,
            handlers=self.exception_handlers,
            most_body_bytes=self._most_body_bytes,
        )

    def openapi(self) -> dict[str, Any]:
        made = self.openapi_schema is not None
        document = super().openapi()
        if not made:
            complete_document(document)
        return document


def create_service_app(
    *,
    title: str,
    service: str,
    settings: SharedSettings,
    engine: AsyncEngine,
    histories: Sequence[str],
    routers: Sequence[APIRouter],
    permissions: Permissions,
    verbs: Verbs | None = None,
    problems: Mapping[type[Exception], ProblemSpec],
    state: Mapping[str, object] | None = None,
    short_ways: Mapping[str, ShortWay] | None = None,
) -> FastAPI:
    """Build the API process of a service.

    Args:
        title: the name people read in the API document.
        service: `plans`, `tasks`, `reporting`; the name in logs, traces and metrics.
        settings: bounds, issuer, log level.
        engine: the service's database; disposed of when the application stops.
        histories: migration histories that must be at head for the service to be ready.
        routers: the service's routes. Each one is guarded; nothing in a route function switches that off.
        permissions: who may call which route function.
        verbs: which route functions access keys may call, and for what they must be made; without it, none.
        problems: the service's own errors and how they are told.
        state: objects that route functions find in `request.app.state`.
        short_ways: by route function name, what may answer plain requests in its stead (see shared.http.short_way).

    Raises:
        PermissionTableError: a route without a row, a row without a route, or a route that cannot be guarded.
        ValueError: `settings.jwks_url` names a source of keys that is not safe.
    """
    structure_events(service)
    clock = SystemClock()
    tokens = TokenVerifier(
        key_source(settings.jwks_url, settings.jwks_ca_file),
        issuer=settings.issuer,
        audience=settings.audience,
        clock=clock,
        where=Claims(settings.roles_claim, settings.unit_claim),
    )
    keys = KeyVerifier(engine, clock=clock, note_use=use_notes(engine, service, ids=TimeOrderedIds(), clock=clock))
    telemetry = start_telemetry(service, otlp_endpoint=settings.otlp_endpoint)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await keys.finish()
            await engine.dispose()
            await asyncio.to_thread(telemetry.shutdown)

    app = ServiceApp(
        verifier=BearerVerifier(tokens, keys),
        rates=Rates(settings.rate_per_second, settings.rate_burst),
        short_ways=short_ways or {},
        requests=None if telemetry.exports else RequestTelemetry(telemetry),
        title=title,
        version="1",
        docs_url=None,  # the page would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        max_body_size=settings.max_body_bytes,
        strict_content_type=True,
        lifespan=lifespan,
        exception_handlers=problem_handlers(problems),
        telemetry={
            "tracer_provider": telemetry.tracer_provider,
            "meter_provider": telemetry.meter_provider,
            "operation_spans": False,
            "logs": False,  # they would export exceptions with their texts
            "auto_configure": False,
        },
    )
    app.include_router(health_router(Probe(engine, histories, tokens.keys)))
    app.include_router(metrics_router(telemetry, engine))
    for router in routers:
        app.include_router(router, dependencies=[Depends(second_lock)])
    app.state.permission_table = build_table(app, permissions, verbs)
    app.state.service = service
    app.state.engine = engine
    app.state.telemetry = telemetry
    app.state.settings = settings
    for name, value in (state or {}).items():
        setattr(app.state, name, value)
    return app
