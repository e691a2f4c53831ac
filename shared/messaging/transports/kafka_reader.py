"""A member of a Kafka consumer group, without automatic commits."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, OffsetAndMetadata, TopicPartition
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import CommitFailedError, IllegalStateError
from aiokafka.structs import ConsumerRecord

from shared.messaging.transports.kafka_access import Access
from shared.messaging.transports.kafka_edge import end, translated
from shared.messaging.transports.port import MAX_RECORD_BYTES, LogUnavailable, Partition, Received, Standing


class KafkaReader(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types
    """See `port.Reader`."""

    def __init__(self, access: Access, group: str, topics: Sequence[str], *, deadline: float) -> None:
        self.epoch = 0
        self._access = access
        self._group = group
        self._topics = list(topics)
        self._deadline = deadline
        self._consumer: AIOKafkaConsumer | None = None
        self._taken: dict[TopicPartition, int] = {}

    async def start(self) -> None:
        await self._started()

    async def stop(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await end(consumer.stop(), within=5)

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        for place in revoked:
            self._taken.pop(place, None)
        self.epoch += 1

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:  # noqa: ARG002 -- its signature
        self.epoch += 1

    async def fetch(self, timeout: float, limit: int) -> Sequence[Sequence[Received]]:  # noqa: ASYNC109 -- see port
        consumer = await self._started()
        found: dict[TopicPartition, list[ConsumerRecord]]
        try:
            with translated():
                found = await consumer.getmany(timeout_ms=int(timeout * 1000), max_records=limit)
        except LogUnavailable:
            await self.stop()
            raise
        for place, records in found.items():
            self._taken.setdefault(place, records[0].offset)
        return [[_received(record) for record in records] for records in found.values() if records]

    async def commit(self, topic: str, partition: int, next_position: int) -> None:
        consumer = await self._started()
        place = TopicPartition(topic, partition)
        with translated():
            async with asyncio.timeout(self._deadline):
                try:
                    await consumer.commit({place: OffsetAndMetadata(next_position, "")})
                except (CommitFailedError, IllegalStateError):
                    return  # the group has given the partition to somebody else
        self._taken[place] = next_position

    async def seek(self, topic: str, partition: int, position: int) -> int | None:
        consumer = await self._started()
        place = TopicPartition(topic, partition)
        with translated(), suppress(IllegalStateError):  # not ours any more
            async with asyncio.timeout(self._deadline):
                end = (await consumer.end_offsets([place]))[place]
                first = (await consumer.beginning_offsets([place]))[place]
                wanted: int = position if first <= position <= end else first
                consumer.seek(place, wanted)
                self._taken[place] = wanted
                return wanted
        return None

    def rewind(self) -> None:
        for place, position in self._taken.items():
            with suppress(IllegalStateError):
                if self._consumer is not None:
                    self._consumer.seek(place, position)

    async def standing(self) -> Mapping[Partition, Standing]:
        consumer = await self._started()
        with translated(), suppress(IllegalStateError):
            async with asyncio.timeout(self._deadline):
                mine = consumer.assignment()
                ends = await consumer.end_offsets(mine) if mine else {}
                begins = await consumer.beginning_offsets(mine) if mine else {}
                return {
                    (place.topic, place.partition): Standing(
                        await self._position(consumer, place), ends[place], begins[place]
                    )
                    for place in mine
                }
        return {}

    async def _position(self, consumer: AIOKafkaConsumer, place: TopicPartition) -> int:
        known = self._taken.get(place)
        return int(await consumer.position(place)) if known is None else known

    async def _started(self) -> AIOKafkaConsumer:
        if self._consumer is not None:
            return self._consumer
        consumer = AIOKafkaConsumer(
            **self._access.client(),
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            partition_assignment_strategy=(RoundRobinPartitionAssignor,),
            session_timeout_ms=6_000,  # so long the partitions of a member that was killed lie still
            heartbeat_interval_ms=2_000,
            max_poll_interval_ms=300_000,
            max_partition_fetch_bytes=MAX_RECORD_BYTES,
            fetch_max_wait_ms=250,
            metadata_max_age_ms=10_000,  # a topic made after the start is found within this time
        )
        consumer.subscribe(self._topics, listener=self)
        try:
            with translated():
                async with asyncio.timeout(self._deadline):
                    await consumer.start()
        except LogUnavailable:
            await end(consumer.stop(), within=5)
            raise
        self._taken.clear()
        self._consumer = consumer
        return consumer


def _received(record: ConsumerRecord) -> Received:
    try:
        headers: dict[str, bytes | str] = {name: value.decode() for name, value in record.headers}
    except (UnicodeDecodeError, AttributeError):  # one is not UTF-8, or null
        headers = {name: _text(value) for name, value in record.headers}
    return Received(record.topic, record.partition, record.offset, record.key, headers, record.value)


def _text(value: bytes | None) -> bytes | str:
    try:
        return (value or b"").decode()
    except UnicodeDecodeError:
        return value or b""
