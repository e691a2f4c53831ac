"""The broker from Maven's jars: it keeps what it acknowledged, and says in one sentence what it lacks."""

import shutil
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from deploy.embedded import kafka
from deploy.embedded.kafka import EmbeddedKafka
from deploy.embedded.refusal import StartRefusedError
from tests.support.kafka import PrivateBrokerFactory
from tests.support.ports import free_port

pytestmark = pytest.mark.kafka
TOPIC = "cchc.trial"


async def publish(bootstrap: str, values: list[bytes]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True) as producer:
        for value in values:
            await producer.send_and_wait(TOPIC, value, partition=0)


async def read(bootstrap: str, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(TOPIC, 0)])
        return [(await consumer.getone()).value for _ in range(count)]
    finally:
        await consumer.stop()


@pytest.mark.slow(15)
async def test_what_was_acknowledged_outlives_a_stop_and_a_kill(private_broker: PrivateBrokerFactory) -> None:
    broker = await private_broker()
    await _make_topic(broker.bootstrap)
    await publish(broker.bootstrap, [b"one"])
    await broker.stop()
    await broker.start()
    await publish(broker.bootstrap, [b"two"])
    await broker.kill()
    await broker.start()
    assert await read(broker.bootstrap, 2) == [b"one", b"two"]


async def test_wiped_broker_is_another_cluster(private_broker: PrivateBrokerFactory) -> None:
    broker = await private_broker()
    first = (broker.data / "meta.properties").read_text(encoding="utf-8")
    await broker.wipe()
    await broker.start()
    assert (broker.data / "meta.properties").read_text(encoding="utf-8") != first


async def test_given_or_started_broker_answers(kafka_bootstrap: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka_bootstrap) as producer:
        assert producer.client.cluster.brokers()


@pytest.mark.parametrize(("missing", "sentence"), [("java", "needs Java 17 or later"), ("mvn", "fetched by Maven")])
async def test_missing_program_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str, sentence: str
) -> None:
    found = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name, path=None: None if name == missing else found(name, path=path))
    monkeypatch.setattr(kafka, "LIBRARIES", tmp_path / "libs")
    with pytest.raises(StartRefusedError, match=sentence) as refusal:
        await EmbeddedKafka(tmp_path / "data", free_port(neighbours=1)).start()
    assert "\n" not in str(refusal.value)
    assert "CCHC_KAFKA_BOOTSTRAP" in str(refusal.value)


async def _make_topic(bootstrap: str) -> None:
    from aiokafka.admin import AIOKafkaAdminClient, NewTopic

    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(TOPIC, num_partitions=1, replication_factor=1)])
    await admin.close()
