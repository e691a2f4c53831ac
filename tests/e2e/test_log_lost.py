"""The event log goes away and comes back, or is lost with all it kept: nothing that a department reported is lost."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Protocol

import asyncpg
import pytest

from tests.support.kafka import PrivateBroker, PrivateBrokerFactory
from tests.support.province import import_and_issue, progress, tasks_of, wait_for_done
from tests.support.stream import Stream, plan_file
from tests.support.system import System, free_base_port

CUTOFF = "2023-10-31"
TASKS = 60
ARRIVAL = {
    "plans": set[str](),
    "tasks": set[str](),
    "reporting": {"seq", "heard_at", "topic", "partition", "position", "cluster_id", "updated_at"},
}
"""Columns that tell of the arrival and not of what happened: another log, another arrival."""
PLUMBING = {
    "outbox",
    "relay_state",
    "inbox",
    "dead_letters",
    "parked_messages",
    "consumer_state",
    "consumer_progress",
    "worker_status",
    "idempotency_keys",
}


class EventLog(Protocol):
    """What the tests do to the log that a system runs on."""

    async def away(self) -> None: ...

    async def back(self) -> None: ...

    async def wipe(self) -> None:
        """Lose everything, and stay away."""


class KafkaLog:
    """A broker of the test's own."""

    def __init__(self, broker: PrivateBroker) -> None:
        self._broker = broker

    async def away(self) -> None:
        await self._broker.stop()

    async def back(self) -> None:
        await self._broker.start()

    async def wipe(self) -> None:
        await self._broker.wipe()


class PostgresLog:
    """The log database of the embedded system."""

    def __init__(self, system: System) -> None:
        self._system = system

    async def _execute(self, *statements: str) -> None:
        connection = await asyncpg.connect(self._system.admin_dsn())
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    async def away(self) -> None:
        await self._execute(
            "ALTER DATABASE cchc_log WITH ALLOW_CONNECTIONS false",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'cchc_log'",
        )

    async def back(self) -> None:
        await self._execute("ALTER DATABASE cchc_log WITH ALLOW_CONNECTIONS true")

    async def wipe(self) -> None:
        await self._execute(
            "DROP DATABASE cchc_log WITH (FORCE)",
            "CREATE DATABASE cchc_log OWNER cchc_log TEMPLATE template0",
            "REVOKE CONNECT ON DATABASE cchc_log FROM PUBLIC",
        )
        await asyncio.to_thread(self._system.command, "migrate")


@pytest.fixture(
    params=[pytest.param("postgres", id="postgres"), pytest.param("kafka", id="kafka", marks=pytest.mark.kafka)]
)
async def world(
    request: pytest.FixtureRequest, tmp_path: Path, private_broker: PrivateBrokerFactory
) -> AsyncIterator[tuple[System, EventLog]]:
    """A running system and its event log, both of this test alone."""
    environment = {"CCHC_TRANSPORT": request.param, "CCHC_SAMPLE": "0"}
    log: EventLog
    if request.param == "kafka":
        broker = await private_broker()
        environment["CCHC_KAFKA_BOOTSTRAP"] = broker.bootstrap
        system = System(tmp_path / "home", free_base_port(), environment)
        log = KafkaLog(broker)
    else:
        system = System(tmp_path / "home", free_base_port(), environment)
        log = PostgresLog(system)
    try:
        await asyncio.to_thread(system.start)
        yield system, log
    finally:
        await asyncio.to_thread(system.stop)


async def read_models(system: System) -> dict[str, list[str]]:
    """Return every row of every table that is no plumbing, without the columns that tell of the arrival."""
    found: dict[str, list[str]] = {}
    for service, arrival in ARRIVAL.items():
        connection = await asyncpg.connect(system.admin_dsn(f"cchc_{service}"))
        try:
            names = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
            for (name,) in names:
                if name in PLUMBING or name.endswith("_version"):
                    continue
                rows = await connection.fetch(f'SELECT to_jsonb(t) AS row FROM "{name}" AS t')  # noqa: S608 -- from the catalogue
                kept = [{k: v for k, v in json.loads(row["row"]).items() if k not in arrival} for row in rows]
                found[f"{service}.{name}"] = sorted(json.dumps(row, sort_keys=True) for row in kept)
        finally:
            await connection.close()
    return found


async def settled(system: System) -> dict[str, list[str]]:
    """Return the read models once two looks one second apart are equal."""
    before: dict[str, list[str]] = {}
    for _ in range(60):
        now = await read_models(system)
        if now == before:
            return now
        before = now
        await asyncio.sleep(1)
    raise AssertionError("read models did not come to rest")


