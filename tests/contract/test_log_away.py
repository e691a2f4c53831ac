"""The log's server goes away, comes back, or loses everything."""

import time

import pytest

from shared.contracts.topics import Topic
from shared.messaging.transports.port import LogUnavailable, Transport
from tests.contract.conftest import Machine
from tests.support.log_records import read, records
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow(40)


async def test_publishing_while_the_log_is_away_fails_within_the_deadline_and_works_again_afterwards(
    machine: Machine, topic: Topic
) -> None:
    transport = machine.transport(deadline=3)
    await transport.start()
    await transport.ensure_topics([topic])
    assert await transport.publish(records(topic, range(5))) == [None] * 5
    await machine.away()
    began = time.monotonic()
    outcome = await transport.publish(records(topic, range(5, 10)))
    assert time.monotonic() - began < 8
    assert all(isinstance(each, LogUnavailable) for each in outcome)
    await machine.back()

    async def published() -> bool:
        return await transport.publish(records(topic, range(5, 10))) == [None] * 5

    await eventually(published, within=40)
    reader = transport.reader("after", [topic])
    await reader.start()
    assert {int(each.value or b"") for each in await read(reader, 10)} == set(range(10))
    await reader.stop()
    await transport.stop()


async def test_a_reader_goes_on_when_the_log_comes_back(machine: Machine, topic: Topic) -> None:
    transport = machine.transport(deadline=3)
    await transport.start()
    await transport.ensure_topics([topic])
    await transport.publish(records(topic, range(5), keys=1))
    reader = transport.reader("back", [topic])
    await reader.start()
    assert len(await read(reader, 5)) == 5
    await machine.away()
    await machine.back()

    async def published() -> bool:
        return await transport.publish(records(topic, range(5, 6), keys=1)) == [None]

    await eventually(published, within=40)
    values: list[bytes | None] = []

    async def found() -> bool:
        try:
            for batch in await reader.fetch(0.2, 100):
                values.extend(each.value for each in batch)
        except LogUnavailable:
            return False
        return b"5" in values

    await eventually(found, within=40)
    assert values == [b"5"] * len(values)
    await reader.stop()
    await transport.stop()


async def test_a_wiped_log_has_another_cluster_id_and_is_empty(machine: Machine, topic: Topic) -> None:
    transport = machine.transport(deadline=5)
    await transport.start()
    await transport.ensure_topics([topic])
    await transport.publish(records(topic, range(5)))
    before = await transport.cluster_id()
    await machine.away()
    await machine.back()
    assert await cluster_id(transport) == before
    await machine.wiped()
    assert await cluster_id(transport) != before
    assert await transport.is_empty(topic.name)
    await transport.ensure_topics([topic])

    async def published() -> bool:
        return await transport.publish(records(topic, range(3))) == [None] * 3

    await eventually(published, within=40)
    await transport.stop()


async def cluster_id(transport: Transport) -> str:
    async def ask() -> str | None:
        try:
            return await transport.cluster_id()
        except LogUnavailable:
            return None

    return await eventually(ask, within=40)
