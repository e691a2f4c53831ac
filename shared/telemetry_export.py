"""What leaves the process for a collector (OTLP over HTTP): only attributes that are known to hold no personal data."""

import importlib
from collections.abc import Sequence
from typing import Any, Final

import structlog
from opentelemetry.sdk.metrics.export import MetricExporter, MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import Link, SpanContext, Status

EXPORTED: Final = frozenset(
    {
        "cchc.event.type",
        "cchc.fate",
        "cchc.reason_code",
        "error.type",
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "messaging.batch.message_count",
        "messaging.consumer.group.name",
        "messaging.destination.name",
        "messaging.destination.partition.id",
        "messaging.message.id",
        "messaging.operation.name",
        "messaging.operation.type",
        "network.protocol.version",
        "url.scheme",
    }
)
"""All that a span tells. Paths and queries stay here: people search by names and mistype numbers of identity cards."""

_TIMEOUT: Final = 3.0  # seconds for one sending, its repeats included
_TRACES: Final = "opentelemetry.exporter.otlp.proto.http.trace_exporter"
_METRICS: Final = "opentelemetry.exporter.otlp.proto.http.metric_exporter"

_log = structlog.get_logger(__name__)


class Destination:
    """A collector's address, for example `http://127.0.0.1:4318`. The client libraries are loaded with the first use.

    Raises:
        RuntimeError: from its methods, when the exporter is not installed.
    """

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._exporters: list[SpanExporter | MetricExporter] = []

    def spans(self) -> SpanExporter:
        exporter: SpanExporter = _load(_TRACES).OTLPSpanExporter(
            endpoint=f"{self._endpoint}/v1/traces", timeout=_TIMEOUT
        )
        self._exporters.append(exporter)
        return KnownAttributes(exporter)

    def metrics(self, every: float) -> MetricReader:
        """Return a reader that sends all metrics each `every` seconds, and once more when it is shut down."""
        exporter: MetricExporter = _load(_METRICS).OTLPMetricExporter(
            endpoint=f"{self._endpoint}/v1/metrics", timeout=_TIMEOUT
        )
        self._exporters.append(exporter)
        return PeriodicExportingMetricReader(
            exporter, export_interval_millis=every * 1000, export_timeout_millis=_TIMEOUT * 1000
        )

    def give_up(self) -> None:
        """Stop trying; what is being sent at this moment ends with its time limit."""
        for exporter in self._exporters:
            exporter.shutdown()


class KnownAttributes(SpanExporter):
    """Hands spans on without events, status texts, foreign trace state, and attributes that `EXPORTED` does not name.

    Tells once when the collector stops taking them, and once when it takes them again.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._taken = True

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export([_cleaned(span) for span in spans])
        taken = result is SpanExportResult.SUCCESS
        if taken != self._taken:
            self._taken = taken
            _log.warning("collector takes spans again" if taken else "collector does not take spans", spans=len(spans))
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def _cleaned(span: ReadableSpan) -> ReadableSpan:
    return ReadableSpan(
        name=span.name,
        context=_without_state(span.context),
        parent=_without_state(span.parent),
        resource=span.resource,
        attributes={name: value for name, value in (span.attributes or {}).items() if name in EXPORTED},
        links=[Link(context) for link in span.links if (context := _without_state(link.context)) is not None],
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _without_state(context: SpanContext | None) -> SpanContext | None:
    """Return it without `tracestate`, which is whatever the caller wrote there."""
    if context is None:
        return None
    return SpanContext(context.trace_id, context.span_id, context.is_remote, context.trace_flags)


def _load(module: str) -> Any:  # noqa: ANN401 -- a module that need not be there
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise RuntimeError(
            "CCHC_OTLP_ENDPOINT được đặt nhưng chưa cài gói opentelemetry-exporter-otlp-proto-http. [not installed]"
        ) from error
