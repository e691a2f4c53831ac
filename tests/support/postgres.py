"""A real PostgreSQL for the session, and a migrated database of its own for every test that asks for one."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from pydantic import SecretStr

from deploy.embedded.postgres import EmbeddedPostgres
from shared.ids import TimeOrderedIds
from tests.support.ports import free_port

Filling = Callable[[str], Awaitable[None]]
"""Fills the database at an address, and leaves no connection behind."""


class DatabaseFactory(Protocol):
    """What `database_factory` gives."""

    def __call__(self, histories: Sequence[str], filling: Filling | None = None) -> Awaitable[str]: ...


GIVEN_SERVER = "CCHC_TEST_POSTGRES"


def named(dsn: str, database: str) -> str:
    """Return the address of another database on the same server."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{database}"))


@pytest.fixture(scope="session")
async def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The address of a server with a role that may create databases: a given one, else an embedded one.

    fsync is off: these tests kill processes, not machines.
    """
    given = os.environ.get(GIVEN_SERVER)  # noqa: TID251 -- tests choose their server here
    if given:
        yield given
        return
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), free_port(), settings={"fsync": "off"})
    await server.start()
    yield server.admin_dsn
    await server.stop()


@pytest.fixture(scope="session")
async def database_templates(postgres_server: str) -> AsyncIterator[dict[tuple[str, ...], str]]:
    """Names of the template databases made so far, by the histories they are migrated to."""
    templates: dict[tuple[str, ...], str] = {}
    yield templates
    for name in templates.values():
        await execute(postgres_server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture
async def database_factory(
    postgres_server: str, database_templates: dict[tuple[str, ...], str]
) -> AsyncIterator[DatabaseFactory]:
    """How a test gets databases: ask for this, then await it with the histories that the database shall have.

    `("shared.messaging", "services.plans")`, say; `()` gives an empty database. Each call clones a template that is
    migrated, and by `filling` filled with what every test of a folder begins with, once a session. The clone is
    dropped after the test, with whoever is still connected to it.
    """
    made: list[str] = []

    async def make(histories: Sequence[str], filling: Filling | None = None) -> str:
        filled = () if filling is None else (f"{filling.__module__}.{filling.__qualname__}",)
        key = (*histories, *filled)
        if key not in database_templates:
            template = await _migrated_template(postgres_server, tuple(histories))
            if filling is not None:
                await filling(named(postgres_server, template))
            database_templates[key] = template
        name = fresh_name("test")
        # As files, which is a tenth of the work of the default: through the log of the server, page by page.
        template = database_templates[key]
        await execute(postgres_server, f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
        made.append(name)
        return named(postgres_server, name)

    yield make
    for name in made:
        await execute(postgres_server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


async def _migrated_template(server: str, histories: tuple[str, ...]) -> str:
    name = fresh_name("template")
    await execute(server, f'CREATE DATABASE "{name}" TEMPLATE template0')
    if histories:
        from shared.database.migrations import migrate

        for history in histories:
            await migrate(SecretStr(named(server, name)), history)
    return name


def fresh_name(kind: str) -> str:
    """Return a name that no database has yet."""
    return f"cchc_{kind}_{TimeOrderedIds().new().hex}"


async def execute(dsn: str, statement: str) -> None:
    """Run one statement outside of a transaction."""
    connection = await asyncpg.connect(dsn, ssl=False)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
