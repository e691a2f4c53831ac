"""Topics that are not as declared, grow, forget, or take less than an event: seen, told, and nothing lost."""

import asyncio
import os
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import NewTopic

from shared.contracts.topics import TASKS
from shared.database.revisions import PLUMBING
from shared.messaging.consumer import Consumer
from shared.messaging.dead_letters import discard_letter, list_letters
from shared.messaging.relay import Relay, refill
from shared.messaging.status import write_status
from shared.messaging.transports.port import LOG_TRIMMED, RecordRefused
from tests.support.kafka_cluster import NODES, Flow
from tests.support.messaging import a_progress, record_of
from tests.support.system import CCHC, ROOT
from tests.support.tiny_service import TinyService
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.slow(40)]

Checks = Mapping[str, Mapping[str, Any]]


class Probe:
    """The readiness of a service on the flow's database, while its worker's status is written as a worker does."""

    def __init__(self, service: TinyService, flow: Flow) -> None:
        self._service = service
        self._flow = flow

    async def ask(self, *parts: Relay | Consumer) -> tuple[str, Checks]:
        for part in parts:
            await write_status(self._flow.world.engine, part.status, force=True)
        async with self._service.client(None) as client:
            body = (await client.get("/health/ready")).json()
        return body["status"], {check["name"]: check for check in body["checks"]}


@pytest.fixture
async def probe(flow: Flow, tmp_path: Path) -> AsyncIterator[Probe]:
    service = TinyService(tmp_path, flow.world.dsn, histories=(PLUMBING,))
    yield Probe(service, flow)
    await service.engine.dispose()


async def make_topic(flow: Flow, partitions: int, replication: int, **configs: str) -> None:
    named = {name.replace("_", "."): value for name, value in configs.items()}
    async with flow.cluster.admin() as admin:
        await admin.create_topics([NewTopic(TASKS.name, partitions, replication, topic_configs=named)])
    await eventually(lambda: flow.cluster.has_partitions(TASKS.name, partitions), within=20)


