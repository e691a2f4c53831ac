"""Traces and metrics of an application, as a collector and a scraper get them."""

import socket
import sys
import time
from pathlib import Path

import pytest

from shared.telemetry import Telemetry, counter, start_telemetry
from tests.support.collector import Collector, collecting, senders
from tests.support.tiny_service import SECRET_TEXT, TinyService
from tests.support.waiting import eventually

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE_ID}-b7ad6b7169203331-01"
CCCD, NAME = "079204001234", "Nguyễn Thị Riêng"


async def told(directory: Path, *requests: tuple[str, str, dict[str, str]]) -> Collector:
    """Make requests to an application that exports; return what the collector was told until its end."""
    with collecting() as collector:
        tiny = TinyService(directory, otlp_endpoint=collector.url)
        async with tiny.client() as caller:
            for method, address, headers in requests:
                await caller.request(method, address, headers=headers)
        telemetry: Telemetry = tiny.app.state.telemetry
        telemetry.shutdown()
    return collector


async def test_trace_of_the_caller_goes_on(tmp_path: Path) -> None:
    collector = await told(tmp_path, ("GET", "/v1/tasks/5", {"traceparent": PARENT}))
    (span,) = collector.trace(TRACE_ID)
    assert (span.service, span.name) == ("cchc-tiny", "GET /v1/tasks/{number}")
    assert span.parent_id == "b7ad6b7169203331"
    assert span.attributes["http.response.status_code"] == 200


async def test_nothing_personal_leaves_for_the_collector(tmp_path: Path) -> None:
    collector = await told(
        tmp_path,
        ("POST", "/v1/fail/unknown", {}),
        ("GET", f"/v1/tasks?state={CCCD}", {"user-agent": f"{NAME} {CCCD}".encode().hex()}),
        ("GET", f"/v1/nguoi/{CCCD}", {"traceparent": PARENT, "tracestate": f"ten={CCCD}"}),
        ("GET", f"/v1/tasks/{NAME}", {"host": f"{CCCD}.example"}),
    )
    assert len(collector.spans) == 4
    sent = b"".join(collector.bodies)
    assert b"cchc-tiny" in sent
    for secret in (SECRET_TEXT, CCCD, NAME, NAME.encode().hex(), "nguoi", "0010990"):
        assert secret.encode() not in sent


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


async def test_counter_of_a_service_is_shown_and_exported(tmp_path: Path) -> None:
    completions = counter("cchc.test.completions", unit="{completion}", description="Completions in a test.")
    completions.add(2, {"outcome": "accepted"})
    completions.add(1, {"outcome": "accepted"})
    async with TinyService(tmp_path).client(None) as scraper:
        answer = await scraper.get("/metrics")
    assert 'cchc_test_completions_total{outcome="accepted"} 3.0' in answer.text
    assert "# HELP cchc_test_completions_total Completions in a test." in answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    collector = await told(tmp_path)
    exported = collector.metrics["cchc-tiny", "cchc.test.completions"]
    assert (exported.unit, exported.description) == ("{completion}", "Completions in a test.")
    assert [point.as_int for point in exported.sum.data_points] == [3]


async def test_collector_that_never_answers_delays_neither_requests_nor_the_end(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        tiny = TinyService(tmp_path, otlp_endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}")
        began = time.monotonic()
        async with tiny.client() as caller:
            for _ in range(50):
                assert (await caller.get("/v1/tasks/5")).status_code == 200
        assert time.monotonic() - began < 2
        began = time.monotonic()
        tiny.app.state.telemetry.shutdown()
        assert time.monotonic() - began < 3
    await eventually(lambda: not senders())


async def test_collector_that_is_not_there_delays_nothing(tmp_path: Path) -> None:
    tiny = TinyService(tmp_path, otlp_endpoint="http://127.0.0.1:9")
    async with tiny.client() as caller:
        assert (await caller.get("/v1/tasks/5")).status_code == 200
    began = time.monotonic()
    tiny.app.state.telemetry.shutdown()
    assert time.monotonic() - began < 3
    await eventually(lambda: not senders())


def test_export_without_its_package_is_refused_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(RuntimeError, match="opentelemetry-exporter-otlp-proto-http"):
        start_telemetry("tiny", otlp_endpoint="http://127.0.0.1:9")
