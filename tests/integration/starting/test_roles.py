"""Each service's database role can touch its own database and nothing else, whoever has provisioned the server.

Both ways are held to the same questions: `provision()` of the embedded system, and deploy/postgres/init.sql, which the
PostgreSQL image runs by psql as superuser.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from deploy.embedded.postgres import EmbeddedPostgres, provision
from deploy.embedded.process import run_once
from deploy.embedded.programs import roles
from tests.support.ports import free_port
from tests.support.postgres import named
from tests.support.system import ROOT

ROLES = roles()
DATABASES = (*ROLES, "postgres", "template1")
PASSWORDS = {role: f"mk-{role}'\\x" for role in ROLES}
"""With a quote and a backslash, which whoever pastes texts together would trip over."""


@dataclass(frozen=True)
class Server:
    """A provisioned server."""

    admin: str

    def dsn(self, role: str, database: str) -> str:
        parts = urlsplit(self.admin)
        return urlunsplit(parts._replace(netloc=f"{role}@{parts.hostname}:{parts.port}", path=f"/{database}"))

    @asynccontextmanager
    async def as_role(self, role: str, database: str | None = None) -> AsyncIterator[asyncpg.Connection]:
        async with _connected(self.dsn(role, database or role), PASSWORDS[role]) as connection:
            yield connection


@asynccontextmanager
async def _connected(dsn: str, password: str | None = None) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn, password=password, ssl=False, timeout=10)
    try:
        yield connection
    finally:
        await connection.close()


async def by_the_supervisor(server: EmbeddedPostgres) -> None:
    await provision(server.admin_dsn, dict.fromkeys(ROLES, "the password of an earlier start"))
    await provision(server.admin_dsn, PASSWORDS)


async def by_the_image(server: EmbeddedPostgres) -> None:
    """Run init.sql as docker-entrypoint-initdb.d does: by psql, as superuser, passwords in the environment."""
    program = [str(server.binaries / "psql"), "--no-psqlrc", "--set=ON_ERROR_STOP=1", f"--dbname={server.admin_dsn}"]
    variables = {f"{role.upper()}_PASSWORD": password for role, password in PASSWORDS.items()}
    await run_once([*program, f"--file={ROOT / 'deploy' / 'postgres' / 'init.sql'}"], environment=variables)


@pytest.fixture(scope="module", params=[by_the_supervisor, by_the_image], ids=["provision", "init.sql"])
async def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    embedded = EmbeddedPostgres(tmp_path_factory.mktemp("roles"), free_port(), settings={"fsync": "off"})
    await embedded.start()
    try:
        await request.param(embedded)
        yield Server(embedded.admin_dsn)
    finally:
        await embedded.stop()


@pytest.fixture(scope="module")
async def with_tables(server: Server) -> Server:
    """Give every role a table with a row, and nobody any right to it."""
    for role in ROLES:
        async with server.as_role(role) as own:
            await own.execute("CREATE TABLE confidential AS SELECT 'mật' AS word")
    return server


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_connects_to_its_own_database_only(server: Server, role: str) -> None:
    reached = []
    for database in DATABASES:
        try:
            async with server.as_role(role, database) as connection:
                reached.append(await connection.fetchval("SELECT current_database()"))
        except asyncpg.InsufficientPrivilegeError as refusal:
            assert "permission denied for database" in str(refusal)  # noqa: PT017 -- which refusal it is matters
    assert reached == [role]


async def test_there_are_no_other_databases_than_those_asked_about(server: Server) -> None:
    async with _connected(server.admin) as admin:
        found = await admin.fetch("SELECT datname FROM pg_database WHERE datallowconn")
    assert {row["datname"] for row in found} == set(DATABASES)


@pytest.mark.parametrize("role", ROLES)
async def test_without_its_password_a_role_does_not_get_in(server: Server, role: str) -> None:
    other = PASSWORDS[next(name for name in ROLES if name != role)]
    for wrong in (other, "the password of an earlier start", ""):
        with pytest.raises(asyncpg.InvalidPasswordError):
            async with _connected(server.dsn(role, role), wrong):
                pytest.fail("got in")


@pytest.mark.parametrize("role", ROLES)
async def test_a_role_owns_its_database_and_has_no_further_power(server: Server, role: str) -> None:
    async with _connected(server.admin) as admin:
        owned = await admin.fetch("SELECT datname FROM pg_database WHERE pg_get_userbyid(datdba) = $1", role)
        powers = await admin.fetchrow("SELECT * FROM pg_roles WHERE rolname = $1", role)
        memberships = await admin.fetchval("SELECT count(*) FROM pg_auth_members WHERE member = $1::regrole", role)
    assert [row["datname"] for row in owned] == [role]
    forbidden = ("rolsuper", "rolcreatedb", "rolcreaterole", "rolreplication", "rolbypassrls")
    assert {name: powers[name] for name in forbidden} == dict.fromkeys(forbidden, False)
    assert memberships == 0


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize(
    "statement",
    [
        "CREATE DATABASE another",
        "CREATE ROLE another",
        "ALTER ROLE {other} PASSWORD 'mine now'",
        "ALTER ROLE {role} SUPERUSER",
        "SET ROLE {other}",
        "SET SESSION AUTHORIZATION {other}",
        "ALTER DATABASE {other} OWNER TO {role}",
        "GRANT CONNECT ON DATABASE {other} TO {role}",
        "DROP DATABASE {other}",
        "CREATE EXTENSION dblink",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SELECT pg_read_file('postgresql.conf')",
        "SELECT passwd FROM pg_shadow",
        "ALTER SYSTEM SET log_statement = 'all'",
    ],
)
async def test_a_role_cannot_widen_its_rights(server: Server, role: str, statement: str) -> None:
    other = next(name for name in ROLES if name != role)
    async with server.as_role(role) as own:
        with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.FeatureNotSupportedError)):
            await own.execute(statement.format(role=role, other=other))


async def test_no_role_reads_a_table_of_another(with_tables: Server) -> None:
    """Asked from inside and from outside; the owner itself reads it, so there is something to read."""
    for role in ROLES:
        async with with_tables.as_role(role) as own:
            assert await own.fetchval("SELECT word FROM confidential") == "mật"
        async with _connected(named(with_tables.admin, role)) as admin:
            for other in ROLES:
                if other != role:
                    question = "SELECT has_table_privilege($1, 'confidential', 'SELECT, INSERT, UPDATE, DELETE')"
                    assert await admin.fetchval(question, other) is False
                    assert (
                        await admin.fetchval("SELECT has_database_privilege($1, $2, 'CONNECT')", other, role) is False
                    )


async def test_a_passing_server_shows_no_password(tmp_path: Path) -> None:
    """Statements that hold passwords are not written to the server's log when they fail."""
    server = EmbeddedPostgres(tmp_path, free_port(), settings={"fsync": "off"})
    await server.start()
    try:
        with pytest.raises(asyncpg.PostgresError):
            await provision(server.admin_dsn, {"x" * 10: "mk-not-to-be-seen", "": "mk-not-to-be-seen"})
    finally:
        await server.stop()
    assert "mk-not-to-be-seen" not in await asyncio.to_thread(server.child.log_file.read_text, encoding="utf-8")
