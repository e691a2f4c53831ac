"""Both event logs, as the scenarios see them."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Protocol

import pytest
from pydantic import SecretStr

from deploy.embedded.postgres import EmbeddedPostgres
from shared.contracts.topics import Topic
from shared.database.migrations import migrate
from shared.database.revisions import LOG
from shared.ids import TimeOrderedIds
from shared.messaging.transports import create_transport
from shared.messaging.transports.kafka import KafkaTransport
from shared.messaging.transports.port import Transport
from shared.messaging.transports.postgres_log import PostgresLog
from shared.settings import SharedSettings
from tests.support.kafka import PrivateBroker
from tests.support.messaging import world
from tests.support.ports import free_port

__all__ = ["world"]

BOTH = ["postgres", pytest.param("kafka", marks=pytest.mark.kafka)]
MakeTransport = Callable[[], Transport]


@pytest.fixture(params=BOTH)
def log_settings(request: pytest.FixtureRequest) -> SharedSettings:
    """Where one log is that nobody disturbs; each test has topics of its own."""
    if request.param == "kafka":
        return SharedSettings(transport="kafka", kafka_bootstrap=request.getfixturevalue("kafka_bootstrap"))
    return SharedSettings(transport="postgres", log_database_url=request.getfixturevalue("log_database"))


@pytest.fixture
def make_transport(log_settings: SharedSettings) -> MakeTransport:
    """Return what makes transports to one log."""
    return lambda: create_transport(log_settings)


@pytest.fixture
async def log_database(database_factory: Callable[[tuple[str, ...]], asyncio.Future[str]]) -> str:
    return await database_factory((LOG,))


@pytest.fixture
async def transport(make_transport: MakeTransport) -> AsyncIterator[Transport]:
    made = make_transport()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def topic() -> Topic:
    return Topic(f"test.{TimeOrderedIds().new().hex}", "tests", 6, "")


class Machine(Protocol):
    """The log's server, which a test may switch off and wipe."""

    def transport(self, deadline: float) -> Transport:
        """Return a transport to it."""

    async def away(self) -> None:
        """Switch it off."""

    async def back(self) -> None:
        """Switch it on."""

    async def wiped(self) -> None:
        """Switch it off, lose everything, switch on an empty one at the same address."""


class KafkaMachine:
    def __init__(self, broker: PrivateBroker) -> None:
        self._broker = broker

    def transport(self, deadline: float) -> Transport:
        return KafkaTransport(self._broker.bootstrap, deadline=deadline)

    async def away(self) -> None:
        await self._broker.stop()

    async def back(self) -> None:
        await self._broker.start()

    async def wiped(self) -> None:
        await self._broker.wipe()
        await self._broker.start()


class PostgresMachine:
    def __init__(self, base: Path) -> None:
        self._base, self._port = base, free_port()
        self._server = self._made()

    def _made(self) -> EmbeddedPostgres:
        return EmbeddedPostgres(self._base, self._port, settings={"fsync": "off"})

    def transport(self, deadline: float) -> Transport:
        return PostgresLog(SecretStr(self._server.admin_dsn), deadline=deadline)

    async def away(self) -> None:
        await self._server.stop()

    async def back(self) -> None:
        await self._server.start()
        await migrate(SecretStr(self._server.admin_dsn), LOG)

    async def wiped(self) -> None:
        await self._server.stop()
        await asyncio.to_thread(shutil.rmtree, self._base / "pgdata")
        self._server = self._made()
        await self.back()


@pytest.fixture(params=BOTH)
def machine_kind(request: pytest.FixtureRequest) -> tuple[str, object]:
    name = str(request.param)
    return name, request.getfixturevalue("private_broker") if name == "kafka" else None


@pytest.fixture
async def machine(machine_kind: tuple[str, object], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Machine]:
    name, private_broker = machine_kind
    if name == "kafka":
        assert callable(private_broker)
        yield KafkaMachine(await private_broker())
        return
    postgres = PostgresMachine(tmp_path_factory.mktemp("log"))
    await postgres.back()
    yield postgres
    await postgres.away()
