"""Who sees what and may do what: role x unit x endpoint. What one may not see is 404; what one may not do, 403."""

from collections.abc import Iterator
from itertools import product
from typing import Any
from uuid import UUID

import pytest

from services.tasks.api.permissions import PERMISSIONS
from shared.http.permissions import permission_matrix
from tests.support.tasks_service import TasksService, a_completion, a_plan, a_planned_task, named

ROLES = ("department", "secretariat", "leader", "admin")
UNITS = ("TV", "TV-SYT", "TV-SYT-CC", "TV-STP", "TV-SNV", "LD", "LD-SYT", None)
SEES_AS_DEPARTMENT = {"TV", "TV-SYT", "TV-STP"}
LEADS = {"TV", "TV-SYT"}
SEES_FROM_ABOVE = {"TV", None}


def sees(role: str, unit: str | None) -> bool:
    return unit in (SEES_AS_DEPARTMENT if role == "department" else SEES_FROM_ABOVE)


def cells() -> Iterator[tuple[str, str | None]]:
    return ((role, unit) for role, unit in product(ROLES, UNITS) if (role, unit) != ("department", None))


ALLOWED = {  # endpoint: roles, status for those who see the task and hold one of them
    "list_tasks": (set(ROLES), 200),
    "get_task": (set(ROLES), 200),
    "report_batch": ({"department", "secretariat"}, 200),
    "report_progress": ({"department", "secretariat"}, 200),
    "report_completion": ({"department", "secretariat"}, 201),
    "confirm_completion": ({"secretariat"}, 200),
    "return_completion": ({"secretariat"}, 200),
    "reopen_task": ({"secretariat"}, 409),  # the fresh task is not done
    "list_calendar_days": (set(ROLES), 200),
    "set_calendar_day": ({"admin"}, 200),
    "remove_calendar_day": ({"admin"}, 204),
}
ABOUT_NO_TASK = {"list_tasks", "report_batch", "list_calendar_days", "set_calendar_day", "remove_calendar_day"}


def may(endpoint: str, role: str, unit: str | None) -> int:
    """Return the status of a call on a fresh task led by TV-SYT and coordinated by TV-STP, as the rules have it."""
    roles, status = ALLOWED[endpoint]
    if role not in roles:
        return 403
    if endpoint in ABOUT_NO_TASK:
        return status
    if not sees(role, unit):
        return 404
    own = {"report_progress": SEES_AS_DEPARTMENT, "report_completion": LEADS}
    return status if endpoint not in own or (role == "department" and unit in own[endpoint]) else 403


async def call_calendar(service: TasksService, endpoint: str, role: str, unit: str | None) -> int:
    days, swap = "/v1/calendar/days", {"is_working": False, "name": "Nghỉ bù"}
    async with service.caller("admin", None) as admin:
        await admin.put(f"{days}/2023-11-20", json=swap)
    async with service.caller(role, unit) as caller:
        if endpoint == "list_calendar_days":
            return (await caller.get(days, params={"year": 2023})).status_code
        if endpoint == "set_calendar_day":
            return (await caller.put(f"{days}/2023-11-20", json=swap)).status_code
        return (await caller.delete(f"{days}/2023-11-20")).status_code


async def call(service: TasksService, endpoint: str, role: str, unit: str | None) -> int:
    if "calendar" in endpoint:
        return await call_calendar(service, endpoint, role, unit)
    task_id = await service.a_task()
    path = f"/v1/tasks/{task_id}"
    if endpoint in {"confirm_completion", "return_completion"}:
        path += f"/completions/{await service.report(task_id)}"
    async with service.caller(role, unit) as caller:
        if endpoint in {"list_tasks", "get_task"}:
            return (await caller.get("/v1/tasks" if endpoint == "list_tasks" else path)).status_code
        suffix, body = {
            "report_progress": ("/progress", {"note": "x"}),
            "report_completion": ("/completions", a_completion()),
            "report_batch": ("", {"items": [{"task_id": str(task_id), **a_completion()}]}),
            "confirm_completion": ("/confirm", {}),
            "return_completion": ("/return", {"reason": "x"}),
            "reopen_task": ("/reopen", {"reason": "x"}),
        }[endpoint]
        target = "/v1/completions/batch" if endpoint == "report_batch" else f"{path}{suffix}"
        return (await caller.post(target, json=body)).status_code


async def test_every_cell_of_role_unit_endpoint(service: TasksService) -> None:
    endpoints = {name for _, _, name, _ in permission_matrix(service.app)}
    assert endpoints == set(PERMISSIONS)
    wrong = []
    for endpoint, (role, unit) in product(sorted(endpoints), list(cells())):
        status = await call(service, endpoint, role, unit)
        if status != may(endpoint, role, unit):
            wrong.append((endpoint, role, unit, status, may(endpoint, role, unit)))
    assert wrong == []


