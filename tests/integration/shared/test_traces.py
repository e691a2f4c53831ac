"""One trace from a department's request through outbox, log and ledger, in spans, rows and log lines."""

import asyncio
import json
import logging
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from pydantic import SecretStr

from services.reporting import worker as reporting_worker
from services.reporting.settings import ReportingSettings
from services.tasks import worker as tasks_worker
from shared.contracts.topics import TASKS
from shared.database.revisions import LOG
from shared.security import make_issuer
from shared.telemetry import Telemetry
from tests.support.collector import Collector, ToldSpan, collecting, senders
from tests.support.messaging import a_progress, record_of
from tests.support.postgres import DatabaseFactory
from tests.support.tasks_service import TasksService, a_completion
from tests.support.waiting import eventually

TRACE_ID, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE_ID}-{CALLER}-01"
SEND, PROCESS = f"send {TASKS.name}", f"process {TASKS.name}"


@dataclass
class Installation:
    """The tasks service with its worker, the worker of the reporting service, their log, and a collector."""

    tasks: TasksService
    reporting_dsn: str
    log_dsn: str
    collector: Collector

    async def ledger(self) -> list[dict[str, Any]]:
        connection = await asyncpg.connect(self.reporting_dsn)
        try:
            rows = await connection.fetch("SELECT event_id, type, headers FROM ledger ORDER BY seq")
        finally:
            await connection.close()
        return [{**row, "headers": json.loads(row["headers"])} for row in rows]


@pytest.fixture
async def installation(database_factory: DatabaseFactory, tmp_path: Path) -> AsyncIterator[Installation]:
    make_issuer(tmp_path)
    log = await database_factory((LOG,))
    reporting = await database_factory(("shared.messaging", "services.reporting"))
    with collecting() as collector:
        told = {"log_database_url": SecretStr(log), "otlp_endpoint": collector.url}
        tasks = TasksService.start(await database_factory(("shared.messaging", "services.tasks")), tmp_path, **told)
        await tasks.learn_units()
        yield Installation(tasks, reporting, log, collector)
        await tasks.stop()
        telemetry: Telemetry = tasks.app.state.telemetry
        await asyncio.to_thread(telemetry.shutdown)
    await eventually(lambda: not senders())


@asynccontextmanager
async def working(world: Installation) -> AsyncIterator[None]:
    """Run both workers for the time of the block; whatever they have to tell is told when it is left."""
    stop = asyncio.Event()
    settings = ReportingSettings(
        reporting_database_url=SecretStr(world.reporting_dsn),
        log_database_url=SecretStr(world.log_dsn),
        otlp_endpoint=world.collector.url,
    )
    workers = [
        asyncio.create_task(tasks_worker.run(world.tasks.settings, stop=stop)),
        asyncio.create_task(reporting_worker.run(settings, stop=stop)),
    ]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*workers)
        telemetry: Telemetry = world.tasks.app.state.telemetry
        await asyncio.to_thread(telemetry.shutdown)


async def heard(world: Installation, count: int) -> list[dict[str, Any]]:
    async def all_there() -> list[dict[str, Any]]:
        rows = await world.ledger()
        return rows if len(rows) >= count else []

    return await eventually(all_there, within=20)


async def report(world: Installation, traceparent: str) -> None:
    task_id = await world.tasks.a_task()
    async with world.tasks.department() as health:
        answer = await health.post(
            f"/v1/tasks/{task_id}/completions", json=a_completion(), headers={"traceparent": traceparent}
        )
    assert answer.status_code == 201, answer.text


def of(spans: list[ToldSpan], which: Callable[[ToldSpan], bool]) -> ToldSpan:
    (found,) = [span for span in spans if which(span)]
    return found


