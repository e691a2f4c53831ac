"""A log that has forgotten its first records says where it begins, and its consumer says what it did not get."""

import asyncpg
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from shared.clock import FixedClock
from shared.contracts.topics import Topic
from shared.messaging.consumer import Consumer
from shared.messaging.dead_letters import list_letters, replay_letter
from shared.messaging.subscription import Subscription
from shared.messaging.transports.port import LOG_TRIMMED, Reader, Received, Record, Transport
from shared.settings import SharedSettings
from tests.support.messaging import NOW, World
from tests.support.waiting import eventually

PLACE = 0


async def forget(log: SharedSettings, topic: Topic, before: int) -> None:
    """Delete the records of partition 0 before a position, as retention does."""
    if log.transport == "kafka":
        admin = AIOKafkaAdminClient(bootstrap_servers=log.kafka_bootstrap)
        await admin.start()
        await admin.delete_records({TopicPartition(topic.name, PLACE): RecordsToDelete(before)})
        await admin.close()
        return
    connection = await asyncpg.connect(log.log_database_url.get_secret_value(), ssl=False)
    await connection.execute("DELETE FROM log_records WHERE topic = $1 AND position < $2", topic.name, before)
    await connection.close()


@pytest.fixture
async def narrow(transport: Transport, topic: Topic) -> Topic:
    """A topic of one partition with ten records."""
    made = Topic(topic.name, "tests", 1, "")
    await transport.ensure_topics([made])
    sent = [Record(made.name, "k", {"ce_type": "cchc.unheard.v1"}, str(number).encode()) for number in range(10)]
    assert await transport.publish(sent) == [None] * 10
    return made


async def test_a_trimmed_partition_says_where_it_begins_and_is_read_from_there(
    transport: Transport, log_settings: SharedSettings, narrow: Topic
) -> None:
    await forget(log_settings, narrow, 4)
    reader = transport.reader("trimmed", [narrow])
    await reader.start()
    found = await eventually(lambda: first_batch(reader), within=20)
    assert [each.value for each in found] == [b"4", b"5", b"6", b"7", b"8", b"9"]
    standing = (await reader.standing())[narrow.name, PLACE]
    assert (standing.begin, standing.end) == (4, 10)
    await reader.stop()
    assert not await transport.is_empty(narrow.name)


async def first_batch(reader: Reader) -> list[Received]:
    return [each for batch in await reader.fetch(0.2, 100) for each in batch]


async def test_a_consumer_writes_one_letter_for_what_it_did_not_get_however_often_it_starts(
    transport: Transport, log_settings: SharedSettings, narrow: Topic, world: World
) -> None:
    await forget(log_settings, narrow, 4)
    heard = Subscription("trimmed", (narrow,), {})
    for _ in range(2):
        consumer = Consumer(world.engine, transport, heard, clock=FixedClock(NOW))
        async with world.running(consumer):
            await eventually(lambda: is_taken_in(world), within=20)
        await world.execute("DELETE FROM consumer_state")  # as a database that was made anew
    (letter,) = await list_letters(world.engine)
    assert (letter.reason_code, letter.topic, letter.partition, letter.position) == (
        LOG_TRIMMED, narrow.name, PLACE, 0,
    )  # fmt: skip
    assert "0 to 3" in letter.reason
    assert await replay_letter(world.engine, heard, letter.id) == "dead"
    (again,) = await list_letters(world.engine)
    assert (again.reason_code, again.reason, again.replays) == (LOG_TRIMMED, letter.reason, 1)


async def is_taken_in(world: World) -> bool:
    rows = await world.rows("SELECT position FROM consumer_state")
    return [row.position for row in rows] == [10]


async def test_topics_with_fewer_partitions_than_declared_are_named(transport: Transport, narrow: Topic) -> None:
    wider = Topic(narrow.name, "tests", 3, "")
    assert await transport.shortfalls([narrow]) == []
    (shortfall,) = await transport.shortfalls([wider])
    assert (shortfall.topic, shortfall.setting, shortfall.declared, shortfall.found) == (
        narrow.name, "partitions", "3", "1",
    )  # fmt: skip
