"""Databases that tests use one after the other are as the first test found them, or are not used again."""

import asyncpg
import pytest

from tests.support.postgres import DatabaseFactory
from tests.support.pristine import SMALL, Pristine

MAKE = """
CREATE TABLE unit (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, code text NOT NULL UNIQUE);
CREATE TABLE task (id bigint PRIMARY KEY, unit_id bigint NOT NULL REFERENCES unit, text text);
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
INSERT INTO unit (code) VALUES ('TV'), ('TV-STP');
INSERT INTO task VALUES (1, 1, 'Kế hoạch'), (2, 2, '');
"""
LOOK = "SELECT t.id, t.text, u.id, u.code FROM task t JOIN unit u ON u.id = t.unit_id ORDER BY 1"
LIMIT_IT = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = 9000', current_database()); END $$"


async def run(dsn: str, *statements: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(dsn, ssl=False)
    try:
        *first, last = statements
        for statement in first:
            await connection.execute(statement)
        return [tuple(row) for row in await connection.fetch(last)]
    finally:
        await connection.close()


@pytest.mark.parametrize("rows", [3, 2 * SMALL // 100])
async def test_rows_and_sequences_are_put_back(database_factory: DatabaseFactory, rows: int) -> None:
    dsn = await database_factory(())
    before = await run(dsn, MAKE, LOOK)
    pristine = await Pristine.of(dsn)
    left_open = await asyncpg.connect(dsn, ssl=False)
    await run(
        dsn,
        "DELETE FROM task WHERE id = 1",
        "UPDATE unit SET code = 'X' WHERE id = 2",
        f"INSERT INTO unit (code) SELECT repeat('x', 90) || n FROM generate_series(1, {rows}) n",  # noqa: S608 -- a number
        "INSERT INTO task SELECT id + 10, id FROM unit",
        "SELECT 1",
    )
    assert await pristine.restore(dsn)
    assert await run(dsn, LOOK) == before
    assert await run(dsn, "INSERT INTO unit (code) VALUES ('TV-SYT') RETURNING id") == [(3,)]
    with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.AdminShutdownError)):
        await left_open.execute("SELECT 1")


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE task ADD COLUMN more int",
        "ALTER TABLE task ALTER COLUMN text SET NOT NULL",
        "CREATE TABLE other ()",
        "ALTER TABLE unit DROP CONSTRAINT unit_code_key",
        "CREATE TRIGGER t BEFORE INSERT ON task FOR EACH ROW EXECUTE FUNCTION nothing()",
        "CREATE OR REPLACE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "REVOKE ALL ON task FROM CURRENT_USER",
        "CREATE SCHEMA another",
        LIMIT_IT,
    ],
)
async def test_a_database_of_another_shape_is_not_used_again(database_factory: DatabaseFactory, change: str) -> None:
    dsn = await database_factory(())
    await run(dsn, MAKE, "SELECT 1")
    pristine = await Pristine.of(dsn)
    await run(dsn, change, "SELECT 1")
    assert not await pristine.restore(dsn)
