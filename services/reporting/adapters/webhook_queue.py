"""The deliveries that wait, as the sender meets them: it takes turns, each one transaction that records and claims.

Order holds per endpoint and key: a delivery goes out when no earlier one of its key waits or is under way. Those behind
are put off when they are met, and woken by the end of the one before. That nobody is forgotten between the two is why
turns never overlap, in however many processes.
"""

import asyncio
import json
import random
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Final, Self
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.reporting.adapters import webhook_statements as statements
from services.reporting.adapters.webhook_tables import CHANNEL
from services.reporting.domain.webhooks.health import OPENS_AFTER, Health, Off, Verdict
from services.reporting.domain.webhooks.schedule import Schedule
from services.reporting.domain.webhooks.signatures import Scheme
from shared.database.engine import DRIVER_ERRORS

WINDOW: Final = 4
"""Deliveries that a turn looks at for each that it may claim; those behind others are put off and not met again."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is under way at once."""

    at_once: int = 200
    """Of this process."""
    per_endpoint: int = 16
    """Of an endpoint that answers quickly."""
    cautious: int = 4
    """Of any other: nobody knows yet, slow, or failing."""
    lease: timedelta = timedelta(seconds=20)
    """Longer than an attempt can take; what a killed process had under way is sent again after it."""

    @property
    def failing(self) -> int:
        """Most attempts for endpoints that have just failed; the rest is kept for those that answer."""
        return self.at_once * 3 // 4

    @property
    def more(self) -> int:
        """Most attempts beyond `cautious`, of all endpoints: when many hang at once the rest is left for the others."""
        return self.at_once // 4


@dataclass(frozen=True, slots=True)
class Claim:
    """One attempt that is ours to make."""

    delivery_id: int
    endpoint_id: UUID
    event_id: UUID
    number: int
    """Of this attempt, over all rounds."""
    tries: int
    """That ended before it in this round."""
    lease: UUID
    url: str
    scheme: Scheme
    sealed: tuple[bytes, ...]
    body: str
    is_failing: bool
    per_second: int | None


@dataclass(frozen=True, slots=True)
class Done:
    """What came of an attempt."""

    claim: Claim
    verdict: Verdict
    ended_at: datetime
    duration_ms: int
    excerpt: bytes
    chance: float = field(default_factory=random.random)
    """Decides on the jitter."""

    def outcome(self, schedule: Schedule) -> tuple[str, datetime]:
        """Return the delivery's new state and when it is due."""
        if self.verdict.is_accepted:
            return "delivered", self.ended_at
        pause = schedule.pause(self.claim.tries + 1, chance=self.chance, retry_after=self.verdict.retry_after)
        if pause is None or self.verdict.is_gone:
            return "failed", self.ended_at
        return "waiting", self.ended_at + pause


@dataclass(frozen=True, slots=True)
class Room:
    """How much a turn may claim."""

    all: int
    failing: int
    """Of endpoints that have just failed."""
    more: int
    """Beyond `Limits.cautious` under way for an endpoint."""
    quick: Collection[UUID]
    """Endpoints that answer quickly."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What a turn brought."""

    claims: list[Claim]
    postponed: int
    """Deliveries put off because they are behind another; where there are any, the next turn may find more."""
    switched_off: list[UUID]


