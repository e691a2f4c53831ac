"""What the figures need to know about a plan, its tasks and their completions.

These are plain values; they come out of `fold.known_at` and are never stored.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

STANDING_KINDS = frozenset({"continuous", "recurring"})
"""Deadline kinds of duties that never end in one product: thường xuyên, định kỳ."""


class CompletionState(StrEnum):
    """What became of a completion."""

    REPORTED = "reported"
    CONFIRMED = "confirmed"
    RETURNED = "returned"
    REOPENED = "reopened"


@dataclass(frozen=True, slots=True)
class UnitFact:
    """A unit under the name it had in the plan."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class FieldFact:
    """A field (lĩnh vực) of the plan's programme, in the programme's order."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class DeadlineFact:
    """The phrase as written and the day that decides on lateness (the last milestone's); no day: never late."""

    phrase: str
    kind: str
    day: date | None


@dataclass(frozen=True, slots=True)
class DocumentFact:
    """The document that decided something."""

    number: str
    issued_on: date
    signed_by: str | None = None


@dataclass(frozen=True, slots=True)
class EvidenceFact:
    """A document that proves a completion."""

    number: str
    issued_on: date
    issuer: str | None = None
    title: str | None = None
    url: str | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """One numbered task of the plan."""

    id: UUID
    code: str
    number: str
    field: str
    title: str
    lead_units: tuple[UnitFact, ...]
    deadline: DeadlineFact
    deliverable: str | None = None

    @property
    def is_standing(self) -> bool:
        """Whether the task is continuous or recurring."""
        return self.deadline.kind in STANDING_KINDS


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """An issued plan. `counts_when` is `reported` or `confirmed`: when a completion starts to count."""

    id: UUID
    version: int
    unit: UnitFact
    year: int
    title: str
    fields: tuple[FieldFact, ...]
    counts_when: str
    document: DocumentFact
    tasks: tuple[TaskFacts, ...]


@dataclass(frozen=True, slots=True)
class CompletionFact:
    """A completion and what became of it, as far as it was known."""

    id: UUID
    completed_on: date
    recorded_at: datetime
    state: CompletionState
    evidence: tuple[EvidenceFact, ...] = ()
    events: tuple[UUID, ...] = ()
    """The events that this is known from, in the order of the task's versions."""


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """What was known of one task's carrying-out. `completions` are in the order in which they were reported."""

    has_progress: bool = False
    completions: tuple[CompletionFact, ...] = ()
    events: tuple[UUID, ...] = ()

    @property
    def standing_completion(self) -> CompletionFact | None:
        """The last completion that was neither returned nor undone by reopening."""
        valid = (CompletionState.REPORTED, CompletionState.CONFIRMED)
        return next((found for found in reversed(self.completions) if found.state in valid), None)

    @property
    def is_returned(self) -> bool:
        """Whether the last word on the last completion was to do it again."""
        return bool(self.completions) and self.completions[-1].state is CompletionState.RETURNED


UNTOUCHED = TaskRecord()


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Everything known of a plan at one moment; `plan` is None while only task events have arrived."""

    plan: PlanFacts | None
    plan_event: UUID | None
    records: dict[UUID, TaskRecord]

    def record(self, task_id: UUID) -> TaskRecord:
        """Return what was known of a task."""
        return self.records.get(task_id, UNTOUCHED)
