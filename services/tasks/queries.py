"""Read side: lists and single tasks as this caller may see them. What one may not see is not there, in no filter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, func, literal, not_, or_, select, true, tuple_
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncEngine

from services.tasks.adapters.calendar import known_days
from services.tasks.adapters.tables import completions, plans, task_history, task_units, tasks, units
from services.tasks.domain.actor import OVERSIGHT, Actor, ActorRole
from services.tasks.domain.calendar import CalendarDay
from services.tasks.domain.errors import TaskNotFound
from services.tasks.domain.plan import Deadline
from services.tasks.domain.portrait import task_portrait
from services.tasks.domain.receipt import moment_text
from services.tasks.domain.task import TaskState
from services.tasks.domain.timing import Timing, timing
from services.tasks.domain.unit import Duty, TaskUnit

TaskPosition = tuple[UUID, int, UUID]
"""Plan, place within the plan, task: what the list is sorted by."""


@dataclass(frozen=True)
class TaskFilter:
    """What to list; None means any. `unit` takes its whole subtree, on lead and coordinating duties alike."""

    plan_id: UUID | None = None
    unit: str | None = None
    state: TaskState | None = None
    number: str | None = None
    timing: Timing | None = None


@dataclass(frozen=True)
class Today:
    """The Vietnamese calendar day of the question, and from how many days before a deadline on a task is due soon."""

    day: date
    due_soon_days: int


async def list_tasks(
    engine: AsyncEngine,
    actor: Actor,
    wanted: TaskFilter,
    *,
    today: Today,
    after: TaskPosition | None,
    limit: int,
) -> tuple[list[dict[str, Any]], TaskPosition | None]:
    """Return a page of tasks in the order of their plans, and where the next page begins (None after the last)."""
    statement = (
        _portraits()
        .where(_visible(actor), *_matching(actor, wanted, today))
        .order_by(tasks.c.plan_id, tasks.c.position, tasks.c.id)
        .limit(limit + 1)
    )
    if after is not None:
        statement = statement.where(tuple_(tasks.c.plan_id, tasks.c.position, tasks.c.id) > after)
    async with engine.connect() as connection:
        rows = (await connection.execute(statement)).mappings().all()
    page = rows[:limit]
    following = (page[-1]["plan_id"], page[-1]["position"], page[-1]["id"]) if len(rows) > limit else None
    return [_portrait(row, today) for row in page], following


async def get_task(engine: AsyncEngine, actor: Actor, task_id: UUID, *, today: Today) -> dict[str, Any]:
    """Return the task with its completions and its history, both oldest first.

    Raises:
        TaskNotFound: there is no such task, or the actor may not see it.
    """
    statement = _portraits().where(tasks.c.id == task_id, _visible(actor))
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="REPEATABLE READ")  # all of one moment
        row = (await connection.execute(statement)).mappings().one_or_none()
        if row is None:
            raise TaskNotFound
        reported = await connection.execute(
            select(completions)
            .where(completions.c.task_id == task_id)
            .order_by(completions.c.recorded_at, completions.c.id)
        )
        happened = await connection.execute(
            select(task_history).where(task_history.c.task_id == task_id).order_by(task_history.c.version)
        )
        return {
            **_portrait(row, today),
            "completions": [_completion(found) for found in reported.mappings()],
            "history": [_happening(found) for found in happened.mappings()],
        }


async def list_calendar_days(engine: AsyncEngine, year: int) -> list[CalendarDay]:
    """Return the days of a year that differ from their weekday or were set by the office, one entry a day."""
    async with engine.connect() as connection:
        known = await known_days(connection, year, year)
    return sorted({each.day: each for each in known}.values(), key=lambda each: each.day)


def _portraits() -> Select[Any]:
    member = func.jsonb_build_object("duty", task_units.c.duty, "code", task_units.c.code, "name", task_units.c.name)
    members = (
        select(func.jsonb_agg(aggregate_order_by(member, task_units.c.position), type_=JSONB))
        .where(task_units.c.task_id == tasks.c.id)
        .scalar_subquery()
    )
    return select(tasks, members.label("units"))


def _visible(actor: Actor) -> ColumnElement[bool]:
    """Say in SQL what domain/access.py says of one task; a test holds the two against each other."""
    ways: list[ColumnElement[bool]] = []
    if actor.has(ActorRole.DEPARTMENT) and actor.unit is not None:
        ways.append(_has_unit_below(actor.unit))
    if actor.roles & OVERSIGHT:
        ways.append(true() if actor.unit is None else _plan_lies_below(actor.unit))
    return or_(*ways) if ways else not_(true())


def _has_unit_below(code: str) -> ColumnElement[bool]:
    return exists(
        select(task_units.c.task_id)
        .join(units, units.c.code == task_units.c.code)
        .where(task_units.c.task_id == tasks.c.id, units.c.lineage.contains([code]))
    )


def _plan_lies_below(code: str) -> ColumnElement[bool]:
    return exists(
        select(plans.c.id)
        .outerjoin(units, units.c.code == plans.c.unit)
        .where(plans.c.id == tasks.c.plan_id, units.c.lineage.contains([code]))
    )


def _matching(actor: Actor, wanted: TaskFilter, today: Today) -> Sequence[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.plan_id is not None:
        found.append(tasks.c.plan_id == wanted.plan_id)
    if wanted.state is not None:
        found.append(tasks.c.state == wanted.state.value)
    if wanted.number is not None:
        found.append(tasks.c.number == wanted.number)
    if wanted.timing is not None:
        found.append(_stands(wanted.timing, today))
    if wanted.unit is not None:
        found.append(_has_unit_below(wanted.unit))
        if actor.unit is not None:
            found.append(
                exists(select(units.c.code).where(units.c.code == wanted.unit, units.c.lineage.contains([actor.unit])))
            )
    return found


def _stands(wanted: Timing, today: Today) -> ColumnElement[bool]:
    """Say in SQL what domain/timing.py says of one task; a test holds the two against each other."""
    due = tasks.c.deadline_date
    done = tasks.c.state == TaskState.DONE.value
    late = or_(and_(done, tasks.c.completed_on > due), and_(not_(done), due < today.day))
    soon = and_(not_(done), due.between(today.day, today.day + timedelta(days=today.due_soon_days)))
    meanings: Mapping[Timing, ColumnElement[bool]] = {
        Timing.NO_DEADLINE: due.is_(None),
        Timing.OVERDUE: late,
        Timing.DUE_SOON: soon,
        Timing.IN_TIME: and_(due.is_not(None), not_(late), not_(soon)),
    }
    return func.coalesce(meanings[wanted], literal(value=False))


def _portrait(row: Mapping[Any, Any], today: Today) -> dict[str, Any]:
    done_on = row["completed_on"] if row["state"] == TaskState.DONE.value else None
    return task_portrait(
        task_id=row["id"],
        plan_id=row["plan_id"],
        code=row["code"],
        number=row["number"],
        title=row["title"],
        field=row["field"],
        leads=_units(row, Duty.LEAD),
        coordinating=_units(row, Duty.COORDINATING),
        deadline=Deadline(
            phrase=row["deadline_phrase"],
            kind=row["deadline_kind"],
            date=row["deadline_date"],
            dates=tuple(row["deadline_dates"]),
        ),
        state=row["state"],
        timing=timing(
            deadline=row["deadline_date"], done_on=done_on, today=today.day, due_soon_days=today.due_soon_days
        ),
        version=row["version"],
    )


def _units(row: Mapping[Any, Any], duty: Duty) -> tuple[TaskUnit, ...]:
    return tuple(TaskUnit(name=unit["name"], code=unit["code"]) for unit in row["units"] or () if unit["duty"] == duty)


def _completion(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "state": row["state"],
        "completed_on": row["completed_on"].isoformat(),
        "reported_at": moment_text(row["reported_at"]),
        "recorded_at": moment_text(row["recorded_at"]),
        "reported_by": {"subject": row["by_subject"], "unit": row["by_unit"]},
        "evidence": row["evidence"],
        "note": row["note"],
        "decided_at": None if row["decided_at"] is None else moment_text(row["decided_at"]),
        "decided_by": row["decided_by"],
        "reason": row["reason"],
    }


def _happening(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {
        "version": row["version"],
        "kind": row["kind"],
        "actor": {"subject": row["actor_subject"], "unit": row["actor_unit"]},
        "moment": moment_text(row["moment"]),
        "details": row["payload"],
    }
