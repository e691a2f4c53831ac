"""What the framework's telemetry tells of a request, at a quarter of its cost, where no span leaves the process.

The same trace context, the same histogram by route template, the same count of requests under way. With a collector
the framework's own runs instead, for it records spans.
"""

import random
import time
from collections.abc import Iterable
from typing import Final

from opentelemetry import context, propagate, trace
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.telemetry import Telemetry

ROUTE: Final = "cchc.route"
"""Where in the scope the edge writes the route's template."""

_METHODS: Final = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"})
_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_SERVER_ERROR: Final = 500
_OFF: Final = TraceFlags(TraceFlags.DEFAULT)

_Series = tuple[str, str, str, str | None, int | None]


class RequestTelemetry:
    """Stands around an application."""

    def __init__(self, telemetry: Telemetry) -> None:
        meter = telemetry.meter_provider.get_meter("cchc.http")
        self._duration = meter.create_histogram(
            "http.server.request.duration",
            unit="s",
            description="Duration of HTTP server requests.",
            explicit_bucket_boundaries_advisory=_BUCKETS,
        )
        meter.create_observable_up_down_counter(
            "http.server.active_requests",
            callbacks=[self._observe],
            unit="{request}",
            description="Number of active HTTP server requests.",
        )
        self._active: dict[tuple[str, str], int] = {}
        self._series: dict[_Series, dict[str, str | int]] = {}

    async def __call__(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        scheme = scope.get("scheme", "http")
        method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
        self._active[method, scheme] = self._active.get((method, scheme), 0) + 1
        status: int | None = None

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        token = context.attach(_context_of(scope))
        try:
            await app(scope, receive, watched)
        finally:
            self._active[method, scheme] -= 1
            series = (method, scheme, scope.get("http_version", ""), scope.get(ROUTE), status)
            labels = self._series.get(series) or self._series.setdefault(series, _labels(*series))
            self._duration.record(time.perf_counter() - started, labels)
            context.detach(token)

    def _observe(self, _options: CallbackOptions) -> Iterable[Observation]:
        return [
            Observation(count, {"http.request.method": method, "url.scheme": scheme})
            for (method, scheme), count in list(self._active.items())
        ]


def _labels(method: str, scheme: str, version: str, route: str | None, status: int | None) -> dict[str, str | int]:
    labels: dict[str, str | int] = {"url.scheme": scheme, "http.request.method": method}
    if version:
        labels["network.protocol.version"] = version
    if route is not None:
        labels["http.route"] = route
    if status is not None:
        labels["http.response.status_code"] = status
    if status is None or status >= _SERVER_ERROR:
        labels["error.type"] = str(status or "incomplete_response")
    return labels


def _context_of(scope: Scope) -> context.Context:
    """Return a context with ids of the request's own, in the caller's trace if it names one (W3C trace context)."""
    carried = {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in scope["headers"]
        if name in {b"traceparent", b"tracestate"}
    }
    outer = propagate.extract(carried, context.Context()) if carried else context.Context()
    parent = trace.get_current_span(outer).get_span_context() if carried else None
    is_known = parent is not None and parent.is_valid
    own = SpanContext(
        trace_id=parent.trace_id if parent is not None and is_known else random.getrandbits(128) or 1,
        span_id=random.getrandbits(64) or 1,
        is_remote=False,
        trace_flags=_OFF,
        trace_state=parent.trace_state if parent is not None and is_known else None,
    )
    return trace.set_span_in_context(NonRecordingSpan(own), outer)
