import asyncio

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from shared.database.engine import create_engine
from shared.database.migrations import migrate, migration_engine
from shared.database.revisions import PLUMBING, pending
from shared.database.tables import metadata
from tests.support.migrations import assert_nothing_left, assert_stairway
from tests.support.postgres import DatabaseFactory


async def test_plumbing_climbs_the_stairway_and_autogenerate_finds_nothing(database_factory: DatabaseFactory) -> None:
    dsn = await database_factory(())
    await assert_stairway(dsn, PLUMBING)
    await assert_nothing_left(dsn, PLUMBING, [metadata])


async def test_a_column_that_no_migration_makes_is_found(database_factory: DatabaseFactory) -> None:
    dsn = await database_factory((PLUMBING,))
    engine = migration_engine(SecretStr(dsn))
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE inbox DROP COLUMN type"))
    await engine.dispose()
    with pytest.raises(AssertionError, match="add_column"):
        await assert_nothing_left(dsn, PLUMBING, [metadata])


async def test_two_migrations_at_once_do_the_work_once(database_factory: DatabaseFactory) -> None:
    dsn = SecretStr(await database_factory(()))
    await asyncio.gather(*(migrate(dsn, PLUMBING) for _ in range(3)))
    engine = create_engine(dsn, application_name="test")
    assert await pending(engine, PLUMBING) is None
    await engine.dispose()


async def test_a_database_of_a_newer_program_is_worked_on_and_left_as_it_is(database_factory: DatabaseFactory) -> None:
    dsn = SecretStr(await database_factory((PLUMBING,)))
    engine = create_engine(dsn, application_name="test")
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE plumbing_version SET version_num = '9999'"))
    assert await pending(engine, PLUMBING) is None
    await migrate(dsn, PLUMBING)
    async with engine.connect() as connection:
        assert await connection.scalar(text("SELECT version_num FROM plumbing_version")) == "9999"
    await engine.dispose()


async def test_a_database_without_migrations_is_pending(database_factory: DatabaseFactory) -> None:
    engine = create_engine(SecretStr(await database_factory(())), application_name="test")
    assert (await pending(engine, PLUMBING) or "").startswith("history shared.messaging is at nothing")
    await engine.dispose()
