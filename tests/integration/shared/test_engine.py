"""The pool gives out living connections only."""

from pydantic import SecretStr
from sqlalchemy import text

from shared.database.engine import create_engine
from tests.support.postgres import DatabaseFactory
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
