"""The worker on the PostgreSQL event log: what is issued gets out, what the tasks service tells comes in."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pydantic import SecretStr

from services.plans.settings import PlansSettings
from services.plans.worker import run
from shared.contracts import tasks as told
from shared.contracts.envelope import Event, to_headers
from shared.contracts.plans import PlanIssuedV1
from shared.contracts.topics import PLANS, TASKS
from shared.database.revisions import LOG
from shared.messaging.transports import create_transport
from shared.messaging.transports.port import Record, Transport
from tests.support.plan_tables import a_row, a_table, as_text
from tests.support.plans_service import PlansService
from tests.support.postgres import DatabaseFactory
from tests.support.task_events import IDS, Change
from tests.support.waiting import eventually

CONTENT = as_text(a_table(a_row("1"), a_row("2")))


@asynccontextmanager
async def working(service: PlansService, log_dsn: str) -> AsyncIterator[Transport]:
    """A running worker on the service's database, and the event log that it uses."""
    settings = PlansSettings(
        plans_database_url=SecretStr(service.dsn),
        log_database_url=SecretStr(log_dsn),
        transport="postgres",
        _env_file=None,
    )
    log = create_transport(settings)
    await log.start()
    await log.ensure_topics([PLANS, TASKS])
    stop = asyncio.Event()
    worker = asyncio.create_task(run(settings, stop=stop))
    try:
        yield log
    finally:
        stop.set()
        await worker
        await log.stop()


def a_record(one: Event[Any]) -> Record:
    value = one.data.model_dump_json(by_alias=True, exclude_none=True).encode()
    return Record(TASKS.name, one.attributes.partitionkey, to_headers(one.attributes), value)


async def read_all(log: Transport, kind: str, wanted: int) -> list[dict[str, Any]]:
    """Return the data of the first `wanted` events of a type on the plans topic."""
    reader = log.reader("a-test", [PLANS])
    await reader.start()
    found: list[dict[str, Any]] = []

    async def fetched() -> bool:
        for batch in await reader.fetch(0.2, 100):
            for received in batch:
                name = received.headers["ce_type"]
                if (name if isinstance(name, str) else name.decode()) == kind and received.value:
                    found.append(json.loads(received.value))
        return len(found) >= wanted

    await eventually(fetched, within=20)
    await reader.stop()
    return found


async def test_issued_plan_and_units_reach_the_log(service: PlansService, database_factory: DatabaseFactory) -> None:
    plan_id = await service.an_issued_plan(CONTENT)
    async with working(service, await database_factory((LOG,))) as log:
        [data] = await read_all(log, "cchc.plan.issued.v1", 1)
    event = PlanIssuedV1.model_validate(data)
    assert (str(event.plan_id), len(event.tasks)) == (plan_id, 2)


async def test_task_events_of_the_log_become_progress_and_unknown_ones_dead_letters(
    service: PlansService, database_factory: DatabaseFactory
) -> None:
    plan_id = await service.an_issued_plan(CONTENT)
    [first, second] = [task["id"] for task in (await service.plan(plan_id))["tasks"]]
    heard = [
        Change(first, 1, told.TaskCompletedV1),
        Change(str(IDS.new()), 1, told.TaskCompletedV1),
        Change(first, 2, told.CompletionConfirmedV1),
        Change(second, 1, told.TaskProgressedV1),
        Change(second, 2, told.TaskCompletedV1),
    ]
    async with working(service, await database_factory((LOG,))) as log:
        answers = await log.publish([a_record(change.event(plan_id)) for change in heard])
        assert answers == [None] * len(heard)

        async def counted() -> bool:
            states = await service.rows("SELECT state FROM plan_task_progress")
            return sorted(row["state"] for row in states) == ["confirmed", "reported"]

        await eventually(counted, within=20)
    assert (await service.plan(plan_id))["progress"] == {"total": 2, "done": 1}
    letters = await service.rows("SELECT reason_code, type FROM dead_letters")
    assert letters == [{"reason_code": "task-unknown", "type": "cchc.task.completed.v1"}]
