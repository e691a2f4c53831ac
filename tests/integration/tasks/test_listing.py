"""The list: exact fields, filters, keyset pages, timing that agrees with the domain."""

from datetime import date, timedelta
from typing import Any

import pytest

from services.tasks.api import schemas
from services.tasks.domain.plan import Deadline
from services.tasks.domain.timing import Timing
from tests.support.tasks_service import TasksService, a_completion, a_plan, a_planned_task

TODAY = date(2023, 10, 20)


async def test_an_item_has_exactly_the_published_fields(service: TasksService) -> None:
    plan = await service.learn(a_plan(a_planned_task("12")))
    async with service.secretariat() as secretariat:
        body = (await secretariat.get("/v1/tasks")).json()
    assert body == {
        "items": [
            {
                "id": str(plan.tasks[0].id),
                "plan_id": str(plan.id),
                "code": "TV23-12",
                "number": "12",
                "title": "Nhiệm vụ số 12",
                "field": "I",
                "lead_units": [{"code": "TV-SYT", "name": "Sở Y tế"}],
                "coordinating_units": [
                    {"code": "TV-STP", "name": "Sở Tư pháp"},
                    {"code": None, "name": "Hội Nông dân tỉnh"},
                ],
                "deadline": {
                    "phrase": "Trước ngày 30/11/2023",
                    "kind": "date",
                    "date": "2023-11-30",
                    "dates": ["2023-11-30"],
                },
                "state": "not_started",
                "timing": "in_time",
                "version": 0,
            }
        ],
        "next": None,
    }


async def test_pages_follow_the_plan_and_miss_and_repeat_nothing(service: TasksService) -> None:
    plans = [await service.learn(a_plan(*(a_planned_task(str(number)) for number in range(1, 8)))) for _ in range(2)]
    expected = [str(task.id) for plan in plans for task in plan.tasks]
    found: list[str] = []
    cursor: str | None = None
    async with service.secretariat() as secretariat:
        for _ in range(10):
            query: dict[str, Any] = {"limit": 3} | ({"cursor": cursor} if cursor else {})
            page = schemas.TaskListAnswer.model_validate_json((await secretariat.get("/v1/tasks", params=query)).text)
            assert len(page.items) <= 3
            found += [str(item.id) for item in page.items]
            cursor = page.next
            if cursor is None:
                break
        one_plan = await secretariat.get("/v1/tasks", params={"plan_id": str(plans[1].id), "limit": 7})
    assert found == expected
    assert [item["id"] for item in one_plan.json()["items"]] == expected[7:]
    assert one_plan.json()["next"] is None


@pytest.mark.parametrize("cursor", ["x", "", "WzFd", "W251bGwsbnVsbCxudWxsXQ", "WyJhIiwxLCJiIl0", "á"])
async def test_a_cursor_that_is_not_ours_is_refused(service: TasksService, cursor: str) -> None:
    async with service.secretariat() as secretariat:
        answer = await secretariat.get("/v1/tasks", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-cursor")


async def test_filters_narrow_and_unknown_ones_are_refused(service: TasksService) -> None:
    plan = await service.learn(a_plan(a_planned_task("1"), a_planned_task("2"), a_planned_task("1.1")))
    await service.report(plan.tasks[1].id)
    async with service.secretariat() as secretariat:

        async def numbers(**query: str) -> list[str]:
            answer = await secretariat.get("/v1/tasks", params=query)
            assert answer.status_code == 200, answer.text
            return [item["number"] for item in answer.json()["items"]]

        assert await numbers(number="1") == ["1"]
        assert await numbers(number="1.1") == ["1.1"]
        assert await numbers(state="awaiting_confirmation") == ["2"]
        assert await numbers(state="not_started", number="2") == []
        assert await numbers(plan_id="00000000-0000-0000-0000-000000000000") == []
        for wrong in ({"state": "xong"}, {"plan_id": "1"}, {"timing": "late"}, {"limit": "0"}, {"khac": "1"}):
            assert (await secretariat.get("/v1/tasks", params=wrong)).status_code == 422, wrong


async def test_the_timing_filter_agrees_with_the_timing_that_is_told(service: TasksService) -> None:
    days = [None, *(TODAY + timedelta(days=shift) for shift in (-30, -2, -1, 0, 1, 3, 4, 30))]
    for counts_when in ("confirmed", "reported"):
        plan = await service.learn(
            a_plan(
                *(
                    a_planned_task(
                        f"{counts_when}-{index}", deadline=Deadline(phrase="", kind="date", date=day), due=day
                    )
                    for index, day in enumerate(days)
                ),
                counts_when=counts_when,
            )
        )
        async with service.department() as health:
            for task in plan.tasks[::2]:
                body = a_completion(completed_on="2023-10-19")
                assert (await health.post(f"/v1/tasks/{task.id}/completions", json=body)).status_code == 201
    plan = await service.learn(
        a_plan(*(a_planned_task(f"open-{index}", deadline=Deadline("", "date", day)) for index, day in enumerate(days)))
    )
    async with service.secretariat() as secretariat:
        everything = (await secretariat.get("/v1/tasks", params={"limit": 200})).json()["items"]
        for timing in Timing:
            answer = await secretariat.get("/v1/tasks", params={"limit": 200, "timing": timing.value})
            told = [item["id"] for item in everything if item["timing"] == timing]
            assert [item["id"] for item in answer.json()["items"]] == told
            assert told, timing
    assert len(everything) == 3 * len(days)


async def test_days_are_vietnamese(service: TasksService) -> None:
    task_id = await service.a_task(deadline=Deadline("", "date", date(2023, 10, 20)))
    async with service.secretariat() as secretariat:
        for hour, expected in ((16, "due_soon"), (17, "overdue")):  # 17:00 UTC is midnight in Vietnam
            service.clock.set(service.clock.now().replace(hour=hour, minute=0))
            assert (await secretariat.get(f"/v1/tasks/{task_id}")).json()["timing"] == expected
