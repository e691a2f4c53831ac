"""What the use cases ask for. One real implementation each (adapters), tested on PostgreSQL."""

from datetime import datetime
from types import TracebackType
from typing import Protocol, Self
from uuid import UUID

from services.plans.domain.access_key import Grant
from services.plans.domain.events import Happened
from services.plans.domain.plan import CompletionState, Plan
from services.plans.domain.programme import Programme
from services.plans.domain.unit import Unit
from shared.database.idempotency import RequestKey, StoredAnswer


class UnitRepository(Protocol):
    """The tree of units."""

    async def lock(self) -> None:
        """Keep other changes of the tree waiting until the end of the transaction."""

    async def get(self, code: str) -> Unit | None:
        """Return the unit."""

    async def path(self, code: str) -> str | None:
        """Return the codes from the root down to the unit, each followed by "/"; None when there is no such unit."""

    async def tree_of(self, code: str) -> list[Unit]:
        """Return all units of the tree in which `code` stands."""

    async def known(self, codes: set[str]) -> set[str]:
        """Return those of `codes` that are units."""

    async def save(self, unit: Unit) -> str:
        """Write the unit's new state, the paths of all below it included; return its own path."""


class ProgrammeRepository(Protocol):
    """Programmes with their fields."""

    async def get(self, code: str) -> Programme | None:
        """Return the programme."""

    async def save(self, programme: Programme) -> bool:
        """Write the programme; return whether anything changed. Fields that plans use are not taken away."""


class PlanRepository(Protocol):
    """Plans with their tasks."""

    async def add(self, plan: Plan, *, imported_at: datetime) -> None:
        """Write a new plan with its tasks."""

    async def load(self, plan_id: UUID) -> Plan | None:
        """Lock the plan until the end of the transaction and return it with its tasks."""

    async def save_issue(self, plan: Plan) -> None:
        """Write the state, version and document of an issued plan."""


class ProgressRepository(Protocol):
    """What the task events have told about completions."""

    async def apply(self, plan_id: UUID, task_id: UUID, version: int, state: CompletionState) -> bool:
        """Keep `state` unless a newer version is known.

        Returns:
            Whether the plan has such a task.
        """


class AccessKeyRepository(Protocol):
    """Keys of departments' programs."""

    async def load(self, key_id: UUID) -> Grant | None:
        """Lock the key until the end of the transaction and return it."""

    async def save(self, grant: Grant) -> None:
        """Write a new key, or the state of one that has changed."""


class EventSink(Protocol):
    """Where changes become published events."""

    async def add(self, happened: Happened) -> None:
        """Write the event into the outbox of this transaction."""


class Answers(Protocol):
    """First answers of requests with an Idempotency-Key."""

    async def find(self, request: RequestKey | None) -> StoredAnswer | None:
        """Return the first answer; a second request with the same key waits here for the first.

        Raises:
            IdempotencyKeyReused: the key came before with another request.
        """

    async def keep(self, request: RequestKey | None, answer: StoredAnswer) -> None:
        """Keep the answer."""


class PlansUnitOfWork(Protocol):
    """One transaction of one use case."""

    units: UnitRepository
    programmes: ProgrammeRepository
    plans: PlanRepository
    access_keys: AccessKeyRepository
    events: EventSink
    answers: Answers

    async def __aenter__(self) -> Self:
        """Begin."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Roll back what was not committed."""

    async def commit(self) -> None:
        """Make it durable."""
