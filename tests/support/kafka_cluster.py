"""A cluster of three real brokers, and the flow of one service's events through it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from deploy.embedded.kafka_cluster import EmbeddedKafkaCluster
from deploy.embedded.refusal import StartRefusedError
from shared.clock import FixedClock
from shared.contracts.topics import TASKS, Topic
from shared.messaging.consumer import Consumer
from shared.messaging.outbox import Outbox
from shared.messaging.relay import Relay
from shared.messaging.transports.kafka import KafkaTransport
from tests.support.kafka import PrivateBroker
from tests.support.messaging import IDS, NOW, World, a_progress
from tests.support.ports import free_port
from tests.support.waiting import eventually

KEYS = 8
NODES = 3


class PrivateCluster(EmbeddedKafkaCluster):
    """Three brokers that tests may stop, kill and change."""

    nodes: Sequence[PrivateBroker]  # type: ignore[assignment]  # what `node=PrivateBroker` makes

    @classmethod
    def on_free_ports(cls, base: Path) -> "PrivateCluster":
        first = free_port(neighbours=2 * NODES - 1)
        return cls(base, range(first, first + 2 * NODES, 2), node=PrivateBroker)

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()

    async def partitions(self, topic: str) -> Sequence[Mapping[str, Any]]:
        """Return what Kafka says of each partition; a broker that has just died may be asked first."""
        found: list[Sequence[Mapping[str, Any]]] = []

        async def asked() -> bool:
            try:
                async with self.admin() as admin:
                    found.append((await admin.describe_topics([topic]))[0]["partitions"])
            except KafkaError:
                return False
            return True

        await eventually(asked, within=20)
        return found[-1]

    async def leader(self, topic: str, partition: int = 0) -> PrivateBroker:
        """Return the node that leads a partition."""
        leaders = {each["partition"]: each["leader"] for each in await self.partitions(topic)}
        number: int = leaders[partition]
        return self.nodes[number - 1]

    async def heal(self, topic: str | None = None) -> None:
        """Start every node that does not run, and wait until all copies of `topic` are as new as their leaders."""
        await asyncio.gather(*(node.start() for node in self.nodes if node.child is None or node.child.pid is None))
        await self.wait_until_whole()
        if topic is not None:
            await eventually(lambda: self._is_in_sync(topic), within=60, tell="copies in sync")

    async def _is_in_sync(self, topic: str) -> bool:
        return all(len(each["isr"]) == len(self.nodes) for each in await self.partitions(topic))

    async def forget_topics(self) -> None:
        """Delete all topics but Kafka's own."""
        async with self.admin() as admin:
            mine = [name for name in await admin.list_topics() if not name.startswith("__")]
            if mine:
                await admin.delete_topics(mine)

        async def gone() -> bool:
            async with self.admin() as admin:
                return not {*mine} & {*await admin.list_topics()}

        await eventually(gone, within=20)

    async def forget_records(self, topic: str, before: Mapping[int, int]) -> None:
        """Do what retention does: delete the records of each partition before an offset."""
        async with self.admin() as admin:
            places = {TopicPartition(topic, number): RecordsToDelete(offset) for number, offset in before.items()}
            await admin.delete_records(places)

    async def add_partitions(self, topic: str, total: int) -> None:
        async with self.admin() as admin:
            await admin.create_partitions({topic: NewPartitions(total)})
        await eventually(lambda: self.has_partitions(topic, total), within=20)

    async def has_partitions(self, topic: str, total: int) -> bool:
        return len(await self.partitions(topic)) == total

    async def change(self, topic: str, **configs: str) -> None:
        """Set settings of a topic; `_` stands for Kafka's dots. Settings that are not named get their defaults."""
        named = {name.replace("_", "."): value for name, value in configs.items()}
        async with self.admin() as admin:
            (answer,) = await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, named)])
        assert [each[0] for each in answer.resources] == [0], answer


@dataclass
class Flow:
    """One service's outbox, the relay, the cluster, and a consumer that writes what it hears."""

    world: World
    cluster: PrivateCluster
    transports: list[KafkaTransport] = field(default_factory=list)
    added: int = 0

    async def transport(self, *, deadline: float = 10, replication: int = NODES) -> KafkaTransport:
        """Return a started transport, stopped after the test."""
        made = KafkaTransport(self.cluster.bootstrap, replication=replication, deadline=deadline)
        await made.start()
        self.transports.append(made)
        return made

    async def relay(self, topic: Topic = TASKS) -> Relay:
        return Relay(self.world.engine, await self.transport(), [topic])

    async def consumer(self) -> Consumer:
        return Consumer(self.world.engine, await self.transport(), self.world.subscription(), clock=FixedClock(NOW))

    async def add(self, count: int, *, at_once: int = 1) -> None:
        """Commit `count` further events, `at_once` in a transaction; their notes are their numbers."""
        for first in range(self.added, self.added + count, at_once):
            numbers = range(first, min(first + at_once, self.added + count))
            async with self.world.engine.begin() as connection:
                outbox = Outbox(connection, source="/cchc/tasks", ids=IDS)
                for number in numbers:
                    await outbox.add(a_progress(str(number)), subject="task-1", key=f"plan-{number % KEYS}", time=NOW)
        self.added += count

    async def numbers(self) -> list[int]:
        """Return what was applied, in the order of applying; each at most once and in order within its key."""
        found = [int(note) for note in await self.world.notes()]
        assert len(found) == len(set(found)), "counted twice"
        for key in range(KEYS):
            mine = [number for number in found if number % KEYS == key]
            assert mine == sorted(mine), f"plan-{key} out of order"
        return found

    async def all_applied(self, within: float = 60) -> None:
        """Wait until everything that was added is applied, once and in order."""
        await eventually(self._all_applied, within=within, tell=f"{self.added} events applied")
        assert await self.world.rows("SELECT 1 FROM dead_letters WHERE reason_code <> 'log-trimmed'") == []

    async def _all_applied(self) -> bool:
        count = (await self.world.rows("SELECT count(*) FROM applied"))[0][0]
        return count >= self.added and sorted(await self.numbers()) == list(range(self.added))

    async def applied(self) -> int:
        count: int = (await self.world.rows("SELECT count(*) FROM applied"))[0][0]
        return count

    async def unpublished(self) -> int:
        count: int = (await self.world.rows("SELECT count(*) FROM outbox WHERE published_at IS NULL"))[0][0]
        return count


@pytest.fixture(scope="session")
async def kafka_cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PrivateCluster]:
    """Three brokers that tests leave whole and without topics; skips aloud where Java or Maven is missing."""
    cluster = PrivateCluster.on_free_ports(tmp_path_factory.mktemp("cluster"))
    try:
        await cluster.start()
    except StartRefusedError as refusal:
        pytest.skip(f"NO KAFKA: {refusal}")
    yield cluster
    await asyncio.gather(*(node.kill() for node in cluster.nodes))


@pytest.fixture
async def flow(world: World, kafka_cluster: PrivateCluster) -> AsyncIterator[Flow]:
    """An empty database and a whole cluster without topics."""
    made = Flow(world, kafka_cluster)
    yield made
    for transport in made.transports:
        await transport.stop()
    await kafka_cluster.heal()
    await kafka_cluster.forget_topics()


def counted(tell: Callable[[str], None], what: str, **counts: object) -> None:
    """Print what a scenario counted."""
    tell(f"kafka cluster, {what}: " + ", ".join(f"{name} {count}" for name, count in counts.items()))
