"""Plans, their tasks and the tasks' progress in PostgreSQL."""

from collections import defaultdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, exists, insert, literal, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncConnection

from services.plans.adapters.tables import plan_task_progress, plan_task_units, plan_tasks, plans
from services.plans.domain.deadline import Deadline, DeadlineKind
from services.plans.domain.plan import (
    CompletionState,
    Coordinator,
    CountsWhen,
    Document,
    Plan,
    PlanState,
    PlanTask,
    UnitName,
)
from services.plans.domain.unit import UnitKind

_LEAD, _COORDINATING = "lead", "coordinating"


class SqlPlanRepository:
    """The plans on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, plan: Plan, *, imported_at: datetime) -> None:
        await self._connection.execute(insert(plans).values(imported_at=imported_at, **_plan_row(plan)))
        if plan.tasks:
            rows = [_task_row(plan, task, position) for position, task in enumerate(plan.tasks, start=1)]
            await self._connection.execute(insert(plan_tasks), rows)
            await self._connection.execute(
                insert(plan_task_units), [row for task in plan.tasks for row in _duties(task)]
            )

    async def load(self, plan_id: UUID) -> Plan | None:
        row = (
            await self._connection.execute(select(plans).where(plans.c.id == plan_id).with_for_update())
        ).one_or_none()
        return None if row is None else _plan(row, await self._tasks(plan_id))

    async def _tasks(self, plan_id: UUID) -> tuple[PlanTask, ...]:
        tasks = await self._connection.execute(
            select(plan_tasks).where(plan_tasks.c.plan_id == plan_id).order_by(plan_tasks.c.position)
        )
        duties = await self._connection.execute(
            select(plan_task_units)
            .join(plan_tasks, plan_tasks.c.id == plan_task_units.c.task_id)
            .where(plan_tasks.c.plan_id == plan_id)
            .order_by(plan_task_units.c.position)
        )
        named: defaultdict[tuple[UUID, str], list[Row[Any]]] = defaultdict(list)
        for duty in duties:
            named[duty.task_id, duty.duty].append(duty)
        return tuple(_task(row, named[row.id, _LEAD], named[row.id, _COORDINATING]) for row in tasks)

    async def save_issue(self, plan: Plan) -> None:
        row = _plan_row(plan)
        changed = ("state", "version", "document_number", "document_issued_on", "document_signed_by", "issued_at")
        await self._connection.execute(
            update(plans).where(plans.c.id == plan.id).values({name: row[name] for name in changed})
        )


class SqlProgressRepository:
    """The tasks' progress on one connection."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def apply(self, plan_id: UUID, task_id: UUID, version: int, state: CompletionState) -> bool:
        progress = plan_task_progress.c
        here = plan_tasks.c.id == task_id, plan_tasks.c.plan_id == plan_id
        told = select(plan_tasks.c.id, literal(version), literal(state.value)).where(*here)
        statement = postgresql.insert(plan_task_progress).from_select(["task_id", "version", "state"], told)
        newer = statement.on_conflict_do_update(
            index_elements=[progress.task_id],
            set_={"version": statement.excluded.version, "state": statement.excluded.state},
            where=progress.version < statement.excluded.version,
        )
        written = await self._connection.execute(newer)
        if written.rowcount:
            return True
        return bool(await self._connection.scalar(select(exists().where(*here))))


def _plan_row(plan: Plan) -> dict[str, Any]:
    document = plan.document
    return {
        "id": plan.id,
        "unit": plan.unit.code,
        "unit_name": plan.unit.name,
        "unit_kind": plan.unit.kind.value,
        "year": plan.year,
        "title": plan.title,
        "programme": plan.programme,
        "counts_when": plan.counts_when.value,
        "evidence_required": plan.evidence_required,
        "state": plan.state.value,
        "version": plan.version,
        "document_number": document.number if document else None,
        "document_issued_on": document.issued_on if document else None,
        "document_signed_by": document.signed_by if document else None,
        "issued_at": plan.issued_at,
    }


def _task_row(plan: Plan, task: PlanTask, position: int) -> dict[str, Any]:
    return {
        "id": task.id,
        "plan_id": plan.id,
        "position": position,
        "code": task.code,
        "number": task.number,
        "programme": plan.programme,
        "field": task.field,
        "group_title": task.group,
        "title": task.title,
        "deliverable": task.deliverable,
        "note": task.note,
        "deadline_phrase": task.deadline.phrase,
        "deadline_kind": task.deadline.kind.value,
        "deadline_date": task.deadline.date,
        "deadline_dates": list(task.deadline.dates),
    }


def _duties(task: PlanTask) -> list[dict[str, Any]]:
    leads: list[dict[str, Any]] = [
        {"duty": _LEAD, "position": position, "unit": one.code, "name": one.name, "kind": one.kind.value}
        for position, one in enumerate(task.lead_units)
    ]
    others: list[dict[str, Any]] = [
        {"duty": _COORDINATING, "position": position, "unit": one.code, "name": one.name, "kind": None}
        for position, one in enumerate(task.coordinating_units)
    ]
    return [{"task_id": task.id, **row} for row in (*leads, *others)]


def _plan(row: Row[Any], tasks: tuple[PlanTask, ...]) -> Plan:
    document = None
    if row.document_number is not None:
        document = Document(row.document_number, row.document_issued_on, row.document_signed_by)
    return Plan(
        id=row.id,
        unit=UnitName(row.unit, row.unit_name, UnitKind(row.unit_kind)),
        year=row.year,
        title=row.title,
        programme=row.programme,
        counts_when=CountsWhen(row.counts_when),
        evidence_required=row.evidence_required,
        tasks=tasks,
        state=PlanState(row.state),
        version=row.version,
        document=document,
        issued_at=row.issued_at,
    )


def _task(row: Row[Any], leads: list[Row[Any]], coordinators: list[Row[Any]]) -> PlanTask:
    return PlanTask(
        id=row.id,
        code=row.code,
        number=row.number,
        field=row.field,
        title=row.title,
        deadline=Deadline(
            row.deadline_phrase, DeadlineKind(row.deadline_kind), row.deadline_date, tuple(row.deadline_dates)
        ),
        lead_units=tuple(UnitName(one.unit, one.name, UnitKind(one.kind)) for one in leads),
        coordinating_units=tuple(Coordinator(one.name, one.unit) for one in coordinators),
        deliverable=row.deliverable,
        group=row.group_title,
        note=row.note,
    )
