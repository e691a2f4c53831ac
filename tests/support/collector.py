"""An OpenTelemetry collector of the test's own: takes OTLP over HTTP and keeps what it was told."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class ToldSpan:
    """One span as it came over the wire; ids in hex, links as pairs of trace and span id."""

    service: str
    name: str
    kind: int
    trace_id: str
    span_id: str
    parent_id: str
    links: frozenset[tuple[str, str]]
    attributes: dict[str, Any]
    began: int
    ended: int


@dataclass
class Collector:
    """What was received so far."""

    url: str = ""
    spans: list[ToldSpan] = field(default_factory=list)
    metrics: dict[tuple[str, str], Any] = field(default_factory=dict)
    """The last state of each metric, by service and name."""
    bodies: list[bytes] = field(default_factory=list)
    """Every request as it came, for tests of what must not be in there."""

    def take(self, path: str, body: bytes) -> None:
        self.bodies.append(body)
        if path == "/v1/traces":
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                service = _values(resource.resource.attributes)["service.name"]
                self.spans += [_told(service, span) for scope in resource.scope_spans for span in scope.spans]
        elif path == "/v1/metrics":
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                service = _values(resource.resource.attributes)["service.name"]
                for scope in resource.scope_metrics:
                    self.metrics.update({(service, metric.name): metric for metric in scope.metrics})

    def trace(self, trace_id: str) -> list[ToldSpan]:
        """Return the spans of one trace in the order of their beginning."""
        return sorted((span for span in self.spans if span.trace_id == trace_id), key=lambda span: span.began)


@contextmanager
def collecting() -> Iterator[Collector]:
    """Run a collector on a free port for the time of the block."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collector.take(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    collector.url = f"http://127.0.0.1:{server.server_port}"
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    serving.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        serving.join()


THREADS = ("Otel", "telemetry-end")


def senders() -> list[str]:
    """Return the threads that still send; their pauses draw from `random`, which tests of properties forbid."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith(THREADS)]


def _told(service: str, span: Any) -> ToldSpan:  # noqa: ANN401 -- a protobuf message
    return ToldSpan(
        service=service,
        name=span.name,
        kind=span.kind,
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        links=frozenset((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
        attributes=_values(span.attributes),
        began=span.start_time_unix_nano,
        ended=span.end_time_unix_nano,
    )


def _values(attributes: Any) -> dict[str, Any]:  # noqa: ANN401 -- protobuf messages
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}
