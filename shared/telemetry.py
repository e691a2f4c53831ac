"""Traces and metrics of a process, by the OpenTelemetry API; exported by OTLP only where an address is set."""

import threading
from collections.abc import Iterable, Mapping
from typing import Final

import structlog
from opentelemetry import propagate, trace
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, ParentBased
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import CollectorRegistry

from shared.ids import TimeOrderedIds
from shared.telemetry_export import Destination

SHUTDOWN_SECONDS: Final = 2.0
"""What a stopping process may spend on sending its last spans and counts; the supervisor kills it after 5.5."""
SPANS_EVERY_MILLISECONDS: Final = 2000
METRICS_EVERY_SECONDS: Final = 15.0

_log = structlog.get_logger(__name__)


class Counter:
    """Something that a process counts from its start on; every `Telemetry` made afterwards shows it."""

    def __init__(self, name: str, unit: str, description: str) -> None:
        self.name, self.unit, self.description = name, unit, description
        self._counts: dict[frozenset[tuple[str, str]], int] = {}
        self._changing = threading.Lock()

    def add(self, amount: int, labels: Mapping[str, str] | None = None) -> None:
        """Count `amount` more; 0 makes the series appear before there is anything to count."""
        key = frozenset((labels or {}).items())
        with self._changing:
            self._counts[key] = self._counts.get(key, 0) + amount

    def observe(self, _options: CallbackOptions) -> Iterable[Observation]:
        with self._changing:
            counts = dict(self._counts)
        return [Observation(count, dict(labels)) for labels, count in counts.items()]


class Gauge:
    """Something that a process has looked at and knows until it looks again; shown like a `Counter`."""

    def __init__(self, name: str, unit: str, description: str) -> None:
        self.name, self.unit, self.description = name, unit, description
        self._value: float | None = None

    def set(self, value: float) -> None:
        self._value = value

    def observe(self, _options: CallbackOptions) -> Iterable[Observation]:
        return [] if self._value is None else [Observation(self._value)]


_counters: Final[dict[str, Counter]] = {}
_gauges: Final[dict[str, Gauge]] = {}


def counter(name: str, *, unit: str, description: str) -> Counter:
    """Return a counter of something that a service does, for example `cchc.tasks.completions` in `{completion}`.

    Make it once, at module level; `add(1, {"outcome": "accepted"})` after the commit. Label values come from small
    fixed sets: never a person, a plan or a task.
    """
    return _counters.setdefault(name, Counter(name, unit, description))


def gauge(name: str, *, unit: str, description: str) -> Gauge:
    """Return a gauge of something that a part of a worker looks at. Make it once, at module level."""
    return _gauges.setdefault(name, Gauge(name, unit, description))


class Telemetry:
    """The providers of one application: its spans, its meters, and the registry that `/metrics` shows."""

    def __init__(self, service: str, destination: Destination | None = None) -> None:
        resource = Resource(
            {
                "service.name": f"cchc-{service}",
                "service.namespace": "cchc",
                "service.instance.id": str(TimeOrderedIds().new()),
            }
        )
        self._destination = destination
        self._ended = False
        self.registry = CollectorRegistry()
        readers: list[MetricReader] = [
            PrometheusMetricReader(disable_target_info=True, scope_info_enabled=False, registry=self.registry)
        ]
        # Without a destination spans have ids (they stand in logs, problems and events) and nothing else.
        sampler = ParentBased(ALWAYS_ON) if destination is not None else ALWAYS_OFF
        self.tracer_provider = TracerProvider(resource=resource, sampler=sampler, shutdown_on_exit=False)
        if destination is not None:
            self.tracer_provider.add_span_processor(
                BatchSpanProcessor(destination.spans(), schedule_delay_millis=SPANS_EVERY_MILLISECONDS)
            )
            readers.append(destination.metrics(METRICS_EVERY_SECONDS))
        self.meter_provider = MeterProvider(metric_readers=readers, resource=resource, shutdown_on_exit=False)
        for each in _counters.values():
            self.meter.create_observable_counter(
                each.name, callbacks=[each.observe], unit=each.unit, description=each.description
            )
        for shown in _gauges.values():
            self.meter.create_observable_gauge(
                shown.name, callbacks=[shown.observe], unit=shown.unit, description=shown.description
            )

    @property
    def exports(self) -> bool:
        """Whether a collector is told."""
        return self._destination is not None

    @property
    def meter(self) -> Meter:
        return self.meter_provider.get_meter("cchc")

    @property
    def tracer(self) -> trace.Tracer:
        return self.tracer_provider.get_tracer("cchc")

    def shutdown(self, within: float = SHUTDOWN_SECONDS) -> None:
        """Send what is waiting and stop; give up after `within` seconds, whatever the collector does.

        Blocks: from a coroutine call it in a thread. Once is enough, and more does no harm.
        """
        if self._ended:
            return
        self._ended = True
        ending = threading.Thread(target=self._end, name="telemetry-end", daemon=True)
        ending.start()
        ending.join(within)
        if ending.is_alive() and self._destination is not None:
            _log.warning("telemetry not sent at shutdown")
            self._destination.give_up()

    def _end(self) -> None:
        self.tracer_provider.shutdown()
        self.meter_provider.shutdown()


def start_telemetry(service: str, *, otlp_endpoint: str | None) -> Telemetry:
    """Return the process's telemetry, W3C trace context being what travels; called once a process, by main or worker.

    Raises:
        RuntimeError: an endpoint is set and the exporter is not installed.
    """
    propagate.set_global_textmap(TraceContextTextMapPropagator())
    return Telemetry(service, Destination(otlp_endpoint) if otlp_endpoint else None)
