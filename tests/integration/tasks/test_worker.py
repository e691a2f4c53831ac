"""The worker: hears plans and units, puts bad events aside with their reason, publishes what happened."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr

from services.tasks import worker
from shared.contracts import plans as contracts
from shared.contracts.envelope import Contract, event, to_headers
from shared.contracts.topics import PLANS, TASKS
from shared.database.revisions import LOG
from shared.ids import TimeOrderedIds
from shared.messaging.transports import create_transport
from shared.messaging.transports.port import Record, Transport
from tests.support.postgres import DatabaseFactory
from tests.support.tasks_service import PROVINCE, TasksService, a_completion
from tests.support.waiting import eventually

IDS = TimeOrderedIds()
ISSUED = datetime(2023, 1, 3, 2, 0, tzinfo=UTC)
PROVINCE_REF = contracts.UnitRef(code="TV", name="UBND tỉnh", kind=contracts.UnitKind.PROVINCE)
HEALTH = contracts.UnitRef(code="TV-SYT", name="Sở Y tế", kind=contracts.UnitKind.DEPARTMENT)


def a_told_task(**changed: Any) -> contracts.PlanTaskV1:  # noqa: ANN401 -- any field
    return contracts.PlanTaskV1(
        **{
            "id": IDS.new(),
            "code": "TV23-01",
            "number": "1",
            "field": "I",
            "title": "Ban hành kế hoạch",
            "lead_units": (HEALTH,),
            "coordinating_units": (contracts.CoordinatingUnit(name="Hội Nông dân"),),
            "deadline": contracts.DeadlineV1(
                phrase="Quý IV", kind=contracts.DeadlineKind.QUARTER, date=date(2023, 12, 31)
            ),
            **changed,
        }
    )


def a_told_plan(*tasks: contracts.PlanTaskV1, **changed: Any) -> contracts.PlanIssuedV1:  # noqa: ANN401 -- any field
    return contracts.PlanIssuedV1(
        **{
            "plan_id": IDS.new(),
            "version": 1,
            "unit": PROVINCE_REF,
            "year": 2023,
            "title": "Kế hoạch",
            "programme": "NQ76",
            "fields": (contracts.ProgrammeField(code="I", name="Chỉ đạo"),),
            "document": contracts.DocumentV1(number="1/QĐ", issued_on=date(2023, 1, 2)),
            "issued_at": ISSUED,
            "tasks": tasks or (a_told_task(),),
            **changed,
        }
    )


def a_told_unit(code: str, parent: str | None, kind: str, version: int = 1) -> contracts.UnitChangedV1:
    return contracts.UnitChangedV1(
        code=code, version=version, name=f"Đơn vị {code}", kind=contracts.UnitKind(kind), parent=parent
    )


def a_record(told: Contract, *, key: str, **changed: Any) -> Record:  # noqa: ANN401 -- any part of the record
    made = event(told, event_id=IDS.new(), time=ISSUED, source="/cchc/plans", subject=key, key=key)
    value = told.model_dump_json(exclude_none=True).encode()
    return Record(
        **{"topic": PLANS.name, "key": key, "headers": to_headers(made.attributes), "value": value, **changed}
    )


@pytest.fixture
async def log(database_factory: DatabaseFactory) -> str:
    return await database_factory((LOG,))


@pytest.fixture
async def hearing(database_factory: DatabaseFactory, keys: Path, log: str) -> AsyncIterator[TasksService]:
    """A service without units, for it hears them; its worker runs."""
    started = TasksService.start(
        await database_factory(("shared.messaging", "services.tasks")), keys, log_database_url=SecretStr(log)
    )
    stop = asyncio.Event()
    running = asyncio.create_task(worker.run(started.settings, stop=stop))
    yield started
    stop.set()
    await running
    await started.stop()


@contextlib.asynccontextmanager
async def the_log(service: TasksService) -> AsyncIterator[Transport]:
    transport = create_transport(service.settings)
    await transport.start()
    try:
        await transport.ensure_topics((PLANS, TASKS))
        yield transport
    finally:
        await transport.stop()


async def tell(service: TasksService, *records: Record) -> None:
    async with the_log(service) as transport:
        assert await transport.publish(records) == [None] * len(records)


async def test_a_plan_is_learnt_reported_on_and_the_report_published(hearing: TasksService) -> None:
    plan = a_told_plan()
    units = [a_told_unit(unit.code, unit.parent, unit.kind) for unit in PROVINCE]
    await tell(hearing, *(a_record(unit, key="TV") for unit in units), a_record(plan, key=str(plan.plan_id)))

    async def learnt() -> bool:
        async with hearing.secretariat() as secretariat:
            return bool((await secretariat.get("/v1/tasks", params={"plan_id": str(plan.plan_id)})).json()["items"])

    await eventually(learnt, within=20)
    await hearing.report(plan.tasks[0].id)

    async def published() -> bool:
        rows = await hearing.rows("SELECT published_at FROM outbox")
        return bool(rows) and all(row["published_at"] for row in rows)

    await eventually(published, within=20)
    async with the_log(hearing) as transport:
        assert not await transport.is_empty(TASKS.name)


async def test_bad_events_are_put_aside_with_their_reason_and_nothing_of_them_is_learnt(hearing: TasksService) -> None:
    good = a_told_plan()
    twice = a_told_task()
    stolen = a_told_plan(good.tasks[0])
    bad: dict[str, list[Contract]] = {
        "plan-contradicts-itself": [a_told_plan(twice, twice), a_told_plan(version=2**31)],
        "task-of-another-plan": [stolen],
        "unit-contradicts-itself": [a_told_unit("A", "A", "department"), a_told_unit("B", None, "department", 2**40)],
    }
    records = [a_record(good, key=str(good.plan_id))]
    records += [a_record(told, key=str(good.plan_id)) for group in bad.values() for told in group]
    records.append(a_record(good, key=str(good.plan_id), value=b'{"plan_id": "x"}'))
    last = a_told_plan()
    records.append(a_record(last, key=str(good.plan_id)))
    await tell(hearing, *records)

    async def last_one_learnt() -> bool:
        return await hearing.count("plans") == 2

    await eventually(last_one_learnt, within=20)
    letters = await hearing.rows("SELECT reason_code FROM dead_letters ORDER BY id")
    codes = [letter["reason_code"] for letter in letters]
    assert codes[:-1] == [code for code, group in bad.items() for _ in group]
    assert len(codes) == 6
    learnt = await hearing.rows("SELECT id FROM plans")
    assert {row["id"] for row in learnt} == {good.plan_id, last.plan_id}
    assert [row["code"] for row in await hearing.rows("SELECT code FROM units WHERE code IN ('A', 'B')")] == []


async def test_an_event_told_twice_and_late_undoes_nothing(hearing: TasksService) -> None:
    plan = a_told_plan()
    units = [a_told_unit("TV", None, "province"), a_told_unit("TV-SYT", "TV", "department")]
    first = a_record(plan, key=str(plan.plan_id))
    await tell(hearing, *(a_record(unit, key="TV") for unit in units), first)
    task_id: UUID = plan.tasks[0].id

    async def learnt() -> bool:
        return await hearing.count("tasks") == 1 and await hearing.count("units") == 2

    await eventually(learnt, within=20)
    async with hearing.department() as health:

        async def reported() -> bool:
            answer = await health.post(f"/v1/tasks/{task_id}/completions", json=a_completion())
            return answer.status_code in {201, 409}

        await eventually(reported, within=20)
    again = a_record(plan.model_copy(update={"title": "Cũ"}), key=str(plan.plan_id))
    marker = a_told_plan()
    await tell(hearing, first, again, a_record(marker, key=str(plan.plan_id)))

    async def marker_learnt() -> bool:
        return await hearing.count("plans") == 2

    await eventually(marker_learnt, within=20)
    [task] = await hearing.rows("SELECT state, version FROM tasks WHERE id = :id", id=task_id)
    [kept] = await hearing.rows("SELECT title FROM plans WHERE id = :id", id=plan.plan_id)
    assert (task["state"], task["version"], kept["title"]) == ("awaiting_confirmation", 1, "Kế hoạch")
