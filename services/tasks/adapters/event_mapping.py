"""From the aggregate's events to what is published, and to what the history keeps."""

from typing import Any

from services.tasks.domain import events
from services.tasks.domain.receipt import evidence_content
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
