"""Many requests at once: one event, equal answers, refusals that say why, no deadlock."""

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

import httpx2
import pytest

from tests.support.tasks_service import TasksService, a_completion, a_plan, a_planned_task

AT_ONCE = 100


async def all_at_once(calls: list[Any]) -> list[httpx2.Response]:
    return list(await asyncio.gather(*calls))


async def test_one_key_a_hundred_times_at_once_is_one_event_and_a_hundred_equal_answers(service: TasksService) -> None:
    task_id = await service.a_task()
    async with service.department() as health:
        answers = await all_at_once(
            [
                health.post(
                    f"/v1/tasks/{task_id}/completions", json=a_completion(), headers={"Idempotency-Key": "bc-123"}
                )
                for _ in range(AT_ONCE)
            ]
        )
    assert Counter(answer.status_code for answer in answers) == {201: AT_ONCE}
    assert len({answer.text for answer in answers}) == 1
    assert (await service.count("outbox"), await service.count("completions")) == (1, 1)


async def test_a_hundred_completions_without_a_key_are_one_created_and_the_rest_refused(service: TasksService) -> None:
    task_id = await service.a_task()
    async with service.department() as health:
        answers = await all_at_once(
            [health.post(f"/v1/tasks/{task_id}/completions", json=a_completion()) for _ in range(AT_ONCE)]
        )
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: AT_ONCE - 1}
    assert await service.count("outbox") == 1


async def test_the_same_key_with_another_body_is_refused(service: TasksService) -> None:
    task_id = await service.a_task()
    headers = {"Idempotency-Key": "bc-123"}
    async with service.department() as health:
        path = f"/v1/tasks/{task_id}/completions"
        assert (await health.post(path, json=a_completion(), headers=headers)).status_code == 201
        answer = await health.post(path, json=a_completion(note="khác"), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency-key-reused")
    assert await service.count("outbox") == 1


async def test_one_key_on_many_tasks_at_once_is_taken_by_one_of_them(service: TasksService) -> None:
    plan = await service.learn(a_plan(*(a_planned_task(str(number)) for number in range(20))))
    async with service.department() as health:
        answers = await all_at_once(
            [
                health.post(f"/v1/tasks/{task.id}/completions", json=a_completion(), headers={"Idempotency-Key": "one"})
                for task in plan.tasks
            ]
        )
    assert Counter(answer.status_code for answer in answers) == {201: 1, 422: 19}
    assert (await service.count("outbox"), await service.count("completions")) == (1, 1)


async def test_two_callers_may_use_the_same_key(service: TasksService) -> None:
    one, other = await service.a_task(), await service.a_task(leads=("TV-STP",))
    for unit, task_id in (("TV-SYT", one), ("TV-STP", other)):
        async with service.department(unit) as caller:
            answer = await caller.post(
                f"/v1/tasks/{task_id}/completions", json=a_completion(), headers={"Idempotency-Key": "1"}
            )
            assert answer.status_code == 201, answer.text


async def test_every_write_repeats_its_answer_under_its_key_even_after_the_task_has_moved_on(
    service: TasksService,
) -> None:
    task_id = await service.a_task()
    async with service.department() as health, service.secretariat() as secretariat:
        steps: list[tuple[httpx2.AsyncClient, str, dict[str, Any]]] = [
            (health, "progress", {"note": "Đang làm", "percent": 10}),
            (health, "completions", a_completion()),
        ]
        first = await take(steps, task_id, "a")
        path = f"completions/{first[1].json()['completion_id']}"
        steps = [(secretariat, f"{path}/confirm", {}), (secretariat, "reopen", {"reason": "Nhầm"})]
        first += await take(steps, task_id, "b")
        steps = [(health, "progress", {"note": "Đang làm", "percent": 10}), (health, "completions", a_completion())]
        again = await take(steps, task_id, "a")
        steps = [(secretariat, f"{path}/confirm", {}), (secretariat, "reopen", {"reason": "Nhầm"})]
        again += await take(steps, task_id, "b")
    assert [answer.text for answer in again] == [answer.text for answer in first]
    assert await service.count("outbox") == 4


async def take(
    steps: list[tuple[httpx2.AsyncClient, str, dict[str, Any]]], task_id: UUID, key: str
) -> list[httpx2.Response]:
    answers = []
    for caller, path, body in steps:
        headers = {"Idempotency-Key": f"{key}-{path}", "If-Match": "*"}
        answers.append(await caller.post(f"/v1/tasks/{task_id}/{path}", json=body, headers=headers))
        assert answers[-1].status_code in {200, 201}, answers[-1].text
    return answers


async def test_tasks_of_one_plan_are_completed_at_once_without_waiting_for_each_other_to_fail(
    service: TasksService,
) -> None:
    plan = await service.learn(a_plan(*(a_planned_task(str(number)) for number in range(AT_ONCE))))
    async with service.department() as health:
        answers = await all_at_once(
            [health.post(f"/v1/tasks/{task.id}/completions", json=a_completion()) for task in plan.tasks]
        )
    assert Counter(answer.status_code for answer in answers) == {201: AT_ONCE}
    assert await service.count("outbox") == AT_ONCE


@pytest.mark.parametrize("decision", ["confirm", "return"])
async def test_a_completion_is_decided_on_once(service: TasksService, decision: str) -> None:
    task_id = await service.a_task()
    completion_id = await service.report(task_id)
    body = {} if decision == "confirm" else {"reason": "Thiếu văn bản"}
    async with service.secretariat() as secretariat:
        answers = await all_at_once(
            [
                secretariat.post(f"/v1/tasks/{task_id}/completions/{completion_id}/{decision}", json=body)
                for _ in range(20)
            ]
        )
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 19}
    versions = await service.rows("SELECT version FROM task_history ORDER BY version")
    assert [row["version"] for row in versions] == [1, 2]


