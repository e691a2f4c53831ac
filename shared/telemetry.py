"""Traces and metrics of a process, by the OpenTelemetry API; exported by OTLP only where an address is set."""

import importlib
from typing import Any, Final

import structlog
from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import Counter, Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import CollectorRegistry

FLUSH_MILLISECONDS: Final = 3000
"""What a stopping process may spend on sending its last spans."""

_EXPORTER: Final = "opentelemetry.exporter.otlp.proto.http.trace_exporter"

_log = structlog.get_logger(__name__)


class Telemetry:
    """The providers of one application: its spans, its meters, and the registry that `/metrics` shows."""

    def __init__(self, service: str, exporter: SpanExporter | None = None) -> None:
        resource = Resource({"service.name": f"cchc-{service}", "service.namespace": "cchc"})
        self.registry = CollectorRegistry()
        reader = PrometheusMetricReader(disable_target_info=True, scope_info_enabled=False, registry=self.registry)
        self.meter_provider = MeterProvider(metric_readers=[reader], resource=resource, shutdown_on_exit=False)
        self.tracer_provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(_WithoutQueries())
        if exporter is not None:
            self.tracer_provider.add_span_processor(BatchSpanProcessor(exporter))

    @property
    def meter(self) -> Meter:
        return self.meter_provider.get_meter("cchc")

    def shutdown(self) -> None:
        """Send what is waiting, within three seconds, and stop."""
        if not self.tracer_provider.force_flush(FLUSH_MILLISECONDS):
            _log.warning("spans lost at shutdown")
        self.tracer_provider.shutdown()
        self.meter_provider.shutdown()


class _WithoutQueries(SpanProcessor):
    """Takes the query out of request spans: people search by names."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        del parent_context
        if span.attributes and "url.query" in span.attributes:
            span.set_attribute("url.query", "REDACTED")

    def on_end(self, span: ReadableSpan) -> None:
        """Nothing is left to do."""

    def shutdown(self) -> None:
        """Nothing is held."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        del timeout_millis
        return True


def start_telemetry(service: str, *, otlp_endpoint: str | None) -> Telemetry:
    """Return the process's telemetry, W3C trace context being what travels; called once a process, by main or worker.

    Without an endpoint spans exist (their ids stand in logs, problems and events) and go nowhere.

    Raises:
        RuntimeError: an endpoint is set and the exporter is not installed.
    """
    propagate.set_global_textmap(TraceContextTextMapPropagator())
    telemetry = Telemetry(service, _exporter(otlp_endpoint) if otlp_endpoint else None)
    if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):  # a test process has several applications
        trace.set_tracer_provider(telemetry.tracer_provider)
    return telemetry


def _exporter(endpoint: str) -> SpanExporter:
    try:
        module: Any = importlib.import_module(_EXPORTER)
    except ModuleNotFoundError as error:
        raise RuntimeError(
            "CCHC_OTLP_ENDPOINT được đặt nhưng chưa cài gói opentelemetry-exporter-otlp-proto-http."
        ) from error
    exporter: SpanExporter = module.OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=5)
    return exporter


COUNTERS: Final = CollectorRegistry()
"""Registry of the counters that `counter` makes; shown by every `/metrics` of the process."""

_counters: Final = MeterProvider(
    metric_readers=[PrometheusMetricReader(disable_target_info=True, scope_info_enabled=False, registry=COUNTERS)],
    shutdown_on_exit=False,
)


def counter(name: str, *, unit: str, description: str) -> Counter:
    """Return a counter of something that a service does, for example `cchc.tasks.completions` in `{completion}`.

    Make it once, at module level; `add(1, {"outcome": "accepted"})` after the commit. Label values come from small
    fixed sets: never a person, a plan or a task.
    """
    return _counters.get_meter("cchc").create_counter(name, unit=unit, description=description)
