"""The figures of a plan at a cut-off day, as known at a moment, under a method. Pure: same facts, same figures."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

from services.reporting.domain.facts import CompletionFact, CompletionState, Knowledge, PlanFacts, TaskFacts, TaskRecord
from services.reporting.domain.method import Method, Rate, Rounding, StandingTasks, rate

DUE_SOON_DAYS = 3


class State(StrEnum):
    """Where a task stands; the states of one plan sum to its total."""

    DONE = "done"
    AWAITING_CONFIRMATION = "awaiting_confirmation"
    RETURNED = "returned"
    IN_PROGRESS = "in_progress"
    NOT_STARTED = "not_started"


class Timing(StrEnum):
    """A done task is on time or late; an open one in time, due soon, overdue, or without a deadline."""

    ON_TIME = "on_time"
    LATE = "late"
    IN_TIME = "in_time"
    DUE_SOON = "due_soon"
    OVERDUE = "overdue"
    NO_DEADLINE = "no_deadline"


@dataclass(frozen=True, slots=True)
class TaskAt:
    """One task at a cut-off: its state, its timing, and whether it has come due.

    `completion` is the one that counts; None for a task that is not done.
    """

    task: TaskFacts
    record: TaskRecord
    state: State
    timing: Timing
    is_due: bool
    completion: CompletionFact | None

    @property
    def is_done(self) -> bool:
        """Whether it counts as done, on time or late."""
        return self.state is State.DONE


@dataclass(frozen=True, slots=True)
class Counts:
    """The figures of one set of tasks.

    `due` is done plus not done with a deadline up to the cut-off day, `overdue` not done with a deadline before it.
    """

    total: int
    done: int
    done_on_time: int
    done_late: int
    due: int
    overdue: int
    due_soon: int
    in_time: int
    no_deadline: int
    awaiting_confirmation: int
    returned: int
    in_progress: int
    not_started: int
    done_of_total: Rate
    done_of_due: Rate
    on_time_of_done: Rate

    @property
    def unfinished(self) -> int:
        """Tasks not done."""
        return self.total - self.done


@dataclass(frozen=True, slots=True)
class Group:
    """The figures of one field, or of one lead unit."""

    code: str
    name: str
    counts: Counts


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything counted for one plan at (cut-off, as-of, method).

    A task with several lead units counts in the row of each, so the rows of `by_unit` need not sum to the plan's
    counts; those of `by_field` do.
    """

    plan: PlanFacts
    cutoff: date
    method: Method
    counts: Counts
    by_field: tuple[Group, ...]
    by_unit: tuple[Group, ...]
    tasks: tuple[TaskAt, ...]


def figures(plan: PlanFacts, knowledge: Knowledge, cutoff: date, method: Method) -> Figures:
    """Count `plan` at the end of the day `cutoff` by what `knowledge` holds.

    The denominator is the plan's tasks (without continuous and recurring ones when the method excludes them); done are
    those with a counted completion whose product is dated not later than the cut-off.
    """
    tasks = tuple(
        task_at(plan, task, knowledge.record(task.id), cutoff, method)
        for task in plan.tasks
        if not (task.is_standing and method.standing_tasks is StandingTasks.EXCLUDED)
    )
    return Figures(
        plan=plan,
        cutoff=cutoff,
        method=method,
        counts=count(tasks, method.rounding),
        by_field=_by_field(plan, tasks, method.rounding),
        by_unit=_by_unit(tasks, method.rounding),
        tasks=tasks,
    )


def before_known(plan: PlanFacts) -> PlanFacts:
    """Return the plan as it stood before anything was known of it: without tasks."""
    return replace(plan, version=0, tasks=())


def task_at(plan: PlanFacts, task: TaskFacts, record: TaskRecord, cutoff: date, method: Method) -> TaskAt:
    """Classify one task at the end of the day `cutoff`."""
    completion = _counted(plan, task, record, cutoff, method)
    deadline = deciding_day(plan, task)
    if completion is not None:
        state, timing = State.DONE, _done_timing(task, completion)
    else:
        state, timing = _open_state(plan, record, cutoff), _open_timing(deadline, cutoff)
    is_due = completion is not None or (deadline is not None and deadline <= cutoff)
    return TaskAt(task, record, state, timing, is_due=is_due, completion=completion)


def deciding_day(plan: PlanFacts, task: TaskFacts) -> date | None:
    """Return the day on which the task falls due: for continuous and recurring tasks the last of the plan's year."""
    return date(plan.year, 12, 31) if task.is_standing else task.deadline.day


