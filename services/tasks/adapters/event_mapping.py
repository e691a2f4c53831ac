"""From the aggregate's events to what is published, and to what the history keeps."""

from collections.abc import Mapping
from typing import Any

from services.tasks.domain import events
from services.tasks.domain.receipt import evidence_content
from services.tasks.domain.reminders import ReminderKind, TaskReminded
from shared.contracts import tasks as published
from shared.contracts.envelope import Contract


def to_contract(event: events.TaskEvent) -> Contract:
    """Return the published form of `event`."""
    said: dict[str, Any] = {
        "plan_id": event.plan_id,
        "task_id": event.task_id,
        "version": event.version,
        "actor": published.ActorV1(subject=event.subject, unit=event.unit),
        "recorded_at": event.moment,
    }
    match event:
        case events.TaskProgressed():
            return published.TaskProgressedV1(**said, note=event.note, percent=event.percent)
        case events.TaskCompleted():
            return published.TaskCompletedV1(
                **said,
                completion_id=event.completion_id,
                completed_on=event.completed_on,
                reported_at=event.reported_at,
                evidence=tuple(published.EvidenceV1(**evidence_content(document)) for document in event.evidence),
                note=event.note,
            )
        case events.CompletionConfirmed():
            return published.CompletionConfirmedV1(**said, completion_id=event.completion_id)
        case events.CompletionReturned():
            return published.CompletionReturnedV1(**said, completion_id=event.completion_id, reason=event.reason)
        case events.TaskReopened():
            return published.TaskReopenedV1(**said, completion_id=event.completion_id, reason=event.reason)


def to_history(event: events.TaskEvent) -> tuple[str, dict[str, Any]]:
    """Return kind and payload of the history row that tells of `event`."""
    match event:
        case events.TaskProgressed():
            return "progressed", {"note": event.note} | ({} if event.percent is None else {"percent": event.percent})
        case events.TaskCompleted():
            return "completed", {
                "completion_id": str(event.completion_id),
                "completed_on": event.completed_on.isoformat(),
            }
        case events.CompletionConfirmed():
            return "confirmed", {"completion_id": str(event.completion_id)}
        case events.CompletionReturned():
            return "returned", {"completion_id": str(event.completion_id), "reason": event.reason}
        case events.TaskReopened():
            return "reopened", {"completion_id": str(event.completion_id), "reason": event.reason}


_REMINDERS: Mapping[ReminderKind, type[published.TaskReminder]] = {
    ReminderKind.DUE_SOON: published.TaskDueSoonV1,
    ReminderKind.OVERDUE: published.TaskOverdueV1,
    ReminderKind.UNCONFIRMED: published.CompletionUnconfirmedV1,
}


def reminder_to_contract(reminder: TaskReminded) -> Contract:
    """Return the published form of a reminder."""
    about = {} if reminder.completion_id is None else {"completion_id": reminder.completion_id}
    return _REMINDERS[reminder.kind].model_validate(
        {
            "plan_id": reminder.plan_id,
            "task_id": reminder.task_id,
            "version": reminder.version,
            "deadline": reminder.deadline,
            "day": reminder.day,
            "days": reminder.days,
            "recorded_at": reminder.moment,
            **about,
        }
    )


def reminder_to_history(reminder: TaskReminded) -> dict[str, Any]:
    """Return the payload of the history row that tells of a reminder; its kind is the reminder's."""
    found = {"day": reminder.day.isoformat(), "days": reminder.days}
    if reminder.deadline is not None:
        found["deadline"] = reminder.deadline.isoformat()
    if reminder.completion_id is not None:
        found["completion_id"] = str(reminder.completion_id)
    return found
