"""Tasks in PostgreSQL: one statement loads what the rules need, one writes what they decided."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Date, RowMapping, Select, Text, TextClause, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.tasks.adapters.event_mapping import to_contract, to_history
from services.tasks.adapters.tables import (
    MOMENT,
    ONE_LIVE_COMPLETION,
    completions,
    plans,
    task_units,
    tasks,
    units,
)
from services.tasks.adapters.violations import violated
from services.tasks.domain.completion import LIVE, Completion, CompletionState
from services.tasks.domain.errors import CompletionAwaitsConfirmation
from services.tasks.domain.events import TaskCompleted, TaskProgressed
from services.tasks.domain.evidence import Evidence
from services.tasks.domain.plan import Deadline
from services.tasks.domain.receipt import evidence_content
from services.tasks.domain.task import PlanRules, Task, TaskState
from services.tasks.domain.unit import Duty, TaskUnit
from shared.messaging.outbox import Outbox


def _load() -> Select[Any]:
    plan_unit = units.alias("plan_unit")
    member = func.jsonb_build_object(
        "duty",
        task_units.c.duty,
        "code",
        task_units.c.code,
        "name",
        task_units.c.name,
        "kind",
        task_units.c.kind,
        "lineage",
        func.to_jsonb(units.c.lineage),
    )
    members = (
        select(func.jsonb_agg(aggregate_order_by(member, task_units.c.position), type_=JSONB))
        .select_from(task_units.outerjoin(units, units.c.code == task_units.c.code))
        .where(task_units.c.task_id == tasks.c.id)
        .scalar_subquery()
    )
    return (
        select(
            tasks,
            plans.c.unit.label("plan_unit"),
            plans.c.year.label("plan_year"),
            plans.c.counts_when,
            plans.c.evidence_required,
            plan_unit.c.lineage.label("plan_unit_lineage"),
            members.label("units"),
        )
        .select_from(
            tasks.join(plans, plans.c.id == tasks.c.plan_id).outerjoin(plan_unit, plan_unit.c.code == plans.c.unit)
        )
        .where(tasks.c.id == bindparam("task_id"))
        .with_for_update(of=tasks)
    )


_CHANGED = """
    WITH changed AS (
        UPDATE tasks SET state = :task_state, version = :version, completed_on = :task_completed_on WHERE id = :task_id
    )"""
_REPORTED = """, reported AS (
        INSERT INTO completions
            (id, task_id, completed_on, reported_at, recorded_at, by_subject, by_unit, evidence, note)
        VALUES (:completion_id, :task_id, :completed_on, :reported_at, :moment, :subject, :unit, :evidence, :note)
    )"""
_DECIDED = """, decided AS (
        UPDATE completions
        SET state = :completion_state, decided_at = :moment, decided_by = :subject, reason = :reason
        WHERE id = :completion_id
    )"""
_HISTORY = """
    INSERT INTO task_history (task_id, version, kind, actor_subject, actor_unit, moment, payload)
    VALUES (:task_id, :version, :kind, :subject, :unit, :moment, :payload)"""


def _statement(*parts: str) -> TextClause:
    sql = "".join(parts)
    kinds: dict[str, Any] = {
        "moment": MOMENT,
        "reported_at": MOMENT,
        "evidence": JSONB,
        "payload": JSONB,
        "reason": Text,
        "note": Text,
    }
    kinds |= {"unit": Text, "task_completed_on": Date}
    return text(sql).bindparams(*(bindparam(name, type_=kind) for name, kind in kinds.items() if f":{name}" in sql))


_LOAD = _load()
_SAVE_PROGRESS = _statement(_CHANGED, _HISTORY)
_SAVE_COMPLETION = _statement(_CHANGED, _REPORTED, _HISTORY)
_SAVE_DECISION = _statement(_CHANGED, _DECIDED, _HISTORY)


class SqlTaskRepository:
    """Tasks, one at a time, under lock.

    No row that two tasks share is ever written here, so completions of different tasks never wait for one another.
    """

    def __init__(self, connection: AsyncConnection, outbox: Outbox) -> None:
        self._connection = connection
        self._outbox = outbox

    async def load(self, task_id: UUID) -> Task | None:
        """Lock the task and return it.

        The lock comes with the first statement: whoever waited for it sees the row as the other has left it.
        Completions are another table and would be seen as of before the wait; they are loaded by statements of
        their own.
        """
        row = (await self._connection.execute(_LOAD, {"task_id": task_id})).mappings().one_or_none()
        return None if row is None else _task(row)

    async def load_completion(self, task: Task, completion_id: UUID) -> None:
        await self._load_completion(
            task, select(completions).where(completions.c.task_id == task.id, completions.c.id == completion_id)
        )

    async def load_live_completion(self, task: Task) -> None:
        live = [state.value for state in LIVE]
        await self._load_completion(
            task, select(completions).where(completions.c.task_id == task.id, completions.c.state.in_(live))
        )

    async def save(self, task: Task) -> UUID:
        """Write state, history and completion in one statement, then the event.

        The primary key of the history holds the version: a change that was decided on a stale version cannot be
        written, whatever happens to the lock.
        """
        [event] = task.events
        kind, payload = to_history(event)
        values: dict[str, Any] = {
            "task_id": task.id,
            "task_state": task.state.value,
            "task_completed_on": task.completed_on,
            "version": event.version,
            "kind": kind,
            "subject": event.subject,
            "unit": event.unit,
            "moment": event.moment,
            "payload": payload,
        }
        if isinstance(event, TaskProgressed):
            await self._connection.execute(_SAVE_PROGRESS, values)
        elif isinstance(event, TaskCompleted):
            await self._save_completion(event, values)
        else:
            await self._connection.execute(_SAVE_DECISION, values | _decision(task.completion))
        return await self._outbox.add(
            to_contract(event), subject=str(task.id), key=str(task.plan_id), time=event.moment
        )

    async def _save_completion(self, event: TaskCompleted, values: dict[str, Any]) -> None:
        reported = {
            "completion_id": event.completion_id,
            "completed_on": event.completed_on,
            "reported_at": event.reported_at,
            "evidence": [evidence_content(document) for document in event.evidence],
            "note": event.note,
        }
        try:
            await self._connection.execute(_SAVE_COMPLETION, values | reported)
        except IntegrityError as error:
            if violated(error) == ONE_LIVE_COMPLETION:
                raise CompletionAwaitsConfirmation from error
            raise

    async def _load_completion(self, task: Task, wanted: Select[Any]) -> None:
        row = (await self._connection.execute(wanted)).mappings().one_or_none()
        task.completion = None if row is None else _completion(row)


def _decision(completion: Completion | None) -> dict[str, Any]:
    if completion is None:
        raise ValueError("a decision is about a completion")
    return {
        "completion_id": completion.id,
        "completion_state": completion.state.value,
        "reason": completion.reason,
    }


def _task(row: RowMapping) -> Task:
    return Task(
        id=row["id"],
        plan_id=row["plan_id"],
        plan=PlanRules(
            unit_lineage=tuple(row["plan_unit_lineage"] or (row["plan_unit"],)),
            year=row["plan_year"],
            counts_when_reported=row["counts_when"] == "reported",
            evidence_required=row["evidence_required"],
        ),
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
        state=TaskState(row["state"]),
        version=row["version"],
        completed_on=row["completed_on"],
    )


def _units(row: RowMapping, duty: Duty) -> tuple[TaskUnit, ...]:
    return tuple(
        TaskUnit(
            name=unit["name"],
            code=unit["code"],
            kind=unit["kind"],
            lineage=tuple(unit["lineage"] or ([unit["code"]] if unit["code"] else ())),
        )
        for unit in row["units"] or ()
        if unit["duty"] == duty
    )


def _completion(row: RowMapping) -> Completion:
    return Completion(
        id=row["id"],
        completed_on=row["completed_on"],
        reported_at=row["reported_at"],
        recorded_at=row["recorded_at"],
        by_subject=row["by_subject"],
        by_unit=row["by_unit"],
        evidence=tuple(
            Evidence(**{**document, "issued_on": date.fromisoformat(document["issued_on"])})
            for document in row["evidence"]
        ),
        note=row["note"],
        state=CompletionState(row["state"]),
        reason=row["reason"],
        decided_at=row["decided_at"],
        decided_by=row["decided_by"],
    )
