"""The relay: carries outbox rows to the event log, in order by key, each at least once.

It reads by "not yet published", never by "the last id I saw": ids are given out before commit, so a smaller one can
appear later. Published rows stay: they are the journal from which a lost or replaced log is filled again.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

import structlog
from opentelemetry import trace
from sqlalchemy import Row, Update, func, null, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.contracts.topics import Topic
from shared.database.tables import outbox, relay_state
from shared.messaging.backoff import Backoff
from shared.messaging.fault_points import reach
from shared.messaging.relay_seat import RelaySeat
from shared.messaging.spans import SentSpans, batch_span
from shared.messaging.status import Status, kind_of
from shared.messaging.transports.port import LogUnavailable, NotSent, Record, Transport
from shared.telemetry import counter

BATCH = 500
POLL = 0.005
"""Seconds between looks while events come in."""
AWAKE = 0.05
"""Seconds without events after which the relay lies down and waits for the bell."""
LOOK_AGAIN = 1.0
"""Seconds after which a sleeping relay looks though no bell rang."""
ASK_EVERY = 10.0
"""Seconds after which the relay asks again whether the log is still the one that it knows."""
KEY_REST, KEY_REST_MOST = 1.0, 60.0
"""First and longest pause of a key whose event the log refused, in seconds."""
MOST_NAMED = 5
"""So many refused events are named in the status."""

_log = structlog.get_logger(__name__)
_NO_LIMIT = text("SET LOCAL statement_timeout = 0")  # a journal may have millions of rows

_published = counter("cchc.relay.published", unit="{event}", description="Events that the log has taken.")
_failed = counter("cchc.relay.failed", unit="{event}", description="Attempts to publish an event that failed.")


@dataclass
class _Rest:
    """A key that waits because the log refused its next event."""

    until: float
    seconds: float
    event_id: UUID
    reason: str


class Relay:
    """Publishes one service's outbox; of several relays one works, the others wait to take over.

    Args:
        engine: the service's database.
        transport: the event log, started.
        topics: the topics that the service owns.
        tracer: makes the spans; None: the process's global one, if it has one.
    """

    def __init__(
        self, engine: AsyncEngine, transport: Transport, topics: Sequence[Topic], *, tracer: trace.Tracer | None = None
    ) -> None:
        self._engine = engine
        self._transport = transport
        self._topics = topics
        self._tracer = tracer or trace.get_tracer("cchc")
        self._cluster: str | None = None
        self._asked_at = 0.0
        self._resting: dict[tuple[str, str], _Rest] = {}
        self._shortfalls: list[str] = []
        self.status = Status("relay", silent=True)
        for count in (_published, _failed):
            count.add(0)  # a series that appears with its first failure is an alarm that misses it

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set. Outages of database and log are waited out; `status` tells of them."""
        backoff = Backoff()
        while not stop.is_set():
            self.status.silent = True
            try:
                async with RelaySeat(self._engine) as seat:
                    if await seat.wait_for_turn(stop):
                        reach("relay.seated")
                        await self._work(seat, stop, backoff)
            except (SQLAlchemyError, OSError) as error:
                self.status.set("retrying", f"database: {kind_of(error)}")
                await backoff.wait(stop)

    async def _work(self, seat: RelaySeat, stop: asyncio.Event, backoff: Backoff) -> None:
        self._cluster = None
        busy_at = time.monotonic()
        while not stop.is_set():
            try:
                await seat.keep()
                await self._greet()
                moved = await self._carry()
            except LogUnavailable as error:
                self._cluster = None
                self.status.set("retrying", f"log: {error}")
                await backoff.wait(stop)
                continue
            self._tell()
            if moved:
                backoff.reset()
                busy_at = time.monotonic()
            elif time.monotonic() - busy_at < AWAKE:
                await asyncio.sleep(POLL)
            elif await seat.lie_down():
                reach("relay.lay-down")
                if not await self._carry_last_look():
                    await seat.sleep(stop, self._nap())
                    reach("relay.woke")
                await seat.rise()
                busy_at = time.monotonic()
            else:
                await asyncio.sleep(POLL)

    async def _carry_last_look(self) -> bool:
        """Look once more after lying down: who committed before that did not ring."""
        return bool(await self._read(limit=1))

    async def _greet(self) -> None:
        """Make sure of the topics, and that this is the log to which the journal was published; else begin anew."""
        if self._cluster is not None and time.monotonic() - self._asked_at < ASK_EVERY:
            return
        cluster = await self._transport.cluster_id()
        self._asked_at = time.monotonic()
        if cluster == self._cluster:
            await self._compare_topics()
            return
        await self._transport.ensure_topics(self._topics)
        await self._compare_topics()
        empty = [topic.name for topic in self._topics if await self._transport.is_empty(topic.name)]
        async with self._engine.begin() as connection:
            await connection.execute(_NO_LIMIT)
            known = await connection.scalar(select(relay_state.c.cluster_id))
            if known != cluster:
                remember = insert(relay_state).values(id=1, cluster_id=cluster)
                await connection.execute(
                    remember.on_conflict_do_update(index_elements=["id"], set_={"cluster_id": cluster})
                )
            elsewhere = outbox.c.published_to != cluster
            await connection.execute(_unpublish().where(outbox.c.published_to.is_not(None), elsewhere))
            if empty:
                await connection.execute(_unpublish().where(outbox.c.topic.in_(empty), ~elsewhere))
            reach("relay.greeted")
        self._cluster = cluster

    async def _compare_topics(self) -> None:
        found = [str(shortfall) for shortfall in await self._transport.shortfalls(self._topics)]
        if found and found != self._shortfalls:
            _log.warning("topics differ from what is declared", found=found)
        self._shortfalls = found

    async def _carry(self) -> int:
        """Publish one batch; returns how many rows were marked.

        Raises:
            LogUnavailable: nothing at all got through, because the log is away.
        """
        rows = await self._read(BATCH)
        if not rows:
            return 0
        reach("relay.read")
        cluster = self._cluster
        outcome = await self._publish([Record(row.topic, row.key, row.headers, bytes(row.value)) for row in rows])
        reach("relay.published")
        done = [row for row, refusal in zip(rows, outcome, strict=True) if refusal is None]
        if done:
            async with self._engine.begin() as connection:
                await connection.execute(
                    update(outbox)
                    .where(outbox.c.id == func.any([row.id for row in done]))
                    .values(published_at=func.clock_timestamp(), published_to=cluster)
                )
                reach("relay.marked")
            reach("relay.mark-committed")
        self._judge(rows, outcome)
        return len(done)

    async def _publish(self, records: Sequence[Record]) -> list[Exception | None]:
        messages = [(record.topic, record.headers) for record in records]
        with batch_span(self._tracer, "send", trace.SpanKind.CLIENT, messages) as batch:
            spans = SentSpans(self._tracer, batch, messages)
            outcome = await self._transport.publish(records)
            spans.end(outcome)
            return outcome

    async def _read(self, limit: int) -> Sequence[Row[*tuple[Any, ...]]]:
        now = time.monotonic()
        resting = [key for key, rest in self._resting.items() if rest.until > now]
        wanted = (
            select(outbox.c.id, outbox.c.event_id, outbox.c.topic, outbox.c.key, outbox.c.headers, outbox.c.value)
            .where(outbox.c.published_at.is_(None))
            .order_by(outbox.c.id)
            .limit(limit)
        )
        if resting:
            wanted = wanted.where(tuple_(outbox.c.topic, outbox.c.key).not_in(resting))
        async with self._engine.connect() as connection:
            return (await connection.execute(wanted)).all()

    def _judge(self, rows: Sequence[Row[*tuple[Any, ...]]], outcome: Sequence[Exception | None]) -> None:
        """Let the keys of refused events rest; an absent log is everybody's matter."""
        failures = [each for each in outcome if each is not None]
        _published.add(len(outcome) - len(failures))
        _failed.add(len(failures))
        for row, failure in zip(rows, outcome, strict=True):
            key = (row.topic, row.key)
            if failure is None:
                self._resting.pop(key, None)
            elif not isinstance(failure, (LogUnavailable, NotSent)):
                before = self._resting.get(key)
                seconds = min(KEY_REST_MOST, before.seconds * 2) if before else KEY_REST
                self._resting[key] = _Rest(time.monotonic() + seconds, seconds, row.event_id, str(failure))
                if before is None:
                    _log.error("event refused by the log", event_id=str(row.event_id), reason=str(failure))
                self._cluster = None  # perhaps its topic has gone: greet again
        away = next((each for each in failures if isinstance(each, LogUnavailable)), None)
        if away is not None:
            raise away

    def _tell(self) -> None:
        """Say which events the log refuses, else where its topics are not as declared, else nothing."""
        if self._resting:
            named = "; ".join(f"{rest.event_id} ({rest.reason})" for rest in islice(self._resting.values(), MOST_NAMED))
            self.status.set("retrying", f"nhật ký từ chối sự kiện [{len(self._resting)} keys stopped] {named}")
        else:
            self.status.set("running", "; ".join(self._shortfalls))

    def _nap(self) -> float:
        soonest = min((rest.until for rest in self._resting.values()), default=float("inf"))
        return max(POLL, min(LOOK_AGAIN, soonest - time.monotonic()))


async def refill(engine: AsyncEngine) -> int:
    """Mark the whole journal as not published, so that the relay publishes all of it again; returns how many rows.

    Consumers do not mind: they know the events' ids. A relay that is at work may publish the batch that it holds
    before the older rows; only consumers that have not seen either notice, and they keep what comes too early.
    """
    async with engine.begin() as connection:
        await connection.execute(_NO_LIMIT)
        found = await connection.execute(_unpublish().where(outbox.c.published_at.is_not(None)))
    return found.rowcount


def _unpublish() -> Update:
    return update(outbox).values(published_at=null(), published_to=null())
