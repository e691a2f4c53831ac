"""What the use cases ask for. One real implementation each (adapters), tested on PostgreSQL."""

from types import TracebackType
from typing import Protocol, Self
from uuid import UUID

from services.tasks.domain.plan import LearnedPlan
from services.tasks.domain.task import Task
from services.tasks.domain.unit import Unit
from shared.database.idempotency import RequestKey, StoredAnswer


class KeyTakenMeanwhile(Exception):  # noqa: N818 -- errors say what happened
    """Another request with the same Idempotency-Key committed first; run again, and find its answer."""


class TaskRepository(Protocol):
    """Tasks, one at a time, under lock."""

    async def load(self, task_id: UUID) -> Task | None:
        """Lock the task until the end of the transaction and return it without its completion."""

    async def load_completion(self, task: Task, completion_id: UUID) -> None:
        """Put that completion of the task into the aggregate; nothing where the task has no such."""

    async def load_live_completion(self, task: Task) -> None:
        """Put the completion that stands into the aggregate; nothing where there is none."""

    async def save(self, task: Task) -> UUID:
        """Write the change of the one event that the task has recorded: state, history, outbox.

        Returns:
            The published event's id.

        Raises:
            CompletionAwaitsConfirmation: a completion that stands is there already.
        """


class Answers(Protocol):
    """First answers of requests with an Idempotency-Key."""

    async def find(self, request: RequestKey | None) -> StoredAnswer | None:
        """Return the first answer.

        Raises:
            IdempotencyKeyReused: the key came before with another request.
        """

    async def keep(self, request: RequestKey | None, answer: StoredAnswer) -> None:
        """Keep the answer.

        Raises:
            KeyTakenMeanwhile: another transaction has kept one under the key.
        """


class TasksUnitOfWork(Protocol):
    """One transaction of one use case; it can be opened again after it was closed."""

    tasks: TaskRepository
    answers: Answers

    async def __aenter__(self) -> Self:
        """Begin."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Roll back what was not committed."""

    async def commit(self) -> None:
        """Make it durable."""


class PlanRepository(Protocol):
    """What this service has learnt from the plans service."""

    async def learn(self, plan: LearnedPlan) -> bool:
        """Keep the plan unless this version or a newer one is known; return whether it was news.

        Raises:
            TaskOfAnotherPlan: it names a task that another plan owns.
        """

    async def learn_unit(self, unit: Unit) -> bool:
        """Keep the unit's state unless this version or a newer one is known; return whether it was news."""
