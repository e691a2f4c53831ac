"""O4: events from the log into the read model, beside reading the same log and copying the same rows.

The consumer of the reporting service runs as in its worker; how long it took is read from the ledger's own moments.
At each size of the ledger the figures of one plan of 38 tasks are asked for as well.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import SecretStr

from deploy.embedded.kafka import EmbeddedKafka
from services.reporting.consumers import SUBSCRIPTION
from shared.contracts.tasks import TaskCompletedV1
from shared.contracts.topics import PLANS, TASKS
from shared.database.engine import create_engine
from shared.database.revisions import LOG
from shared.memory import WHILE_CATCHING_UP, leave_out_what_is_loaded
from shared.messaging.consumer import LIMIT_IN_BULK, Consumer
from shared.messaging.transports import create_transport
from shared.messaging.transports.port import Reader, Received, Record, Transport
from shared.messaging.transports.postgres_log import PostgresLog
from shared.security import make_issuer
from shared.settings import SharedSettings
from tests.bench.growth import lead_token
from tests.bench.load import Request, play
from tests.bench.room import listening, make_database, process
from tests.bench.series import Size, progress
from tests.support.ports import free_port
from tests.support.reporting_service import IDS, Told, message, the_completions, the_sample_plan
from tests.support.task_events import Change

HISTORIES = ("shared.messaging", "services.reporting")
COLUMNS = "event_id, type, source, subject, plan_id, task_id, version, time, headers, data, topic, partition, position"
Log = Callable[[Path, str], AbstractAsyncContextManager[Transport]]
UNUSED = SecretStr("postgresql://nobody@127.0.0.1/nothing")
PLANS_IN_ALL = 50
AT_ONCE = 1000
ASKED = 50
LEAST_A_ROUND = 9_000


@dataclass
class Hearing:
    """By ledger size: events a second of each round on the way there, and figures' median milliseconds."""

    ours: dict[int, list[float]] = field(default_factory=dict)
    ceiling: dict[int, list[float]] = field(default_factory=dict)
    figures: dict[int, float] = field(default_factory=dict)


@asynccontextmanager
async def postgres_log(_folder: Path, admin_dsn: str) -> AsyncIterator[Transport]:
    """The event log in PostgreSQL, on the same server."""
    transport = PostgresLog(SecretStr(await make_database(admin_dsn, "bench_log", (LOG,))))
    await transport.start()
    try:
        yield transport
    finally:
        await transport.stop()


@asynccontextmanager
async def kafka_log(folder: Path, _admin_dsn: str) -> AsyncIterator[Transport]:
    """A Kafka broker of its own."""
    broker = EmbeddedKafka(folder / "kafka", free_port(neighbours=1))
    await broker.start()
    transport = create_transport(
        SharedSettings(transport="kafka", kafka_bootstrap=broker.bootstrap, log_database_url=UNUSED, _env_file=None)
    )
    await transport.start()
    try:
        yield transport
    finally:
        await transport.stop()
        await broker.stop()


async def measure_hearing(transport: Transport, admin_dsn: str, folder: Path, size: Size) -> Hearing:
    """Measure on a started transport and a PostgreSQL server; ours and the ceiling take turns, stage by stage."""
    leave_out_what_is_loaded(young=WHILE_CATCHING_UP)  # as the worker does
    keys = folder / "hearing-keys"
    make_issuer(keys)
    dsn = await make_database(admin_dsn, "bench_hearing", HISTORIES)
    await transport.ensure_topics([PLANS, TASKS])
    found, port, plan_id = Hearing(), free_port(), IDS.new()
    headers = (("Authorization", f"Bearer {lead_token(keys, role='leader', unit='TV')}"),)
    environment = {
        "CCHC_REPORTING_DATABASE_URL": dsn,
        "CCHC_REPORTING_PORT": str(port),
        "CCHC_JWKS_URL": f"file://{keys}/jwks.json",
    }
    engine = create_engine(SecretStr(dsn), application_name="bench-hearing", pool_size=5)
    plain = await asyncpg.connect(dsn, ssl=False)
    await plain.execute("CREATE TABLE copied (LIKE ledger INCLUDING ALL)")
    copying = transport.reader("bench-copying", [PLANS, TASKS])
    await copying.start()
    first = [the_sample_plan(plan_id), *the_completions(plan_id)]
    known = len(first)
    await _publish(transport, [_record(told) for told in first])
    await _hear(Consumer(engine, transport, SUBSCRIPTION), plain, known)
    await _copy(copying, plain, known)
    try:
        with process("services.reporting.main", environment=environment):
            await listening(port)
            for stage in size.growth:
                progress(f"{stage:,} events")
                for until in _rounds(known, stage, size.rounds):
                    await _publish(transport, _noise(until - known))
                    began = await plain.fetchval("SELECT max(seq) FROM ledger")
                    await _hear(Consumer(engine, transport, SUBSCRIPTION), plain, until)
                    found.ours.setdefault(stage, []).append(await _rate(plain, began))
                    found.ceiling.setdefault(stage, []).append(await _copy(copying, plain, until))
                    known = until
                asked = Request(f"/v1/plans/{plan_id}/progress?cutoff=2023-10-31", headers=headers, method="GET")
                figures = await play(port, [asked] * ASKED, clients=1, expected=200)
                found.figures[stage] = 1000 * statistics.median(figures.latencies)
    finally:
        await copying.stop()
        await plain.close()
        await engine.dispose()
    return found


