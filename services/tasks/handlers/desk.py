"""What use cases work with, and what every write is asked with."""

from contextvars import Context, copy_context
from dataclasses import dataclass, field
from uuid import UUID

from services.tasks.domain.actor import Actor
from services.tasks.domain.completion import CompletionReport
from services.tasks.ports import OpenTogether, OpenUnitOfWork
from shared.clock import Clock
from shared.database.gathering import Gathering
from shared.database.idempotency import RequestKey, StoredAnswer
from shared.ids import Ids

Answered = tuple[StoredAnswer, bool]
"""An answer, and whether it repeats an earlier one."""


@dataclass(frozen=True)
class Desk:
    """What use cases work with; one for the whole process."""

    unit_of_work: OpenUnitOfWork
    together: OpenTogether
    clock: Clock
    ids: Ids
    due_soon_days: int
    completions: "Gathering[Report, Answered]"
    """Where completions wait for one another."""


@dataclass(frozen=True)
class Ask:
    """What every write carries: who asks, of which task, under which key, having read which version."""

    actor: Actor
    task_id: UUID
    request: RequestKey | None = None
    expected_version: int | None = None


@dataclass(frozen=True)
class CompletionAsk:
    """One completion to take."""

    ask: Ask
    report: CompletionReport


@dataclass(frozen=True)
class Report:
    """A completion that waits, in the context of its request, which the event's trace is of."""

    desk: Desk
    asked: CompletionAsk
    context: Context = field(default_factory=copy_context)
