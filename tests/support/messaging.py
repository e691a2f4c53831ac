"""A service's database, an event log and a small subscription, for tests of the messaging room."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlalchemy import BigInteger, Column, Identity, MetaData, Table, Text, Uuid, insert, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.clock import FixedClock
from shared.contracts.envelope import Contract, Event, event, to_headers
from shared.contracts.tasks import ActorV1, TaskProgressedV1
from shared.contracts.topics import TASKS
from shared.database.engine import create_engine
from shared.database.revisions import LOG, PLUMBING
from shared.ids import TimeOrderedIds
from shared.messaging.consumer import Consumer
from shared.messaging.outbox import Outbox
from shared.messaging.relay import Relay
from shared.messaging.subscription import Handler, Subscription
from shared.messaging.transports.port import Record
from shared.messaging.transports.postgres_log import PostgresLog
from tests.support.postgres import DatabaseFactory

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
IDS = TimeOrderedIds(FixedClock(NOW))

applied = Table(
    "applied",
    MetaData(),
    Column("number", BigInteger, Identity(always=True)),
    Column("event_id", Uuid),
    Column("note", Text),
)
"""Where the tests' handlers write."""


def a_progress(note: str = "đang làm", *, plan: UUID | None = None, version: int = 1) -> TaskProgressedV1:
    """Return the data of a progress note on some task."""
    return TaskProgressedV1(
        plan_id=plan or IDS.new(),
        task_id=IDS.new(),
        version=version,
        actor=ActorV1(subject="user-1"),
        note=note,
        recorded_at=NOW,
    )


def record_of(data: Contract, *, key: str = "plan-1", event_id: UUID | None = None, **headers: str) -> Record:
    """Return the record that the relay would publish."""
    made = event(data, event_id=event_id or IDS.new(), time=NOW, source="/cchc/tasks", subject="task-1", key=key)
    value = data.model_dump_json(by_alias=True, exclude_none=True).encode()
    return Record(data.topic.name, key, to_headers(made.attributes) | headers, value)


async def write_note(connection: AsyncConnection, heard: Event[Any]) -> None:
    """Write the note; the handler of most tests."""
    await connection.execute(insert(applied).values(event_id=heard.attributes.id, note=heard.data.note))


@dataclass
class World:
    """One service's database and one log."""

    engine: AsyncEngine
    dsn: str
    log: PostgresLog
    log_dsn: str
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def rows(self, query: str, **values: object) -> list[Any]:
        async with self.engine.connect() as connection:
            return list(await connection.execute(text(query), values))

    async def execute(self, statement: str, **values: object) -> None:
        async with self.engine.begin() as connection:
            await connection.execute(text(statement), values)

    async def notes(self) -> list[str]:
        """Return what handlers wrote, in the order of writing."""
        return [row.note for row in await self.rows("SELECT note FROM applied ORDER BY number")]

    async def add(self, data: Contract, *, key: str = "plan-1") -> UUID:
        """Commit one event to the outbox."""
        async with self.engine.begin() as connection:
            outbox = Outbox(connection, source="/cchc/tasks", ids=IDS)
            return await outbox.add(data, subject="task-1", key=key, time=NOW)

    async def published(self) -> list[int]:
        """Return the ids of published outbox rows."""
        return [row.id for row in await self.rows("SELECT id FROM outbox WHERE published_at IS NOT NULL ORDER BY id")]

    async def logged(self) -> list[Any]:
        """Return everything in the log, in the order of appending."""
        async with self.log._connection() as connection:
            found: list[Any] = await connection.fetch("SELECT * FROM log_records ORDER BY appended_at, ctid")
            return found

    async def publish(self, *records: Record) -> None:
        await self.log.ensure_topics([TASKS])
        assert await self.log.publish(records) == [None] * len(records)

    def subscription(self, handlers: Mapping[str, Handler] | None = None, **more: Any) -> Subscription:  # noqa: ANN401 -- passed on
        handlers = {TaskProgressedV1.event_type: write_note} if handlers is None else handlers
        return Subscription(group="test", topics=(TASKS,), handlers=handlers, **more)

    def consumer(self, subscription: Subscription | None = None, **more: Any) -> Consumer:  # noqa: ANN401 -- passed on
        return Consumer(self.engine, self.log, subscription or self.subscription(), clock=FixedClock(NOW), **more)

    @asynccontextmanager
    async def running(self, *parts: Relay | Consumer) -> AsyncIterator[None]:
        """Run parts for the time of the block; they stop cleanly."""
        stop = asyncio.Event()
        tasks = [asyncio.create_task(part.run(stop)) for part in parts]
        try:
            yield
        finally:
            stop.set()
            done, late = await asyncio.wait(tasks, timeout=10)
            for task in late:
                task.cancel()
            for task in done:
                task.result()
            assert not late, "a part did not stop within ten seconds"


def notes_of(numbers: Sequence[int]) -> list[str]:
    return [str(number) for number in numbers]


@pytest.fixture
async def world(database_factory: DatabaseFactory) -> AsyncIterator[World]:
    """Return a migrated database with the table `applied`, and an empty log."""
    dsn, log_dsn = await database_factory((PLUMBING,)), await database_factory((LOG,))
    engine = create_engine(SecretStr(dsn), application_name="test")
    log = PostgresLog(SecretStr(log_dsn), deadline=5)
    await log.start()
    async with engine.begin() as connection:
        await connection.run_sync(applied.metadata.create_all)
    yield World(engine, dsn, log, log_dsn)
    await log.stop()
    await engine.dispose()
