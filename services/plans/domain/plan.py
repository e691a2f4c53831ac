"""The yearly plan: a draft is imported, then issued by a document; from then on its tasks can be reported on."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from services.plans.domain.deadline import Deadline
from services.plans.domain.errors import PlanAlreadyIssued, PlanVersionStale, PlanWithoutTasks
from services.plans.domain.unit import UnitKind


class PlanState(StrEnum):
    """Where a plan is in its life."""

    DRAFT = "draft"
    ISSUED = "issued"
    CLOSED = "closed"


class CountsWhen(StrEnum):
    """When a completion starts to count."""

    REPORTED = "reported"
    CONFIRMED = "confirmed"


class CompletionState(StrEnum):
    """How a task's latest completion stands, as the task events tell."""

    REPORTED = "reported"
    CONFIRMED = "confirmed"
    RETURNED = "returned"
    REOPENED = "reopened"


@dataclass(frozen=True)
class UnitName:
    """A unit as it was called when the plan was made."""

    code: str
    name: str
    kind: UnitKind


@dataclass(frozen=True)
class Coordinator:
    """A coordinating body; without a code where the appendix names one that is no unit of ours."""

    name: str
    code: str | None = None


@dataclass(frozen=True)
class PlanTask:
    """One numbered task."""

    id: UUID
    code: str
    number: str
    field: str
    title: str
    deadline: Deadline
    lead_units: tuple[UnitName, ...]
    coordinating_units: tuple[Coordinator, ...] = ()
    deliverable: str | None = None
    group: str | None = None
    note: str | None = None


@dataclass(frozen=True)
class Document:
    """The document that issued the plan."""

    number: str
    issued_on: date
    signed_by: str | None = None


@dataclass(frozen=True)
class Plan:
    """A plan. `version` counts its changes from 1 (the import) on."""

    id: UUID
    unit: UnitName
    year: int
    title: str
    programme: str
    counts_when: CountsWhen = CountsWhen.CONFIRMED
    evidence_required: bool = True
    tasks: tuple[PlanTask, ...] = ()
    state: PlanState = PlanState.DRAFT
    version: int = 1
    document: Document | None = None
    issued_at: datetime | None = None

    def issue(self, document: Document, *, at: datetime, expected_version: int | None = None) -> "Plan":
        """Return the issued plan.

        Raises:
            PlanVersionStale: it changed since `expected_version` was read.
            PlanAlreadyIssued: it is no draft.
            PlanWithoutTasks: there is nothing to issue.
        """
        if expected_version is not None and expected_version != self.version:
            raise PlanVersionStale
        if self.state is not PlanState.DRAFT:
            raise PlanAlreadyIssued
        if not self.tasks:
            raise PlanWithoutTasks
        return replace(self, state=PlanState.ISSUED, document=document, issued_at=at, version=self.version + 1)
