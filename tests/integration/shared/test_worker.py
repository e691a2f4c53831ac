"""The worker process: starts on a ready database, beats, survives a part's failure, stops cleanly."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from pydantic import SecretStr

from shared.contracts.tasks import TaskProgressedV1
from shared.contracts.topics import TASKS
from shared.messaging.status import Status, write_status
from shared.messaging.worker import run_worker
from shared.settings import SharedSettings
from tests.support.messaging import World, a_progress, write_note
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[3]
PROGRAM = """
import asyncio, sys
from pydantic import SecretStr
from shared.contracts.topics import TASKS
from shared.database.engine import create_engine
from shared.messaging import worker
from shared.settings import SharedSettings

async def ready(*_):
    return None

async def main():
    worker.pending = ready  # this database has the plumbing alone
    engine = create_engine(SecretStr(sys.argv[1]), application_name="test")
    settings = SharedSettings(log_database_url=SecretStr(sys.argv[2]))
    await worker.run_worker(service="tasks", settings=settings, engine=engine, topics=[TASKS], subscription=None)
    await engine.dispose()

asyncio.run(main())
"""


async def states(world: World) -> dict[str, str]:
    return {row.part: row.state for row in await world.rows("SELECT part, state FROM worker_status")}


async def test_a_worker_relays_and_consumes_and_tells_how_it_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ready(*_: object) -> None:
        return None

    monkeypatch.setattr("shared.messaging.worker.pending", ready)
    stop, failures = asyncio.Event(), 0

    async def failing_twice(ended: asyncio.Event) -> None:
        nonlocal failures
        failures += 1
        if failures <= 2:
            raise RuntimeError
        await ended.wait()

    settings = SharedSettings(log_database_url=SecretStr(world.log_dsn))
    worker = asyncio.create_task(
        run_worker(
            service="tasks",
            settings=settings,
            engine=world.engine,
            topics=[TASKS],
            subscription=world.subscription({TaskProgressedV1.event_type: write_note}),
            parts={"reminders": failing_twice},
            stop=stop,
        )
    )
    await world.add(a_progress("through everything"))
    await eventually(lambda: _noted(world, ["through everything"]))
    expected = dict.fromkeys(("relay", "consumer:test", "reminders"), "running")
    await eventually(lambda: _states_are(world, expected))
    assert failures == 3
    await eventually(lambda: _nothing_is_told(world), tell="a part that works again tells of no trouble")
    began = time.monotonic()
    stop.set()
    await worker
    assert time.monotonic() - began < 8
    assert await states(world) == dict.fromkeys(expected, "stopped")


async def test_a_worker_waits_for_its_migrations(world: World) -> None:
    stop = asyncio.Event()
    settings = SharedSettings(log_database_url=SecretStr(world.log_dsn))
    worker = asyncio.create_task(
        run_worker(
            service="tasks", settings=settings, engine=world.engine, topics=[TASKS], subscription=None, stop=stop
        )
    )
    await asyncio.wait([worker], timeout=0.5)
    assert await states(world) == {}
    stop.set()
    await worker


async def test_a_process_stops_on_sigterm_within_eight_seconds(world: World) -> None:
    command = [sys.executable, "-c", PROGRAM, world.dsn, world.log_dsn]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}  # noqa: TID251 -- a child's environment
    child = await asyncio.create_subprocess_exec(*command, env=environment, stdout=subprocess.DEVNULL)
    try:
        await world.add(a_progress("relayed"))
        await eventually(lambda: _published(world, 1), within=20)
        await eventually(lambda: _states_are(world, {"relay": "running"}))
        began = time.monotonic()
        child.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(child.wait(), 8) == 0
        assert time.monotonic() - began < 8
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    assert await states(world) == {"relay": "stopped"}


async def test_a_halted_part_stays_visible_beside_a_running_one_of_another_process(world: World) -> None:
    halted, running = Status("consumer:test", "halted", "20 in a row"), Status("consumer:test")
    await write_status(world.engine, halted)
    await write_status(world.engine, running)
    assert await states(world) == {"consumer:test": "halted"}
    await write_status(world.engine, running, force=True)
    assert await states(world) == {"consumer:test": "running"}
    await write_status(world.engine, halted)
    await world.execute("UPDATE worker_status SET beat_at = beat_at - interval '11 seconds'")
    await write_status(world.engine, running)
    assert await states(world) == {"consumer:test": "running"}


async def _states_are(world: World, expected: dict[str, str]) -> bool:
    return await states(world) == expected


async def _nothing_is_told(world: World) -> bool:
    return not await world.rows("SELECT part, detail FROM worker_status WHERE detail <> ''")


async def _noted(world: World, notes: list[str]) -> bool:
    return await world.notes() == notes


async def _published(world: World, count: int) -> bool:
    return len(await world.published()) == count


async def test_a_part_that_works_between_its_failures_does_not_wait_longer_each_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ready(*_: object) -> None:
        return None

    monkeypatch.setattr("shared.messaging.worker.pending", ready)
    monkeypatch.setattr("shared.messaging.worker.HEALTHY_AFTER", 0.05)
    stop, failures = asyncio.Event(), 0

    async def failing_now_and_then(ended: asyncio.Event) -> None:
        nonlocal failures
        with suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), 0.1)
        failures += 1
        raise RuntimeError

    settings = SharedSettings(log_database_url=SecretStr(world.log_dsn))
    worker = asyncio.create_task(
        run_worker(
            service="tasks",
            settings=settings,
            engine=world.engine,
            topics=[],
            subscription=None,
            parts={"reminders": failing_now_and_then},
            stop=stop,
        )
    )

    async def has_failed_seven_times() -> bool:
        return failures >= 7  # with pauses that grow: after 30 seconds

    await eventually(has_failed_seven_times, within=10)
    stop.set()
    await worker
