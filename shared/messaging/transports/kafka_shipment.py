"""One call of `publish` on its way to Kafka: order by key, batches by partition, what became of each record."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import (
    InvalidTopicError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    UnknownTopicOrPartitionError,
)
from aiokafka.partitioner import DefaultPartitioner

from shared.messaging.transports.port import MAX_RECORD_BYTES, NotSent, Record, RecordRefused

METADATA_WITHIN = 2.0
"""Seconds; a topic that was just made needs a moment to be known everywhere."""
_TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)


class Shipment:
    """Sends each partition's records batch after batch, the next one when the one before is acknowledged.

    So a batch that fails holds back everything after it in its partition. Several partitions go at the same time.
    """

    def __init__(self, records: Sequence[Record], declared: Mapping[str, int]) -> None:
        self._records = records
        self._declared = declared
        self.outcome: list[Exception | None] = [NotSent(record.key) for record in records]

    async def send(self, producer: AIOKafkaProducer) -> None:
        """Send everything.

        Raises:
            aiokafka.errors.KafkaError: the broker does not take anything; what it took before is in `outcome`.
        """
        places = await self._sort(producer)
        await asyncio.gather(*(self._send_lane(producer, place, numbers) for place, numbers in places.items()))

    def give_up(self, reason: Exception) -> None:
        """Mark whatever has no outcome yet with `reason`."""
        self.outcome = [reason if isinstance(each, NotSent) else each for each in self.outcome]

    async def _sort(self, producer: AIOKafkaProducer) -> dict[TopicPartition, list[int]]:
        """Return the numbers of the records that may be sent, by partition."""
        places: defaultdict[TopicPartition, list[int]] = defaultdict(list)
        partitions = {
            topic: min(found := await _count_partitions(producer, topic), self._declared.get(topic, found))
            for topic in {each.topic for each in self._records}
        }
        stopped: set[tuple[str, str]] = set()
        for number, record in enumerate(self._records):
            if (record.topic, record.key) in stopped:
                continue
            refusal = _refusal(record, partitions[record.topic])
            if refusal is None:
                place = partition_of(record.key, partitions[record.topic])
                places[TopicPartition(record.topic, place)].append(number)
            else:
                self.outcome[number] = refusal
                stopped.add((record.topic, record.key))
        return places

    async def _send_lane(self, producer: AIOKafkaProducer, place: TopicPartition, numbers: Sequence[int]) -> None:
        done, size = 0, len(numbers)
        stopped: set[str] = set()  # of this lane: what was stopped before comes after everything in it
        while done < len(numbers):
            batch, taken = _fill(producer, [self._records[number] for number in numbers[done : done + size]])
            chunk, done = numbers[done : done + taken], done + taken
            if self._records[chunk[0]].key in stopped:
                continue
            try:
                await (await producer.send_batch(batch, place.topic, partition=place.partition))
            except _TOO_LARGE:
                _take_back_numbers(producer, place, taken)
                size = 1  # from here on one at a time, so that none of a stopped key slips through in a batch
                if taken == 1:
                    self.outcome[chunk[0]] = RecordRefused(_larger(self._records[chunk[0]]))
                    stopped.add(self._records[chunk[0]].key)
                else:
                    done -= taken
            else:
                for number in chunk:
                    self.outcome[number] = None


def _take_back_numbers(producer: AIOKafkaProducer, place: TopicPartition, count: int) -> None:
    """Let the next batch carry the numbers that the refused one had.

    The producer gives them out when it sends and does not take them back when the broker refuses; the broker would
    then miss them and refuse whatever comes after as out of order.
    """
    producer._txn_manager.increment_sequence_number(place, -count)  # noqa: SLF001 -- there is no public way


def _larger(record: Record) -> str:
    return f"giá trị {len(record.value)} byte, quá max.message.bytes của {record.topic} [larger than its topic takes]"


async def _count_partitions(producer: AIOKafkaProducer, topic: str) -> int:
    """Return 0 for a topic that does not show up in time: aiokafka would ask again and again for it."""
    try:
        async with asyncio.timeout(METADATA_WITHIN):
            return len(await producer.partitions_for(topic))
    except (TimeoutError, UnknownTopicOrPartitionError, InvalidTopicError):
        return 0


def _refusal(record: Record, partitions: int) -> RecordRefused | None:
    if not partitions:
        return RecordRefused(f"không có chủ đề {record.topic} [no such topic]")
    if len(record.value) > MAX_RECORD_BYTES:
        return RecordRefused(f"giá trị {len(record.value)} byte, quá {MAX_RECORD_BYTES} [value too large]")
    return None


@lru_cache(maxsize=65_536)
def partition_of(key: str, partitions: int) -> int:
    """Return the partition of `key` as the Java client would."""
    found: int = DefaultPartitioner()(key.encode(), range(partitions), range(partitions))
    return found


def _fill(producer: AIOKafkaProducer, records: Sequence[Record]) -> tuple[object, int]:
    """Return a batch with as many of `records` as fit, and how many these are; the first always fits."""
    batch = producer.create_batch()
    taken = 0
    for record in records:
        headers = [(name, value.encode()) for name, value in record.headers.items()]
        added = batch.append(timestamp=None, key=record.key.encode(), value=record.value, headers=headers)
        if added is None:
            break
        taken += 1
    return batch, taken
