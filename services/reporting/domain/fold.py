"""From heard events to what was known at a moment.

The order in which events arrive does not matter: a plan's version and a task's version decide, and an event heard
twice is one event. An event counts as known at `as_of` when its own time (the moment at which the publishing service
had it on disk) is not later, so the answer for a past moment never changes once its events have arrived.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from services.reporting.domain.facts import (
    CompletionFact,
    CompletionState,
    EvidenceFact,
    Knowledge,
    PlanFacts,
    TaskRecord,
)


@dataclass(frozen=True, slots=True)
class PlanHeard:
    """A plan was issued, or issued again in a new version."""

    event_id: UUID
    recorded_at: datetime
    plan: PlanFacts


@dataclass(frozen=True, slots=True)
class ProgressHeard:
    """A unit noted progress on a task."""

    event_id: UUID
    recorded_at: datetime
    task_id: UUID
    version: int


@dataclass(frozen=True, slots=True)
class CompletionHeard:
    """A unit reported a task done."""

    event_id: UUID
    recorded_at: datetime
    task_id: UUID
    version: int
    completion_id: UUID
    completed_on: date
    evidence: tuple[EvidenceFact, ...] = ()


@dataclass(frozen=True, slots=True)
class VerdictHeard:
    """A completion was confirmed, returned, or undone by reopening its task."""

    event_id: UUID
    recorded_at: datetime
    task_id: UUID
    version: int
    completion_id: UUID
    verdict: CompletionState


TaskHeard = ProgressHeard | CompletionHeard | VerdictHeard
Heard = PlanHeard | TaskHeard


def known_at(heard: Iterable[Heard], as_of: datetime) -> Knowledge:
    """Return what the events recorded up to `as_of` (inclusive, aware) say together."""
    distinct = {event.event_id: event for event in heard if event.recorded_at <= as_of}
    issues: list[PlanHeard] = []
    by_task: dict[UUID, list[TaskHeard]] = {}
    for event in distinct.values():
        if isinstance(event, PlanHeard):
            issues.append(event)
        else:
            by_task.setdefault(event.task_id, []).append(event)
    latest = max(issues, key=lambda issue: (issue.plan.version, issue.recorded_at, issue.event_id), default=None)
    return Knowledge(
        plan=latest.plan if latest else None,
        plan_event=latest.event_id if latest else None,
        records={task_id: _record(events) for task_id, events in by_task.items()},
    )


def _record(events: list[TaskHeard]) -> TaskRecord:
    """Walk one task's events by version. A verdict on a completion not heard of yet waits for it in the ledger."""
    ordered = sorted(events, key=lambda event: (event.version, event.recorded_at, event.event_id))
    completions = {
        event.completion_id: CompletionFact(
            id=event.completion_id,
            completed_on=event.completed_on,
            recorded_at=event.recorded_at,
            state=CompletionState.REPORTED,
            evidence=event.evidence,
            events=(event.event_id,),
        )
        for event in ordered
        if isinstance(event, CompletionHeard)
    }
    for event in ordered:
        if isinstance(event, VerdictHeard) and event.completion_id in completions:
            found = completions[event.completion_id]
            completions[event.completion_id] = replace(
                found, state=event.verdict, events=(*found.events, event.event_id)
            )
    return TaskRecord(
        has_progress=any(isinstance(event, ProgressHeard) for event in ordered),
        completions=tuple(completions.values()),
        events=tuple(event.event_id for event in ordered),
    )
