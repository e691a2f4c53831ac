"""One service's API alone, as a process of its own, on a PostgreSQL of its own that keeps everything on disk.

Filled by SQL, so that a hundred thousand tasks are there within seconds.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from uuid import UUID

import asyncpg
from pydantic import SecretStr

from deploy.embedded.postgres import EmbeddedPostgres
from shared.database.migrations import migrate
from tests.support.ports import free_port
from tests.support.system import ROOT

FILL_TASKS = """
INSERT INTO units (code, version, name, kind, parent, lineage) VALUES
    ('TV', 1, 'UBND tỉnh Trà Vinh', 'province', NULL, '{TV}'),
    ('TV-SYT', 1, 'Sở Y tế', 'department', 'TV', '{TV,TV-SYT}'),
    ('TV-STP', 1, 'Sở Tư pháp', 'department', 'TV', '{TV,TV-STP}')
ON CONFLICT DO NOTHING;
CREATE TEMP TABLE fresh AS
    SELECT gen_random_uuid() AS id, gen_random_uuid() AS plan_id, n FROM generate_series(1, %(tasks)s) AS n;
UPDATE fresh SET plan_id = first.plan_id
    FROM fresh AS first WHERE first.n = fresh.n - (fresh.n - 1) %% %(a_plan)s AND first.n <> fresh.n;
INSERT INTO plans (id, version, unit, year, title, counts_when, evidence_required)
    SELECT DISTINCT plan_id, 1, 'TV', 2023, 'Kế hoạch', 'reported', true FROM fresh;
INSERT INTO tasks (id, plan_id, position, code, number, title, field, deadline_phrase, deadline_kind,
        deadline_date, deadline_dates)
    SELECT id, plan_id, n, 'TV23-' || n, n::text, 'Nhiệm vụ thử số ' || n, 'I', 'Trước ngày 30/11/2023', 'date',
        '2023-11-30', '{2023-11-30}' FROM fresh;
INSERT INTO task_units (task_id, duty, position, code, name, kind)
    SELECT id, 'lead', 0, 'TV-SYT', 'Sở Y tế', 'department' FROM fresh
    UNION ALL SELECT id, 'coordinating', 0, 'TV-STP', 'Sở Tư pháp', 'department' FROM fresh;
ANALYZE;
"""


@contextlib.asynccontextmanager
async def durable_postgres(folder: Path) -> AsyncIterator[str]:
    """A server with every guarantee on; the administrator's address."""
    server = EmbeddedPostgres(folder / "postgres", free_port())
    await server.start()
    try:
        yield server.admin_dsn
    finally:
        await server.stop()


async def make_database(admin_dsn: str, name: str, histories: tuple[str, ...] = ()) -> str:
    """Make a database with these migrations; return its address."""
    connection = await asyncpg.connect(admin_dsn, ssl=False)
    await connection.execute(f'CREATE DATABASE "{name}"')
    await connection.close()
    dsn = f"{admin_dsn.rsplit('/', 1)[0]}/{name}"
    for history in histories:
        await migrate(SecretStr(dsn), history)
    return dsn


async def fill_tasks(dsn: str, tasks: int, *, a_plan: int) -> list[UUID]:
    """Put so many tasks of issued plans, `a_plan` in each, into a tasks database; return their ids."""
    connection = await asyncpg.connect(dsn, ssl=False)
    try:
        await connection.execute(FILL_TASKS % {"tasks": int(tasks), "a_plan": int(a_plan)})
        return [row["id"] for row in await connection.fetch("SELECT id FROM fresh ORDER BY n")]
    finally:
        await connection.close()


@contextlib.contextmanager
def process(
    module: str, *arguments: str, environment: Mapping[str, str] | None = None, cwd: Path = ROOT
) -> Iterator[int]:
    """Run `python -m module ...` as a child, silent; its process id."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CCHC_")}  # noqa: TID251 -- a child's
    command = [sys.executable, "-m", module, *arguments]
    child = subprocess.Popen(command, cwd=cwd, env={**kept, **(environment or {})}, stdout=subprocess.DEVNULL)
    try:
        yield child.pid
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(15)


async def listening(port: int, *, within: float = 30) -> None:
    """Wait until somebody answers on the port.

    Raises:
        TimeoutError: nobody did.
    """
    async with asyncio.timeout(within):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.05)
