"""Reminders are made once: two schedulers at once, kill -9 at every place, any midnight, any pace.

CCHC_TEST_REMINDER_RACES says how many races (8 in `make test`; 50 are promised).
"""

import asyncio
import itertools
import os
import random
import secrets
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from services.tasks.handlers import ReminderDesk, make_reminders
from services.tasks.worker import keep_reminding, reminder_desk
from shared.clock import FixedClock, SystemClock
from shared.database.revisions import LOG
from shared.messaging import fault_points
from shared.messaging.fault_points import POINTS, SAID, Fault, arm
from tests.drills.r11_clock import DAYS
from tests.support.postgres import DatabaseFactory
from tests.support.reminder_recount import OFF
from tests.support.reminders import a_desk, at, kinds_of, make_all, remind_at, told, wrong_with_versions
from tests.support.system import ROOT
from tests.support.tasks_service import TasksService, a_completion, a_plan, a_planned_task
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow(30)

DAY = timedelta(days=1)
FRIDAY = date(2023, 11, 10)
RACES = int(os.environ.get("CCHC_TEST_REMINDER_RACES", "8"))  # noqa: TID251 -- tests read their size here
TASKS_A_RACE = 40
PLACES = [point for point in POINTS if point.startswith("reminders.")]


async def a_plan_due(service: TasksService, due: date, count: int) -> set[UUID]:
    plan = await service.learn(a_plan(*(a_planned_task(str(number), due=due) for number in range(count))))
    return {task.id for task in plan.tasks}


async def keep_making(desk: ReminderDesk, dice: random.Random) -> int:
    """Make reminders as a worker does, with broken connections on the way, until nothing is due."""
    made = 0
    while True:
        try:
            more = await make_reminders(desk)
        except ConnectionResetError:
            continue
        if more == 0:
            return made
        made += more or 0
        await asyncio.sleep(dice.uniform(0, 0.01) if more is None else 0)


@pytest.mark.timeout(300)
async def test_two_schedulers_at_once_tell_each_thing_once(service: TasksService, tell: Callable[[str], None]) -> None:
    seed = secrets.randbelow(10**6)
    dice = random.Random(seed)  # noqa: S311 -- chances of a test
    due: set[UUID] = set()
    broken = 0
    for _ in range(RACES):
        due |= await a_plan_due(service, FRIDAY, TASKS_A_RACE)
        faults = [Fault(dice.choice(PLACES), dice.randint(1, 6), "raise") for _ in range(3)]
        broken += len(faults)
        arm(faults)
        pair = [
            a_desk(service, FixedClock(at(FRIDAY, 8, minute)), reminders_per_second=dice.randint(3, 9))
            for minute in (0, 30)
        ]
        await asyncio.gather(*(keep_making(desk, dice) for desk in pair))
        arm([])
    found = Counter(each.task_id for each in await told(service))
    twice = sum(number - 1 for number in found.values())
    tell(
        f"two schedulers, seed {seed}: {RACES} races, {len(due)} reminders due, {broken} broken connections, "
        f"lost {len(due - set(found))}, twice {twice}"
    )
    assert (set(found), twice) == (due, 0)
    assert await service.count("reminders") == len(due)
    assert await wrong_with_versions(service) == []


async def test_who_reports_while_reminders_are_made_is_never_refused(
    service: TasksService, tell: Callable[[str], None]
) -> None:
    """A reminder changes the task's version; a report that read the one before is carried out all the same."""
    due = list(await a_plan_due(service, FRIDAY, 150))
    service.clock.set(at(FRIDAY))
    desk = a_desk(service, FixedClock(at(FRIDAY)), reminders_per_second=7)

    async def report_all() -> list[int]:
        statuses = []
        async with service.department() as health:
            for start in range(0, len(due), 10):
                items = [{"task_id": str(task), **a_completion()} for task in due[start : start + 10]]
                answer = await health.post("/v1/completions/batch", json={"items": items})
                statuses += [each["status"] for each in answer.json()["results"]]
        return statuses

    statuses, _ = await asyncio.gather(report_all(), make_all(desk))
    await make_all(desk)
    kinds = await service.rows("SELECT task_id, array_agg(kind ORDER BY version) AS kinds FROM task_history GROUP BY 1")
    found = Counter(tuple(row["kinds"]) for row in kinds)
    tell(f"reports beside reminders: {Counter(statuses)}, histories {dict(found)}")
    assert statuses == [201] * len(due)
    assert set(found) <= {("completed",), ("due_soon", "completed")}  # who has reported is not reminded
    assert await wrong_with_versions(service) == []


async def test_the_pace_is_kept_by_two_schedulers_together(service: TasksService) -> None:
    """A second between two transactions that made some, whoever made them; none is late for it by more."""
    await a_plan_due(service, FRIDAY, 6)
    settings = service.settings.model_copy(update={"reminders_per_second": 2})
    desks = [reminder_desk(settings, service.engine, FixedClock(at(FRIDAY))) for _ in range(2)]
    stop = asyncio.Event()
    running = [asyncio.create_task(keep_reminding(desk, stop)) for desk in desks]

    async def all_told() -> bool:
        return len(await told(service)) == 6

    await eventually(all_told, within=20)
    stop.set()
    await asyncio.gather(*running)
    rows = await service.rows(
        "SELECT min(written_at) AS first, max(written_at) AS last, count(*) AS number"
        " FROM reminders GROUP BY xmin::text ORDER BY 1"
    )
    assert [row["number"] for row in rows] == [2, 2, 2]
    for earlier, later in itertools.pairwise(rows):
        assert later["first"] - earlier["last"] > timedelta(seconds=0.9)


