"""The ledger is lost, the journals are not: nothing that a department reported is lost.

What happens when the log goes away or is wiped is drilled: R5 and R6 in tests/drills.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from tests.support.event_logs import settled
from tests.support.province import import_and_issue, tasks_of, wait_for_done
from tests.support.stream import Stream, plan_file
from tests.support.system import System, free_base_port

CUTOFF = "2023-10-31"
TASKS = 60


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    """A running system; on Kafka the same is drilled by R6 at full scale."""
    system = System(tmp_path / "home", free_base_port(), {"CCHC_SAMPLE": "0"})
    try:
        await asyncio.to_thread(system.start)
        yield system
    finally:
        await asyncio.to_thread(system.stop)


async def a_plan_under_way(system: System, folder: Path, *, done: int) -> str:
    """Issue a plan, report and confirm its first `done` tasks; return the plan's id."""
    file = plan_file(folder / "plan.tsv", TASKS)
    plan_id = await asyncio.to_thread(import_and_issue, system, title="Nhật ký sự kiện", file=file)
    tasks = await asyncio.to_thread(tasks_of, system, plan_id, TASKS)
    await Stream(system, plan_id).run(list(tasks.values())[:done])
    await asyncio.to_thread(wait_for_done, system, plan_id, done, cutoff=CUTOFF)
    return plan_id


@pytest.mark.timeout(240)
async def test_a_lost_ledger_is_heard_again_from_the_journals(system: System, tmp_path: Path) -> None:
    plan_id = await a_plan_under_way(system, tmp_path, done=30)
    before = await settled(system)
    connection = await asyncpg.connect(system.admin_dsn())
    await connection.execute("DROP DATABASE cchc_reporting WITH (FORCE)")
    await connection.execute("CREATE DATABASE cchc_reporting OWNER cchc_reporting TEMPLATE template0")
    await connection.close()
    await asyncio.to_thread(system.command, "migrate")
    await asyncio.to_thread(system.command, "refill")
    await asyncio.to_thread(wait_for_done, system, plan_id, 30, cutoff=CUTOFF, within=90)
    now: dict[str, list[str]] = {}
    for _ in range(20):  # marks of progress are counted a moment later
        if (now := await settled(system)) == before:
            break
    assert now == before
