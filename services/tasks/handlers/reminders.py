"""What time tells by itself, made by the worker; the rules are in domain/reminders.py."""

from collections.abc import Callable
from dataclasses import dataclass

from services.tasks.domain.reminders import ReminderRules, Standing, TaskReminded, Window, kind_due, remind
from services.tasks.ports import RemindersUnitOfWork
from shared.clock import Clock, vietnam_date
from shared.messaging.fault_points import reach
from shared.telemetry import counter

REMINDERS = counter("cchc.tasks.reminders", unit="{reminder}", description="Nhắc việc đã lập, theo loại.")


@dataclass(frozen=True)
class ReminderDesk:
    """What reminders are made with. `at_once` is the most that one transaction makes."""

    unit_of_work: Callable[[], RemindersUnitOfWork]
    clock: Clock
    rules: ReminderRules
    at_once: int


async def make_reminders(desk: ReminderDesk) -> int | None:
    """Make some of the reminders that are due, and return how many; None where it is another's turn.

    Each is made once, whoever else is at it and wherever this process ends: what was not committed is due still. What
    a scheduler that slept finds is how things stand now, one reminder a task, not one for each day that it missed.
    """
    if not desk.rules.is_office_time(desk.clock.now()):
        return 0
    async with desk.unit_of_work() as work:
        if not await work.take_turn():
            return None
        made = await _due(desk, work)
        if not made:
            return 0
        reach("reminders.taken")
        await work.save(made)
        reach("reminders.written")
        await work.commit()
    reach("reminders.committed")
    for reminder in made:
        REMINDERS.add(1, {"kind": reminder.kind.value})
    return len(made)


async def _due(desk: ReminderDesk, work: RemindersUnitOfWork) -> list[TaskReminded]:
    today = vietnam_date(desk.clock.now())
    farthest = desk.rules.farthest
    calendar = await work.calendar(today - farthest, today + farthest)
    window = Window.of(today, desk.rules, calendar)
    standings = await work.due(window, limit=desk.at_once)
    earliest = min((each.reported_on for each in standings if each.reported_on is not None), default=today)
    if earliest < today - farthest:
        calendar = await work.calendar(earliest, today)
    moment = desk.clock.now()  # after the tasks were locked, so that their versions and moments run the same way

    def made_of(standing: Standing) -> TaskReminded | None:
        kind = kind_due(standing, window)
        return None if kind is None else remind(standing, kind, moment=moment, today=today, calendar=calendar)

    return [made for made in map(made_of, standings) if made is not None]