def count(tasks: Iterable[TaskAt], rounding: Rounding) -> Counts:
    """Count a set of classified tasks."""
    listed = tuple(tasks)

    def number(holds: Callable[[TaskAt], bool]) -> int:
        return sum(1 for task in listed if holds(task))

    total, done = len(listed), number(lambda task: task.is_done)
    on_time, due = number(lambda task: task.timing is Timing.ON_TIME), number(lambda task: task.is_due)
    return Counts(
        total=total,
        done=done,
        done_on_time=on_time,
        done_late=number(lambda task: task.timing is Timing.LATE),
        due=due,
        overdue=number(lambda task: task.timing is Timing.OVERDUE),
        due_soon=number(lambda task: task.timing is Timing.DUE_SOON),
        in_time=number(lambda task: task.timing is Timing.IN_TIME),
        no_deadline=number(lambda task: task.timing is Timing.NO_DEADLINE),
        awaiting_confirmation=number(lambda task: task.state is State.AWAITING_CONFIRMATION),
        returned=number(lambda task: task.state is State.RETURNED),
        in_progress=number(lambda task: task.state is State.IN_PROGRESS),
        not_started=number(lambda task: task.state is State.NOT_STARTED),
        done_of_total=rate(done, total, rounding),
        done_of_due=rate(done, due, rounding),
        on_time_of_done=rate(on_time, done, rounding),
    )


def _counted(
    plan: PlanFacts, task: TaskFacts, record: TaskRecord, cutoff: date, method: Method
) -> CompletionFact | None:
    """Return the completion that makes the task done at the cut-off, if there is one."""
    found = record.standing_completion
    if found is None or found.completed_on > cutoff:
        return None
    if plan.counts_when == "confirmed" and found.state is not CompletionState.CONFIRMED:
        return None
    waits_for_year_end = task.is_standing and method.standing_tasks is StandingTasks.YEAR_END
    if waits_for_year_end and cutoff < date(plan.year, 12, 31):
        return None
    return found


def _done_timing(task: TaskFacts, completion: CompletionFact) -> Timing:
    """Late only when the product is dated after a deadline's day; continuous and recurring tasks know no lateness."""
    is_late = not task.is_standing and task.deadline.day is not None and completion.completed_on > task.deadline.day
    return Timing.LATE if is_late else Timing.ON_TIME


def _open_state(plan: PlanFacts, record: TaskRecord, cutoff: date) -> State:
    """The state of a task that is not done. Progress notes carry no day of their own: they count as known."""
    found = record.standing_completion
    awaits = found is not None and found.state is CompletionState.REPORTED and plan.counts_when == "confirmed"
    if found is not None and awaits and found.completed_on <= cutoff:
        return State.AWAITING_CONFIRMATION
    if record.is_returned:
        return State.RETURNED
    return State.IN_PROGRESS if record.has_progress or record.completions else State.NOT_STARTED


def _open_timing(deadline: date | None, cutoff: date) -> Timing:
    if deadline is None:
        return Timing.NO_DEADLINE
    if deadline < cutoff:
        return Timing.OVERDUE
    return Timing.DUE_SOON if deadline <= cutoff + timedelta(days=DUE_SOON_DAYS) else Timing.IN_TIME


def _by_field(plan: PlanFacts, tasks: tuple[TaskAt, ...], rounding: Rounding) -> tuple[Group, ...]:
    """One row a field in the programme's order; a field code that the plan does not name follows under its code."""
    names = {field.code: field.name for field in plan.fields}
    for task in tasks:
        names.setdefault(task.task.field, task.task.field)
    grouped = {code: [task for task in tasks if task.task.field == code] for code in names}
    return tuple(Group(code, names[code], count(found, rounding)) for code, found in grouped.items() if found)


def _by_unit(tasks: tuple[TaskAt, ...], rounding: Rounding) -> tuple[Group, ...]:
    """One row a lead unit, in the order in which the plan first names them."""
    names: dict[str, str] = {}
    grouped: dict[str, list[TaskAt]] = {}
    for task in tasks:
        for unit in task.task.lead_units:
            names.setdefault(unit.code, unit.name)
            listed = grouped.setdefault(unit.code, [])
            if task not in listed[-1:]:  # a unit named twice in one task leads it once
                listed.append(task)
    return tuple(Group(code, names[code], count(found, rounding)) for code, found in grouped.items())
