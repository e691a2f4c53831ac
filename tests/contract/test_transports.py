"""One set of scenarios that every event log passes."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence

import pytest

from shared.contracts.topics import Topic
from shared.messaging.transports.port import (
    MAX_RECORD_BYTES,
    NotSent,
    Reader,
    Received,
    Record,
    RecordRefused,
    Transport,
)
from tests.contract.conftest import MakeTransport
from tests.support.log_records import read, records
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow(20)


def values_by_key(found: Sequence[Received]) -> dict[bytes | None, list[int]]:
    grouped: defaultdict[bytes | None, list[int]] = defaultdict(list)
    for each in found:
        grouped[each.key].append(int(each.value or b"-1"))
    return grouped


async def test_each_key_keeps_its_order_and_one_partition(transport: Transport, topic: Topic) -> None:
    await transport.ensure_topics([topic])
    sent = records(topic, range(1000))
    outcome = [each for start in range(0, 1000, 250) for each in await transport.publish(sent[start : start + 250])]
    assert outcome == [None] * 1000
    reader = transport.reader("order", [topic])
    await reader.start()
    found = await read(reader, 1000)
    await reader.stop()
    assert sorted(int(each.value or b"") for each in found) == list(range(1000))
    assert all(numbers == sorted(numbers) for numbers in values_by_key(found).values())
    assert all(len({each.partition for each in found if each.key == key}) == 1 for key in {each.key for each in found})
    assert len({each.partition for each in found}) > 1


async def test_positions_of_a_partition_have_no_gaps_though_publishers_race(
    make_transport: MakeTransport, transport: Transport, topic: Topic
) -> None:
    await transport.ensure_topics([topic])
    other = make_transport()
    await other.start()
    await asyncio.gather(*(each.publish(records(topic, range(100))) for each in [transport, other] * 4))
    await other.stop()
    reader = transport.reader("gaps", [topic])
    await reader.start()
    found = await read(reader, 800)
    await reader.stop()
    places: defaultdict[int, list[int]] = defaultdict(list)
    for each in found:
        places[each.partition].append(each.position)
    assert len(found) == 800
    assert all(positions == list(range(len(positions))) for positions in places.values())


async def test_headers_key_and_bytes_come_back_as_they_were(transport: Transport, topic: Topic) -> None:
    await transport.ensure_topics([topic])
    value = bytes(range(256)) + "Kế hoạch cải cách hành chính".encode()
    sent = Record(topic.name, "khóa-ổn", {"ce_subject": "Sở Nội vụ", "content-type": "application/json"}, value)
    assert await transport.publish([sent]) == [None]
    reader = transport.reader("bytes", [topic])
    await reader.start()
    (found,) = await read(reader, 1)
    await reader.stop()
    assert (found.key, dict(found.headers), found.value) == ("khóa-ổn".encode(), sent.headers, value)


async def test_what_was_not_committed_comes_again(
    make_transport: MakeTransport, transport: Transport, topic: Topic
) -> None:
    await transport.ensure_topics([topic])
    await transport.publish(records(topic, range(10), keys=1))
    first = transport.reader("again", [topic])
    await first.start()
    seen = await read(first, 10, commit=False)
    await first.commit(topic.name, seen[0].partition, seen[4].position)
    first.rewind()
    assert [each.value for each in await read(first, 6, commit=False)] == [b"4", b"5", b"6", b"7", b"8", b"9"]
    await first.stop()
    second = make_transport().reader("again", [topic])
    await second.start()
    assert [each.value for each in await read(second, 6, commit=False)] == [b"4", b"5", b"6", b"7", b"8", b"9"]
    await second.stop()


async def test_a_reader_can_be_sent_to_any_position_and_beyond_the_end_means_the_beginning(
    transport: Transport, topic: Topic
) -> None:
    await transport.ensure_topics([topic])
    await transport.publish(records(topic, range(10), keys=1))
    reader = transport.reader("seek", [topic])
    await reader.start()
    seen = await read(reader, 10)
    for wanted, expected in ((7, [7, 8, 9]), (0, list(range(10))), (99, list(range(10)))):
        assert await reader.seek(topic.name, seen[0].partition, wanted) == expected[0]
        again = await read(reader, len(expected))
        assert [int(each.value or b"") for each in again] == expected
    await reader.stop()


async def test_what_a_reader_has_read_ahead_is_forgotten_where_it_is_sent_elsewhere(
    transport: Transport, topic: Topic
) -> None:
    """Three at a time of many, so that each fetch leaves more to be read at once."""
    await transport.ensure_topics([topic])
    await transport.publish(records(topic, range(30), keys=1))
    reader = transport.reader("ahead", [topic])
    await reader.start()
    (partition,) = {each.partition for each in await read(reader, 30, commit=False)}
    for wanted in (0, 20, 5, 5):
        await reader.seek(topic.name, partition, wanted)
        assert await _positions(reader, 6) == list(range(wanted, wanted + 6))
    await reader.commit(topic.name, partition, 8)
    reader.rewind()
    assert await _positions(reader, 9) == list(range(8, 17))
    reader.rewind()
    assert (await reader.standing())[topic.name, partition].position == 8
    assert await _positions(reader, 22) == list(range(8, 30))
    await reader.stop()


async def _positions(reader: Reader, count: int) -> list[int]:
    found: list[int] = []
    while len(found) < count:
        for batch in await reader.fetch(0.5, 3):
            found += [each.position for each in batch]
    return found


async def test_two_members_share_and_one_takes_over_when_the_other_leaves(
    make_transport: MakeTransport, transport: Transport, topic: Topic
) -> None:
    await transport.ensure_topics([topic])
    members = [each.reader("share", [topic]) for each in (transport, make_transport())]
    taken: dict[int, set[int]] = {0: set(), 1: set()}
    values: list[int] = []
    stops = [asyncio.Event(), asyncio.Event()]

    async def work(number: int) -> None:
        await members[number].start()
        while not stops[number].is_set():
            for batch in await members[number].fetch(0.1, 100):
                taken[number].add(batch[0].partition)
                values.extend(int(each.value or b"") for each in batch)
                await members[number].commit(topic.name, batch[-1].partition, batch[-1].position + 1)
        await members[number].stop()

    tasks = [asyncio.create_task(work(0)), asyncio.create_task(work(1))]
    sent = 0

    async def both_have_had_something() -> bool:
        nonlocal sent
        assert await transport.publish(records(topic, range(sent, sent + 60))) == [None] * 60
        sent += 60
        await eventually(lambda: len(set(values)) == sent, within=20)
        return all(taken.values())

    await eventually(both_have_had_something, within=30)

    stops[1].set()
    await tasks[1]
    taken[0].clear()
    assert await transport.publish(records(topic, range(sent, sent + 600))) == [None] * 600
    await eventually(lambda: set(values) == set(range(sent + 600)), within=20)
    assert taken[0] == set(range(6))
    stops[0].set()
    await tasks[0]


async def test_groups_do_not_disturb_one_another(transport: Transport, topic: Topic) -> None:
    await transport.ensure_topics([topic])
    await transport.publish(records(topic, range(30)))
    for group in ("one", "other"):
        reader = transport.reader(group, [topic])
        await reader.start()
        assert len(await read(reader, 30)) == 30
        await reader.stop()


async def test_lag_counts_what_is_not_committed(transport: Transport, topic: Topic) -> None:
    await transport.ensure_topics([topic])
    await transport.publish(records(topic, range(30), keys=1))
    reader = transport.reader("lag", [topic])
    await reader.start()
    found = await read(reader, 30, commit=False)
    assert sum(each.lag for each in (await reader.standing()).values()) == 30
    await reader.commit(topic.name, found[0].partition, found[9].position + 1)
    standing = (await reader.standing())[topic.name, found[0].partition]
    assert (standing.position, standing.end, standing.lag) == (10, 30, 20)
    await reader.stop()


async def test_a_record_that_is_too_large_is_refused_and_stops_its_key_only(transport: Transport, topic: Topic) -> None:
    await transport.ensure_topics([topic])
    large = Record(topic.name, "key-1", {}, b"x" * (MAX_RECORD_BYTES + 1))
    first, *rest = records(topic, range(1, 5), keys=2)
    outcome = await transport.publish([first, large, *rest])
    assert [type(each) for each in outcome] == [
        type(None),  # key-1
        RecordRefused,  # key-1, large
        type(None),  # key-0
        NotSent,  # key-1
        type(None),  # key-0
    ]


async def test_the_largest_allowed_record_travels(transport: Transport, topic: Topic) -> None:
    await transport.ensure_topics([topic])
    assert await transport.publish([Record(topic.name, "k", {}, b"x" * MAX_RECORD_BYTES)]) == [None]
    reader = transport.reader("large", [topic])
    await reader.start()
    (found,) = await read(reader, 1)
    await reader.stop()
    assert len(found.value or b"") == MAX_RECORD_BYTES


async def test_a_topic_that_was_never_made_is_refused(transport: Transport, topic: Topic) -> None:
    (refusal,) = await transport.publish([Record(topic.name, "k", {}, b"{}")])
    assert isinstance(refusal, RecordRefused)
    assert await transport.is_empty(topic.name)


async def test_a_topic_is_empty_until_its_first_record_and_keeps_its_partitions(
    transport: Transport, topic: Topic
) -> None:
    await transport.ensure_topics([topic])
    assert await transport.is_empty(topic.name)
    await transport.publish(records(topic, range(1)))
    await transport.ensure_topics([Topic(topic.name, "tests", 12, "")])
    assert not await transport.is_empty(topic.name)
    assert await transport.publish(records(topic, range(100))) == [None] * 100
    reader = transport.reader("partitions", [topic])
    await reader.start()
    assert {each.partition for each in await read(reader, 101)} <= set(range(6))
    await reader.stop()


async def test_news_reaches_a_waiting_reader_at_once(transport: Transport, topic: Topic) -> None:
    await transport.ensure_topics([topic])
    await transport.publish(records(topic, range(1)))
    reader = transport.reader("wake", [topic])
    await reader.start()
    await read(reader, 1)
    waiting = asyncio.create_task(reader.fetch(30, 10))
    await asyncio.wait([waiting], timeout=0.2)  # let it fall asleep
    began = time.monotonic()
    await transport.publish(records(topic, range(1, 2)))
    assert len(await waiting) == 1
    assert time.monotonic() - began < 2
    await reader.stop()