async def test_a_department_without_a_unit_gets_nothing(service: TasksService) -> None:
    async with service.caller("department", None) as caller:
        assert (await caller.get("/v1/tasks")).status_code == 403


async def test_nobody_without_a_token(service: TasksService) -> None:
    async with service.department() as caller:
        for method, path, _, _ in permission_matrix(service.app):
            real = path.replace("{task_id}", str(UUID(int=1))).replace("{completion_id}", str(UUID(int=2)))
            real = real.replace("{day}", "2023-11-20")
            answer = await caller.request(method, real, headers={"Authorization": ""})
            assert answer.status_code == 401, path


async def test_lists_hold_what_each_may_see_and_nothing_else(service: TasksService) -> None:
    health, justice = a_planned_task("1", coordinating=()), a_planned_task("2", leads=("TV-STP",), coordinating=())
    other = a_planned_task("1", leads=("LD-SYT",), coordinating=())
    await service.learn(a_plan(health, justice))
    await service.learn(a_plan(other, unit=named("LD")))
    expected: dict[tuple[str, str | None], set[UUID]] = {
        ("department", "TV-SYT"): {health.id},
        ("department", "TV-STP"): {justice.id},
        ("department", "TV-SYT-CC"): set(),
        ("department", "TV"): {health.id, justice.id},
        ("secretariat", "TV"): {health.id, justice.id},
        ("leader", "LD"): {other.id},
        ("leader", None): {health.id, justice.id, other.id},
        ("admin", "TV-SYT"): set(),
        ("department", "KHONG-CO"): set(),
    }
    for (role, unit), ids in expected.items():
        async with service.caller(role, unit) as caller:
            listed = (await caller.get("/v1/tasks")).json()["items"]
            assert {item["id"] for item in listed} == {str(each) for each in ids}, (role, unit)
            for task in (health, justice, other):
                status = (await caller.get(f"/v1/tasks/{task.id}")).status_code
                assert status == (200 if task.id in ids else 404), (role, unit, task.id)


@pytest.mark.parametrize(
    ("role", "unit", "asked", "numbers"),
    [
        ("department", "TV-SYT", "TV-SYT", ["1", "3"]),
        ("department", "TV-SYT", "TV-STP", []),
        ("department", "TV-SYT", "TV", []),
        ("department", "TV", "TV-STP", ["2", "3"]),
        ("secretariat", "TV", "TV-SYT", ["1", "3"]),
        ("secretariat", "TV", "TV-SYT-CC", ["3"]),
        ("secretariat", "TV", "LD", []),
        ("leader", None, "TV", ["1", "2", "3"]),
        ("leader", None, "KHONG-CO", []),
    ],
)
async def test_the_unit_filter_takes_a_subtree_and_never_leaves_ones_own(
    service: TasksService, role: str, unit: str | None, asked: str, numbers: list[str]
) -> None:
    await service.learn(
        a_plan(
            a_planned_task("1", coordinating=()),
            a_planned_task("2", leads=("TV-STP",), coordinating=()),
            a_planned_task("3", leads=("TV-SYT-CC",), coordinating=("TV-STP",)),
        )
    )
    async with service.caller(role, unit) as caller:
        answer = await caller.get("/v1/tasks", params={"unit": asked})
    assert [item["number"] for item in answer.json()["items"]] == numbers


async def test_a_unit_that_took_over_another_reports_for_it(service: TasksService) -> None:
    task_id = await service.a_task()
    async with service.department("TV-STP") as justice:
        refused = await justice.post(f"/v1/tasks/{task_id}/completions", json=a_completion())
        assert (refused.status_code, refused.json()["code"]) == (403, "not-a-lead-unit")
        from services.tasks.domain.unit import Unit

        await service.learn_units(Unit("TV-SYT", 2, "Sở Y tế", "department", "TV", successors=("TV-STP",)))
        assert (await justice.post(f"/v1/tasks/{task_id}/completions", json=a_completion())).status_code == 201


async def test_several_leads_any_reports_and_the_secretariat_for_a_collective_one(service: TasksService) -> None:
    both: dict[str, Any] = {"leads": ("TV-STP", "TV-CSBN"), "coordinating": ()}
    for role, unit, status in (
        ("department", "TV-STP", 201),
        ("secretariat", "TV", 201),
        ("secretariat", None, 201),
        ("secretariat", "LD", 404),
        ("department", "TV-SYT", 404),
    ):
        task_id = await service.a_task(**both)
        async with service.caller(role, unit) as caller:
            answer = await caller.post(f"/v1/tasks/{task_id}/completions", json=a_completion())
        assert answer.status_code == status, (role, unit, answer.text)
