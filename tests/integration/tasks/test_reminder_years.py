"""Three simulated years against an independent recount: reports, returns, reopenings, changed deadlines, swapped days.

The scheduler looks never, once or several times a day, sleeps for days, and its clock is two hours or two days off now
and then. CCHC_TEST_REMINDER_LIVES says how many times (1); the seed is printed.
"""

import os
import random
import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import httpx2
import pytest

from services.tasks.domain.plan import Deadline, LearnedPlan
from shared.clock import FixedClock
from tests.support.reminder_recount import DAY, Expected, Life, Recount
from tests.support.reminders import a_desk, at, make_all, told, wrong_with_versions
from tests.support.tasks_service import TasksService, a_completion, a_plan, a_planned_task

pytestmark = pytest.mark.slow(14)

FIRST, LAST = date(2023, 1, 1), date(2025, 12, 31)
TASKS = 30
CHANGES_A_DAY = 0.7
SLEEPS, JUMPS = 0.02, 0.03
LIVES = int(os.environ.get("CCHC_TEST_REMINDER_LIVES", "1"))  # noqa: TID251 -- tests read their size here
SPECIAL = [date(2023, 12, 31), date(2024, 1, 1), date(2024, 2, 9), date(2024, 2, 14), date(2024, 2, 29),
           date(2024, 4, 29), date(2024, 5, 4), date(2025, 1, 28), date(2025, 2, 28), date(2025, 9, 2)]  # fmt: skip


class Years:
    """One service whose years go by, with the recount beside it."""

    def __init__(self, service: TasksService, dice: random.Random) -> None:
        self.service, self.dice, self.recount = service, dice, Recount()
        self.expected: Counter[Expected] = Counter()
        self.changes = self.looks = 0
        self._clock = FixedClock(at(FIRST))
        self._desk = a_desk(service, self._clock)
        tasks = (a_planned_task(str(number), due=self._a_deadline(FIRST)) for number in range(TASKS))
        self._plan: LearnedPlan = a_plan(*tasks)

    async def begin(self) -> None:
        await self.service.learn(self._plan)
        for task in self._plan.tasks:
            self.recount.lives[task.id] = Life(task.id, task.deadline.date)

    async def look(self, day: date, hour: int, minute: int) -> None:
        """Let the scheduler look, its clock a little or far off at times."""
        off = self.dice.choice([-48, -2, 2, 48]) if self.dice.random() < JUMPS else 0
        moment = at(day, hour, minute) + timedelta(hours=off)
        self._clock.set(moment)
        self.looks += 1
        expected = self.recount.told_on(moment.date()) if moment.hour >= 8 else []
        self.expected.update(expected)
        assert await make_all(self._desk) == len(expected), f"at {moment} expected {expected}"

    async def change(self, day: date, hour: int, minute: int, office: httpx2.AsyncClient) -> None:
        """Let somebody do something to some task."""
        self.service.clock.set(at(day, hour, minute))
        life = self.dice.choice(list(self.recount.lives.values()))
        self.changes += 1
        if life.state == "open" and self.dice.random() < 0.6:
            await self._change_deadline(life, day)
        elif life.state == "open":
            completion = await self.service.report(life.task_id, **_done(day))
            life.state, life.completion, life.reported_on = "awaiting", UUID(completion), day
        elif life.state == "awaiting":
            verdict = self.dice.choice(["confirm", "return"])
            path = f"/v1/tasks/{life.task_id}/completions/{life.completion}/{verdict}"
            await _said(office, path, {} if verdict == "confirm" else {"reason": "Thiếu"})
            life.state = "done" if verdict == "confirm" else "open"
            life.opened_on = life.opened_on if verdict == "confirm" else day
        else:
            await _said(office, f"/v1/tasks/{life.task_id}/reopen", {"reason": "Làm lại"})
            life.state, life.opened_on = "open", day
            life.reopenings += 1

    async def swap(self, admin: httpx2.AsyncClient, day: date) -> None:
        """Set some day of the next weeks otherwise."""
        found = day + self.dice.randrange(1, 30) * DAY
        is_working = not self.recount.works(found)
        body = {"is_working": is_working, "name": "Hoán đổi"}
        assert (await admin.put(f"/v1/calendar/days/{found}", json=body)).status_code == 200
        self.recount.office[found] = is_working

    async def _change_deadline(self, life: Life, today: date) -> None:
        life.deadline = self._a_deadline(today)
        due = Deadline("", "date", life.deadline)
        tasks = tuple(replace(task, deadline=due) if task.id == life.task_id else task for task in self._plan.tasks)
        self._plan = replace(self._plan, version=self._plan.version + 1, tasks=tasks)
        await self.service.learn(self._plan)

    def _a_deadline(self, today: date) -> date | None:
        chance = self.dice.random()
        if chance < 0.1:
            return None
        if chance < 0.3:
            return self.dice.choice(SPECIAL)
        return today + self.dice.randrange(-10, 50) * DAY


def _done(day: date) -> dict[str, object]:
    evidence = [{"number": "1/BC", "issued_on": str(day)}]
    return a_completion(completed_on=str(day), evidence=evidence)


async def _said(office: httpx2.AsyncClient, path: str, body: dict[str, str]) -> None:
    answer = await office.post(path, json=body)
    assert answer.status_code == 200, answer.text


@pytest.mark.timeout(600)
@pytest.mark.parametrize("life", range(LIVES))
async def test_three_years_tell_what_the_recount_tells(
    service: TasksService, tell: Callable[[str], None], life: int
) -> None:
    seed = secrets.randbelow(10**6)
    dice = random.Random(seed)  # noqa: S311 -- chances of a test
    years = Years(service, dice)
    await years.begin()
    day = FIRST
    async with service.secretariat() as office, service.caller("admin") as admin:
        while day <= LAST:
            times = sorted((dice.randrange(24), dice.randrange(60)) for _ in range(dice.choice([1, 1, 2, 3])))
            for hour, minute in times:
                if dice.random() < CHANGES_A_DAY / 2:
                    await years.change(day, hour, minute, office)
                else:
                    await years.look(day, hour, minute)
            if dice.random() < 0.01:
                await years.swap(admin, day)
            day += DAY * (dice.randrange(2, 6) if dice.random() < SLEEPS else 1)
    found = Counter(
        (each.kind, each.task_id, each.day, each.days, each.deadline, each.completion_id)
        for each in await told(service)
    )
    kinds = Counter(each[0] for each in found)
    tell(
        f"reminders, life {life + 1}, seed {seed}: {years.changes} changes, {years.looks} looks in three years, "
        f"told {dict(kinds)}; missing {len(years.expected - found)}, too many {len(found - years.expected)}"
    )
    assert found == years.expected, f"seed {seed}"
    assert set(kinds) == {"due_soon", "overdue", "unconfirmed"}
    assert await wrong_with_versions(service) == []
