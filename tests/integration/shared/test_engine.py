"""The pool gives out living connections only."""

import asyncpg
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.database.engine import DriverConnections, create_engine
from tests.support.postgres import DatabaseFactory, execute
from tests.support.waiting import eventually

CUT = text(
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


async def test_connections_that_the_server_has_cut_are_replaced_without_anybody_noticing(
    database_factory: DatabaseFactory,
) -> None:
    dsn = SecretStr(await database_factory(()))
    engine = create_engine(dsn, application_name="test", pool_size=3)
    other = create_engine(dsn, application_name="test", pool_size=1)
    try:
        opened = [await engine.connect() for _ in range(3)]
        drivers = [(await connection.get_raw_connection()).driver_connection for connection in opened]
        for connection in opened:
            await connection.close()
        async with other.connect() as killer:
            assert (await killer.execute(CUT)).scalar_one() == 3
        await eventually(lambda: all(driver is not None and driver.is_closed() for driver in drivers))
        for _ in range(6):
            async with engine.connect() as connection:
                assert (await connection.execute(text("SELECT 1"))).scalar_one() == 1
    finally:
        await engine.dispose()
        await other.dispose()


async def test_statements_of_the_driver_are_planned_once_and_those_of_the_pool_for_their_values(
    database_factory: DatabaseFactory,
) -> None:
    engine = create_engine(SecretStr(await database_factory(())), application_name="test", pool_size=1)
    connections = DriverConnections(engine, most_idle=0)  # what is given back goes back to the pool
    try:
        for _ in range(2):
            connection, driver = await connections.take()
            assert await driver.fetchval("SHOW plan_cache_mode") == "force_generic_plan"
            assert await driver.fetchval("SHOW enable_seqscan") == "off"
            server_process = await driver.fetchval("SELECT pg_backend_pid()")
            await connections.give_back(connection, driver)
            async with engine.connect() as pooled:
                assert (await pooled.execute(text("SELECT pg_backend_pid()"))).scalar_one() == server_process
                assert (await pooled.execute(text("SHOW plan_cache_mode"))).scalar_one() == "auto"
                assert (await pooled.execute(text("SHOW enable_seqscan"))).scalar_one() == "on"
    finally:
        await engine.dispose()


async def test_a_connection_left_within_a_transaction_is_not_given_to_the_next(
    database_factory: DatabaseFactory,
) -> None:
    engine = create_engine(SecretStr(await database_factory(())), application_name="test", pool_size=1)
    connections = DriverConnections(engine)
    try:
        connection, driver = await connections.take()
        await driver.execute("BEGIN")
        left = await driver.fetchval("SELECT pg_backend_pid()")
        await connections.give_back(connection, driver)
        assert [row["pid"] for row in await connections.read("SELECT pg_backend_pid() AS pid")] != [left]
    finally:
        await engine.dispose()


class CutUnnoticed:
    """A driver's connection that the server has cut and that has not heard of it."""

    def is_closed(self) -> bool:
        return False

    def is_in_transaction(self) -> bool:
        return False

    async def fetch(self, *_: object) -> None:
        raise asyncpg.ConnectionDoesNotExistError


async def test_a_cut_connection_that_cannot_be_replaced_is_the_databases_trouble(
    database_factory: DatabaseFactory, postgres_server: str
) -> None:
    dsn = await database_factory(())
    name = dsn.rpartition("/")[2]
    engine = create_engine(SecretStr(dsn), application_name="test", pool_size=1)
    connections = DriverConnections(engine)
    connection, _ = await connections.take()
    await connections.give_back(connection, CutUnnoticed())
    await execute(postgres_server, f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS false')
    try:
        for _ in range(2):
            with pytest.raises(DBAPIError):
                await connections.read("SELECT 1")
    finally:
        await execute(postgres_server, f'ALTER DATABASE "{name}" WITH ALLOW_CONNECTIONS true')
    assert [tuple(row) for row in await connections.read("SELECT 1")] == [(1,)]
    await engine.dispose()
