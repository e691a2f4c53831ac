"""Programs of departments at the hottest route, past the framework: key, unit and rate are judged before it."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import httpx2

from shared.access_keys import AccessKey, Verb, digest, new_key
from shared.clock import SystemClock
from shared.database.access_keys import SqlAccessKeys
from shared.ids import TimeOrderedIds
from tests.support.postgres import DatabaseFactory
from tests.support.tasks_service import TasksService, a_completion


async def a_program(service: TasksService, unit: str, *verbs: Verb) -> httpx2.AsyncClient:
    """Return a client that shows a key of `unit`."""
    key_id = TimeOrderedIds().new()
    shown = new_key(key_id)
    ends = SystemClock().now() + timedelta(hours=1)
    async with service.engine.begin() as connection:
        await SqlAccessKeys(connection).learn(AccessKey(key_id, 1, digest(shown), unit, frozenset(verbs), ends))
    transport = httpx2.ASGITransport(app=service.app, raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {shown}"}
    return httpx2.AsyncClient(transport=transport, base_url="http://tasks", headers=headers)


async def report(program: httpx2.AsyncClient, task_id: UUID, key: str = "") -> httpx2.Response:
    headers = {"Idempotency-Key": key} if key else {}
    return await program.post(f"/v1/tasks/{task_id}/completions", json=a_completion(), headers=headers)


async def test_a_key_reports_for_its_unit_once(service: TasksService) -> None:
    task_id = await service.a_task(leads=("TV-SYT",))
    async with await a_program(service, "TV-SYT", Verb.REPORT) as program:
        answers = [await report(program, task_id, "khoa 1") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [201] * 3
        assert len({answer.text for answer in answers}) == 1
        assert (await program.get(f"/v1/tasks/{task_id}")).json()["code"] == "verb-required"
    assert await service.count("completions") == 1


async def test_a_key_sees_and_reports_nothing_of_another_unit(service: TasksService) -> None:
    task_id = await service.a_task(leads=("TV-STP",), coordinating=())
    async with await a_program(service, "TV-SYT", *Verb) as program:
        assert (await report(program, task_id)).status_code == 404
        assert (await program.get("/v1/tasks")).json()["items"] == []


async def test_a_key_that_may_not_report_stores_nothing(service: TasksService) -> None:
    task_id = await service.a_task()
    async with await a_program(service, "TV-SYT", Verb.READ) as program:
        answer = await report(program, task_id)
    assert (answer.status_code, answer.json()["code"]) == (403, "verb-required")
    assert await service.count("completions") == 0


async def test_the_rate_holds_on_the_short_way_too(database_factory: DatabaseFactory, keys: Path) -> None:
    dsn = await database_factory(("shared.messaging", "services.tasks"))
    service = TasksService.start(dsn, keys, rate_per_second=0.01, rate_burst=2)
    try:
        await service.learn_units()
        task_id = await service.a_task()
        async with await a_program(service, "TV-SYT", *Verb) as program:
            answers = [await report(program, task_id, f"khoa {number}") for number in range(3)]
        assert [answer.status_code for answer in answers] == [201, 409, 429]
        assert all("ratelimit" in answer.headers for answer in answers)
        assert await service.count("completions") == 1
    finally:
        await service.stop()
