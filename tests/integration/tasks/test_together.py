"""Completions that come together are committed together, and each is decided by itself."""

import asyncio
from collections import Counter
from typing import Any

import httpx2
import pytest
from sqlalchemy import text

from services.tasks.domain.plan import LearnedTask
from tests.support.tasks_service import TasksService, a_completion, a_plan, a_planned_task

AT_ONCE = 20
TRANSACTIONS = "SELECT count(DISTINCT xmin::text) AS n FROM outbox"
REFUSING = (
    "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$",
    """CREATE TRIGGER refuse BEFORE INSERT ON completions FOR EACH ROW WHEN (NEW.note = 'refuse me')
    EXECUTE FUNCTION refuse()""",
)


async def tasks(service: TasksService, count: int = AT_ONCE) -> tuple[LearnedTask, ...]:
    return (await service.learn(a_plan(*(a_planned_task(str(number)) for number in range(count))))).tasks


async def report(caller: httpx2.AsyncClient, task: LearnedTask, **changed: Any) -> httpx2.Response:  # noqa: ANN401 -- any field
    headers = {"Idempotency-Key": str(task.id), **changed.pop("headers", {})}
    return await caller.post(f"/v1/tasks/{task.id}/completions", json=a_completion(**changed), headers=headers)


async def test_completions_that_come_at_once_share_transactions(service: TasksService) -> None:
    async with service.department() as health:
        answers = await asyncio.gather(*(report(health, task) for task in await tasks(service)))
    assert Counter(answer.status_code for answer in answers) == {201: AT_ONCE}
    assert (await service.count("outbox"), await service.count("completions")) == (AT_ONCE, AT_ONCE)
    [found] = await service.rows(TRANSACTIONS)
    assert found["n"] <= AT_ONCE // 4


async def test_a_refused_one_does_not_fail_its_neighbours(service: TasksService) -> None:
    planned = await tasks(service)
    async with service.department() as health:
        answers = await asyncio.gather(
            *(report(health, task, evidence=[] if number % 5 == 0 else a_completion()["evidence"])
              for number, task in enumerate(planned))
        )  # fmt: skip
    assert Counter(answer.status_code for answer in answers) == {201: AT_ONCE - 4, 422: 4}
    assert await service.count("outbox") == AT_ONCE - 4


async def test_one_that_the_database_refuses_does_not_fail_its_neighbours(service: TasksService) -> None:
    planned = await tasks(service)
    async with service.engine.begin() as connection:
        for statement in REFUSING:
            await connection.execute(text(statement))
    async with service.department() as health:
        answers = await asyncio.gather(
            *(report(health, task, note="refuse me" if number == 7 else "x") for number, task in enumerate(planned))
        )
    assert [answer.status_code for answer in answers] == [500 if number == 7 else 201 for number in range(AT_ONCE)]
    assert (await service.count("outbox"), await service.count("task_history")) == (AT_ONCE - 1, AT_ONCE - 1)


async def test_nobody_waits_for_a_neighbours_locked_task(service: TasksService) -> None:
    locked, *free = await tasks(service)
    async with service.department() as health:
        async with service.engine.connect() as other:
            await other.execute(text("SELECT 1 FROM tasks WHERE id = :id FOR UPDATE"), {"id": locked.id})
            waiting = asyncio.create_task(report(health, locked))
            answers = await asyncio.wait_for(asyncio.gather(*(report(health, task) for task in free)), 10)
            assert Counter(answer.status_code for answer in answers) == {201: AT_ONCE - 1}
            assert not waiting.done()
        assert (await waiting).status_code == 201


async def test_a_key_that_another_process_takes_in_between_gets_that_answer_and_the_others_their_own(
    service: TasksService,
) -> None:
    planned = await tasks(service)
    twin = TasksService.start(service.settings.tasks_database_url.get_secret_value(), service.keys)
    try:
        async with service.department() as here, twin.department() as there:
            answers = await asyncio.gather(*(report(caller, task) for task in planned for caller in (here, there)))
    finally:
        await twin.stop()
    assert Counter(answer.status_code for answer in answers) == {201: 2 * AT_ONCE}
    assert all(one.text == other.text for one, other in zip(answers[::2], answers[1::2], strict=True))
    assert await service.count("outbox") == AT_ONCE


async def test_every_event_is_of_its_own_requests_trace(service: TasksService) -> None:
    planned = await tasks(service)
    traces = {str(task.id): f"{number + 1:032x}" for number, task in enumerate(planned)}
    async with service.department() as health:
        await asyncio.gather(
            *(
                report(health, task, headers={"traceparent": f"00-{traces[str(task.id)]}-00000000000000ff-01"})
                for task in planned
            )
        )
    found = await service.rows(
        "SELECT headers ->> 'ce_subject' AS task, headers ->> 'ce_traceparent' AS trace FROM outbox"
    )
    assert {row["task"]: row["trace"].split("-")[1] for row in found} == traces


@pytest.mark.parametrize("at_once", [1, 3])
async def test_a_used_key_tells_nothing_of_a_task_that_the_caller_may_not_see(
    service: TasksService, at_once: int
) -> None:
    [mine] = await tasks(service, 1)
    hidden = await service.a_task(leads=("TV-STP",), coordinating=())
    async with service.department() as health:
        headers = {"Idempotency-Key": str(mine.id)}
        assert (await report(health, mine)).status_code == 201
        answers = await asyncio.gather(
            *(
                health.post(f"/v1/tasks/{hidden}/completions", json=a_completion(), headers=headers)
                for _ in range(at_once)
            )
        )
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(404, "task-not-found")}


async def test_items_of_a_batch_share_transactions_too(service: TasksService) -> None:
    items = [{"task_id": str(task.id), **a_completion()} for task in await tasks(service)]
    async with service.department() as health:
        answer = await health.post("/v1/completions/batch", json={"items": [*items, items[0]]})
    assert [each["status"] for each in answer.json()["results"]] == [201] * AT_ONCE + [409]
    [found] = await service.rows(TRANSACTIONS)
    assert found["n"] == 1
