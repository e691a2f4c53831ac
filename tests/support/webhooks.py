"""The delivery machine with a database of its own: endpoints, events that happen now, senders that can be killed."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.reporting.adapters.outgoing.networks import Guard
from services.reporting.adapters.outgoing.poster import Poster
from services.reporting.adapters.webhook_fanout import FanOut
from services.reporting.adapters.webhook_queue import Limits
from services.reporting.adapters.webhook_secrets import SecretBox
from services.reporting.adapters.webhook_sender import WebhookSender
from services.reporting.adapters.webhook_tables import webhook_endpoints, webhook_secrets
from services.reporting.consumers import Ear
from services.reporting.domain.webhooks.schedule import Schedule
from services.reporting.domain.webhooks.signatures import Scheme, Secret
from shared.contracts.envelope import Event
from shared.contracts.tasks import CompletionConfirmedV1, TaskCompletedV1
from shared.contracts.webhooks import WEBHOOKS
from shared.database.engine import create_engine
from shared.messaging.transports.port import Received
from tests.support.reporting_service import ACTOR, PROVINCE, Told, message, task_id, the_sample_plan, unit_changed
from tests.support.webhook_sender_process import CLOCK, HERE, IDS, KEY, SOON
from tests.unit.reporting import sample_plan

__all__ = ["CLOCK", "CODES", "EVERY_TYPE", "HERE", "IDS", "KEY", "SOON", "Webhooks", "completions", "confirmed"]

EVERY_TYPE = tuple(WEBHOOKS)
CODES = [row["ma"] for row in sample_plan.rows(sample_plan.PLAN_FILE)]


@dataclass
class Webhooks:
    """What a test does with the delivery machine."""

    dsn: str
    engine: AsyncEngine
    box: SecretBox = field(default_factory=lambda: SecretBox(KEY))
    fan_out: FanOut = field(default_factory=FanOut)
    secrets: dict[UUID, Secret] = field(default_factory=dict)
    _position: int = 0

    @classmethod
    async def on(cls, dsn: str) -> "Webhooks":
        """Return one on a migrated database, with the units of two provinces."""
        engine = create_engine(SecretStr(dsn), application_name="webhooks-test", pool_size=10)
        found = cls(dsn, engine)
        await found.hear([unit_changed(*unit) for unit in PROVINCE])
        return found

    async def hear(self, told: Sequence[Told]) -> None:
        """Take events in as the consumer does: those of one topic in one transaction."""
        by_topic: dict[str, list[tuple[Event[Any], Received]]] = {}
        for one in told:
            self._position += 1
            by_topic.setdefault(one.data.topic.name, []).append(message(one, self._position))
        ear = Ear(self.fan_out)
        for batch in by_topic.values():
            async with self.engine.begin() as connection:
                await ear.take_in(connection, batch)

    async def a_plan(self, *, unit: str = "TV") -> UUID:
        """Hear a plan of 38 tasks."""
        plan_id = IDS.new()
        await self.hear([the_sample_plan(plan_id, unit=unit)])
        return plan_id

    async def an_endpoint(self, url: str, *, scheme: Scheme = "hmac", **columns: Any) -> UUID:  # noqa: ANN401 -- any column
        """Add an endpoint; by default it wants to hear of everything in the installation."""
        endpoint_id = IDS.new()
        secret = self.secrets[endpoint_id] = self.box.make(scheme)
        row = {
            "id": endpoint_id,
            "owner_subject": "lanh-dao",
            "url": url,
            "event_types": list(EVERY_TYPE),
            "scheme": scheme,
            "created_at": CLOCK.now() - timedelta(minutes=1),
            **columns,
        }
        kept = {
            "endpoint_id": endpoint_id,
            "sealed": self.box.seal(endpoint_id, secret),
            "public_key": secret.public_key,
            "created_at": CLOCK.now(),
        }
        async with self.engine.begin() as connection:
            await connection.execute(insert(webhook_endpoints).values(row))
            await connection.execute(insert(webhook_secrets).values(kept))
        return endpoint_id

    def a_sender(self, poster: Poster, *, schedule: Schedule = SOON, limits: Limits | None = None) -> WebhookSender:
        return WebhookSender(
            self.engine, poster, self.box, clock=CLOCK, ids=IDS, schedule=schedule, limits=limits or Limits()
        )

    @asynccontextmanager
    async def sending(
        self, *, schedule: Schedule = SOON, limits: Limits | None = None, total_seconds: float = 15
    ) -> AsyncIterator[WebhookSender]:
        """Send for as long as the block lasts."""
        stop = asyncio.Event()
        async with Poster(Guard(HERE), clock=CLOCK, total_seconds=total_seconds) as poster:
            sender = self.a_sender(poster, schedule=schedule, limits=limits)
            work = asyncio.create_task(sender.run(stop))
            try:
                yield sender
            finally:
                stop.set()
                await asyncio.wait_for(work, 10)

    async def rows(self, query: str, **values: Any) -> list[Any]:  # noqa: ANN401 -- bound values
        async with self.engine.connect() as connection:
            return list((await connection.execute(text(query), values)).all())

    async def run(self, statement: str, **values: Any) -> None:  # noqa: ANN401 -- bound values
        async with self.engine.begin() as connection:
            await connection.execute(text(statement), values)

    async def states(self, endpoint_id: UUID | None = None) -> dict[str, int]:
        """Count deliveries by state."""
        rows = await self.rows(
            "SELECT state, count(*) FROM webhook_deliveries WHERE endpoint_id = coalesce(:id, endpoint_id)"
            " GROUP BY state",
            id=endpoint_id,
        )
        return {row.state: row.count for row in rows}


def completions(plan_id: UUID, count: int, *, at: datetime | None = None, tasks: int = 38, skip: int = 0) -> list[Told]:
    """Completions happening now, of the plan's tasks in turn, their versions counting up; after the first `skip`."""
    moment = at or CLOCK.now()
    told = []
    for number in range(skip, skip + count):
        place, version = number % tasks, number // tasks + 1
        data = TaskCompletedV1(
            plan_id=plan_id,
            task_id=task_id(plan_id, CODES[place]),
            actor=ACTOR,
            version=version,
            completion_id=IDS.new(),
            completed_on=date(2023, 10, 13),
            reported_at=moment,
            recorded_at=moment,
        )
        told.append(Told(data, moment))
    return told


def confirmed(done: Told) -> Told:
    """The confirmation of a completion, now."""
    assert isinstance(done.data, TaskCompletedV1)
    now = CLOCK.now()
    data = CompletionConfirmedV1(
        plan_id=done.data.plan_id,
        task_id=done.data.task_id,
        actor=ACTOR,
        version=done.data.version + 1,
        completion_id=done.data.completion_id,
        recorded_at=now,
    )
    return Told(data, now)
