"""Two of three brokers away: nothing may be written, completions are still accepted, and readiness says so."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from shared.contracts.topics import TASKS
from shared.messaging.transports.kafka import KafkaTransport
from shared.messaging.transports.port import LogUnavailable
from tests.support.event_logs import fetch, out_of_order
from tests.support.kafka_cluster import PrivateCluster, counted
from tests.support.messaging import a_progress, record_of
from tests.support.ports import free_base_port
from tests.support.province import import_and_issue, tasks_of, wait_for_done
from tests.support.stream import Stream, plan_file
from tests.support.system import System
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.slow(35)]

CUTOFF = "2023-10-31"
COMPLETIONS, BEFORE = 24, 4


@pytest.fixture
async def system(kafka_cluster: PrivateCluster, tmp_path: Path) -> AsyncIterator[System]:
    """A running system whose events go through the cluster."""
    environment = {
        "CCHC_TRANSPORT": "kafka",
        "CCHC_KAFKA_BOOTSTRAP": kafka_cluster.bootstrap,
        "CCHC_KAFKA_REPLICATION": "3",
        "CCHC_SAMPLE": "0",
    }
    made = System(tmp_path / "home", free_base_port(), environment)
    try:
        await asyncio.to_thread(made.start)
        yield made
    finally:
        await asyncio.to_thread(made.stop)
        await kafka_cluster.heal()
        await kafka_cluster.forget_topics()


@pytest.mark.timeout(240)
async def test_completions_are_accepted_with_two_brokers_away_and_drain_in_order_afterwards(
    system: System, kafka_cluster: PrivateCluster, tmp_path: Path, tell: Callable[[str], None]
) -> None:
    file = plan_file(tmp_path / "plan.tsv", COMPLETIONS)
    plan_id = await asyncio.to_thread(import_and_issue, system, title="Hai máy chủ vắng mặt", file=file)
    tasks = list((await asyncio.to_thread(tasks_of, system, plan_id, COMPLETIONS)).values())
    stream = Stream(system, plan_id)
    await stream.run(tasks[:BEFORE])
    await asyncio.to_thread(wait_for_done, system, plan_id, BEFORE, cutoff=CUTOFF)

    await asyncio.gather(*(node.kill() for node in kafka_cluster.nodes[1:]))
    await stream.run(tasks[BEFORE:])
    assert len(stream.acknowledged) == len(stream.confirmed) == COMPLETIONS, stream.surprises
    waiting = (await fetch(system, "tasks", "SELECT count(*) FROM outbox WHERE published_at IS NULL"))[0][0]
    assert waiting == 2 * (COMPLETIONS - BEFORE)
    took = await refused_within(KafkaTransport(kafka_cluster.bootstrap, replication=3, deadline=3))
    await eventually(lambda: degraded(system, "Phần relay đang thử lại: log: Kafka"), within=30)

    await kafka_cluster.heal(TASKS.name)
    await asyncio.to_thread(wait_for_done, system, plan_id, COMPLETIONS, cutoff=CUTOFF, within=60)
    assert await out_of_order(system, plan_id) == []
    await asyncio.to_thread(system.wait_until_ready)
    accepted, refused = COMPLETIONS - BEFORE, f"{took:.1f} s"
    counted(tell, "two brokers away", accepted=accepted, lost=0, twice=0, publishing_refused_after=refused)


async def refused_within(transport: KafkaTransport) -> float:
    """Publish something; return the seconds after which it was refused, a little more than the deadline at most."""
    began = time.monotonic()
    (outcome,) = await transport.publish([record_of(a_progress())])
    took = time.monotonic() - began
    await transport.stop()
    assert isinstance(outcome, LogUnavailable)
    assert took < 8
    return took


async def degraded(system: System, sentence: str) -> bool:
    """Tell whether the tasks service is degraded and says so of its worker."""
    async with httpx2.AsyncClient(timeout=5, verify=False) as client:
        body: dict[str, Any] = (await client.get(f"{system.url('tasks')}/health/ready")).json()
    (worker,) = [check for check in body["checks"] if check["name"] == "worker"]
    return body["status"] == worker["status"] == "degraded" and sentence in worker["detail"]
