"""Who may relay, and how it sleeps: advisory locks and LISTEN on one connection of its own."""

import asyncio
import time
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.messaging.backoff import pause

RELAY_LOCK = 7_263_002
"""Advisory lock of the one relay that works in a database."""
BELL_LOCK = 7_263_003
"""Advisory lock that the relay holds while it sleeps; the trigger `ring_outbox_bell` looks at it."""
CHANNEL = "outbox"
TAKE_OVER_EVERY = 0.5
"""Seconds between a waiting relay's tries."""

ASK_EVERY = 1.0


class RelaySeat:
    """A connection outside the pool. When it breaks, the locks are gone and another relay takes over.

    Used as an async context manager.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: from every method, when the connection is lost.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._connection: AsyncConnection | None = None
        self._rung = asyncio.Event()
        self._asked_at = 0.0

    async def __aenter__(self) -> Self:
        self._connection = await self._engine.execution_options(isolation_level="AUTOCOMMIT").connect()
        driver = (await self._connection.get_raw_connection()).driver_connection
        assert driver is not None  # noqa: S101 -- an open connection has one
        await driver.add_listener(CHANNEL, self._ring)
        driver.add_termination_listener(self._ring)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            with suppress(Exception):
                await self._connection.invalidate()  # closes it really: a pooled one would keep the locks
            await self._connection.close()
            self._connection = None

    async def wait_for_turn(self, stop: asyncio.Event) -> bool:
        """Wait until no other relay works; False when `stop` was set before."""
        while not stop.is_set():
            if await self._ask("SELECT pg_try_advisory_lock(:key)", RELAY_LOCK):
                return True
            await pause(stop, TAKE_OVER_EVERY)
        return False

    async def keep(self) -> None:
        """Raise when the connection, and so the right to relay, is lost; asks the server about once a second."""
        if time.monotonic() - self._asked_at > ASK_EVERY:
            await self._ask("SELECT CAST(:key AS bigint)", RELAY_LOCK)

    async def lie_down(self) -> bool:
        """Ask commits to ring from now on; False while a transaction that would not ring is still open."""
        self._rung.clear()
        return bool(await self._ask("SELECT pg_try_advisory_lock(:key)", BELL_LOCK))

    async def sleep(self, stop: asyncio.Event, seconds: float) -> None:
        """Sleep until the bell rings, `stop` is set, or the time is over."""
        waiting = {asyncio.create_task(self._rung.wait()), asyncio.create_task(stop.wait())}
        try:
            await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()

    async def rise(self) -> None:
        """Ask commits not to ring."""
        await self._ask("SELECT pg_advisory_unlock(:key)", BELL_LOCK)

    async def _ask(self, question: str, key: int) -> Any:  # noqa: ANN401 -- a number or a truth
        if self._connection is None:
            raise RuntimeError("used outside 'async with'")
        self._asked_at = time.monotonic()
        return await self._connection.scalar(text(question), {"key": key})

    def _ring(self, *_: object) -> None:
        self._rung.set()
