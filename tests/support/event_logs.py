"""What is done to the event log that a whole system runs on, and how the systems' tables are compared afterwards."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import asyncpg

from tests.support.kafka import PrivateBroker
from tests.support.system import System

ARRIVAL: Mapping[str, frozenset[str]] = {
    "plans": frozenset(),
    "tasks": frozenset(),
    "reporting": frozenset(
        {"seq", "heard_at", "topic", "partition", "position", "cluster_id", "updated_at", "passed_at"}
    ),
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
    "plans_to_count",
}


class EventLog(Protocol):
    """The log of one system."""

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
        connection = await asyncpg.connect(self._system.admin_dsn(), ssl=False)
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


async def fetch(system: System, service: str, query: str, *values: object) -> Sequence[Any]:
    """Return the rows of a query on one service's database, asked as its administrator."""
    connection = await asyncpg.connect(system.admin_dsn(f"cchc_{service}"), ssl=False)
    try:
        rows: Sequence[Any] = await connection.fetch(query, *values)
        return rows
    finally:
        await connection.close()


async def read_models(system: System) -> dict[str, list[str]]:
    """Return every row of every table that is no plumbing, without the columns that tell of the arrival."""
    found: dict[str, list[str]] = {}
    for service, arrival in ARRIVAL.items():
        names = await fetch(system, service, "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        for (name,) in names:
            if name in PLUMBING or name.endswith("_version"):
                continue
            rows = await fetch(system, service, f'SELECT to_jsonb(t) AS row FROM "{name}" AS t')  # noqa: S608 -- from the catalogue
            kept = [{k: v for k, v in json.loads(row["row"]).items() if k not in arrival} for row in rows]
            found[f"{service}.{name}"] = sorted(json.dumps(row, sort_keys=True) for row in kept)
    return found


async def settled(system: System) -> dict[str, list[str]]:
    """Return the read models once no plan waits for its marks and two looks one second apart are equal."""
    before: dict[str, list[str]] = {}
    for _ in range(120):
        waiting = await fetch(system, "reporting", "SELECT FROM plans_to_count LIMIT 1")
        now = await read_models(system)
        if now == before and not waiting:
            return now
        before = now
        await asyncio.sleep(1)
    raise AssertionError("read models did not come to rest")


async def published_to(system: System) -> set[str | None]:
    """Return the logs that hold the journals of plans and tasks; None stands for rows not yet published."""
    query = "SELECT DISTINCT published_to FROM outbox"
    return {row[0] for service in ("plans", "tasks") for row in await fetch(system, service, query)}


async def published_again(system: System, *, lost: set[str | None]) -> None:
    """Wait until both journals stand whole in one log that is not the lost one."""
    now: set[str | None] = set()
    for _ in range(900):
        now = await published_to(system)
        if len(now) == 1 and None not in now and not now & lost:
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"journals are in {now}, the lost log was {lost}")


async def out_of_order(system: System, plan_id: str) -> list[str]:
    """Return the tasks whose events the ledger heard in another order than they happened."""
    query = (
        "SELECT task_id, array_agg(version ORDER BY seq) AS heard FROM ledger"
        " WHERE plan_id = $1 AND task_id IS NOT NULL GROUP BY task_id"
    )
    rows = await fetch(system, "reporting", query, plan_id)
    return [str(row["task_id"]) for row in rows if list(row["heard"]) != sorted(row["heard"])]
