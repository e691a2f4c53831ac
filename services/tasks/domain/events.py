"""What happened to a task, as the aggregate tells it; adapters/event_mapping.py gives each its published form."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from services.tasks.domain.evidence import Evidence


@dataclass(frozen=True)
class TaskHappening:
    """What every event carries. `version` counts the task's changes from 1 on."""

    plan_id: UUID
    task_id: UUID
    version: int
    subject: str
    unit: str | None
    moment: datetime


@dataclass(frozen=True)
class TaskProgressed(TaskHappening):
    """A unit noted progress."""

    note: str
    percent: int | None


@dataclass(frozen=True)
class TaskCompleted(TaskHappening):
    """A lead unit reported the task done."""

    completion_id: UUID
    completed_on: date
    reported_at: datetime
    evidence: tuple[Evidence, ...]
    note: str | None


@dataclass(frozen=True)
class CompletionConfirmed(TaskHappening):
    """The secretariat confirmed."""

    completion_id: UUID


@dataclass(frozen=True)
class CompletionReturned(TaskHappening):
    """The secretariat returned a completion."""

    completion_id: UUID
    reason: str


@dataclass(frozen=True)
class TaskReopened(TaskHappening):
    """The secretariat opened a done task again."""

    completion_id: UUID
    reason: str


TaskEvent = TaskProgressed | TaskCompleted | CompletionConfirmed | CompletionReturned | TaskReopened