def _rounds(known: int, until: int, most: int) -> list[int]:
    """Return how many events there are after each round; one too short says more of its beginning than of its pace."""
    number = max(1, min(most, (until - known) // LEAST_A_ROUND))
    return [known + (until - known) * each // number for each in range(1, number + 1)]


async def _hear(consumer: Consumer, plain: asyncpg.Connection, until: int) -> None:
    """Run the consumer until the ledger holds so many events.

    Numbers without gaps are asked for first: counting reads the whole ledger, beside the work that is measured.
    """
    stop = asyncio.Event()
    running = asyncio.create_task(consumer.run(stop))
    try:
        async with asyncio.timeout(300):
            while not running.done() and (
                (await plain.fetchval("SELECT max(seq) FROM ledger") or 0) < until
                or await plain.fetchval("SELECT count(*) FROM ledger") < until
            ):
                await asyncio.wait([running], timeout=0.1)
    finally:
        stop.set()
        await running


async def _rate(plain: asyncpg.Connection, after: int) -> float:
    """Return the events a second since `after`: from the first row's moment to the last one's."""
    row = await plain.fetchrow(
        "SELECT count(*) AS events, extract(epoch FROM max(heard_at) - min(heard_at)) AS seconds"
        " FROM ledger WHERE seq > $1",
        after,
    )
    return float(row["events"]) / max(float(row["seconds"]), 0.001)


async def _copy(reader: Reader, plain: asyncpg.Connection, until: int) -> float:
    """Read the log and copy its rows as they are, a transaction a batch; return the events a second."""
    known = await plain.fetchval("SELECT count(*) FROM copied")
    began, count = 0.0, known
    while count < until:
        for batch in await reader.fetch(1.0, LIMIT_IN_BULK):
            began = began or time.perf_counter()
            rows = [_row(received) for received in batch]
            await plain.copy_records_to_table("copied", records=rows, columns=COLUMNS.split(", "))
            await reader.commit(batch[-1].topic, batch[-1].partition, batch[-1].position + 1)
            count += len(batch)
    return float(count - known) / (time.perf_counter() - began)


def _row(received: Received) -> tuple[Any, ...]:
    told = {name: str(value) for name, value in received.headers.items()}
    return (
        UUID(told["ce_id"]),
        told["ce_type"],
        told["ce_source"],
        told["ce_subject"],
        UUID(told["ce_partitionkey"]),
        None,
        None,
        datetime.fromisoformat(told["ce_time"]),
        '{"copied": true}',
        (received.value or b"{}").decode(),
        received.topic,
        received.partition,
        received.position,
    )


async def _publish(transport: Transport, records: Sequence[Record]) -> None:
    for start in range(0, len(records), AT_ONCE):
        refused = [one for one in await transport.publish(records[start : start + AT_ONCE]) if one is not None]
        if refused:
            raise RuntimeError(f"{len(refused)} records not published: {refused[0]!r}")


def _noise(count: int) -> list[Record]:
    """Completions of other plans, as many as wanted."""
    plans = [IDS.new() for _ in range(PLANS_IN_ALL)]
    moment = datetime(2023, 10, 20, 2, 0, tzinfo=UTC)
    made = (
        Change(str(IDS.new()), 1, TaskCompletedV1).event(str(plans[number % PLANS_IN_ALL])) for number in range(count)
    )
    return [_record(Told(one.data, moment, one.attributes.id)) for one in made]


def _record(told: Told) -> Record:
    _, received = message(told)
    headers = {name: str(value) for name, value in received.headers.items()}
    return Record(received.topic, (received.key or b"").decode(), headers, received.value or b"")
