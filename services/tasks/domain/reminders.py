"""What time tells by itself: a deadline is near, a deadline has passed, a completion waits for too long.

A department is reminded of what it still has to do. So a task that is done or closed is not told of, and neither is one
that awaits confirmation: there the secretariat is late, which `unconfirmed` says. When it returns the completion after
the deadline, the task is overdue from that day on.

* due soon: from so many days before the deadline up to the deadline itself, on any day. They are calendar days, the
  same as in `timing`, unless the office counts working days, which begins earlier around weekends and Tết.
* overdue: from the first working day after the deadline.
* unconfirmed: on the first working day on which more than so many working days have passed since the report.

Each is told once a deadline, and once more after each reopening; unconfirmed once a completion. What has been overdue
for longer than the office looks back is history: plans of past years are imported without a word. Nothing is told
before office hours.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from services.tasks.domain.calendar import ONE_DAY, WorkingCalendar
from services.tasks.domain.task import TaskState
from shared.clock import VIETNAM

OPEN = frozenset({TaskState.NOT_STARTED, TaskState.IN_PROGRESS, TaskState.RETURNED})
"""States in which a unit still has to do something."""
SUBJECT = "cchc:reminders"
"""Who stands in a task's history where time itself has acted."""
LONGEST_OFF = 31
"""Days in a row without work that no calendar has (Tết has nine); how much further than the days counted is looked."""


class ReminderKind(StrEnum):
    """What is told."""

    DUE_SOON = "due_soon"
    OVERDUE = "overdue"
    UNCONFIRMED = "unconfirmed"


class DayKind(StrEnum):
    """Which days count on the way to a deadline."""

    CALENDAR = "calendar"
    WORKING = "working"


@dataclass(frozen=True)
class ReminderRules:
    """What the office has set."""

    due_soon_days: int = 3
    day_kind: DayKind = DayKind.CALENDAR
    unconfirmed_days: int = 5
    look_back_days: int = 31
    hour: int = 8
    """Hour of the Vietnamese day from which its reminders are made."""

    def is_office_time(self, moment: datetime) -> bool:
        """Tell whether the day's reminders may be made by now."""
        return moment.astimezone(VIETNAM).hour >= self.hour

    @property
    def farthest(self) -> timedelta:
        """How far from today a day can be that decides."""
        return timedelta(days=2 * max(self.due_soon_days, self.unconfirmed_days) + LONGEST_OFF)


@dataclass(frozen=True)
class Window:
    """What is told on `today`, as plain bounds that a database compares dates with; None: nothing of that kind.

    Due soon is a deadline from `today` to `due_soon_until`; overdue one before `today`, where it, or the day on which
    the task was last opened again, is not before `overdue_since`; unconfirmed a report from `reported_since` to
    `reported_until`.
    """

    today: date
    due_soon_until: date
    overdue_since: date | None = None
    reported_since: date | None = None
    reported_until: date | None = None

    @classmethod
    def of(cls, today: date, rules: ReminderRules, calendar: WorkingCalendar) -> "Window":
        """Return what `rules` mean on `today`."""
        horizon = rules.farthest.days
        due_soon_until = today + rules.due_soon_days * ONE_DAY
        if rules.day_kind is DayKind.WORKING:
            due_soon_until = calendar.last_day_with(rules.due_soon_days, after=today, horizon=horizon)
        if not calendar.is_working(today):
            return cls(today, due_soon_until)
        back = rules.look_back_days * ONE_DAY
        until = calendar.first_day_with(rules.unconfirmed_days + 1, until=today, horizon=horizon)
        return cls(today, due_soon_until, overdue_since=today - back, reported_since=until - back, reported_until=until)


@dataclass(frozen=True)
class Standing:
    """Where a task stands, as far as reminders ask. Days are Vietnamese calendar days."""

    task_id: UUID
    plan_id: UUID
    version: int
    state: TaskState
    deadline: date | None
    reopenings: int = 0
    opened_on: date | None = None
    """When a completion of it was last returned or reopened."""
    told: frozenset[ReminderKind] = frozenset()
    """Of this deadline since the last reopening, or of the completion that awaits."""
    completion_id: UUID | None = None
    """The completion that awaits confirmation."""
    reported_on: date | None = None
    """When it was recorded."""


@dataclass(frozen=True)
class TaskReminded:
    """One reminder: a change of the task like any other, told by an event and kept in the history."""

    kind: ReminderKind
    plan_id: UUID
    task_id: UUID
    version: int
    moment: datetime
    day: date
    days: int
    """Calendar days left or past; working days awaited."""
    deadline: date | None
    round: int
    """How often the task had been reopened."""
    completion_id: UUID | None


def kind_due(standing: Standing, window: Window) -> ReminderKind | None:
    """Return what is to be told of the task and has not been told yet."""
    kind = _kind(standing, window)
    return None if kind in standing.told else kind


def remind(
    standing: Standing, kind: ReminderKind, *, moment: datetime, today: date, calendar: WorkingCalendar
) -> TaskReminded:
    """Return the reminder of that kind, found on `today` to be due."""
    return TaskReminded(
        kind=kind,
        plan_id=standing.plan_id,
        task_id=standing.task_id,
        version=standing.version + 1,
        moment=moment,
        day=today,
        days=_days(standing, kind, today, calendar),
        deadline=standing.deadline,
        round=standing.reopenings,
        completion_id=standing.completion_id if kind is ReminderKind.UNCONFIRMED else None,
    )


def _kind(standing: Standing, window: Window) -> ReminderKind | None:
    if standing.state is TaskState.AWAITING_CONFIRMATION:
        is_late = _is_between(window.reported_since, standing.reported_on, window.reported_until)
        return ReminderKind.UNCONFIRMED if is_late else None
    deadline = standing.deadline
    if standing.state not in OPEN or deadline is None:
        return None
    if deadline >= window.today:
        return ReminderKind.DUE_SOON if deadline <= window.due_soon_until else None
    open_since = max(deadline, standing.opened_on or deadline)
    return ReminderKind.OVERDUE if _is_between(window.overdue_since, open_since, open_since) else None


def _is_between(first: date | None, day: date | None, last: date | None) -> bool:
    return first is not None and day is not None and last is not None and first <= day <= last


def _days(standing: Standing, kind: ReminderKind, today: date, calendar: WorkingCalendar) -> int:
    if kind is ReminderKind.UNCONFIRMED and standing.reported_on is not None:
        return calendar.working_days(standing.reported_on, today)
    if standing.deadline is None:
        raise ValueError("only a task with a deadline is due soon or overdue")
    return abs((standing.deadline - today).days)