async def test_one_trace_leads_from_the_request_through_the_log_into_the_ledger(installation: Installation) -> None:
    async with working(installation):
        await report(installation, TRACEPARENT)
        (row,) = await heard(installation, 1)
    request, sent, processed = installation.collector.trace(TRACE_ID)
    assert (request.service, request.name, request.kind) == (
        "cchc-tasks",
        "POST /v1/tasks/{task_id}/completions",
        Span.SPAN_KIND_SERVER,
    )
    assert (sent.service, sent.name, sent.kind) == ("cchc-tasks-worker", SEND, Span.SPAN_KIND_PRODUCER)
    assert (processed.service, processed.name, processed.kind) == (
        "cchc-reporting-worker",
        PROCESS,
        Span.SPAN_KIND_CONSUMER,
    )
    assert request.parent_id == CALLER
    assert sent.parent_id == processed.parent_id == request.span_id
    assert request.began <= sent.began <= processed.began
    assert processed.attributes["cchc.fate"] == "handled"
    assert processed.attributes["messaging.message.id"] == str(row["event_id"])
    assert row["headers"]["ce_traceparent"] == f"00-{TRACE_ID}-{request.span_id}-01"


async def test_batches_and_messages_are_linked_both_ways(installation: Installation) -> None:
    traces = [f"{number:032x}" for number in range(1, 4)]
    for trace_id in traces:
        await report(installation, f"00-{trace_id}-{CALLER}-01")  # before anybody publishes: one batch
    async with working(installation):
        await heard(installation, 3)
    spans = installation.collector.spans
    batch = of(spans, lambda span: span.kind == Span.SPAN_KIND_CLIENT)
    assert (batch.name, batch.parent_id) == (SEND, "")
    assert batch.attributes["messaging.batch.message_count"] == 3
    requests = {(span.trace_id, span.span_id) for span in spans if span.kind == Span.SPAN_KIND_SERVER}
    assert {trace_id for trace_id, _ in requests} == set(traces)
    assert batch.links == requests
    takings = {(span.trace_id, span.span_id): span for span in spans if span.name == PROCESS and not span.parent_id}
    assert frozenset().union(*(span.links for span in takings.values())) == requests
    for trace_id in traces:
        message_spans = installation.collector.trace(trace_id)[1:]
        assert [span.name for span in message_spans] == [SEND, PROCESS]
        assert message_spans[0].links == {(batch.trace_id, batch.span_id)}
        assert message_spans[1].links <= takings.keys()
        assert len(message_spans[1].links) == 1


async def test_what_is_heard_and_refused_is_logged_and_told_under_the_trace_of_its_cause(
    installation: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    from shared.messaging.transports.postgres_log import PostgresLog

    log = PostgresLog(SecretStr(installation.log_dsn))
    await log.start()
    await log.ensure_topics([TASKS])
    whole = record_of(a_progress("Nguyễn Thị Riêng"), ce_traceparent=TRACEPARENT)
    broken = type(whole)(whole.topic, whole.key, whole.headers, b"{}")
    with caplog.at_level(logging.WARNING):
        async with working(installation):
            assert await log.publish([broken]) == [None]
            line = await eventually(lambda: [each for each in caplog.records if "message refused" in str(each.msg)])
    await log.stop()
    assert isinstance(line[0].msg, dict)
    assert line[0].msg["trace_id"] == TRACE_ID
    (span,) = installation.collector.trace(TRACE_ID)
    assert (span.attributes["cchc.fate"], span.attributes["cchc.reason_code"]) == ("dead", "breaks-contract")
    assert "Nguyễn Thị Riêng".encode() not in b"".join(installation.collector.bodies)


async def test_workers_tell_the_collector_what_they_count(installation: Installation) -> None:
    async with working(installation):
        await report(installation, TRACEPARENT)
        await heard(installation, 1)
    metrics = installation.collector.metrics
    published = metrics["cchc-tasks-worker", "cchc.relay.published"]
    assert published.unit == "{event}"
    assert published.sum.is_monotonic
    fates = metrics["cchc-reporting-worker", "cchc.consumer.messages"].sum.data_points
    assert any(point.as_int and point.attributes for point in fates)
    assert ("cchc-tasks", "http.server.request.duration") in metrics


async def test_silent_collector_keeps_no_worker_from_stopping(installation: Installation) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        settings = installation.tasks.settings.model_copy(update={"otlp_endpoint": address})
        await report(installation, TRACEPARENT)
        stop = asyncio.Event()
        worker = asyncio.create_task(tasks_worker.run(settings, stop=stop))
        await eventually(lambda: published(installation))
        began = time.monotonic()
        stop.set()
        await worker
        assert time.monotonic() - began < 5


async def published(world: Installation) -> bool:
    return bool(await world.tasks.rows("SELECT 1 FROM outbox WHERE published_at IS NOT NULL"))
