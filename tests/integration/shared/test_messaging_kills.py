"""kill -9 of the worker at random moments; repeats and disorder in the log: lost 0, twice 0."""

import asyncio
import os
import random
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.contracts.envelope import Event
from shared.contracts.tasks import TaskProgressedV1
from shared.messaging.consumer import NotYet, release
from tests.support.messaging import IDS, World, a_progress, record_of
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[3]
KILLS = 12
WORKER = """
import asyncio, sys
from pydantic import SecretStr
from shared.contracts.topics import TASKS
from shared.database.engine import create_engine
from shared.messaging import worker
from shared.messaging.subscription import Subscription
from shared.settings import SharedSettings
from tests.support.messaging import write_note

async def ready(*_):
    return None

async def main():
    worker.pending = ready  # this database has the plumbing alone
    engine = create_engine(SecretStr(sys.argv[1]), application_name="test")
    subscription = Subscription(group="test", topics=(TASKS,), handlers={"cchc.task.progressed.v1": write_note})
    settings = SharedSettings(log_database_url=SecretStr(sys.argv[2]))
    await worker.run_worker(
        service="tasks", settings=settings, engine=engine, topics=[TASKS], subscription=subscription
    )

asyncio.run(main())
"""


@pytest.mark.slow(30)
async def test_workers_killed_with_9_at_random_moments_lose_nothing_and_apply_nothing_twice(world: World) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}  # noqa: TID251 -- a child's environment
    command = (sys.executable, "-c", WORKER, world.dsn, world.log_dsn)
    moments, total = random.Random(20231031), 0  # noqa: S311 -- repeatable, guards nothing
    for _ in range(KILLS):
        worker = await asyncio.create_subprocess_exec(*command, env=environment, stdout=asyncio.subprocess.DEVNULL)
        goal = len(await world.notes()) + moments.randrange(1, 60)
        for _ in range(100):
            await world.add(a_progress(str(total)), key=f"plan-{total % 7}")
            total += 1
        await eventually(lambda goal=goal: _applied(world, goal), within=30)  # type: ignore[misc]
        worker.kill()
        await worker.wait()
    worker = await asyncio.create_subprocess_exec(*command, env=environment, stdout=asyncio.subprocess.DEVNULL)
    await eventually(lambda: _applied(world, total), within=30)
    worker.terminate()
    assert await worker.wait() == 0
    notes = [int(note) for note in await world.notes()]
    assert sorted(notes) == list(range(total))
    for key in range(7):
        mine = [note for note in notes if note % 7 == key]
        assert mine == sorted(mine)


versions = Table("versions", MetaData(), Column("task", Text, primary_key=True), Column("version", Integer))


async def count_up(connection: AsyncConnection, heard: Event[Any]) -> None:
    """Take version after version: one that comes too early waits for the one before it."""
    task, wanted = str(heard.data.task_id), heard.data.version
    known = await connection.scalar(select(versions.c.version).where(versions.c.task == task)) or 0
    if known + 1 < wanted:
        raise NotYet(f"{task}/{wanted - 1}")
    assert known + 1 == wanted
    if wanted == 1:
        await connection.execute(insert(versions).values(task=task, version=1))
    else:
        await connection.execute(update(versions).where(versions.c.task == task).values(version=wanted))
    release(f"{task}/{wanted}")


@pytest.mark.slow(30)
async def test_repeats_and_disorder_end_in_the_same_state_as_the_ordered_log(world: World) -> None:
    """200 tasks with five versions each, every event two to five times, in random order over all partitions."""
    async with world.engine.begin() as connection:
        await connection.run_sync(versions.metadata.create_all)
    chance = random.Random(38)  # noqa: S311 -- repeatable, guards nothing
    tasks = [IDS.new() for _ in range(200)]
    records = []
    for task in tasks:
        for version in range(1, 6):
            data = a_progress(version=version).model_copy(update={"task_id": task})
            records += [record_of(data, key=str(chance.randrange(6)))] * chance.randrange(2, 6)
    chance.shuffle(records)
    await world.publish(*records)
    subscription = world.subscription({TaskProgressedV1.event_type: count_up})
    async with world.running(world.consumer(subscription), world.consumer(subscription)):
        await eventually(lambda: _all_are_at(world, len(tasks), 5), within=60)
    assert await world.rows("SELECT 1 FROM parked_messages") == []
    assert await world.rows("SELECT 1 FROM dead_letters") == []
    by_id: defaultdict[str, int] = defaultdict(int)
    for row in await world.rows("SELECT event_id FROM inbox"):
        by_id[str(row.event_id)] += 1
    assert len(by_id) == 1000


async def _applied(world: World, count: int) -> bool:
    return len(await world.notes()) >= count


async def _all_are_at(world: World, count: int, version: int) -> bool:
    (found,) = await world.rows("SELECT count(*) AS count FROM versions WHERE version = :version", version=version)
    return bool(found[0] == count)
