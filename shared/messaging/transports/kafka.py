"""The event log in Kafka: for many machines."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import (
    NoError,
    TopicAlreadyExistsError,
)

from shared.contracts.topics import Topic
from shared.messaging.transports.kafka_edge import end, translated
from shared.messaging.transports.kafka_reader import KafkaReader
from shared.messaging.transports.kafka_shipment import Shipment
from shared.messaging.transports.port import (
    MAX_RECORD_BYTES,
    LogUnavailable,
    Reader,
    Record,
)

DEADLINE = 10.0
"""Seconds after which a call to the log is given up."""
BATCH_BYTES = 512 * 1024
ENVELOPE_BYTES = 64 * 1024
"""Room for key, headers and framing beside the largest value."""

_REPLICAS_FOR_TWO = 3


class KafkaTransport:
    """Transport over aiokafka: idempotent producer, acks from all replicas in sync.

    aiokafka's idempotent producer never gives a batch up and retries it behind our back. Whatever is not acknowledged
    in time is therefore reported as failed *and* the producer is thrown away. What it had in flight may still arrive:
    a repeat of something that the relay sends again before anything later of the same key.
    """

    def __init__(self, bootstrap: str, *, replication: int = 1, deadline: float = DEADLINE) -> None:
        self._bootstrap = bootstrap
        self._replication = replication
        self._deadline = deadline
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a broker that is away fills the disk with lines

    async def stop(self) -> None:
        await self._throw_producer_away()

    async def cluster_id(self) -> str:
        async with self._admin() as admin:
            return str((await admin.describe_cluster())["cluster_id"])

    async def ensure_topics(self, topics: Sequence[Topic]) -> None:
        async with self._admin() as admin:
            known = set(await admin.list_topics())
            missing = [self._new(topic) for topic in topics if topic.name not in known]
            if not missing:
                return
            answer = await admin.create_topics(missing)
            for name, code, *_ in answer.topic_errors:
                if code not in {NoError.errno, TopicAlreadyExistsError.errno}:
                    raise LogUnavailable(f"topic {name} could not be made: error {code}")

    def _new(self, topic: Topic) -> NewTopic:
        kept = {
            "retention.ms": "-1",  # a new read model is built from the first event on
            "max.message.bytes": str(MAX_RECORD_BYTES + ENVELOPE_BYTES),
            "min.insync.replicas": "2" if self._replication >= _REPLICAS_FOR_TWO else "1",
        }
        return NewTopic(topic.name, topic.partitions, self._replication, topic_configs=kept)

    async def is_empty(self, topic: str) -> bool:
        async with self._admin() as admin:
            (found,) = await admin.describe_topics([topic])
        places = [TopicPartition(topic, each["partition"]) for each in found["partitions"]]
        if not places:
            return True
        consumer = AIOKafkaConsumer(bootstrap_servers=self._bootstrap)
        try:
            with translated():
                async with asyncio.timeout(self._deadline):
                    await consumer.start()
                    return not any((await consumer.end_offsets(places)).values())
        finally:
            await end(consumer.stop(), within=5)

    def reader(self, group: str, topics: Sequence[Topic]) -> Reader:
        return KafkaReader(self._bootstrap, group, [topic.name for topic in topics], deadline=self._deadline)

    async def publish(self, records: Sequence[Record]) -> list[Exception | None]:
        shipment = Shipment(records)
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
                bootstrap_servers=self._bootstrap,
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

    @asynccontextmanager
    async def _admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap, request_timeout_ms=int(self._deadline * 1000))
        try:
            with translated():
                async with asyncio.timeout(self._deadline):
                    await admin.start()
                    yield admin
        finally:
            await end(admin.close(), within=5)