@pytest.mark.timeout(180)
async def test_kill_9_at_every_place_loses_nothing_and_repeats_nothing(
    database_factory: DatabaseFactory, keys: Path, tell: Callable[[str], None]
) -> None:
    """Real workers on the machine's clock; each dies at its place, the last one lives and finds the rest."""
    log = await database_factory((LOG,))
    service = TasksService.start(await database_factory(("shared.messaging", "services.tasks")), keys)
    try:
        await service.learn_units()
        today = (SystemClock().now() + timedelta(hours=7)).date()
        due = await a_plan_due(service, today + 2 * DAY, 16)
        for point in PLACES:
            child = start_worker(service.dsn, log, f"{point}:2:kill")
            _, said = await asyncio.to_thread(child.communicate, timeout=60)
            assert child.returncode == -signal.SIGKILL
            assert f"{SAID}{point}:2:kill".encode() in said
        child = start_worker(service.dsn, log, "")
        try:
            await eventually(lambda: _count(service, len(due)), within=60)
        finally:
            child.terminate()
            assert await asyncio.to_thread(child.wait, 20) == 0
        found = Counter(each.task_id for each in await told(service))
        tell(f"reminders: {len(PLACES)} kills, {len(due)} due, lost {len(due - set(found))}, "
             f"twice {sum(found.values()) - len(found)}")  # fmt: skip
        assert found == Counter(due)
        assert await wrong_with_versions(service) == []
    finally:
        await service.stop()


def start_worker(dsn: str, log: str, faults: str) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,  # noqa: TID251 -- a child's environment
        "PYTHONPATH": str(ROOT),
        "CCHC_TASKS_DATABASE_URL": dsn,
        "CCHC_LOG_DATABASE_URL": log,
        "CCHC_REMINDER_HOUR": "0",
        "CCHC_REMINDERS_PER_SECOND": "3",
        **({"CCHC_FAULTS": faults, "CCHC_FAULTS_ALLOWED": "1"} if faults else {}),
    }
    command = [sys.executable, "-m", "services.tasks.worker"]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE if faults else None
    )


async def _count(service: TasksService, number: int) -> bool:
    return await service.count("reminders") >= number


def works(day: date) -> bool:
    """Tell whether offices work, by the announcements; years that they do not list have no deadline here."""
    return day.weekday() < 5 and str(day) not in OFF


async def test_every_midnight_that_is_hard_is_met(service: TasksService, tell: Callable[[str], None]) -> None:
    """Ends of years and months, 28/29 February, Tết: due soon three days before, overdue on the next working day."""
    ends = [date(year, month, 1) - DAY for year in (2023, 2024, 2025) for month in range(2, 13)]
    days = sorted({day for day in [*DAYS, *ends] if date(2023, 1, 5) < day < date(2026, 2, 28)})
    wrong = []
    for day in days:
        [task_id] = await a_plan_due(service, day, 1)
        overdue = next(day + number * DAY for number in range(1, 15) if works(day + number * DAY))
        moments = [at(day - 3 * DAY, 7, 59), at(day - 3 * DAY, 8)]
        moments += [at(day - 3 * DAY, 6), at(day - 3 * DAY, 10)]  # the machine's clock was put back, and forward
        moments += [at(day, 23, 59), *(at(day + number * DAY, 0, 0) for number in range(1, 15))]
        moments += [at(day + number * DAY, 8) for number in range(1, 15)]
        desk_of = FixedClock(moments[0])
        desk = a_desk(service, desk_of)
        for moment in sorted(moments[:2]) + moments[2:4] + sorted(moments[4:]):
            desk_of.set(moment)
            await make_all(desk)
        found = await kinds_of(service, task_id)
        if found != [("due_soon", day - 3 * DAY), ("overdue", overdue)]:
            wrong.append(f"{day}: {found}")
    tell(f"reminders around {len(days)} hard midnights: {len(wrong)} wrong")
    assert wrong == []
    assert len(days) >= 40


async def test_a_clock_that_jumps_repeats_nothing(service: TasksService) -> None:
    """A year ahead and back again: what was told too early is not told again, what is due later still is."""
    [early] = await a_plan_due(service, FRIDAY, 1)
    await remind_at(service, at(FRIDAY + 10 * DAY))
    [later] = await a_plan_due(service, FRIDAY, 1)
    for number in (-400, 0, 3, -3, 3, 400, 4):
        await remind_at(service, at(FRIDAY + number * DAY))
    assert [kind for kind, _ in await kinds_of(service, early)] == ["overdue", "due_soon"]
    assert [kind for kind, _ in await kinds_of(service, later)] == ["due_soon", "overdue"]


def test_no_fault_is_armed_in_service() -> None:
    assert fault_points._plan is None