async def test_topics_weaker_than_declared_work_and_are_told_of_until_they_are_mended(
    flow: Flow, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.messaging.relay.ASK_EVERY", 0.2)
    weak = {"max_message_bytes": "100000", "retention_ms": "86400000", "min_insync_replicas": "1"}
    await make_topic(flow, 3, 2, **weak)
    relay, consumer = await flow.relay(), await flow.consumer()
    async with flow.world.running(relay, consumer):
        await flow.add(20)
        await flow.all_applied()
        await eventually(lambda: relay.status.detail)  # told after the batch is marked, which may be after its effects
        status, checks = await probe.ask(relay, consumer)
        assert (status, checks["worker"]["status"]) == ("degraded", "degraded")
        for difference in (
            "partitions = 3, khai báo [declared] 6",
            "replication = 2, khai báo [declared] 3",
            "retention.ms = 86400000, khai báo [declared] -1",
            "max.message.bytes = 100000, khai báo [declared] 4259840",
            "min.insync.replicas = 1, khai báo [declared] 2",
        ):
            assert f"{TASKS.name}: {difference}" in checks["worker"]["detail"]
        said = await asyncio.to_thread(cchc_topics, flow)
        assert f"{TASKS.name}: partitions = 3, khai báo [declared] 6" in said.stderr
        assert said.returncode == 0
        await flow.cluster.change(
            TASKS.name, retention_ms="-1", retention_bytes="-1", max_message_bytes="5000000", min_insync_replicas="2"
        )
        await eventually(lambda: "retention" not in relay.status.detail)
        _, checks = await probe.ask(relay, consumer)
        assert "max.message.bytes" not in checks["worker"]["detail"]
        assert "partitions = 3" in checks["worker"]["detail"]


def cchc_topics(flow: Flow) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,  # noqa: TID251 -- a child's
        "CCHC_TRANSPORT": "kafka",
        "CCHC_KAFKA_BOOTSTRAP": flow.cluster.bootstrap,
        "CCHC_KAFKA_REPLICATION": str(NODES),
    }
    return subprocess.run([CCHC, "topics"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


async def test_an_event_larger_than_its_topic_takes_waits_alone_and_is_named_until_the_topic_takes_it(
    flow: Flow, probe: Probe
) -> None:
    await make_topic(flow, TASKS.partitions, NODES, max_message_bytes="2500", min_insync_replicas="2")
    relay, consumer = await flow.relay(), await flow.consumer()
    await flow.add(16)
    large = await flow.world.add(a_progress("0" * 3800 + "16"), key="plan-0")
    flow.added = 17
    await flow.add(47)
    async with flow.world.running(relay, consumer):
        behind = {number for number in range(16, 64) if number % 8 == 0}
        await eventually(lambda: applied_are(flow, set(range(64)) - behind), within=10)
        assert await flow.unpublished() == len(behind)
        await eventually(lambda: str(large) in relay.status.detail)
        status, checks = await probe.ask(relay, consumer)
        assert status == "degraded"
        assert str(large) in checks["worker"]["detail"]
        assert "max.message.bytes" in checks["worker"]["detail"]
        await flow.cluster.change(TASKS.name, max_message_bytes="5000000", min_insync_replicas="2")
        await flow.all_applied(within=30)
        await eventually(lambda: str(large) not in relay.status.detail)
    assert await flow.unpublished() == 0


async def test_a_record_that_the_broker_refuses_does_not_hold_up_its_neighbours(flow: Flow) -> None:
    await make_topic(flow, 1, NODES, max_message_bytes="2500")
    transport = await flow.transport()
    large = record_of(a_progress("x" * 3800), key="plan-1")
    for _ in range(3):
        small = [record_of(a_progress(str(number)), key="plan-2") for number in range(5)]
        outcome = await transport.publish([small[0], large, *small[1:]])
        assert [type(each) for each in outcome] == [type(None), RecordRefused, *[type(None)] * 4]


async def applied_are(flow: Flow, numbers: set[int]) -> bool:
    return set(await flow.numbers()) == numbers


async def test_partitions_that_somebody_adds_are_read_and_no_key_moves_before_they_are_declared(flow: Flow) -> None:
    async with flow.world.running(await flow.relay(), await flow.consumer()):
        await flow.add(200, at_once=20)
        await flow.all_applied()
        await flow.cluster.add_partitions(TASKS.name, 12)
        await flow.add(200, at_once=20)
    async with flow.world.running(await flow.relay(), await flow.consumer()):  # these know of twelve from the start
        await flow.add(200, at_once=20)
        await flow.all_applied()
        await eventually(lambda: holds_partitions(flow, 12), within=30)
    assert await partitions_with_records(flow) <= set(range(TASKS.partitions))


async def test_partitions_that_are_declared_are_written_to_and_every_event_is_still_handled_once(flow: Flow) -> None:
    async with flow.world.running(await flow.relay()):
        await flow.add(100, at_once=20)
        await eventually(lambda: none_unpublished(flow))
    await flow.cluster.add_partitions(TASKS.name, 12)
    async with flow.world.running(await flow.relay(replace(TASKS, partitions=12))):
        await flow.add(100, at_once=20)
        await eventually(lambda: none_unpublished(flow))
    assert max(await partitions_with_records(flow)) >= TASKS.partitions
    async with flow.world.running(await flow.consumer()):  # reads old and new partitions in any order
        await eventually(lambda: count_is(flow, 200), within=30)
    notes = Counter(int(note) for note in await flow.world.notes())
    assert notes == Counter(range(200))


async def test_a_new_group_on_a_trimmed_log_says_what_is_missing_and_gets_it_from_the_journal(
    flow: Flow, probe: Probe
) -> None:
    relay, consumer = await flow.relay(), await flow.consumer()
    async with flow.world.running(relay):
        await flow.add(80, at_once=20)
        await eventually(lambda: none_unpublished(flow))
        begins = {place: end // 2 for place, end in (await ends(flow)).items() if end > 1}
        await flow.cluster.forget_records(TASKS.name, begins)
        async with flow.world.running(consumer):
            await eventually(lambda: count_is(flow, 80 - sum(begins.values())), within=30)
            letters = await list_letters(flow.world.engine)
            assert {(each.reason_code, each.partition, each.position) for each in letters} == {
                (LOG_TRIMMED, place, 0) for place in begins
            }
            status, checks = await probe.ask(relay, consumer)
            assert (status, checks["consumer"]["status"]) == ("degraded", "degraded")
            assert "cchc refill" in checks["consumer"]["detail"]
            assert await refill(flow.world.engine) == 80
            await eventually(lambda: count_is(flow, 80), within=30)
            await eventually(lambda: none_unpublished(flow))
    for each in letters:
        await discard_letter(flow.world.engine, each.id, "phát lại từ sổ")
    assert (await probe.ask())[1]["consumer"]["status"] == "ready"
    assert Counter(await flow.world.notes()) == Counter(map(str, range(80)))


async def test_a_consumer_that_retention_overtook_says_what_is_missing_and_gets_it_from_the_journal(flow: Flow) -> None:
    relay, consumer = await flow.relay(), await flow.consumer()
    async with flow.world.running(relay):
        async with flow.world.running(consumer):
            await flow.add(40, at_once=20)
            await flow.all_applied()
        before = await ends(flow)
        await flow.add(40, at_once=20)
        await eventually(lambda: none_unpublished(flow))
        begins = {place: end - 1 for place, end in (await ends(flow)).items() if end - 1 > before[place]}
        await flow.cluster.forget_records(TASKS.name, begins)
        async with flow.world.running(await flow.consumer()):
            await eventually(lambda: letters_are(flow, {(place, before[place]) for place in begins}), within=30)
            await refill(flow.world.engine)
            await eventually(lambda: count_is(flow, 80), within=30)
    assert Counter(await flow.world.notes()) == Counter(map(str, range(80)))


async def holds_partitions(flow: Flow, count: int) -> bool:
    rows = await flow.world.rows("SELECT count(*) FROM consumer_progress")
    return bool(rows[0][0] == count)


async def none_unpublished(flow: Flow) -> bool:
    return await flow.unpublished() == 0


async def count_is(flow: Flow, count: int) -> bool:
    return await flow.applied() == count


async def letters_are(flow: Flow, places: set[tuple[int, int]]) -> bool:
    letters = await list_letters(flow.world.engine)
    return {(each.partition, each.position) for each in letters if each.reason_code == LOG_TRIMMED} == places


async def ends(flow: Flow) -> dict[int, int]:
    """Return where each partition ends."""
    reading = AIOKafkaConsumer(bootstrap_servers=flow.cluster.bootstrap)
    await reading.start()
    try:
        places = [TopicPartition(TASKS.name, each["partition"]) for each in await flow.cluster.partitions(TASKS.name)]
        return {place.partition: end for place, end in (await reading.end_offsets(places)).items()}
    finally:
        await reading.stop()


async def partitions_with_records(flow: Flow) -> set[int]:
    return {place for place, end in (await ends(flow)).items() if end}
