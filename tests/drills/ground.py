"""Where drills take place: running systems, started when first asked for, and databases for drills in process."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import SecretStr

from deploy.embedded.postgres import EmbeddedPostgres
from deploy.embedded.settings import PROJECT
from shared.database.migrations import migrate
from shared.security import make_issuer
from tests.drills.line import Line
from tests.support.event_logs import EventLog, KafkaLog, PostgresLog
from tests.support.kafka import PrivateBroker
from tests.support.ports import free_base_port, free_port
from tests.support.postgres import execute, fresh_name, named
from tests.support.system import System

REMINDERS_A_SECOND = 4
"""Few, so that a plan of some hundred tasks is enough for many deaths."""


@dataclass(frozen=True)
class Site:
    """A running system and the log that it runs on."""

    system: System
    log: EventLog


class Ground:
    """Everything that drills of one run share. Used as an async context manager, which stops what was started.

    Args:
        folder: for data and logs.
        server: address of a PostgreSQL administrator for drills in process; None: one is started when asked for.
        source: the checkout from which workers that are killed run.
    """

    def __init__(self, folder: Path, server: str | None = None, source: Path = PROJECT) -> None:
        self.folder = folder
        self.source = source
        self._server = server
        self._postgres: EmbeddedPostgres | None = None
        self._brokers: list[PrivateBroker] = []
        self._sites: dict[str, Site] = {}
        self._templates: dict[tuple[str, ...], str] = {}
        self._keys: Path | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(*(asyncio.to_thread(site.system.stop) for site in self._sites.values()))
        for broker in self._brokers:
            await broker.stop()
        if self._postgres is not None:
            await self._postgres.stop()

    async def site(self, transport: str) -> Site:
        """Return the running system on `postgres` or `kafka`."""
        if transport not in self._sites:
            environment = {
                "CCHC_TRANSPORT": transport,
                "CCHC_SAMPLE": "0",
                "CCHC_REMINDER_HOUR": "0",  # drills take place at any hour
                "CCHC_REMINDERS_PER_SECOND": str(REMINDERS_A_SECOND),
                "CCHC_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
            }
            broker = await self._broker() if transport == "kafka" else None
            if broker is not None:
                environment["CCHC_KAFKA_BOOTSTRAP"] = broker.bootstrap
            system = System(self.folder / f"system-{transport}", free_base_port(), environment)
            site = Site(system, PostgresLog(system) if broker is None else KafkaLog(broker))
            try:
                await asyncio.to_thread(system.start)
            except BaseException:
                await asyncio.to_thread(system.stop)
                raise
            self._sites[transport] = site
        return self._sites[transport]

    async def database(self, *histories: str) -> str:
        """Return the address of a new database that is migrated to `histories`."""
        if self._server is None:
            self._postgres = EmbeddedPostgres(self.folder / "postgres", free_port(), settings={"fsync": "off"})
            await self._postgres.start()
            self._server = self._postgres.admin_dsn
        if histories not in self._templates:
            template = fresh_name("template")
            await execute(self._server, f'CREATE DATABASE "{template}" TEMPLATE template0')
            for history in histories:
                await migrate(SecretStr(named(self._server, template)), history)
            self._templates[histories] = template
        name = fresh_name("drill")
        await execute(
            self._server, f'CREATE DATABASE "{name}" TEMPLATE "{self._templates[histories]}" STRATEGY file_copy'
        )
        return named(self._server, name)

    def keys(self) -> Path:
        """Return the directory of an issuer's keys."""
        if self._keys is None:
            self._keys = self.folder / "keys"
            self._keys.mkdir()
            make_issuer(self._keys)
        return self._keys

    async def _broker(self) -> PrivateBroker:
        broker = PrivateBroker(self.folder / "broker", free_port(neighbours=1))
        self._brokers.append(broker)
        await broker.start()
        return broker


@dataclass(frozen=True)
class Run:
    """What one drill gets: where, on which log, how much of everything, which chances."""

    ground: Ground
    transport: str
    size: Mapping[str, int]
    dice: random.Random
    line: Line

    @property
    def quiet(self) -> float:
        """Seconds at work without any movement after which what has not arrived is lost.

        On Kafka the partitions of a killed member lie still for six seconds. Long, because on a loaded machine a
        process gives a sign of life seconds before it has read anything; only what is missing is waited for.
        """
        return 20.0 if self.transport == "kafka" else 10.0

    async def site(self) -> Site:
        return await self.ground.site(self.transport)

    def rounds(self, total: int) -> Sequence[int]:
        """Return how many faults each round has; after each the readers are asked."""
        number = max(1, min(10, total // 5))
        return [total // number + (each < total % number) for each in range(number)]
