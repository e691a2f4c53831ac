"""R10, reminders: two workers make them at once, and one after the other is killed at a place between two statements.

Every life makes two transactions' worth at most before it dies, so the plan is large enough for the deaths wanted.
"""

import asyncio
from collections import Counter
from datetime import timedelta

from shared.clock import SystemClock, vietnam_date
from shared.messaging import fault_points
from shared.messaging.fault_points import Fault
from tests.drills.ground import REMINDERS_A_SECOND, Run
from tests.drills.hands import Hands, died, kill
from tests.drills.tally import Tally
from tests.support.event_logs import fetch
from tests.support.province import import_and_issue
from tests.support.stream import plan_file
from tests.support.system import System
from tests.support.waiting import eventually

POINTS = tuple(point for point in fault_points.POINTS if point.startswith("reminders."))
MOST_PASSINGS = 2
DUE_SOON = "cchc.task.due_soon.v1"
_MADE = "SELECT count(*) AS number FROM outbox WHERE type = $1 AND key = $2"
_TOLD = "SELECT subject FROM ledger WHERE type = $1 AND plan_id = $2::uuid"


async def race_reminders(run: Run, system: System) -> Tally:
    """Kill one of two workers `reminders` times while they make reminders; each task is told of once."""
    kills = run.size["reminders"]
    count = REMINDERS_A_SECOND * MOST_PASSINGS * (kills + 2)
    tally = Tally()
    due = vietnam_date(SystemClock().now()) + timedelta(days=2)
    async with Hands(system, "tasks-worker") as hands:  # the plan is learnt by those who are killed
        file = await asyncio.to_thread(plan_file, run.ground.folder / "reminders.tsv", count, due=due)
        plan_id = await asyncio.to_thread(import_and_issue, system, title=f"Nhắc việc {count}", file=file)

        def fault() -> Fault:
            return Fault(run.dice.choice(POINTS), run.dice.randint(1, MOST_PASSINGS), "kill")

        pair = [await hands.start("tasks-worker", fault()) for _ in range(2)]
        deaths = {asyncio.create_task(died(child)): place for place, child in enumerate(pair)}
        for number in range(kills):
            dead, _ = await asyncio.wait(deaths, return_when=asyncio.FIRST_COMPLETED)
            death = dead.pop()
            place = deaths.pop(death)
            await death
            pair[place] = await hands.start("tasks-worker", fault())
            deaths[asyncio.create_task(died(pair[place]))] = place
            run.line.step(number + 1, "kill -9 of who reminds")
        for death, place in deaths.items():
            death.cancel()
            kill(pair[place])
        await asyncio.gather(*deaths, *(child.wait() for child in pair), return_exceptions=True)
        await hands.start("tasks-worker")

        await eventually(lambda: _are_made(system, plan_id, count), within=60 + count / REMINDERS_A_SECOND)
    return await _counted(system, plan_id, count, tally)


async def _are_made(system: System, plan_id: str, count: int) -> bool:
    return await _written(system, plan_id) >= count


async def _counted(system: System, plan_id: str, count: int, tally: Tally) -> Tally:
    """Compare with what reporting has heard, once it has heard as much as was written."""
    written = await _written(system, plan_id)

    async def heard() -> Counter[str] | None:
        rows = await fetch(system, "reporting", _TOLD, DUE_SOON, plan_id)
        return Counter(row["subject"] for row in rows) if len(rows) >= written else None

    found = await eventually(heard, within=60)
    tally.lost += max(0, count - len(found))
    tally.twice += found.total() - len(found)
    for service in ("plans", "reporting"):
        [row] = await fetch(system, service, "SELECT count(*) AS number FROM dead_letters")
        if row["number"]:
            tally.complaints.append(f"{service} has put {row['number']} messages aside")
    return tally


async def _written(system: System, plan_id: str) -> int:
    [row] = await fetch(system, "tasks", _MADE, DUE_SOON, plan_id)
    number: int = row["number"]
    return number
