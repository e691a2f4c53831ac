"""The event log in Kafka: for many machines."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError, NodeNotReadyError

from shared.contracts.topics import ENVELOPE_BYTES, Topic
from shared.kafka_settings import KafkaSecurity
from shared.messaging.transports.kafka_access import Access
from shared.messaging.transports.kafka_edge import end, translated
from shared.messaging.transports.kafka_reader import KafkaReader
from shared.messaging.transports.kafka_shipment import Shipment
from shared.messaging.transports.kafka_topics import find_shortfalls, make_missing, new_topic
from shared.messaging.transports.port import MAX_RECORD_BYTES, LogUnavailable, Reader, Record, Shortfall

DEADLINE = 10.0
"""Seconds after which a call to the log is given up."""
BATCH_BYTES = 512 * 1024
ASK_ANOTHER = 0.1
"""Seconds after which another broker is asked when one did not answer."""

Answer = TypeVar("Answer")


class KafkaTransport:
    """Transport over aiokafka: idempotent producer, acks from all replicas in sync.

    aiokafka's idempotent producer never gives a batch up and retries it behind our back. Whatever is not acknowledged
    in time is therefore reported as failed *and* the producer is thrown away. What it had in flight may still arrive:
    a repeat of something that the relay sends again before anything later of the same key.

    Keys are spread over the declared partitions. Partitions that somebody adds are read, and not written to before
    they are declared: a key would move to another partition and its events could overtake one another.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        replication: int = 1,
        retention_days: int | None = None,
        security: KafkaSecurity | None = None,
        deadline: float = DEADLINE,
    ) -> None:
        self._access = Access(bootstrap, security or KafkaSecurity())
        self._replication = replication
        self._retention_days = retention_days
        self._deadline = deadline
        self._declared: dict[str, int] = {}
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a broker that is away fills the disk with lines

    async def stop(self) -> None:
        await self._throw_producer_away()

    async def cluster_id(self) -> str:
        return str((await self._ask(lambda admin: admin.describe_cluster()))["cluster_id"])

    async def ensure_topics(self, topics: Sequence[Topic]) -> None:
        self._declared |= {topic.name: topic.partitions for topic in topics}
        wanted = [
            new_topic(topic, replication=self._replication, retention_days=self._retention_days) for topic in topics
        ]
        await self._ask(lambda admin: make_missing(admin, wanted))

    async def shortfalls(self, topics: Sequence[Topic]) -> Sequence[Shortfall]:
        replication, days = self._replication, self._retention_days
        return await self._ask(
            lambda admin: find_shortfalls(admin, topics, replication=replication, retention_days=days)
        )

    async def is_empty(self, topic: str) -> bool:
        (found,) = await self._ask(lambda admin: admin.describe_topics([topic]))
        places = [TopicPartition(topic, each["partition"]) for each in found["partitions"]]
        if not places:
            return True
        consumer = AIOKafkaConsumer(**self._access.client())
        try:
            with translated():
                async with asyncio.timeout(self._deadline):
                    await consumer.start()
                    return not any((await consumer.end_offsets(places)).values())
        finally:
            await end(consumer.stop(), within=5)

    def reader(self, group: str, topics: Sequence[Topic]) -> Reader:
        return KafkaReader(self._access, group, [topic.name for topic in topics], deadline=self._deadline)

    async def publish(self, records: Sequence[Record]) -> list[Exception | None]:
        shipment = Shipment(records, self._declared)
        try:
            with translated():
                async with asyncio.timeout(self._deadline):
                    await shipment.send(await self._started_producer())
        except LogUnavailable as error:
            shipment.give_up(error)
            await self._throw_producer_away()
        return shipment.outcome

    async def _started_producer(self) -> AIOKafkaProducer:
        if self._producer is None:
            producer = AIOKafkaProducer(
                **self._access.client(),
                acks="all",
                enable_idempotence=True,
                max_batch_size=BATCH_BYTES,
                max_request_size=MAX_RECORD_BYTES + ENVELOPE_BYTES,
                request_timeout_ms=int(self._deadline * 1000),
                metadata_max_age_ms=30_000,
            )
            self._producer = producer
            await producer.start()
        return self._producer

    async def _throw_producer_away(self) -> None:
        producer, self._producer = self._producer, None
        if producer is None:
            return
        # `producer.stop` would wait for batches that only a broker that is away could take: end its parts one by one.
        producer._closed = True  # noqa: SLF001 -- there is no public way to give up
        sender = producer._sender  # noqa: SLF001 -- same
        for close in (sender.close, producer.client.close) if sender else (producer.client.close,):
            await end(close(), within=2)

    async def _ask(self, question: Callable[[AIOKafkaAdminClient], Awaitable[Answer]]) -> Answer:
        """Ask one broker or another: the list of brokers may still name one that has just died."""
        admin = AIOKafkaAdminClient(**self._access.client(), request_timeout_ms=int(self._deadline * 1000))
        try:
            with translated():
                async with asyncio.timeout(self._deadline):
                    try:
                        await admin.start()
                    except KafkaConnectionError as error:
                        raise LogUnavailable(await self._access.why_not()) from error
                    while True:
                        try:
                            return await question(admin)
                        except (NodeNotReadyError, KafkaConnectionError):
                            await asyncio.sleep(ASK_ANOTHER)
        finally:
            await end(admin.close(), within=5)
