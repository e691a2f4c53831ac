"""The database cuts connections: unnoticed between requests; within one the answer is 503 and nothing is stored."""

import asyncio

from sqlalchemy import text

from tests.support.tasks_service import TasksService, a_completion
from tests.support.waiting import eventually

CUT_OTHERS = (
    "SELECT count(pg_terminate_backend(pid)) AS cut FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
WAITING = (
    "SELECT pid FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%UPDATE OF tasks'"
)


async def test_connections_cut_between_requests_are_not_noticed(service: TasksService) -> None:
    async with service.department() as health:
        for _ in range(5):
            task_id = await service.a_task()
            [row] = await service.rows(CUT_OTHERS)
            answer = await health.post(f"/v1/tasks/{task_id}/completions", json=a_completion())
            assert answer.status_code == 201, (row, answer.text)
    assert await service.count("outbox") == 5


async def test_a_connection_cut_during_a_write_is_answered_503_and_the_write_can_be_sent_again(
    service: TasksService,
) -> None:
    task_id = await service.a_task()
    headers = {"Idempotency-Key": "bc-1"}
    path = f"/v1/tasks/{task_id}/completions"
    async with service.department() as health:
        async with service.engine.connect() as other:
            await other.execute(text("SELECT 1 FROM tasks FOR UPDATE"))
            writing = asyncio.create_task(health.post(path, json=a_completion(), headers=headers))
            [row] = await eventually(lambda: service.rows(WAITING))
            await service.rows("SELECT pg_terminate_backend(:pid)", pid=row["pid"])
            answer = await writing
        assert (answer.status_code, answer.json()["code"]) == (503, "database-unavailable")
        assert (await service.count("outbox"), await service.count("task_history")) == (0, 0)
        assert (await health.post(path, json=a_completion(), headers=headers)).status_code == 201


async def test_a_request_that_waited_for_another_change_is_decided_on_what_that_left(service: TasksService) -> None:
    task_id = await service.a_task()
    async with service.department() as health:
        async with service.engine.begin() as other:
            await other.execute(text("UPDATE tasks SET state = 'withdrawn', version = 1"))
            writing = asyncio.create_task(health.post(f"/v1/tasks/{task_id}/completions", json=a_completion()))
            await eventually(lambda: service.rows(WAITING))
        answer = await writing
    assert (answer.status_code, answer.json()["code"]) == (409, "task-closed")
    assert await service.count("outbox") == 0