async def test_confirm_against_return_one_wins_and_history_tells_which(service: TasksService) -> None:
    for _ in range(10):
        task_id = await service.a_task()
        completion_id = await service.report(task_id)
        path = f"/v1/tasks/{task_id}/completions/{completion_id}"
        async with service.secretariat() as secretariat:
            answers = await all_at_once(
                [
                    secretariat.post(f"{path}/confirm", json={}),
                    secretariat.post(f"{path}/return", json={"reason": "Thiếu"}),
                ]
            )
            detail = (await secretariat.get(f"/v1/tasks/{task_id}")).json()
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        winner = next(answer.json() for answer in answers if answer.status_code == 200)
        assert detail["state"] == winner["state"]
        assert [each["kind"] for each in detail["history"]] == [
            "completed",
            {"done": "confirmed", "returned": "returned"}[detail["state"]],
        ]


@pytest.mark.slow(12)
async def test_a_thousand_races_for_a_key_are_a_thousand_events(
    service: TasksService, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = await service.learn(a_plan(*(a_planned_task(str(number)) for number in range(1000))))
    bodies = (a_completion(), a_completion(), a_completion(note="khác"))
    found: Counter[tuple[int, ...]] = Counter()
    async with service.department() as health:

        async def race(task_id: UUID) -> None:
            headers = {"Idempotency-Key": str(task_id)}
            path = f"/v1/tasks/{task_id}/completions"
            answers = await all_at_once([health.post(path, json=body, headers=headers) for body in bodies])
            accepted = {answer.text for answer in answers if answer.status_code == 201}
            assert len(accepted) == 1
            found[tuple(answer.status_code for answer in answers)] += 1

        for start in range(0, 1000, 20):
            await asyncio.gather(*(race(task.id) for task in plan.tasks[start : start + 20]))
    assert set(found) <= {(201, 201, 422), (422, 422, 201)}
    events = await service.rows("SELECT count(*) AS n, count(DISTINCT headers ->> 'ce_subject') AS tasks FROM outbox")
    assert events == [{"n": 1000, "tasks": 1000}]
    with capsys.disabled():
        print(f"\n1,000 races of three requests for one key: 1,000 events; answers {dict(found)}")  # noqa: T201 -- the count is the promise
