"""Plans and units as they arrive: repeated, newer, older, out of order; nothing undoes what was reported."""

from dataclasses import replace
from datetime import date
from itertools import permutations
from uuid import UUID

import pytest

from services.tasks.domain.errors import TaskOfAnotherPlan, UnitContradictsItself
from services.tasks.domain.plan import Deadline
from services.tasks.domain.unit import HIGHEST_VERSION, Unit
from tests.support.tasks_service import TasksService, a_plan, a_planned_task, named


async def state_of(service: TasksService, task_id: UUID) -> tuple[str, int, str, str | None]:
    [row] = await service.rows(
        "SELECT state, version, title, deadline_date::text AS due FROM tasks WHERE id = :id", id=task_id
    )
    return row["state"], row["version"], row["title"], row["due"]


async def lineages(service: TasksService) -> dict[str, set[str]]:
    return {row["code"]: set(row["lineage"]) for row in await service.rows("SELECT code, lineage FROM units")}


async def test_a_plan_heard_again_changes_nothing(service: TasksService) -> None:
    plan = await service.learn(a_plan(a_planned_task("1"), a_planned_task("2")))
    await service.report(plan.tasks[0].id)
    before = await service.rows("SELECT * FROM tasks ORDER BY id"), await service.rows("SELECT * FROM task_units")
    await service.learn(plan)
    await service.learn(replace(plan, tasks=(replace(plan.tasks[0], title="Khác"), plan.tasks[1])))
    assert before == (
        await service.rows("SELECT * FROM tasks ORDER BY id"),
        await service.rows("SELECT * FROM task_units"),
    )


async def test_a_newer_version_tells_new_words_and_keeps_what_was_reported(service: TasksService) -> None:
    plan = await service.learn(a_plan(a_planned_task("1")))
    [task] = plan.tasks
    await service.report(task.id)
    changed = replace(
        task,
        title="Tên mới",
        deadline=Deadline("Trước 31/12", "date", date(2023, 12, 31)),
        leads=(named("TV-STP"), named("TV-SYT")),
        coordinating=(),
    )
    await service.learn(replace(plan, version=3, tasks=(changed, a_planned_task("2"))))
    assert await state_of(service, task.id) == ("awaiting_confirmation", 1, "Tên mới", "2023-12-31")
    await service.learn(replace(plan, version=2))  # arrives late
    assert await state_of(service, task.id) == ("awaiting_confirmation", 1, "Tên mới", "2023-12-31")
    async with service.secretariat() as secretariat:
        detail = (await secretariat.get(f"/v1/tasks/{task.id}")).json()
    assert [unit["code"] for unit in detail["lead_units"]] == ["TV-STP", "TV-SYT"]
    assert detail["coordinating_units"] == []
    assert len(detail["completions"]) == 1
    assert await service.count("tasks") == 2


async def test_a_plan_cannot_take_another_plans_task(service: TasksService) -> None:
    plan = await service.learn(a_plan(a_planned_task("1")))
    with pytest.raises(TaskOfAnotherPlan):
        await service.learn(a_plan(plan.tasks[0]))
    assert await service.count("plans") == 1


async def test_units_named_by_a_plan_give_way_to_their_own_events(service: TasksService) -> None:
    stranger = replace(named("TV-SYT"), code="TV-MOI", name="Sở Mới")
    plan = await service.learn(a_plan(replace(a_planned_task("1", coordinating=()), leads=(stranger,))))
    async with service.department("TV") as province:
        assert (await province.get(f"/v1/tasks/{plan.tasks[0].id}")).status_code == 404
        await service.learn_units(Unit("TV-MOI", 1, "Sở Mới đổi tên", "department", "TV"))
        found = (await province.get(f"/v1/tasks/{plan.tasks[0].id}")).json()
    assert found["lead_units"] == [{"code": "TV-MOI", "name": "Sở Mới"}]  # as the document calls it


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_units_in_any_order_end_in_the_same_tree(service: TasksService, order: tuple[int, ...]) -> None:
    told = (
        Unit("AG", 1, "Tỉnh", "province"),
        Unit("AG-SYT", 1, "Sở Y tế", "department", "AG"),
        Unit("AG-SYT-CC", 1, "Chi cục", "department", "AG-SYT"),
    )
    await service.learn_units(*(told[index] for index in order))
    found = await lineages(service)
    assert (found["AG"], found["AG-SYT"], found["AG-SYT-CC"]) == (
        {"AG"},
        {"AG", "AG-SYT"},
        {"AG", "AG-SYT", "AG-SYT-CC"},
    )


async def test_an_older_unit_event_is_passed_over_and_a_move_takes_the_subtree_along(service: TasksService) -> None:
    await service.learn_units(Unit("TV-SYT", 3, "Sở Y tế", "department", "LD"))
    await service.learn_units(Unit("TV-SYT", 2, "Sở Y tế", "department", "TV"))
    found = await lineages(service)
    assert found["TV-SYT-CC"] == {"TV-SYT-CC", "TV-SYT", "LD"}


async def test_successors_stand_above_what_went_into_them(service: TasksService) -> None:
    await service.learn_units(Unit("TV-SYT", 2, "Sở Y tế", "department", "TV", successors=("LD-SYT",)))
    found = await lineages(service)
    assert found["TV-SYT-CC"] == {"TV-SYT-CC", "TV-SYT", "TV", "LD-SYT", "LD"}
    await service.learn_units(Unit("TV-SYT", 3, "Sở Y tế", "department", "TV"))
    assert (await lineages(service))["TV-SYT-CC"] == {"TV-SYT-CC", "TV-SYT", "TV"}


async def test_a_circle_of_parents_ends(service: TasksService) -> None:
    await service.learn_units(Unit("TV", 2, "Tỉnh", "province", "TV-SYT"))
    assert (await lineages(service))["TV"] == {"TV", "TV-SYT"}


def test_a_unit_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(UnitContradictsItself):
        Unit("A", 1, "A", "department", "A")
    with pytest.raises(UnitContradictsItself):
        Unit("A", HIGHEST_VERSION + 1, "A", "department")