class WebhookQueue:
    """One connection of its own, which also hears of deliveries that have just become due.

    Used as an async context manager.

    Raises:
        DBAPIError: from every method, when the database is away; the driver's error is its `orig`.
    """

    def __init__(self, engine: AsyncEngine, schedule: Schedule, limits: Limits, news: asyncio.Event) -> None:
        self._engine, self._schedule, self._limits, self._news = engine, schedule, limits, news
        self._connection: AsyncConnection | None = None
        self._planned_at = 0.0
        self._driver: Any = None

    async def __aenter__(self) -> Self:
        self._connection = await self._engine.connect()
        try:
            self._driver = (await self._connection.get_raw_connection()).driver_connection
            await self._driver.add_listener(CHANNEL, self._ring)
            self._driver.add_termination_listener(self._ring)
            for statement in statements.SESSION:
                await self._driver.execute(statement)
        except DRIVER_ERRORS as error:
            await self._leave()
            raise _told(error) from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._leave()

    async def _leave(self) -> None:
        if self._connection is not None:
            with suppress(Exception):
                await self._connection.invalidate()  # a pooled one would keep listening, and its settings
            await self._connection.close()
            self._connection = None

    def _ring(self, *_: object) -> None:
        self._news.set()

    async def take_turn(self, done: Sequence[Done], *, now: datetime, room: Room, lease: UUID) -> Turn:
        """Record what is done, then claim what is due: all of it, or nothing.

        Args:
            done: attempts that have ended; those whose lease has gone to somebody else change nothing.
            now: the moment.
            room: how much to claim.
            lease: a new identifier under which the claimed ones are ours.
        """
        try:
            try:
                await self._begin_turn()
                off = await self._record(done, now) if done else []
                rows = await self._claim(now, room, lease) if room.all else []
                await self._driver.execute(statements.END_TURN)
            except BaseException:
                with suppress(*DRIVER_ERRORS, OSError):
                    await self._driver.execute("ROLLBACK")
                raise
        except DRIVER_ERRORS as error:
            raise _told(error) from error
        claims = [_claim(row, lease) for row in rows if row["id"] is not None]
        return Turn(claims, rows[0]["postponed"] if rows else 0, off)

    async def _begin_turn(self) -> None:
        moment, begin = time.monotonic(), statements.BEGIN_TURN
        if moment - self._planned_at >= statements.PLANS_LAST:
            self._planned_at, begin = moment, statements.PLAN_ANEW + begin
        await self._driver.execute(begin)

    async def _claim(self, now: datetime, room: Room, lease: UUID) -> list[Any]:
        limits = self._limits
        rows: list[Any] = await self._driver.fetch(
            statements.CLAIM,
            *(now, OPENS_AFTER, limits.per_endpoint, WINDOW, room.all, max(0, room.failing)),
            *(lease, now + limits.lease, list(room.quick), max(0, room.more), limits.cautious),
        )
        return rows

    async def _record(self, done: Sequence[Done], now: datetime) -> list[UUID]:
        outcomes = [(each, *each.outcome(self._schedule)) for each in done]
        columns = zip(
            *(
                (
                    each.claim.delivery_id,
                    each.claim.number,
                    each.claim.lease,
                    state,
                    due_at,
                    each.duration_ms,
                    each.verdict.status,
                    each.verdict.failure,
                    each.excerpt,
                )
                for each, state, due_at in outcomes
            ),
            strict=True,
        )
        endpoints = {each.claim.endpoint_id for each in done}
        rows = await self._driver.fetch(statements.RECORD, *map(list, columns), now, list(endpoints))
        # Where all went well before and now, there is nothing to write down and nobody to keep from writing.
        judged = {row["id"] for row in rows} | {each.claim.endpoint_id for each in done if not each.verdict.is_accepted}
        if not judged:
            return []
        return await self._judge([each for each in done if each.claim.endpoint_id in judged], now)

    async def _judge(self, done: Sequence[Done], now: datetime) -> list[UUID]:
        """Write down how the endpoints fare; switch off those that are gone, or have failed for days."""
        by_endpoint: dict[UUID, list[Done]] = {}
        for each in sorted(done, key=lambda each: each.ended_at):
            by_endpoint.setdefault(each.claim.endpoint_id, []).append(each)
        changed: list[tuple[UUID, Health]] = []
        off: dict[UUID, Off] = {}
        for row in await self._driver.fetch(statements.READ_HEALTH, list(by_endpoint)):
            before = health = Health(row["failures"], row["failing_since"], row["paused_until"])
            for each in by_endpoint[row["id"]]:
                health = health.after(each.verdict, each.ended_at, self._schedule, chance=each.chance)
                why = health.off(each.verdict, each.ended_at)
                if why is not None and row["state"] == "enabled":
                    off.setdefault(row["id"], why)
            if health != before:
                changed.append((row["id"], health))
        if changed:
            values = ((each, health.failures, health.failing_since, health.paused_until) for each, health in changed)
            await self._driver.execute(statements.WRITE_HEALTH, *map(list, zip(*values, strict=True)))
        for endpoint_id, why in off.items():
            detail = _detail(by_endpoint[endpoint_id][-1], dict(changed).get(endpoint_id))
            await self._driver.execute(statements.SWITCH_OFF, endpoint_id, why, now, json.dumps(detail))
        return list(off)


def _detail(last: Done, health: Health | None) -> dict[str, Any]:
    since = None if health is None or health.failing_since is None else health.failing_since.isoformat()
    return {"status": last.verdict.status, "failure": last.verdict.failure, "failing_since": since}


def _claim(row: Any, lease: UUID) -> Claim:  # noqa: ANN401 -- the driver's row
    return Claim(
        delivery_id=row["id"],
        endpoint_id=row["endpoint_id"],
        event_id=row["event_id"],
        number=row["attempts"],
        tries=row["tries"],
        lease=lease,
        url=row["url"],
        scheme=row["scheme"],
        sealed=tuple(row["sealed"] or ()),
        body=row["body"],
        is_failing=row["failures"] > 0,
        per_second=row["per_second"],
    )


def _told(error: BaseException) -> DBAPIError:
    return DBAPIError(None, None, error, hide_parameters=True)
