"""From rows to the aggregate, and from the aggregate to the values of rows."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from services.tasks.adapters.event_mapping import to_contract, to_history
from services.tasks.domain.completion import Completion, CompletionState
from services.tasks.domain.events import TaskCompleted, TaskEvent, TaskProgressed
from services.tasks.domain.evidence import Evidence
from services.tasks.domain.plan import Deadline
from services.tasks.domain.receipt import evidence_content
from services.tasks.domain.task import PlanRules, Task, TaskState
from services.tasks.domain.unit import Duty, TaskUnit
from shared.database.idempotency import RequestKey, StoredAnswer
from shared.messaging.outbox import outbox_row

SOURCE = "/cchc/tasks"

Row = Mapping[str, Any]


def task_of(row: Row) -> Task:
    """Return the aggregate that READ_TASK found, without a completion."""
    members = [(unit["duty"], _unit(unit)) for unit in row["units"] or ()]
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
        leads=tuple(unit for duty, unit in members if duty == Duty.LEAD),
        coordinating=tuple(unit for duty, unit in members if duty == Duty.COORDINATING),
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


def _unit(told: Row) -> TaskUnit:
    own = (told["code"],) if told["code"] else ()
    return TaskUnit(name=told["name"], code=told["code"], kind=told["kind"], lineage=tuple(told["lineage"] or own))


def completion_of(row: Row) -> Completion:
    """Return a completion of the task."""
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


def change_of(task: Task, event_id: UUID) -> dict[str, Any]:
    """Return the values of the rows that tell of the one event that the task has recorded."""
    [event] = task.events
    kind, payload = to_history(event)
    told = outbox_row(
        to_contract(event),
        event_id=event_id,
        source=SOURCE,
        subject=str(task.id),
        key=str(task.plan_id),
        time=event.moment,
    )
    return {
        "task_id": task.id,
        "task_state": task.state.value,
        "task_completed_on": task.completed_on,
        "version": event.version,
        "kind": kind,
        "subject": event.subject,
        "unit": event.unit,
        "moment": event.moment,
        "payload": text_of(payload),
        **told,
        "event_key": told["key"],
        "headers": text_of(told["headers"]),
        **_completion_values(task, event),
    }


def _completion_values(task: Task, event: TaskEvent) -> dict[str, Any]:
    if isinstance(event, TaskProgressed):
        return {}
    if isinstance(event, TaskCompleted):
        return {
            "completion_id": event.completion_id,
            "completed_on": event.completed_on,
            "reported_at": event.reported_at,
            "evidence": text_of([evidence_content(document) for document in event.evidence]),
            "note": event.note,
        }
    if task.completion is None:
        raise ValueError("a decision is about a completion")
    return {
        "completion_id": task.completion.id,
        "completion_state": task.completion.state.value,
        "reason": task.completion.reason,
    }


def kept_values(request: RequestKey | None, answer: StoredAnswer | None) -> dict[str, Any]:
    """Return the columns of the answer that is kept under the request's key; nulls where it has none."""
    if request is None or answer is None:
        return {"caller": None, "key": None, "request_sha256": None, "status": None, "answer": None}
    return {
        "caller": request.caller,
        "key": request.key,
        "request_sha256": request.request_sha256,
        "status": answer.status,
        "answer": text_of(answer.body),
    }


def text_of(content: object) -> str:
    """Return what a jsonb parameter is sent as; what is read arrives decoded, for the pool sets its connections so."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
