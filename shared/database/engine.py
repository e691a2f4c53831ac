"""The one place where a connection pool is made."""

from collections.abc import Sequence
from typing import Any, cast

import asyncpg
from pydantic import SecretStr
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

Connection = AsyncConnection
"""A transaction's connection, for rooms that hand it on and speak no SQL themselves."""
Engine = AsyncEngine
"""A pool of connections, for the same rooms."""
DRIVER_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
CUT = (
    asyncpg.InternalClientError,
    asyncpg.InterfaceError,
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.AdminShutdownError,
)
"""What the first statement on a kept connection meets that the server has cut, before the driver knows of the cut."""
DatabaseTrouble = (OSError, DBAPIError)
"""What a database that is away, or not migrated, raises."""


def is_undone(error: BaseException) -> bool:
    """Return whether a statement that failed so has surely done nothing, and the connection goes on.

    Not so where the server was stopping or the connection broke (SQLSTATE classes 57, 08): nobody knows then.
    """
    return isinstance(error, asyncpg.PostgresError) and str(error.sqlstate)[:2] not in {"08", "57"}


def asyncpg_url(url: SecretStr) -> str:
    """Return the address with SQLAlchemy's asyncpg driver named in it."""
    plain = url.get_secret_value()
    scheme, _, rest = plain.partition("://")
    return plain if scheme == "postgresql+asyncpg" else f"postgresql+asyncpg://{rest}"


def create_engine(url: SecretStr, *, application_name: str, pool_size: int = 10) -> AsyncEngine:
    """Return an engine whose sessions have a statement limit and tell PostgreSQL who they are.

    Connections that a restarted server has cut are replaced when they are taken from the pool: the driver knows of the
    cut as soon as it has happened, so no question is sent (`pool_pre_ping` sends three: begin, nothing, rollback; that
    was a fifth of the time of a small request). The statement limit (30 s) keeps a request
    from waiting for ever behind a lock; `idle_in_transaction` (60 s) frees the locks of a hung process.
    """
    engine = create_async_engine(
        asyncpg_url(url),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=10,
        hide_parameters=True,
        connect_args={
            "timeout": 10,
            "server_settings": {
                "application_name": application_name,
                "statement_timeout": "30000",
                "idle_in_transaction_session_timeout": "60000",
                "timezone": "UTC",
            },
        },
    )
    event.listen(engine.sync_engine, "checkout", _refuse_closed)
    return engine


def _refuse_closed(connection: DBAPIConnection, _entry: ConnectionPoolEntry, _taken: PoolProxiedConnection) -> None:
    if connection.driver_connection.is_closed():
        raise DisconnectionError  # the pool connects anew in its place


_PLAN_FOR_KEYS = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off"
_PLAN_AS_ALWAYS = "RESET plan_cache_mode; RESET enable_seqscan"


class DriverConnections:
    """Connections of a pool for those who speak to the driver itself, kept at hand between two uses.

    Taking one from the pool and handing it back costs as much processor time as the statement it is wanted for. At most
    `most_idle` stay at hand; they go when the engine is disposed of. One that was cut, or left within a transaction,
    is not kept.

    Statements are planned once (`plan_cache_mode`): all that come here look rows up by key, and left to itself the
    server plans anew each time a statement has arrays as parameters; measured, that doubled a completion's time in it.
    A plan that was made when the tables were empty must not read them through later (`enable_seqscan`): until the
    server next looks at its statistics, a minute perhaps, each completion would read all keys there are.
    """

    def __init__(self, engine: AsyncEngine, *, most_idle: int = 8) -> None:
        self._engine = engine
        self._most_idle = most_idle
        self._idle: list[tuple[AsyncConnection, Any]] = []
        event.listen(engine.sync_engine, "engine_disposed", self._forget)

    async def take(self) -> tuple[AsyncConnection, Any]:
        """Return a connection that lives, and its driver's."""
        while self._idle:
            connection, driver = self._idle.pop()
            if not driver.is_closed():
                return connection, driver
            await connection.close()
        return await self.take_new()

    async def take_new(self) -> tuple[AsyncConnection, Any]:
        """Return one from the pool, which looks after those that were cut.

        Raises:
            DBAPIError: the database is away; the driver's error is its `orig`.
        """
        try:
            return await self._prepared()
        except DBAPIError as error:
            if not isinstance(error.orig, CUT):
                raise
            return await self._prepared()  # it had been cut while it lay in the pool, unnoticed

    async def _prepared(self) -> tuple[AsyncConnection, Any]:
        connection = await self._engine.connect()
        try:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            await driver.execute(_PLAN_FOR_KEYS)
        except DRIVER_ERRORS as error:
            await self.discard(connection)
            raise DBAPIError(None, None, error, hide_parameters=True, connection_invalidated=True) from error
        except BaseException:
            await self.discard(connection)
            raise
        return connection, driver

    async def give_back(self, connection: AsyncConnection, driver: Any) -> None:  # noqa: ANN401 -- the driver has no types
        """Keep the connection for the next one, or let the pool have it."""
        if driver.is_closed() or driver.is_in_transaction():
            await self.discard(connection)
        elif len(self._idle) < self._most_idle:
            self._idle.append((connection, driver))
        else:
            try:
                await driver.execute(_PLAN_AS_ALWAYS)  # others of the pool plan as they always do
            except (*DRIVER_ERRORS, OSError):  # cut just now, and what it was wanted for is done
                await self.discard(connection)
            else:
                await connection.close()

    @staticmethod
    async def discard(connection: AsyncConnection) -> None:
        """End a connection of which nobody knows what it is doing; the pool makes another when it needs one."""
        if not connection.closed:
            await connection.invalidate()
            await connection.close()

    async def read(self, sql: str, *arguments: object) -> list[Any]:
        """Return the rows that a reading statement with numbered parameters finds.

        Raises:
            DBAPIError: the driver's error is its `orig`.
        """
        return await self._run(sql, arguments, again=True)

    async def write(self, sql: str, *arguments: object) -> list[Any]:
        """Carry out one statement, a transaction by itself, and return its rows; on disk when this returns.

        Raises:
            DBAPIError: the driver's error is its `orig`; `is_undone` tells whether anything can have been written.
        """
        return await self._run(sql, arguments, again=False)

    async def _run(self, sql: str, arguments: Sequence[object], *, again: bool) -> list[Any]:
        connection, driver = await self.take()
        try:
            try:
                rows = await driver.fetch(sql, *arguments)
            except CUT:
                if not again:
                    raise
                await self.discard(connection)
                connection, driver = await self.take_new()
                rows = await driver.fetch(sql, *arguments)
        except DRIVER_ERRORS as error:
            # The second: cut, and the driver is about to notice.
            is_gone = driver.is_closed() or isinstance(error, asyncpg.InternalClientError)
            await self.discard(connection)
            raise DBAPIError(None, None, error, hide_parameters=True, connection_invalidated=is_gone) from error
        except BaseException:  # cut off in the middle of a statement, perhaps
            await self.discard(connection)
            raise
        await self.give_back(connection, driver)
        return cast("list[Any]", rows)

    def _forget(self, _engine: object) -> None:
        while self._idle:
            connection, _ = self._idle.pop()
            if connection.sync_connection is not None:
                connection.sync_connection.invalidate()
                connection.sync_connection.close()
