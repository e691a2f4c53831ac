"""What a caller hears when the database is in trouble, and when we are."""

import asyncio
from pathlib import Path

import asyncpg
import httpx2
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from shared.http.database_trouble import is_database_away
from tests.support.postgres import DatabaseFactory
from tests.support.tiny_service import TinyService
from tests.support.waiting import eventually


async def fail(tiny: TinyService, how: str) -> httpx2.Response:
    async with tiny.client() as caller:
        return await caller.post(f"/v1/fail/{how}")


async def test_mistake_in_our_sql_is_our_error(tmp_path: Path, database_factory: DatabaseFactory) -> None:
    tiny = TinyService(tmp_path, await database_factory(()))
    answer = await fail(tiny, "sql")
    await tiny.engine.dispose()
    assert (answer.status_code, answer.json()["code"]) == (500, "internal-error")
    assert "division" not in answer.text


async def test_server_that_cuts_us_off_asks_to_come_again(tmp_path: Path, database_factory: DatabaseFactory) -> None:
    dsn = await database_factory(())
    tiny = TinyService(tmp_path, dsn)
    answering = asyncio.create_task(fail(tiny, "lock"))
    other = await asyncpg.connect(dsn, ssl=False)
    cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"
    await eventually(lambda: other.fetchval(cut), within=20)
    answer = await answering
    await other.close()
    await tiny.engine.dispose()
    assert (answer.status_code, answer.json()["code"]) == (503, "database-unavailable")


async def test_exhausted_pool_asks_to_come_again(postgres_server: str) -> None:
    url = postgres_server.replace("postgresql://", "postgresql+asyncpg://")
    engine = create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=0.05, connect_args={"ssl": False})
    found: list[bool] = []
    async with engine.connect():
        try:
            async with engine.connect() as second:
                await second.execute(text("SELECT 1"))
        except Exception as error:  # noqa: BLE001 -- whatever the pool raises is judged
            found.append(is_database_away(error))
    await engine.dispose()
    assert found == [True]


async def test_name_that_does_not_resolve_asks_to_come_again(tmp_path: Path) -> None:
    tiny = TinyService(tmp_path, "postgresql://nobody@no-such-host.invalid:1/nothing")
    answer = await fail(tiny, "sql")
    assert (answer.status_code, answer.json()["code"]) == (503, "database-unavailable")
