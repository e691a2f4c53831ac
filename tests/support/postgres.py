"""A real PostgreSQL for the session, and a migrated database of its own for every test that asks for one."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from pydantic import SecretStr

from deploy.embedded.postgres import EmbeddedPostgres
from shared.ids import TimeOrderedIds
from tests.support.ports import free_port
from tests.support.pristine import Pristine

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


@dataclass
class Template:
    """A database that is cloned, and what is kept of its clones."""

    name: str
    pristine: Pristine | None = None
    """Of those that are filled: their clones are put back after a test and used again."""
    idle: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
async def database_templates(postgres_server: str) -> AsyncIterator[dict[tuple[str, ...], Template]]:
    """The template databases made so far, by the histories they are migrated to and what fills them."""
    templates: dict[tuple[str, ...], Template] = {}
    yield templates
    for template in templates.values():
        for name in (template.name, *template.idle):
            await _drop(postgres_server, name)


@pytest.fixture
async def database_factory(
    postgres_server: str, database_templates: dict[tuple[str, ...], Template]
) -> AsyncIterator[DatabaseFactory]:
    """How a test gets databases: ask for this, then await it with the histories that the database shall have.

    `("shared.messaging", "services.plans")`, say; `()` gives an empty database. Each call clones a template that is
    migrated once a session. The clone is dropped after the test, with whoever is still connected to it.

    With `filling`, which runs once a session, it begins with what every test of a folder needs, and is put back to that
    after the test for the next one: a test that leaves a process behind which goes on writing must not use this.
    """
    made: list[tuple[Template, str]] = []

    async def make(histories: Sequence[str], filling: Filling | None = None) -> str:
        filled = () if filling is None else (f"{filling.__module__}.{filling.__qualname__}",)
        key = (*histories, *filled)
        if key not in database_templates:
            database_templates[key] = await _template(postgres_server, tuple(histories), filling)
        template = database_templates[key]
        name = template.idle.pop() if template.idle else await _clone(postgres_server, template.name)
        made.append((template, name))
        return named(postgres_server, name)

    yield make
    for template, name in made:
        if template.pristine is not None and await template.pristine.restore(named(postgres_server, name)):
            template.idle.append(name)
        else:
            await _drop(postgres_server, name)


async def _template(server: str, histories: tuple[str, ...], filling: Filling | None) -> Template:
    name = await _migrated(server, histories)
    if filling is None:
        return Template(name)
    await filling(named(server, name))
    return Template(name, await Pristine.of(named(server, name)))


async def _clone(server: str, template: str) -> str:
    name = fresh_name("test")
    # As files: the default goes through the server's log page by page, at a tenth of the speed.
    await execute(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
    return name


async def _drop(server: str, name: str) -> None:
    await execute(server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


async def _migrated(server: str, histories: tuple[str, ...]) -> str:
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
