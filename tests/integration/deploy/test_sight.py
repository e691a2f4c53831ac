"""What a running system shows of itself: metrics as docs/operations.md lists them, traces and log lines by one id."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest

from tests.support.collector import Collector, ToldSpan, collecting
from tests.support.ports import free_base_port, free_port
from tests.support.province import import_and_issue, tasks_of
from tests.support.stream import plan_file
from tests.support.system import ROOT, System, until

pytestmark = pytest.mark.slow(12)
OPERATIONS = ROOT / "docs" / "operations.md"
TRACE_ID = "5bd66ef5095369c7b0d1f8f4bd33716a"
SERVICES = ("plans", "tasks", "reporting")
DEAD = """
INSERT INTO dead_letters (consumer_group, cluster_id, topic, partition, position, headers, reason_code, reason)
VALUES ('reporting', 'c', 't', 0, 1, '{}', 'thu', '')
"""
PARKED = """
INSERT INTO parked_messages
    (consumer_group, event_id, cluster_id, topic, partition, position, headers, value, waits_for)
VALUES ('reporting', gen_random_uuid(), 'c', 't', 0, 2, '{}', '', 'plan:1')
"""


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as one:
        yield one


@pytest.fixture(scope="module")
def worker_ports() -> dict[str, int]:
    return {service: free_port() for service in SERVICES}


@pytest.fixture(scope="module")
def system(
    tmp_path_factory: pytest.TempPathFactory, collector: Collector, worker_ports: dict[str, int]
) -> Iterator[System]:
    """A running system that exports, in which one completion was reported under a known trace."""
    home = tmp_path_factory.mktemp("sight")
    ports = {f"CCHC_{service.upper()}_WORKER_PORT": str(port) for service, port in worker_ports.items()}
    settings = {"CCHC_SAMPLE": "0", "CCHC_OTLP_ENDPOINT": collector.url, **ports}
    one = System(home / "home", free_base_port(), settings)
    one.start()
    plan_id = import_and_issue(one, title="Theo dõi", file=plan_file(home / "plan.tsv", 1))
    (task,) = tasks_of(one, plan_id, 1).values()
    with one.client("tasks", "department", task["lead_units"][0]["code"]) as department:
        answer = department.post(
            f"/v1/tasks/{task['id']}/completions",
            json={"completed_on": "2023-10-20", "evidence": [{"number": "1/BC", "issued_on": "2023-10-20"}]},
            headers={"traceparent": f"00-{TRACE_ID}-00f067aa0ba902b7-01"},
        )
    assert answer.status_code == 201, answer.text
    yield one
    one.stop()


def families(text: str) -> dict[str, str]:
    """Return the metrics of a page with their help texts."""
    return dict(re.findall(r"^# HELP (\S+) (.*)$", text, re.MULTILINE))


def documented() -> set[str]:
    section = OPERATIONS.read_text(encoding="utf-8").split("## What the metrics mean")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \|(.+)\|$", section, re.MULTILINE)
    assert all(all(cell.strip() for cell in rest.split("|")) for _, rest in rows), "a row with an empty cell"
    return {name for name, _ in rows}


def test_documented_metrics_are_the_exported_ones(system: System, worker_ports: dict[str, int]) -> None:
    asyncio.run(put_something_aside(system))
    pages = [system.url(service) for service in SERVICES]
    pages += [f"http://127.0.0.1:{port}" for port in worker_ports.values()]
    exported: dict[str, str] = {}
    for page in pages:
        exported |= families(httpx2.get(f"{page}/metrics", trust_env=False).text)
    assert exported.keys() == documented()
    assert all(exported.values()), "a metric without help"


async def put_something_aside(system: System) -> None:
    connection = await asyncpg.connect(system.admin_dsn("cchc_reporting"))
    try:
        for statement in (DEAD, PARKED):
            await connection.execute(statement)
    finally:
        await connection.close()


def test_a_request_is_followed_through_three_processes_and_their_logs(system: System, collector: Collector) -> None:
    def whole() -> list[ToldSpan]:
        spans = collector.trace(TRACE_ID)
        told = {span.service for span in spans}
        return (
            spans if {"cchc-tasks", "cchc-tasks-worker", "cchc-reporting-worker", "cchc-plans-worker"} <= told else []
        )

    spans = until(whole, within=20, what="the trace in the collector")
    assert [(span.service, span.name) for span in spans[:2]] == [
        ("cchc-tasks", "POST /v1/tasks/{task_id}/completions"),
        ("cchc-tasks-worker", "send cchc.tasks.v1"),
    ]
    assert {(span.service, span.name) for span in spans[2:]} == {
        ("cchc-reporting-worker", "process cchc.tasks.v1"),
        ("cchc-plans-worker", "process cchc.tasks.v1"),
    }
    lines = [line for line in logged(system.home / "logs" / "tasks-api.log") if line.get("trace_id") == TRACE_ID]
    assert [line["route"] for line in lines if line["event"] == "request"] == ["/v1/tasks/{task_id}/completions"]
    assert asyncio.run(traces_of_the_ledger(system)) == [TRACE_ID]


def logged(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("{")]


async def traces_of_the_ledger(system: System) -> list[str]:
    """Return what the query of docs/operations.md finds for the one task that was reported."""
    text = OPERATIONS.read_text(encoding="utf-8")
    query = re.search(r"^    (SELECT type, heard_at.*)$", text, re.MULTILINE)
    assert query
    connection = await asyncpg.connect(system.admin_dsn("cchc_reporting"))
    try:
        reported = "(SELECT task_id FROM ledger WHERE type = 'cchc.task.completed.v1')"
        rows = await connection.fetch(query[1].replace("'...'", reported))
    finally:
        await connection.close()
    return [row["trace_id"] for row in rows]


def test_a_process_that_stops_sends_its_metrics_each_with_unit_and_description(
    system: System, collector: Collector
) -> None:
    assert system.stop() == 0  # the last test of this system
    names = {f"cchc-{service}{kind}" for service in SERVICES for kind in ("", "-worker")}
    assert {service for service, _ in collector.metrics} == names
    assert not [key for key, metric in collector.metrics.items() if not metric.unit or not metric.description]
    assert ("cchc-tasks", "cchc.outbox.unpublished") in collector.metrics
