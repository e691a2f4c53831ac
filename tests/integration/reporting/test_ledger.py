"""The ledger: each event once, kept for ever, and enough to make everything else again."""

import asyncio
from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from services.reporting import console, worker
from services.reporting.adapters.tables import metadata
from services.reporting.console import rebuild
from services.reporting.consumers import SUBSCRIPTION, apply, remember
from services.reporting.settings import ReportingSettings
from shared.contracts.envelope import to_headers
from shared.contracts.plans import UnitKind
from shared.messaging.transports.port import Record
from shared.messaging.transports.postgres_log import PostgresLog
from tests.support.migrations import assert_nothing_left, assert_stairway
from tests.support.postgres import DatabaseFactory
from tests.support.reporting_service import (
    IDS,
    ReportingService,
    Told,
    completed,
    message,
    the_completions,
    the_sample_plan,
    unit_changed,
)
from tests.support.waiting import eventually

HISTORY = "services.reporting"


@pytest.mark.parametrize(
    "statement",
    ["UPDATE ledger SET data = '{}'", "DELETE FROM ledger", "TRUNCATE ledger", "UPDATE ledger SET time = now()"],
)
async def test_the_ledger_refuses_every_change(service: ReportingService, statement: str) -> None:
    before = await service.rows("SELECT * FROM ledger ORDER BY seq")
    assert before
    with pytest.raises(IntegrityError, match="append-only"):
        async with service.engine.begin() as connection:
            await connection.execute(text(statement))
    assert await service.rows("SELECT * FROM ledger ORDER BY seq") == before


async def test_an_event_is_written_once_and_applied_once(service: ReportingService) -> None:
    told = the_sample_plan(IDS.new())
    made, received = message(told)
    async with service.engine.begin() as connection:
        assert await remember(connection, made, received)
        assert not await remember(connection, made, received)
        await apply(connection, made)
    await service.hear(told, told)
    assert await service.rows("SELECT count(*) AS n FROM ledger WHERE event_id = :e", e=told.event_id) == [{"n": 1}]


async def test_what_was_sent_is_kept_as_it_was_sent(service: ReportingService) -> None:
    told = completed(IDS.new(), "TV23-03", date(2023, 10, 20), "1/BC")[0]
    made, received = message(told, 7, traced=b"\xff\x00")
    more = received.value.replace(b'{"plan_id"', b'{"new_field":[1,2],"plan_id"') if received.value else b""
    received = type(received)(
        received.topic, received.partition, received.position, received.key, received.headers, more
    )
    async with service.engine.begin() as connection:
        await remember(connection, made, received)
    [row] = await service.rows("SELECT * FROM ledger WHERE event_id = :e", e=told.event_id)
    assert row["data"]["new_field"] == [1, 2]
    assert row["headers"]["ce_type"] == "cchc.task.completed.v1"
    assert row["headers"]["traced"] == {"base64": "/wA="}
    assert (row["topic"], row["position"], row["version"], row["time"]) == ("cchc.tasks.v1", 7, 1, told.at)


async def test_an_older_state_of_a_unit_or_plan_does_not_overwrite_a_newer(service: ReportingService) -> None:
    plan_id = IDS.new()
    await service.hear(
        unit_changed("TV-SYT", "Sở Y tế mới", UnitKind.DEPARTMENT, "TV", version=3),
        unit_changed("TV-SYT", "Sở Y tế cũ", UnitKind.DEPARTMENT, "LD", version=2),
        the_sample_plan(plan_id, version=2, title="Bản hai"),
        the_sample_plan(plan_id, version=1, title="Bản một"),
    )
    assert await service.rows("SELECT name, parent FROM units WHERE code = 'TV-SYT'") == [
        {"name": "Sở Y tế mới", "parent": "TV"}
    ]
    assert await service.rows("SELECT title FROM plans WHERE plan_id = :p", p=plan_id) == [{"title": "Bản hai"}]


async def read_model(service: ReportingService) -> list[list[dict[str, Any]]]:
    return [
        await service.rows("SELECT * FROM units ORDER BY code"),
        await service.rows("SELECT * FROM plans ORDER BY plan_id"),
    ]


async def test_the_read_model_is_made_again_from_the_ledger(service: ReportingService) -> None:
    await service.a_plan()
    await service.a_plan(unit="LD")
    before = await read_model(service)
    async with service.engine.begin() as connection:
        await connection.execute(text("DELETE FROM plans"))
        await connection.execute(text("UPDATE units SET name = 'hỏng', parent = NULL"))
    rebuilt = await rebuild(service.engine)
    assert rebuilt.events == 9
    assert await read_model(service) == before


async def test_the_console_rebuilds_too(service: ReportingService) -> None:
    await service.a_plan()
    assert await asyncio.to_thread(console.rebuild_read_model, SecretStr(service.dsn)) == 8


async def test_events_heard_during_a_rebuild_are_not_lost(service: ReportingService) -> None:
    plans = [IDS.new() for _ in range(20)]

    async def hear_all() -> None:
        for plan_id in plans:
            await service.hear(the_sample_plan(plan_id))

    async def rebuild_often() -> None:
        for _ in range(5):
            await rebuild(service.engine)

    await asyncio.gather(hear_all(), rebuild_often())
    assert await service.rows("SELECT count(*) AS n FROM plans") == [{"n": 20}]


def record(told: Told, **headers: str) -> Record:
    made, received = message(told)
    return Record(
        told.data.topic.name,
        made.attributes.partitionkey,
        {**to_headers(made.attributes), **headers},
        received.value or b"",
    )


async def test_the_worker_hears_from_the_log_and_says_how_far_it_is(
    service: ReportingService, database_factory: DatabaseFactory
) -> None:
    log_dsn = await database_factory(("shared.messaging.transports",))
    settings = ReportingSettings(
        reporting_database_url=SecretStr(service.dsn), log_database_url=SecretStr(log_dsn), _env_file=None
    )
    plan_id = IDS.new()
    told = [*the_completions(plan_id), the_sample_plan(plan_id)]
    publisher = PostgresLog(SecretStr(log_dsn))
    await publisher.start()
    await publisher.ensure_topics(SUBSCRIPTION.topics)
    stop = asyncio.Event()
    running = asyncio.create_task(worker.run(settings, stop=stop))
    try:
        records = [record(one) for one in (*told, *told)]
        assert await publisher.publish(records) == [None] * len(records)

        async def figures() -> dict[str, Any] | None:
            async with service.caller("leader") as leader:
                answer = await leader.get(f"/v1/plans/{plan_id}/progress", params={"cutoff": "2023-10-31"})
            found: dict[str, Any] = answer.json()
            return found if answer.status_code == 200 and found["done"] == 32 else None

        await eventually(figures, within=20)
        service.clock.set(datetime.now(UTC))  # noqa: TID251 -- compared with the database's clock

        async def caught_up() -> bool:
            found = await service.get(f"/v1/plans/{plan_id}/progress")
            return found["behind_seconds"] is not None and found["behind_seconds"] < 5

        await eventually(caught_up, within=20)
    finally:
        stop.set()
        await running
        await publisher.stop()
    [row] = await service.rows(
        "SELECT count(*) AS n, count(DISTINCT cluster_id) AS c FROM ledger WHERE plan_id = :p", p=plan_id
    )
    assert (row["n"], row["c"]) == (65, 1)


async def test_migrations_climb_the_stairway(database_factory: DatabaseFactory) -> None:
    dsn = await database_factory(())
    await assert_stairway(dsn, HISTORY)
    await assert_nothing_left(dsn, HISTORY, [metadata])
