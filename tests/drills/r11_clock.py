"""R11: midnight of Vietnam at the ends of years, at 28 and 29 February and at Tết, with clocks two hours off.

What is expected stands here in words of its own: the day in Vietnam is the UTC moment plus seven hours.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from services.reporting.consumers import take_in
from services.tasks.domain.plan import LearnedPlan
from shared.contracts.plans import (
    DeadlineKind,
    DeadlineV1,
    DocumentV1,
    PlanIssuedV1,
    PlanTaskV1,
    ProgrammeField,
    UnitKind,
    UnitRef,
)
from shared.messaging.decoding import decode
from shared.messaging.transports.port import Received
from tests.drills.ground import Run
from tests.drills.tally import Tally
from tests.support.reporting_service import PROVINCE, ReportingService, Told, unit_changed
from tests.support.tasks_service import TasksService, a_plan, a_planned_task

LEAD = "TV-SYT"
TICK = timedelta(microseconds=1)
SHIFT = timedelta(hours=2)
TET = [date(2023, 1, 22), date(2024, 2, 10), date(2025, 1, 29), date(2026, 2, 17), date(2027, 2, 6)]
DAYS = [
    *(day for year in range(2022, 2028) for day in (date(year, 12, 31), date(year + 1, 1, 1))),
    *(date(year, 2, 28) for year in (2023, 2024, 2025, 2026, 2028)),
    *(date(year, 2, 29) for year in (2024, 2028)),
    *(date(year, 3, 1) for year in (2023, 2024)),
    *TET,
    *(day - timedelta(days=1) for day in TET),
    *(date(2023, month, 1) - timedelta(days=1) for month in range(5, 13)),
    date(2023, 3, 31),
]
"""Forty deadlines and cut-offs."""


@dataclass(frozen=True)
class Services:
    """Both services in this process, on real databases, with clocks that the drill sets."""

    tasks: TasksService
    reporting: ReportingService


async def drill(run: Run) -> Tally:
    """Carry out a plan around the midnight of `dates` days."""
    tally = Tally()
    keys = run.ground.keys()
    services = Services(
        TasksService.start(await run.ground.database("shared.messaging", "services.tasks"), keys),
        ReportingService.start(await run.ground.database("shared.messaging", "services.reporting"), keys),
    )
    try:
        await services.tasks.learn_units()
        await services.reporting.hear([unit_changed(*unit) for unit in PROVINCE])
        for day in run.dice.sample(DAYS, run.size["dates"]):
            complaints = await _around(services, day)
            tally.complaints += [f"{day}: {each}" for each in complaints]
            tally.sent += 3
            tally.faults += 1
            run.line.step(tally.sent, str(day))
    finally:
        await services.tasks.stop()
        await services.reporting.stop()
    tally.lost = len(tally.complaints)
    return tally


async def _around(services: Services, day: date) -> list[str]:
    """Report one task before midnight, one after it, one two hours later, none of a fourth; return what is wrong."""
    midnight = datetime.combine(day, time(17), tzinfo=UTC)
    following = day + timedelta(days=1)
    plan = await services.tasks.learn(a_plan(*(a_planned_task(str(n), due=day) for n in range(4)), year=day.year))
    await services.reporting.hear(_issued(plan))
    in_time, after, late_entry, untouched = (task.id for task in plan.tasks)
    desk = _Desk(services.tasks)

    desk.clock(midnight - TICK)
    await desk.report(in_time, day, 201)
    await desk.report(after, following, 422)
    await desk.timing(untouched, "due_soon")
    desk.clock(midnight)
    await desk.timing(untouched, "overdue")
    await desk.report(after, following, 201)
    desk.clock(midnight - SHIFT)  # the machine's clock was put back
    await desk.report(late_entry, following, 422)
    await desk.confirm(in_time)
    await desk.confirm(after)
    desk.clock(midnight + SHIFT)  # and forward
    await desk.report(late_entry, day, 201)
    await desk.confirm(late_entry)

    await _carry_over(services, plan.id, heard_at=midnight)
    desk.wrong += await _counted(services.reporting, plan.id, day, midnight)
    return desk.wrong


class _Desk:
    """The department and the secretariat at the tasks service; notes every answer that is not the expected one."""

    def __init__(self, service: TasksService) -> None:
        self._service = service
        self._completions: dict[UUID, str] = {}
        self.wrong: list[str] = []

    def clock(self, moment: datetime) -> None:
        self._service.clock.set(moment)

    async def report(self, task: UUID, day: date, expected: int) -> None:
        evidence = [{"number": "1/BC", "issued_on": min(day, self._today()).isoformat()}]
        async with self._service.department(LEAD) as unit:
            body = {"completed_on": day.isoformat(), "evidence": evidence}
            answer = await unit.post(f"/v1/tasks/{task}/completions", json=body)
        if answer.status_code == 201:
            self._completions[task] = answer.json()["completion_id"]
        self._expect(answer.status_code, expected, f"reporting {day} at {self._service.clock.now()}")

    async def confirm(self, task: UUID) -> None:
        async with self._service.secretariat() as office:
            path = f"/v1/tasks/{task}/completions/{self._completions.get(task)}/confirm"
            answer = await office.post(path, json={})
        self._expect(answer.status_code, 200, "confirming")

    async def timing(self, task: UUID, expected: str) -> None:
        async with self._service.secretariat() as office:
            answer = await office.get(f"/v1/tasks/{task}")
        self._expect(answer.json()["timing"], expected, f"timing at {self._service.clock.now()}")

    def _today(self) -> date:
        return (self._service.clock.now() + timedelta(hours=7)).date()

    def _expect(self, found: object, expected: object, what: str) -> None:
        if found != expected:
            self.wrong.append(f"{what}: {found}, not {expected}")


async def _carry_over(services: Services, plan_id: UUID, *, heard_at: datetime) -> None:
    """Let reporting hear what the tasks service has written, with a clock that is behind the events' times."""
    rows = await services.tasks.rows(
        "SELECT id, topic, key, headers, value FROM outbox WHERE key = :key ORDER BY id", key=str(plan_id)
    )
    batch = []
    for row in rows:
        received = Received(row["topic"], 0, row["id"], row["key"].encode(), row["headers"], bytes(row["value"]))
        batch.append((decode(received, now=heard_at - SHIFT), received))
    async with services.reporting.engine.begin() as connection:
        await take_in(connection, batch)


