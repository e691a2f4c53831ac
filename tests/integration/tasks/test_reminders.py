"""Time works by itself: what is told of whom and when, once, and by what days it goes."""

from datetime import date, timedelta
from uuid import UUID

import pytest

from services.tasks.domain.reminders import DayKind
from shared.clock import FixedClock
from tests.support.reminders import Told, a_desk, at, kinds_of, make_all, remind_at, told, wrong_with_versions
from tests.support.tasks_service import TasksService, a_plan, a_planned_task

FRIDAY = date(2023, 11, 10)
DAY = timedelta(days=1)


async def confirm(service: TasksService, task_id: UUID, completion_id: str, verdict: str = "confirm") -> None:
    body = {} if verdict == "confirm" else {"reason": "Thiếu văn bản"}
    async with service.secretariat() as office:
        answer = await office.post(f"/v1/tasks/{task_id}/completions/{completion_id}/{verdict}", json=body)
    assert answer.status_code == 200, answer.text


async def reopen(service: TasksService, task_id: UUID) -> None:
    async with service.secretariat() as office:
        answer = await office.post(f"/v1/tasks/{task_id}/reopen", json={"reason": "Làm lại"})
    assert answer.status_code == 200, answer.text


async def test_a_task_is_told_of_when_it_nears_its_deadline_and_when_it_has_passed(service: TasksService) -> None:
    """Deadline Friday: due soon from Tuesday 08:00; overdue on Monday, the first working day after, not on Saturday."""
    task_id = await service.a_task(due=FRIDAY)
    for day, hour in ((date(2023, 11, 6), 23), (date(2023, 11, 7), 7)):
        assert await remind_at(service, at(day, hour, 59)) == 0
    for moment in (at(date(2023, 11, 7), 8), at(date(2023, 11, 8)), at(FRIDAY, 23, 59), at(FRIDAY + DAY), at(FRIDAY)):
        await remind_at(service, moment)
    for number in (2, 3, 3, 4, 30):
        await remind_at(service, at(FRIDAY + number * DAY))
    assert await told(service) == [
        Told("due_soon", task_id, date(2023, 11, 7), 3, FRIDAY, 1, None),
        Told("overdue", task_id, date(2023, 11, 13), 3, FRIDAY, 2, None),
    ]
    assert await wrong_with_versions(service) == []


async def test_the_history_of_a_task_names_its_reminders_and_nobody(service: TasksService) -> None:
    task_id = await service.a_task(due=FRIDAY)
    await remind_at(service, at(FRIDAY))
    async with service.secretariat() as office:
        answer = await office.get(f"/v1/tasks/{task_id}")
    [happening] = answer.json()["history"]
    assert (happening["kind"], happening["version"]) == ("due_soon", 1)
    assert happening["actor"] == {"subject": "cchc:reminders", "unit": None}
    assert happening["details"] == {"day": "2023-11-10", "days": 0, "deadline": "2023-11-10"}
    assert answer.headers["etag"] == '"1"'


async def test_what_was_slept_through_is_told_once_as_it_stands_now(service: TasksService) -> None:
    """Three days without a worker are one reminder a task; what was due soon in between is overdue by now."""
    task_id = await service.a_task(due=FRIDAY)
    await remind_at(service, at(FRIDAY + 6 * DAY))
    assert await told(service) == [Told("overdue", task_id, FRIDAY + 6 * DAY, 6, FRIDAY, 1, None)]


async def test_plans_of_past_years_are_learnt_without_a_word(service: TasksService) -> None:
    await service.a_task(due=FRIDAY)
    assert await remind_at(service, at(FRIDAY + 32 * DAY)) == 0
    assert await remind_at(service, at(FRIDAY + 32 * DAY), reminder_look_back_days=32) == 1


@pytest.mark.parametrize("due", [None, date(2024, 1, 1)])
async def test_without_a_deadline_or_long_before_it_nothing_is_told(service: TasksService, due: date | None) -> None:
    await service.a_task(due=due)
    assert await remind_at(service, at(FRIDAY)) == 0


async def test_who_has_reported_is_left_alone_until_the_completion_comes_back(service: TasksService) -> None:
    """Awaiting confirmation it is the secretariat's turn; returned after the deadline, the task is overdue."""
    task_id = await service.a_task(due=FRIDAY)
    service.clock.set(at(FRIDAY - DAY))
    completion = await service.report(task_id)
    assert await remind_at(service, at(FRIDAY)) == 0
    assert await remind_at(service, at(FRIDAY + 3 * DAY)) == 0
    service.clock.set(at(FRIDAY + 3 * DAY, 15))
    await confirm(service, task_id, completion, "return")
    await remind_at(service, at(FRIDAY + 3 * DAY, 16))
    assert await kinds_of(service, task_id) == [("overdue", FRIDAY + 3 * DAY)]


async def test_a_reopened_task_is_told_of_again_once(service: TasksService) -> None:
    """However long ago its deadline was: it is open since today."""
    task_id = await service.a_task(due=FRIDAY)
    await remind_at(service, at(FRIDAY + 3 * DAY))
    service.clock.set(at(FRIDAY + 4 * DAY))
    await confirm(service, task_id, await service.report(task_id))
    assert await remind_at(service, at(FRIDAY + 5 * DAY)) == 0
    again = FRIDAY + 90 * DAY
    service.clock.set(at(again - DAY))
    await reopen(service, task_id)
    for moment in (at(again), at(again), at(again + 3 * DAY)):
        await remind_at(service, moment)
    working_day = date(2024, 2, 15)  # 8 February, a Thursday, is in Tết until the 14th
    await remind_at(service, at(working_day))
    assert await kinds_of(service, task_id) == [("overdue", FRIDAY + 3 * DAY), ("overdue", working_day)]
    assert await wrong_with_versions(service) == []


