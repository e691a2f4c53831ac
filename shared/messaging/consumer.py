"""The consumer: from the log into the service's database, each event once.

The position is a column that moves in the transaction of the results (`consumer_state`); the group's position in the
log follows after commit. So a kill between the two repeats nothing, a database restored from a backup goes on where
*it* was, and another log (another cluster id) is read from its beginning.
"""

import asyncio
import time
from collections.abc import Sequence

import structlog
from opentelemetry import trace
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.clock import Clock, SystemClock
from shared.database.tables import consumer_state
from shared.messaging.backoff import Backoff
from shared.messaging.fates import Item, is_passing
from shared.messaging.fault_points import reach
from shared.messaging.gaps import tell_of_gap
from shared.messaging.intake import ConsumerHalted, Intake
from shared.messaging.parked import apply_parked
from shared.messaging.progress import Progress
from shared.messaging.sources import Displaced, LiveBatch
from shared.messaging.spans import batch_span
from shared.messaging.status import Status, kind_of
from shared.messaging.subscription import Handler, InBulk, NotYet, Refused, Remember, Subscription, release
from shared.messaging.transports.port import LogUnavailable, Partition, Reader, Received, Standing, Transport

__all__ = [
    "Consumer",
    "ConsumerHalted",
    "Handler",
    "InBulk",
    "NotYet",
    "Refused",
    "Remember",
    "Subscription",
    "release",
]

WAIT = 0.5
"""Seconds that one fetch waits for news; also the longest time until a stop is noticed."""
LIMIT = 1000
"""Messages in one fetch, where they are handled one by one: what has been begun ends soon after a stop."""
LIMIT_IN_BULK = 5000
"""The same for who handles them in bulk. One fetch is shared by all partitions and each has a commit of its own, so
larger ones catch up three times as fast."""
AT_ONCE = 1000
"""Messages of one transaction. While the database writes them the next ones are decoded."""
AT_ONCE_IN_BULK = 2500
"""The same for who handles them in bulk, where each transaction has half a dozen round trips however large it is."""
DECODED_AT_ONCE = 100
"""Messages decoded between two looks at what the database says; two milliseconds."""
PROGRESS_EVERY = 1.0
CLUSTER_EVERY = 10.0
SWEEP_EVERY = 60.0

_log = structlog.get_logger(__name__)


