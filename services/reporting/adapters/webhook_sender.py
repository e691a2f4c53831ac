"""The sender of webhooks: claims what is due, posts outside of any transaction, records what came of it.

Every attempt is a task of its own, so a receiver that hangs holds up nobody else; what ended while a turn was under way
is recorded by the next one, all of it together.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from heapq import heappop, heappush
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from services.reporting.adapters.webhook_queue import Claim, Done, Limits, Room, Turn, WebhookQueue
from services.reporting.adapters.webhook_secrets import KeyUnusable, SecretBox
from services.reporting.domain.webhooks.health import Verdict
from services.reporting.domain.webhooks.schedule import Schedule
from services.reporting.domain.webhooks.signatures import headers
from services.reporting.ports import PostAnswer, Poster
from shared.clock import Clock
from shared.ids import Ids
from shared.messaging.backoff import Backoff
from shared.messaging.fault_points import reach
from shared.messaging.status import kind_of
from shared.telemetry import counter

LOOK_EVERY: Final = 1.0
"""Seconds after which the sender looks by itself."""
SHORTEST_LOOK: Final = 0.005
LEAVE_WITHIN: Final = 4.0
"""Seconds that attempts have to end in when the process stops; the others are sent again after their lease."""
OUTCOMES: Final = ("delivered", "waiting", "failed")
QUICK_MS: Final = 500
"""An endpoint whose last answer was a yes within this time gets more at once."""
_MOST_QUICK: Final = 1000

NO_ROOM: Final = Room(all=0, failing=0, more=0, quick=())

_log = structlog.get_logger(__name__)
_attempts = counter(
    "cchc.webhooks.attempts",
    unit="{attempt}",
    description="Attempts to deliver a webhook, by what became of the delivery.",
)


class WebhookSender:
    """A worker's part; of several, in several processes, all work.

    Args:
        engine: the service's database.
        poster: posts; keeps to a total time limit that is shorter than the lease.
        box: opens the endpoints' secrets.
        clock: tells what is due.
        ids: makes the leases' identifiers.
        schedule: when to try again.
        limits: how much is under way at once.
        switched_off: called after an endpoint was switched off.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        poster: Poster,
        box: SecretBox,
        *,
        clock: Clock,
        ids: Ids,
        schedule: Schedule | None = None,
        limits: Limits | None = None,
        switched_off: Callable[[], None] = lambda: None,
    ) -> None:
        self._engine, self._poster, self._box = engine, poster, box
        self._clock, self._ids = clock, ids
        self._schedule, self._limits = schedule or Schedule(), limits or Limits()
        self._switched_off = switched_off
        self._news = asyncio.Event()
        self._done: list[Done] = []
        self._flights: dict[asyncio.Task[None], Claim] = {}
        self._quick: set[UUID] = set()
        self._looks: list[float] = []
        self._looked_at = 0.0
        for outcome in OUTCOMES:
            _attempts.add(0, {"outcome": outcome})

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set. Outages of the database are waited out; what has ended meanwhile is kept."""
        backoff = Backoff()
        stopping = asyncio.create_task(self._wake_at_the_end(stop))
        try:
            while not stop.is_set():
                try:
                    async with WebhookQueue(self._engine, self._schedule, self._limits, self._news) as queue:
                        await self._work(queue, stop, backoff)
                except (SQLAlchemyError, OSError) as error:
                    _log.warning("webhooks wait for the database", reason=kind_of(error))
                    await backoff.wait(stop)
        finally:
            stopping.cancel()
            for flight in self._flights:
                flight.cancel()
            await asyncio.gather(*self._flights, stopping, return_exceptions=True)

    async def _wake_at_the_end(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._news.set()

    async def _work(self, queue: WebhookQueue, stop: asyncio.Event, backoff: Backoff) -> None:
        while not stop.is_set():
            self._news.clear()
            turn = await self._take_turn(queue)
            backoff.reset()
            for claim in turn.claims:
                self._begin(claim)
            if not turn.postponed:
                await self._wait()
        await self._leave(queue)

    async def _take_turn(self, queue: WebhookQueue, *, claims: bool = True) -> Turn:
        done, self._done = self._done, []
        self._note_quick(done)
        try:
            turn = await queue.take_turn(
                done, now=self._clock.now(), room=self._room() if claims else NO_ROOM, lease=self._ids.new()
            )
        except BaseException:
            self._done = done + self._done
            raise
        if done:
            reach("hooks.recorded")
            self._tell(done)
        if turn.claims:
            reach("hooks.claimed")
        if turn.switched_off:
            _log.warning("webhook endpoints switched off", endpoints=[str(each) for each in turn.switched_off])
            self._switched_off()
        return turn

    def _room(self) -> Room:
        limits, under_way = self._limits, Counter(claim.endpoint_id for claim in self._flights.values())
        return Room(
            all=limits.at_once - len(self._flights),
            failing=limits.failing - sum(claim.is_failing for claim in self._flights.values()),
            more=limits.more - sum(max(0, count - limits.cautious) for count in under_way.values()),
            quick=self._quick,
        )

    def _note_quick(self, done: list[Done]) -> None:
        for each in done:
            if each.verdict.is_accepted and each.duration_ms <= QUICK_MS:
                self._quick.add(each.claim.endpoint_id)
            else:
                self._quick.discard(each.claim.endpoint_id)
        if len(self._quick) > _MOST_QUICK:
            self._quick.clear()  # learnt again with the next answers

    def _tell(self, done: list[Done]) -> None:
        now, outcomes = self._clock.now(), Counter[str]()
        for each in done:
            state, due_at = each.outcome(self._schedule)
            outcomes[state] += 1
            if state == "waiting":
                self._look_within((due_at - now).total_seconds())
        for outcome, count in outcomes.items():
            _attempts.add(count, {"outcome": outcome})

    def _look_within(self, seconds: float) -> None:
        """Look again then; what is further off than the next look by itself is found by it."""
        if seconds < LOOK_EVERY:
            heappush(self._looks, time.monotonic() + max(SHORTEST_LOOK, seconds))

    async def _wait(self) -> None:
        """Wait for an attempt's end, for news, for the next one due that is known of, or a second."""
        look_at = min(self._looked_at + LOOK_EVERY, *self._looks[:1], float("inf"))
        if (seconds := look_at - time.monotonic()) > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._news.wait()
        self._looked_at = now = time.monotonic()
        while self._looks and self._looks[0] <= now:
            heappop(self._looks)

    def _begin(self, claim: Claim) -> None:
        if claim.per_second is not None:
            self._look_within(1 / claim.per_second)
        flight = asyncio.create_task(self._attempt(claim))
        self._flights[flight] = claim
        flight.add_done_callback(self._end)

    def _end(self, flight: asyncio.Task[None]) -> None:
        del self._flights[flight]
        if not flight.cancelled() and (error := flight.exception()) is not None:
            _log.warning("attempt cut off", reason=kind_of(error))  # sent again after its lease
        self._news.set()

    async def _attempt(self, claim: Claim) -> None:
        began = time.monotonic()
        duration, excerpt = 0, b""
        try:
            answer = await self._post(claim)
            verdict = Verdict(answer.status, answer.failure, answer.retry_after)
            duration, excerpt = answer.duration_ms, answer.excerpt
        except KeyUnusable:
            verdict = Verdict(None, "key-unusable")
        except TimeoutError:
            verdict, duration = Verdict(None, "timeout"), round((time.monotonic() - began) * 1000)
        except Exception as error:  # noqa: BLE001 -- one attempt's trouble ends no other
            _log.exception("webhook not posted", reason=type(error).__name__)
            verdict, duration = Verdict(None, "internal"), round((time.monotonic() - began) * 1000)
        reach("hooks.posted")
        self._done.append(Done(claim, verdict, self._clock.now(), duration, excerpt))

    async def _post(self, claim: Claim) -> PostAnswer:
        body = claim.body.encode()
        secrets = [self._box.open(claim.endpoint_id, claim.scheme, sealed) for sealed in claim.sealed]
        if not secrets:
            raise KeyUnusable("no secret")
        said: Mapping[str, str] = headers(secrets, str(claim.event_id), int(self._clock.now().timestamp()), body)
        async with asyncio.timeout(self._limits.lease.total_seconds() * 0.9):
            return await self._poster.post(claim.url, said, body)

    async def _leave(self, queue: WebhookQueue) -> None:
        """Let what is under way end, and record it; claim nothing more."""
        if self._flights:
            await asyncio.wait(self._flights, timeout=LEAVE_WITHIN)
        if self._done:
            await self._take_turn(queue, claims=False)