async def _counted(reporting: ReportingService, plan_id: UUID, day: date, midnight: datetime) -> list[str]:
    """Compare the figures around the deadline with what the clients did."""
    wrong: list[str] = []

    async def expect(what: str, expected: dict[str, Any], **query: str) -> None:
        found = await reporting.get(f"/v1/plans/{plan_id}/progress", **query)
        differs = {name: found[name] for name in expected if found[name] != expected[name]}
        if differs:
            wrong.append(f"{what}: {differs}, not {expected}")

    reporting.clock.set(midnight + timedelta(days=30))
    known = {"total": 4, "done_late": 0, "overdue": 0}
    before, following = str(day - timedelta(days=1)), str(day + timedelta(days=1))
    await expect("the day before", {**known, "done": 0}, cutoff=before)
    await expect("the day itself", {**known, "done": 2, "done_on_time": 2}, cutoff=str(day))
    await expect("the day after", {"total": 4, "done": 3, "done_late": 1, "overdue": 1}, cutoff=following)
    at_midnight = {"cutoff": str(day), "as_of": (midnight - TICK).isoformat()}
    await expect("as known at midnight", {**known, "done": 1}, **at_midnight)
    for moment, today in ((midnight - TICK, day), (midnight, day + timedelta(days=1))):
        reporting.clock.set(moment)
        await expect(f"today at {moment}", {"cutoff": str(today)})
    return wrong


def _issued(plan: LearnedPlan) -> Told:
    """The same plan as reporting hears of it."""
    at = datetime(plan.year - 1, 12, 1, tzinfo=UTC)
    lead = UnitRef(code=LEAD, name="Sở Y tế", kind=UnitKind.DEPARTMENT)
    tasks = tuple(
        PlanTaskV1(
            id=task.id,
            code=task.code,
            number=task.number,
            field="I",
            title=task.title,
            lead_units=(lead,),
            deadline=DeadlineV1(phrase=task.deadline.phrase, kind=DeadlineKind.DATE, date=task.deadline.date),
        )
        for task in plan.tasks
    )
    issued = PlanIssuedV1(
        plan_id=plan.id,
        version=1,
        unit=UnitRef(code="TV", name="Ủy ban nhân dân tỉnh Trà Vinh", kind=UnitKind.PROVINCE),
        year=plan.year,
        title=plan.title,
        programme="NQ76",
        fields=(ProgrammeField(code="I", name="Công tác chỉ đạo, điều hành"),),
        document=DocumentV1(number="1/QĐ-UBND", issued_on=at.date()),
        issued_at=at,
        tasks=tasks,
    )
    return Told(issued, at)
