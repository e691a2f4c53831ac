"""Traces and metrics of an application."""

from pathlib import Path

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.telemetry import Telemetry, counter, start_telemetry
from tests.support.tiny_service import SECRET_TEXT, TinyService

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def exported(tiny: TinyService) -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    telemetry: Telemetry = tiny.app.state.telemetry
    telemetry.tracer_provider.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


async def test_trace_of_the_caller_goes_on(tmp_path: Path) -> None:
    tiny = TinyService(tmp_path)
    exporter = exported(tiny)
    async with tiny.client() as caller:
        await caller.get("/v1/tasks/5", headers={"traceparent": PARENT})
    (span,) = exporter.get_finished_spans()
    assert span.context is not None
    assert f"{span.context.trace_id:032x}" == "0af7651916cd43dd8448eb211c80319c"
    assert span.name == "GET /v1/tasks/{number}"
    assert span.resource.attributes["service.name"] == "cchc-tiny"


async def test_spans_tell_neither_error_texts_nor_queries(tmp_path: Path) -> None:
    tiny = TinyService(tmp_path)
    exporter = exported(tiny)
    async with tiny.client() as caller:
        await caller.post("/v1/fail/unknown")
        await caller.get("/v1/tasks?state=nguyen-van-a")
    spans = exporter.get_finished_spans()
    assert len(spans) == 2
    told = " ".join(span.to_json() for span in spans)
    assert SECRET_TEXT not in told
    assert "0010990" not in told
    assert "nguyen-van-a" not in told
    assert not any(span.events for span in spans)


async def test_requests_are_counted_by_route_template(tmp_path: Path) -> None:
    tiny = TinyService(tmp_path)
    async with tiny.client() as caller:
        await caller.get("/v1/tasks/5")
        await caller.get("/v1/tasks/6")
        text = (await caller.get("/metrics")).text
    count = [line for line in text.splitlines() if line.startswith("http_server_request_duration_seconds_count")]
    (tasks,) = [line for line in count if 'http_route="/v1/tasks/{number}"' in line]
    assert tasks.endswith(" 2.0")
    assert "/v1/tasks/5" not in text


async def test_counter_of_a_service_is_shown(tmp_path: Path) -> None:
    completions = counter("cchc.test.completions", unit="{completion}", description="Completions in a test.")
    completions.add(2, {"outcome": "accepted"})
    async with TinyService(tmp_path).client(None) as scraper:
        answer = await scraper.get("/metrics")
    assert 'cchc_test_completions_total{outcome="accepted"} 2.0' in answer.text
    assert "# HELP cchc_test_completions_total Completions in a test." in answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")


def test_export_without_its_package_is_refused_with_a_sentence() -> None:
    with pytest.raises(RuntimeError, match="opentelemetry-exporter-otlp-proto-http"):
        start_telemetry("tiny", otlp_endpoint="http://127.0.0.1:9")
