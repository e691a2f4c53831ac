"""A real Kafka broker for the session, and brokers of a test's own that it may stop, kill and wipe."""

import asyncio
import os
import shutil
import signal
import subprocess
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from deploy.embedded.kafka import EmbeddedKafka
from deploy.embedded.refusal import StartRefusedError
from tests.support.ports import free_port

GIVEN_BROKER = "CCHC_TEST_KAFKA"


class PrivateBroker(EmbeddedKafka):
    """A broker that belongs to one test."""

    async def kill(self) -> None:
        """End it as a power cut would: kill -9."""
        if self.child is not None and self.child.pid is not None:
            os.kill(self.child.pid, signal.SIGKILL)
            await self.child.wait()

    async def wipe(self) -> None:
        """Stop it and lose everything it kept, its cluster id too; `start` makes another cluster on the same port."""
        await self.stop()
        await asyncio.to_thread(shutil.rmtree, self.data)


PrivateBrokerFactory = Callable[[], Awaitable[PrivateBroker]]


@pytest.fixture(scope="session")
async def kafka_bootstrap(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Where a broker listens: a given one, else a container, else one started from Maven's jars, else skip aloud."""
    given = os.environ.get(GIVEN_BROKER)  # noqa: TID251 -- tests choose their broker here
    if given:
        yield given
        return
    if await asyncio.to_thread(_docker_answers):
        async for bootstrap in _container():
            yield bootstrap
        return
    broker = EmbeddedKafka(tmp_path_factory.mktemp("kafka"), free_port(neighbours=1))
    await _start_or_skip(broker)
    yield broker.bootstrap
    await broker.stop()


@pytest.fixture
async def private_broker(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PrivateBrokerFactory]:
    """Each await of it starts a broker of the test's own; they are stopped after the test."""
    started: list[PrivateBroker] = []

    async def start() -> PrivateBroker:
        broker = PrivateBroker(Path(tmp_path_factory.mktemp("broker")), free_port(neighbours=1))
        started.append(broker)
        await _start_or_skip(broker)
        return broker

    yield start
    for broker in started:
        await broker.stop()


async def _start_or_skip(broker: EmbeddedKafka) -> None:
    try:
        await broker.start()
    except StartRefusedError as refusal:
        pytest.skip(f"NO KAFKA: {GIVEN_BROKER} is not set, no Docker engine answers, and: {refusal}")


def _docker_answers() -> bool:
    try:
        asked = subprocess.run(["docker", "version"], capture_output=True, timeout=10, check=False)  # noqa: S607 -- wherever it is
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0


async def _container() -> AsyncIterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own, about its own waiting strategies
        from testcontainers.kafka import KafkaContainer

        container = KafkaContainer().with_kraft()
        await asyncio.to_thread(container.start)
    yield container.get_bootstrap_server()
    await asyncio.to_thread(container.stop)