async def a_plan_under_way(system: System, folder: Path, *, done: int) -> tuple[Stream, list[dict[str, Any]]]:
    """Issue a plan and report and confirm its first `done` tasks; return the stream and the tasks left."""
    file = plan_file(folder / "plan.tsv", TASKS)
    plan_id = await asyncio.to_thread(import_and_issue, system, title="Nhật ký sự kiện", file=file)
    tasks = await asyncio.to_thread(tasks_of, system, plan_id, TASKS)
    stream = Stream(system, plan_id)
    ordered = list(tasks.values())
    await stream.run(ordered[:done])
    await asyncio.to_thread(wait_for_done, system, plan_id, done, cutoff=CUTOFF)
    return stream, ordered[done:]


@pytest.mark.timeout(240)
async def test_completions_are_accepted_while_the_log_is_away_and_all_arrive_in_order(
    world: tuple[System, EventLog], tmp_path: Path
) -> None:
    system, log = world
    stream, left = await a_plan_under_way(system, tmp_path, done=20)
    await log.away()
    await stream.run(left)
    assert len(stream.acknowledged) == len(stream.confirmed) == TASKS, stream.surprises
    assert (await asyncio.to_thread(progress, system, stream.plan_id, cutoff=CUTOFF))["done"] == 20
    await log.back()
    figures = await asyncio.to_thread(wait_for_done, system, stream.plan_id, TASKS, cutoff=CUTOFF, within=90)
    assert figures["done"] == TASKS
    assert await out_of_order(system, stream.plan_id) == []


async def out_of_order(system: System, plan_id: str) -> list[str]:
    """Return the tasks whose events the ledger heard in another order than they happened."""
    connection = await asyncpg.connect(system.admin_dsn("cchc_reporting"))
    try:
        rows = await connection.fetch(
            "SELECT task_id, array_agg(version ORDER BY seq) AS heard FROM ledger"
            " WHERE plan_id = $1 AND task_id IS NOT NULL GROUP BY task_id",
            plan_id,
        )
    finally:
        await connection.close()
    assert len(rows) == TASKS
    return [str(row["task_id"]) for row in rows if list(row["heard"]) != sorted(row["heard"])]


@pytest.mark.timeout(240)
async def test_a_wiped_log_is_refilled_from_the_journals_and_read_models_are_as_before(
    world: tuple[System, EventLog], tmp_path: Path
) -> None:
    system, log = world
    stream, left = await a_plan_under_way(system, tmp_path, done=40)
    before = await settled(system)
    assert before["reporting.ledger"], "the ledger has rows to lose"
    lost = await published_to(system)
    await log.wipe()
    await log.back()
    await published_again(system, lost=lost)
    assert await settled(system) == before
    await stream.run(left)
    await asyncio.to_thread(wait_for_done, system, stream.plan_id, TASKS, cutoff=CUTOFF, within=60)


async def published_to(system: System) -> set[str | None]:
    """Return the logs that hold the journals of plans and tasks; None stands for rows not yet published."""
    found: set[str | None] = set()
    for service in ("plans", "tasks"):
        connection = await asyncpg.connect(system.admin_dsn(f"cchc_{service}"))
        try:
            found |= {row[0] for row in await connection.fetch("SELECT DISTINCT published_to FROM outbox")}
        finally:
            await connection.close()
    return found


async def published_again(system: System, *, lost: set[str | None]) -> None:
    """Wait until both journals stand whole in one log that is not the lost one."""
    now: set[str | None] = set()
    for _ in range(900):
        now = await published_to(system)
        if len(now) == 1 and None not in now and not now & lost:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"journals are in {now}, the lost log was {lost}")


@pytest.mark.timeout(240)
async def test_a_lost_ledger_is_heard_again_from_the_journals(world: tuple[System, EventLog], tmp_path: Path) -> None:
    system, _ = world
    stream, _ = await a_plan_under_way(system, tmp_path, done=30)
    before = await settled(system)
    connection = await asyncpg.connect(system.admin_dsn())
    await connection.execute("DROP DATABASE cchc_reporting WITH (FORCE)")
    await connection.execute("CREATE DATABASE cchc_reporting OWNER cchc_reporting TEMPLATE template0")
    await connection.close()
    await asyncio.to_thread(system.command, "migrate")
    await asyncio.to_thread(system.command, "refill")
    await asyncio.to_thread(wait_for_done, system, stream.plan_id, 30, cutoff=CUTOFF, within=90)
    assert await settled(system) == before
