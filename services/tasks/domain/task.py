"""A task in the carrying-out: what may be done to it, by whom, in which state."""

import dataclasses
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from services.tasks.domain import access
from services.tasks.domain.actor import Actor
from services.tasks.domain.completion import Completion, CompletionReport, CompletionState, check_report
from services.tasks.domain.errors import (
    CompletionAlreadyConfirmed,
    CompletionAwaitsConfirmation,
    CompletionNoLongerStands,
    CompletionNotFound,
    ProgressNoteMissing,
    ReasonMissing,
    TaskAlreadyCompleted,
    TaskClosed,
    TaskNotDone,
    VersionDiffers,
)
from services.tasks.domain.events import (
    CompletionConfirmed,
    CompletionReturned,
    TaskCompleted,
    TaskEvent,
    TaskProgressed,
    TaskReopened,
)
from services.tasks.domain.plan import Deadline
from services.tasks.domain.timing import Timing, timing
from services.tasks.domain.unit import TaskUnit
from shared.text import nfc


class TaskState(StrEnum):
    """The state half of a task's status (the other half, `timing`, is derived)."""

    NOT_STARTED = "not_started"
    IN_PROGRESS = "in_progress"
    AWAITING_CONFIRMATION = "awaiting_confirmation"
    DONE = "done"
    RETURNED = "returned"
    DECLINED = "declined"
    SUSPENDED = "suspended"
    WITHDRAWN = "withdrawn"


CLOSED = frozenset({TaskState.DECLINED, TaskState.SUSPENDED, TaskState.WITHDRAWN})


@dataclasses.dataclass(frozen=True)
class PlanRules:
    """What the plan of a task decides for it."""

    unit_lineage: tuple[str, ...]
    year: int
    counts_when_reported: bool
    evidence_required: bool


@dataclasses.dataclass
class Task:
    """A numbered task of an issued plan.

    `completion` is the completion that a use case is about, where it is about one. `version` counts the changes; every
    change records one event that carries it.
    """

    id: UUID
    plan_id: UUID
    plan: PlanRules
    code: str
    number: str
    title: str
    field: str
    leads: tuple[TaskUnit, ...]
    coordinating: tuple[TaskUnit, ...]
    deadline: Deadline
    state: TaskState
    version: int
    completed_on: date | None = None
    completion: Completion | None = None
    events: list[TaskEvent] = dataclasses.field(default_factory=list)

    def timing(self, *, today: date, due_soon_days: int) -> Timing:
        """Return where the task stands on `today`."""
        done_on = self.completed_on if self.state is TaskState.DONE else None
        return timing(deadline=self.deadline.date, done_on=done_on, today=today, due_soon_days=due_soon_days)

    def expect_version(self, expected: int | None) -> None:
        """Refuse when the caller has read another version than the present one.

        Raises:
            VersionDiffers: `expected` is given and is not the task's version.
        """
        if expected is not None and expected != self.version:
            raise VersionDiffers(self.version)

    def progress(self, *, actor: Actor, moment: datetime, note: str, percent: int | None) -> None:
        """Note progress: a lead unit or a coordinating one, while the task is open."""
        access.require_task_unit(actor, self)
        self._require_open()
        text = nfc(note)
        if not text:
            raise ProgressNoteMissing
        self.state = TaskState.IN_PROGRESS
        self.events.append(TaskProgressed(**self._happening(actor, moment), note=text, percent=percent))

    def complete(self, *, actor: Actor, moment: datetime, completion_id: UUID, report: CompletionReport) -> Completion:
        """Take a lead unit's report that the task is done.

        The completion awaits confirmation; where the plan counts reported completions the task is done at once.

        Raises:
            NotALeadUnit, TaskAlreadyCompleted, CompletionAwaitsConfirmation, TaskClosed, CompletionInvalid.
        """
        access.require_lead(actor, self)
        self._require_open()
        check_report(report, plan_year=self.plan.year, evidence_required=self.plan.evidence_required, moment=moment)
        made = Completion(
            id=completion_id,
            completed_on=report.completed_on,
            reported_at=report.reported_at or moment,
            recorded_at=moment,
            by_subject=actor.subject,
            by_unit=actor.unit,
            evidence=report.evidence,
            note=report.note,
        )
        self.completion = made
        self.completed_on = made.completed_on
        self.state = TaskState.DONE if self.plan.counts_when_reported else TaskState.AWAITING_CONFIRMATION
        self.events.append(
            TaskCompleted(
                **self._happening(actor, moment),
                completion_id=made.id,
                completed_on=made.completed_on,
                reported_at=made.reported_at,
                evidence=made.evidence,
                note=made.note,
            )
        )
        return made

    def confirm(self, *, actor: Actor, moment: datetime) -> None:
        """Confirm the loaded completion against its documents.

        Raises:
            NotTheSecretariat, CompletionNotFound, CompletionAlreadyConfirmed, CompletionNoLongerStands.
        """
        access.require_secretariat(actor, self)
        completion = self._awaiting_completion()
        completion.decide(CompletionState.CONFIRMED, by=actor.subject, moment=moment)
        self.state = TaskState.DONE
        self.events.append(CompletionConfirmed(**self._happening(actor, moment), completion_id=completion.id))

    def return_(self, *, actor: Actor, moment: datetime, reason: str) -> None:
        """Return the loaded completion to the unit that sent it; the task is not done and keeps the history.

        Raises:
            NotTheSecretariat, ReasonMissing, CompletionNotFound, CompletionAlreadyConfirmed, CompletionNoLongerStands.
        """
        access.require_secretariat(actor, self)
        said = _reason(reason)
        completion = self._awaiting_completion()
        completion.decide(CompletionState.RETURNED, by=actor.subject, moment=moment, reason=said)
        self.state = TaskState.RETURNED
        self.completed_on = None
        self.events.append(
            CompletionReturned(**self._happening(actor, moment), completion_id=completion.id, reason=said)
        )

    def reopen(self, *, actor: Actor, moment: datetime, reason: str) -> None:
        """Open a done task again: the completion that made it done no longer stands.

        Raises:
            NotTheSecretariat, ReasonMissing, TaskNotDone.
        """
        access.require_secretariat(actor, self)
        said = _reason(reason)
        if self.state is not TaskState.DONE or self.completion is None:
            raise TaskNotDone
        self.completion.decide(CompletionState.REOPENED, by=actor.subject, moment=moment, reason=said)
        self.state = TaskState.IN_PROGRESS
        self.completed_on = None
        self.events.append(
            TaskReopened(**self._happening(actor, moment), completion_id=self.completion.id, reason=said)
        )

    def _require_open(self) -> None:
        if self.state is TaskState.DONE:
            raise TaskAlreadyCompleted
        if self.state is TaskState.AWAITING_CONFIRMATION:
            raise CompletionAwaitsConfirmation
        if self.state in CLOSED:
            raise TaskClosed(self.state)

    def _awaiting_completion(self) -> Completion:
        if self.completion is None:
            raise CompletionNotFound
        if self.completion.state is CompletionState.CONFIRMED:
            raise CompletionAlreadyConfirmed
        if not self.completion.is_live:
            raise CompletionNoLongerStands
        return self.completion

    def _happening(self, actor: Actor, moment: datetime) -> dict[str, Any]:
        self.version += 1
        return {
            "plan_id": self.plan_id,
            "task_id": self.id,
            "version": self.version,
            "subject": actor.subject,
            "unit": actor.unit,
            "moment": moment,
        }


def _reason(given: str) -> str:
    text = nfc(given)
    if not text:
        raise ReasonMissing
    return text
