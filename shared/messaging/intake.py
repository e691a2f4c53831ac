"""Taking messages in: "seen", the result and the position in one transaction, a whole batch at once where it goes well.

When a message fails, the batch is rolled back; what came before it is taken in again together with its fate, and the
rest goes on. So neighbours of a bad message do not suffer, and a good batch costs one commit.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import Any
from uuid import UUID

import structlog
from opentelemetry import trace
from opentelemetry.trace import Tracer
from sqlalchemy import func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.types import Text, Uuid

from shared.clock import Clock
from shared.contracts.registry import CONTRACTS
from shared.database.tables import inbox
from shared.messaging.decoding import Undecodable, decode, type_of
from shared.messaging.fates import Dead, Item, Outcome, Verdict, Waiting, is_passing, judge
from shared.messaging.fault_points import reach
from shared.messaging.sources import LiveBatch, Source
from shared.messaging.spans import TakenSpans
from shared.messaging.subscription import Subscription, collect_released
from shared.messaging.transports.port import Received
from shared.telemetry import counter

_log = structlog.get_logger(__name__)
_fates = counter("cchc.consumer.messages", unit="{message}", description="Messages taken in, by what became of them.")
FATES = ("handled", "repeated", "passed", "parked", "dead")


class ConsumerHalted(Exception):  # noqa: N818 -- errors say the refusal
    """Many dead letters in a row: the fault is ours, so nothing more is put aside."""


class _Stumbled(Exception):  # noqa: N818 -- never leaves this module
    def __init__(self, number: int, verdict: Verdict) -> None:
        super().__init__(number)
        self.number, self.verdict = number, verdict


class _TooManyDead(Exception):  # noqa: N818 -- never leaves this module
    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class _BatchRefused(Exception):  # noqa: N818 -- never leaves this module
    def __init__(self, verdict: Verdict) -> None:
        super().__init__()
        self.verdict = verdict


class Intake:
    """Takes messages in for one subscription.

    Args:
        engine: the service's database.
        subscription: what to do with them.
        clock: tells which event times are in the future.
        dead_in_a_row: so many dead letters from the log one after another halt it; the last of them is not written.
        tracer: makes the messages' spans; None: the process's global one, if it has one.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        subscription: Subscription,
        clock: Clock,
        *,
        dead_in_a_row: int,
        tracer: Tracer | None = None,
    ) -> None:
        self._engine = engine
        self._subscription = subscription
        self._clock = clock
        self._most_dead = dead_in_a_row
        self._dead = 0
        self._tracer = tracer or trace.get_tracer("cchc")
        for fate in FATES:
            _fates.add(0, {"group": subscription.group, "fate": fate})

    def look(self, received: Received) -> Item:
        """Decode one message; never raises for what stands in it."""
        try:
            handler = self._subscription.handlers.get(kind := type_of(received))
            if handler is None or kind not in CONTRACTS:
                return Item(received)
            return Item(received, decode(received, now=self._clock.now()), handler)
        except Undecodable as refusal:
            return Item(received, verdict=judge(refusal))

    async def take_in(self, source: Source, items: Sequence[Item]) -> Outcome:
        """Take `items` in, in their order; everything that is settled is committed, whatever is raised.

        Raises:
            Displaced: somebody else took them in.
            ConsumerHalted: too many dead letters in a row; what came before is committed.
            Exception: database or network away (`fates.is_passing`); the rest may be tried again.
        """
        outcome = Outcome()
        start, size, bulk = 0, len(items), self._subscription.in_bulk is not None
        while start < len(items):
            chunk = items[start : start + size]
            try:
                await self._take(source, chunk, outcome, bulk=bulk and len(chunk) > 1)
            except _Stumbled as stumble:
                chunk[stumble.number].verdict = stumble.verdict
                size = stumble.number + 1
            except _TooManyDead as halt:
                if halt.number == 0:
                    raise ConsumerHalted(f"{self._most_dead} dead letters in a row") from halt
                size = halt.number
            except _BatchRefused as refusal:
                if bulk and len(chunk) > 1:
                    bulk = False
                elif len(chunk) > 1:
                    size = 1
                else:
                    chunk[0].verdict = refusal.verdict
            else:
                start, size = start + len(chunk), len(items)
        return outcome

    async def _take(self, source: Source, items: Sequence[Item], outcome: Outcome, *, bulk: bool) -> None:
        released = collect_released()
        spans = TakenSpans(self._tracer, items)
        dead, fates = self._dead, list[str]()
        async with self._transaction() as connection:
            await source.open(connection, items)
            reach("consumer.opened")
            if bulk:
                await self._apply_in_bulk(connection, items)
            first_time = set[UUID]() if bulk else await self._remember(connection, items)
            for number, item in enumerate(items):
                if isinstance(item.verdict, Dead) and isinstance(source, LiveBatch):
                    dead += 1
                    if dead >= self._most_dead:
                        raise _TooManyDead(number)
                if bulk and item.verdict is None:
                    fate = "passed" if item.handler is None else "handled"
                    await source.done(connection, item)
                else:
                    with nullcontext() if bulk else spans.around(item):
                        fate = await self._settle(connection, source, number, item, first_time)
                reach("consumer.handled")
                dead = 0 if fate == "handled" else dead
                fates.append(fate)
            reach("consumer.settled")
        reach("consumer.committed")
        self._dead = dead
        outcome.released |= released
        outcome.waiting |= {item.verdict.waits_for for item in items if isinstance(item.verdict, Waiting)}
        self._report(items, fates, outcome, spans)

    async def _settle(
        self,
        connection: AsyncConnection,
        source: Source,
        number: int,
        item: Item,
        first_time: set[UUID],
    ) -> str:
        match item.verdict:
            case Dead() as why:
                await source.refuse(connection, item, why)
                return "dead"
            case Waiting(waits_for=name):
                await source.wait(connection, item, name)
                return "parked"
        fate = await self._apply(connection, number, item, first_time)
        await source.done(connection, item)
        return fate

    async def _apply(self, connection: AsyncConnection, number: int, item: Item, first_time: set[UUID]) -> str:
        if item.event is None or item.handler is None:
            return "passed"
        try:
            if not await self._is_first(connection, item, first_time):
                return "repeated"
            await item.handler(connection, item.event)
        except Exception as error:
            if is_passing(error):
                raise
            raise _Stumbled(number, judge(error)) from error
        return "handled"

    async def _is_first(self, connection: AsyncConnection, item: Item, first_time: set[UUID]) -> bool:
        if item.event is None:
            return False
        if self._subscription.remember is not None:
            return await self._subscription.remember(connection, item.event, item.received)
        event_id = item.event.attributes.id
        known = event_id not in first_time
        first_time.discard(event_id)
        return not known

    async def _remember(self, connection: AsyncConnection, items: Sequence[Item]) -> set[UUID]:
        """Write the inbox rows of all messages that will be handled; returns the ids that are new."""
        seen = [item.event.attributes for item in items if item.event is not None and item.verdict is None]
        if self._subscription.remember is not None or not seen:
            return set()
        rows = select(
            literal(self._subscription.group, Text),
            func.unnest(literal([each.id for each in seen], ARRAY(Uuid))),
            func.unnest(literal([each.type for each in seen], ARRAY(Text))),
        )
        written = (
            insert(inbox)
            .from_select(["consumer_group", "event_id", "type"], rows)
            .on_conflict_do_nothing()
            .returning(inbox.c.event_id)
        )
        return set((await connection.execute(written)).scalars())

    async def _apply_in_bulk(self, connection: AsyncConnection, items: Sequence[Item]) -> None:
        events = [(item.event, item.received) for item in items if item.event is not None and item.verdict is None]
        if self._subscription.in_bulk is None or not events:
            return
        try:
            await self._subscription.in_bulk(connection, events)
        except Exception as error:
            if is_passing(error):
                raise
            raise _BatchRefused(judge(error)) from error

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        """Commit at the end; an error of the commit itself (a deferred constraint) is nobody's in particular."""
        async with self._engine.connect() as connection:
            await connection.begin()
            yield connection
            try:
                await connection.commit()
            except DBAPIError as error:
                if is_passing(error):
                    raise
                raise _BatchRefused(judge(error)) from error

    def _report(self, items: Sequence[Item], fates: Sequence[str], outcome: Outcome, spans: TakenSpans) -> None:
        group = self._subscription.group
        for item, fate in zip(items, fates, strict=True):
            if isinstance(item.verdict, Dead):
                with spans.around(item):
                    _log.warning("message refused", group=group, reason_code=item.verdict.code, **_place(item.received))
            spans.end(item, fate)
        for fate in set(fates):
            outcome.count(fate, number := fates.count(fate))
            _fates.add(number, {"group": group, "fate": fate})


def _place(received: Received) -> dict[str, Any]:
    return {"topic": received.topic, "partition": received.partition, "position": received.position}