class Consumer:
    """One member of a subscription's group.

    Args:
        engine: the service's database.
        transport: the event log, started.
        subscription: what is heard.
        dead_letters_in_a_row: so many one after another halt the consumer.
        clock: tells which event times are in the future.
        tracer: makes the spans; None: the process's global one, if it has one.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        transport: Transport,
        subscription: Subscription,
        *,
        dead_letters_in_a_row: int = 20,
        clock: Clock | None = None,
        tracer: trace.Tracer | None = None,
    ) -> None:
        self._engine = engine
        self._transport = transport
        self._subscription = subscription
        self._limit, self._at_once = LIMIT, AT_ONCE
        if subscription.in_bulk is not None:
            self._limit, self._at_once = LIMIT_IN_BULK, AT_ONCE_IN_BULK
        self._tracer = tracer or trace.get_tracer("cchc")
        self._intake = Intake(
            engine,
            subscription,
            clock or SystemClock(),
            dead_in_a_row=dead_letters_in_a_row,
            tracer=self._tracer,
        )
        self._progress = Progress(engine, subscription.group)
        self._cluster = ""
        self._epoch = -1
        self._next: dict[Partition, int] = {}
        self._due = {"progress": 0.0, "cluster": 0.0, "sweep": 0.0}
        self.status = Status(f"consumer:{subscription.group}")

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set. Outages are waited out; a halt lasts until the process is started again."""
        backoff = Backoff()
        while not stop.is_set():
            reader = self._transport.reader(self._subscription.group, self._subscription.topics)
            try:
                await self._transport.ensure_topics(self._subscription.topics)
                await self._know_cluster()
                await reader.start()
                try:
                    await self._read(reader, stop, backoff)
                finally:
                    await self._progress.stop()
            except ConsumerHalted as halt:
                self.status.set("halted", str(halt))
                _log.error("consumer halted", group=self._subscription.group, reason=str(halt))
                await reader.stop()
                await stop.wait()
            except LogUnavailable as error:
                self.status.set("retrying", f"log: {error}")
                await backoff.wait(stop)
            finally:
                await reader.stop()

    async def _read(self, reader: Reader, stop: asyncio.Event, backoff: Backoff) -> None:
        """Read until `stop` is set or the log is another one."""
        self._epoch = -1
        cluster = self._cluster
        while not stop.is_set() and cluster == self._cluster:
            try:
                batches = await reader.fetch(WAIT, self._limit)
                reach("consumer.fetched")
                if reader.epoch != self._epoch:
                    agreed = await self._agree_on_all(reader)
                    batches = [batch for batch in batches if (batch[0].topic, batch[0].partition) in agreed]
                    reach("consumer.agreed")
                await self._take_in(reader, batches, stop)
                await self._look_after(reader)
                self.status.set("running")
                backoff.reset()
            except (ConsumerHalted, LogUnavailable):
                raise
            except Exception as error:
                if not is_passing(error):
                    raise
                self.status.set("retrying", f"database: {kind_of(error)}")
                self._epoch = -1
                reader.rewind()
                await backoff.wait(stop)

    async def _take_in(self, reader: Reader, batches: Sequence[Sequence[Received]], stop: asyncio.Event) -> None:
        """Take everything in, a partition after another; while the database writes, the next messages are decoded."""
        size = self._at_once
        chunks = [batch[start : start + size] for batch in batches for start in range(0, len(batch), size)]
        given_up: set[Partition] = set()
        ahead: asyncio.Task[list[Item]] | None = None
        try:
            for number, chunk in enumerate(chunks):
                items = await (ahead or self._decode(chunk))
                if number + 1 < len(chunks):
                    ahead = asyncio.create_task(self._decode(chunks[number + 1]))
                place = (chunk[0].topic, chunk[0].partition)
                if stop.is_set():
                    return
                if place not in given_up and not await self._take_in_chunk(reader, place, items):
                    given_up.add(place)
        finally:
            if ahead is not None:
                ahead.cancel()

    async def _decode(self, received: Sequence[Received]) -> list[Item]:
        items: list[Item] = []
        for start in range(0, len(received), DECODED_AT_ONCE):
            if start:
                await asyncio.sleep(0)
            items += [self._intake.look(each) for each in received[start : start + DECODED_AT_ONCE]]
        return items

    async def _take_in_chunk(self, reader: Reader, place: Partition, items: Sequence[Item]) -> bool:
        """Take items of one partition in, move its position; return False when somebody else has taken them in."""
        first, last = items[0].received, items[-1].received
        if first.position > self._next.get(place, first.position):
            await self._look_for_gap(reader, place)
        told = {
            "messaging.consumer.group.name": self._subscription.group,
            "messaging.destination.partition.id": str(first.partition),
        }
        messages = [(item.received.topic, item.received.headers) for item in items]
        try:
            with batch_span(self._tracer, "process", trace.SpanKind.CONSUMER, messages, **told):
                outcome = await self._intake.take_in(LiveBatch(self._subscription.group, self._cluster), items)
        except Displaced:
            self._due["cluster"] = 0.0
            await self._know_cluster()
            if await self._agree(reader, place, Standing(first.position, last.position + 1)):
                await reader.seek(*place, first.position)  # we are where these begin, and the reader is behind them
            return False
        self._next[place] = last.position + 1
        events = (item.event for item in reversed(items) if item.event is not None)
        self._progress.note(place, last.position + 1, next(events, None))
        reach("consumer.noted")
        await reader.commit(*place, last.position + 1)
        reach("consumer.acknowledged")
        if names := outcome.released | outcome.waiting:
            await apply_parked(self._engine, self._intake, self._subscription.group, names)
        return True

    async def _agree_on_all(self, reader: Reader) -> set[Partition]:
        """Bring the reader to where this database is; returns the partitions where it was there already."""
        epoch = reader.epoch
        standing = await reader.standing()
        agreed = {place for place, each in standing.items() if await self._agree(reader, place, each)}
        self._epoch = epoch
        return agreed

    async def _agree(self, reader: Reader, place: Partition, standing: Standing) -> bool:
        wanted = await self._position(place, self._cluster)
        if wanted < standing.begin:
            await self._tell_of_gap(place, wanted, standing.begin)
            wanted = standing.begin
            await self._set_position(place, self._cluster, wanted)
        self._next[place] = wanted
        if wanted == standing.position:
            return True
        found = await reader.seek(*place, wanted)
        if found is not None and found < wanted:  # the log is shorter than what we know: it was wiped, and kept its id
            await self._set_position(place, self._cluster, found)
            self._next[place] = found
        return False

    async def _look_for_gap(self, reader: Reader, place: Partition) -> None:
        """Tell whether positions were left out because the log has forgotten them; transactions leave gaps too."""
        standing, expected = (await reader.standing()).get(place), self._next[place]
        if standing is not None and standing.begin > expected:
            await self._tell_of_gap(place, expected, standing.begin)

    async def _tell_of_gap(self, place: Partition, first: int, begin: int) -> None:
        group = self._subscription.group
        await tell_of_gap(self._engine, group=group, cluster=self._cluster, place=place, first=first, begin=begin)

    async def _position(self, place: Partition, cluster: str) -> int:
        state = consumer_state.c
        wanted = select(state.cluster_id, state.position).where(
            state.consumer_group == self._subscription.group, state.topic == place[0], state.partition == place[1]
        )
        async with self._engine.connect() as connection:
            known = (await connection.execute(wanted)).one_or_none()
        if known is not None and known.cluster_id == cluster:
            return int(known.position)
        await self._set_position(place, cluster, 0)
        return 0

    async def _set_position(self, place: Partition, cluster: str, position: int) -> None:
        values = {"cluster_id": cluster, "position": position}
        row = insert(consumer_state).values(
            consumer_group=self._subscription.group, topic=place[0], partition=place[1], **values
        )
        known = row.on_conflict_do_update(index_elements=["consumer_group", "topic", "partition"], set_=values)
        async with self._engine.begin() as connection:
            await connection.execute(known)
            reach("consumer.position-set")

    async def _know_cluster(self) -> None:
        self._cluster = await self._transport.cluster_id()
        self._due["cluster"] = time.monotonic() + CLUSTER_EVERY

    async def _look_after(self, reader: Reader) -> None:
        """Do what is due: write progress, look whether the log is still the same, try parked messages again."""
        now = time.monotonic()
        if now >= self._due["cluster"]:
            await self._know_cluster()
        if now >= self._due["progress"]:
            await self._progress.go_on(reader)
            self._due["progress"] = now + PROGRESS_EVERY
        if now >= self._due["sweep"]:
            await apply_parked(self._engine, self._intake, self._subscription.group)
            self._due["sweep"] = now + SWEEP_EVERY
