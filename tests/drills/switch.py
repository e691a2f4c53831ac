"""Trouble inside PostgreSQL, switched on and off: rows that commit late, serialization failures, word of a commit.

It lives in a schema of its own beside the service's tables, as triggers on them. Every n-th row is hit, counted by a
sequence, which a rollback does not turn back.
"""

import asyncio
from types import TracebackType
from typing import Self

import asyncpg

from tests.support.system import System

CHANNEL = "drill"

_MAKE = """
CREATE SCHEMA drill;
CREATE SEQUENCE drill.passed;
CREATE SEQUENCE drill.failed;
CREATE TABLE drill.switch (hold_every int, hold_seconds float8, fail_every int, tells bool);
INSERT INTO drill.switch VALUES (0, 0, 0, false);
CREATE FUNCTION drill.strike() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE s drill.switch; n bigint;
BEGIN
    SELECT * INTO s FROM drill.switch;
    n := nextval('drill.passed');
    IF s.tells THEN PERFORM pg_notify('drill', ''); END IF;
    IF s.fail_every > 0 AND n % s.fail_every = 0 THEN
        PERFORM nextval('drill.failed');
        RAISE 'drill' USING ERRCODE = 'serialization_failure';
    END IF;
    IF s.hold_every > 0 AND n % s.hold_every = 0 THEN PERFORM pg_sleep(s.hold_seconds); END IF;
    RETURN NULL;
END $$
"""


class Switch:
    """An `async with` block in which rows of one table of one service are under the drill's control."""

    def __init__(self, system: System, service: str, table: str) -> None:
        self._dsn = system.admin_dsn(f"cchc_{service}")
        self._table = table
        self._told = asyncio.Event()
        self._connection: asyncpg.Connection | None = None

    async def __aenter__(self) -> Self:
        self._connection = await asyncpg.connect(self._dsn, ssl=False)
        await self._connection.execute(_MAKE)
        await self._connection.execute(
            f'CREATE TRIGGER drill AFTER INSERT ON "{self._table}" FOR EACH ROW EXECUTE FUNCTION drill.strike()'
        )
        await self._connection.add_listener(CHANNEL, lambda *_: self._told.set())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._ask("DROP SCHEMA drill CASCADE")
        if self._connection is not None:
            await self._connection.close()

    async def hold(self, *, every: int, seconds: float) -> None:
        """Let every n-th row take its number and commit so much later; 0: none."""
        await self._ask("UPDATE drill.switch SET hold_every = $1, hold_seconds = $2", every, seconds)

    async def fail(self, *, every: int) -> None:
        """Let every n-th row fail with SQLSTATE 40001; 0: none."""
        await self._ask("UPDATE drill.switch SET fail_every = $1", every)

    async def failures(self) -> int:
        """Return how many rows have failed."""
        return int(await self._ask("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM drill.failed"))

    async def tell(self, *, tells: bool) -> None:
        self._told.clear()
        await self._ask("UPDATE drill.switch SET tells = $1", tells)

    async def committed(self) -> None:
        """Wait until a row has been committed since `tell`."""
        await asyncio.wait_for(self._told.wait(), 30)

    async def holds(self) -> None:
        """Wait until a row is being held back."""
        query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
        while not await self._ask(query):
            pass

    async def _ask(self, query: str, *values: object) -> int:
        """Connections are cut in drills, ours too."""
        for attempt in range(200):
            try:
                if self._connection is None or self._connection.is_closed():
                    self._connection = await asyncpg.connect(self._dsn, ssl=False)
                return await self._connection.fetchval(query, *values) or 0
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                if attempt == 199:
                    raise
                await asyncio.sleep(0.1)
        raise AssertionError("unreachable")