async def test_another_deadline_has_reminders_of_its_own(service: TasksService) -> None:
    task = a_planned_task(due=FRIDAY)
    plan = await service.learn(a_plan(task))
    await remind_at(service, at(FRIDAY + 3 * DAY))
    later = a_planned_task(id=task.id, due=FRIDAY + 14 * DAY)
    await service.learn(a_plan(later, id=plan.id, version=2))
    for number in (4, 11, 12, 17, 18):
        await remind_at(service, at(FRIDAY + number * DAY))
    assert await kinds_of(service, task.id) == [
        ("overdue", FRIDAY + 3 * DAY),
        ("due_soon", FRIDAY + 11 * DAY),
        ("overdue", FRIDAY + 17 * DAY),
    ]


async def test_a_completion_that_waits_for_more_than_five_working_days_is_told_once(service: TasksService) -> None:
    """Reported on a Thursday: Friday to Thursday are five working days; the Friday after is the sixth."""
    reported = date(2023, 11, 9)
    task_id = await service.a_task(due=date(2023, 11, 30))
    service.clock.set(at(reported, 23, 30))
    completion = await service.report(task_id)
    for number in (1, 4, 5, 7, 8, 9, 10, 11):
        await remind_at(service, at(reported + number * DAY))
    assert await told(service) == [
        Told("unconfirmed", task_id, date(2023, 11, 17), 6, date(2023, 11, 30), 2, UUID(completion))
    ]


async def test_a_plan_that_counts_what_is_reported_waits_for_nobody(service: TasksService) -> None:
    task_id = await service.a_task(due=date(2023, 11, 30), counts_when="reported")
    await service.report(task_id)
    assert await remind_at(service, at(date(2023, 11, 10))) == 0


async def test_what_is_not_due_stands_in_nobodys_way(service: TasksService) -> None:
    """Candidates are found a few at a time, so nothing may be found that is then not told."""
    for number in range(4):
        await service.report(await service.a_task(due=FRIDAY, counts_when="reported"), note=str(number))
        await service.report(await service.a_task(due=FRIDAY - 40 * DAY))
    due = await service.a_task(due=FRIDAY)
    for moment, kind in ((at(FRIDAY), "due_soon"), (at(FRIDAY + 3 * DAY), "overdue")):
        await remind_at(service, moment, reminders_per_second=1)
        assert (await kinds_of(service, due))[-1][0] == kind
    assert await service.count("reminders") == 2 + 4  # the four that await confirmation since 20 October


@pytest.mark.parametrize(
    ("kind", "deadline", "first"),
    [
        (DayKind.CALENDAR, date(2024, 2, 15), date(2024, 2, 12)),  # in Tết, three days before
        (DayKind.WORKING, date(2024, 2, 15), date(2024, 2, 5)),  # 6 and 7 February and the deadline are working days
        (DayKind.CALENDAR, date(2023, 11, 13), date(2023, 11, 10)),
        (DayKind.WORKING, date(2023, 11, 13), date(2023, 11, 8)),
        (DayKind.CALENDAR, date(2024, 3, 1), date(2024, 2, 27)),  # 29 February is a day
        (DayKind.CALENDAR, date(2024, 1, 1), date(2023, 12, 29)),
    ],
)
async def test_days_before_a_deadline_are_counted_as_the_office_has_set(
    service: TasksService, kind: DayKind, deadline: date, first: date
) -> None:
    task_id = await service.a_task(due=deadline)
    for number in range(20, -1, -1):
        await remind_at(service, at(deadline - number * DAY), reminder_day_kind=kind)
    assert await kinds_of(service, task_id) == [("due_soon", first)]


async def test_what_the_office_sets_in_its_calendar_is_followed(service: TasksService) -> None:
    """Monday becomes a day off, Saturday before a working day: announced late, followed at once."""
    task_id = await service.a_task(due=FRIDAY)
    async with service.caller("admin") as admin:
        for day, is_working in ((FRIDAY + DAY, True), (FRIDAY + 3 * DAY, False)):
            body = {"is_working": is_working, "name": "Hoán đổi"}
            assert (await admin.put(f"/v1/calendar/days/{day}", json=body)).status_code == 200
        assert await remind_at(service, at(FRIDAY + 3 * DAY)) == 0
        assert await remind_at(service, at(FRIDAY + DAY)) == 1
    assert await kinds_of(service, task_id) == [("overdue", FRIDAY + DAY)]


async def test_a_reminder_waits_for_who_is_changing_the_task(service: TasksService) -> None:
    task_id = await service.a_task(due=FRIDAY)
    async with service.engine.begin() as connection:
        await connection.exec_driver_sql(f"SELECT FROM tasks WHERE id = '{task_id}' FOR UPDATE")
        assert await remind_at(service, at(FRIDAY)) == 0
    assert await remind_at(service, at(FRIDAY)) == 1


async def test_much_that_has_piled_up_is_told_in_small_transactions(service: TasksService) -> None:
    await service.learn(a_plan(*(a_planned_task(str(number), due=FRIDAY) for number in range(25))))
    desk = a_desk(service, FixedClock(at(FRIDAY)), reminders_per_second=10)
    assert await make_all(desk) == 25
    [row] = await service.rows("SELECT count(DISTINCT xmin::text) AS transactions FROM reminders")
    assert row["transactions"] == 3
