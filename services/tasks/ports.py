"""What the use cases ask for. One real implementation each (adapters), tested on PostgreSQL."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from types import TracebackType
from typing import Protocol, Self
from uuid import UUID

from services.tasks.domain.calendar import CalendarDay, WorkingCalendar
from services.tasks.domain.plan import LearnedPlan
from services.tasks.domain.reminders import Standing, TaskReminded, Window
from services.tasks.domain.task import Task
from services.tasks.domain.unit import Unit
from shared.database.idempotency import RequestKey, StoredAnswer


class KeyTakenMeanwhile(Exception):  # noqa: N818 -- errors say what happened
    """Another request with the same Idempotency-Key committed first; run again, and find its answer."""


class ChangedMeanwhile(Exception):  # noqa: N818 -- errors say what happened
    """Another change of the task committed first; run again, patiently."""


class TasksUnitOfWork(Protocol):
    """One change of one task: all of it or nothing."""

    async def __aenter__(self) -> Self:
        """Begin."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Roll back what was not committed."""

    async def load(self, task_id: UUID) -> Task | None:
        """Return the task, without its completion."""

    def earlier_answer(self) -> StoredAnswer | None:
        """Return the first answer to the same request, as of the moment when the task was loaded.

        Raises:
            IdempotencyKeyReused: the key came before with another request.
        """

    async def load_completion(self, task: Task, completion_id: UUID) -> None:
        """Put that completion of the task into the aggregate; nothing where the task has no such."""

    async def load_live_completion(self, task: Task) -> None:
        """Put the completion that stands into the aggregate; nothing where there is none."""

    def save(self, task: Task) -> UUID:
        """Take the change of the one event that the task has recorded; return the published event's id."""

    def keep(self, answer: StoredAnswer) -> None:
        """Take the answer to keep under the request's key, if it has one."""

    async def commit(self) -> None:
        """Make it durable: state, history, event and answer at once.

        Raises:
            ChangedMeanwhile: the task has another version by now; nothing was written.
            KeyTakenMeanwhile: the key was taken for another task; nothing was written.
            CompletionAwaitsConfirmation: the task has a completion that stands; nothing was written.
        """


class OpenUnitOfWork(Protocol):
    """Makes units of work."""

    def __call__(self, request: RequestKey | None, *, patient: bool) -> TasksUnitOfWork:
        """Return one for a request; a patient one locks the task before reading it."""


class TogetherUnitOfWork(Protocol):
    """Completions of several tasks at once: one reading, one writing, and no lock in between."""

    async def load(self, asks: Sequence[tuple[UUID, RequestKey | None]]) -> None:
        """Read each task, and whether its request was answered before."""

    def task(self, place: int) -> Task | None:
        """Return the task of that ask, without its completion."""

    def earlier_answer(self, place: int) -> StoredAnswer | None:
        """Return the first answer to that ask's request.

        Raises:
            IdempotencyKeyReused: the key came before with another request.
        """

    def save(self, place: int, tell: Callable[[UUID], StoredAnswer]) -> StoredAnswer:
        """Take the one event that the task at `place` has recorded; return the answer that `tell` makes of its id."""

    async def commit(self) -> frozenset[int]:
        """Make what was saved durable; return the places that were: the others came too late, or were locked.

        Raises:
            ChangedMeanwhile: nothing was written, for a reason that one of them has; each may be tried alone.
        """


class OpenTogether(Protocol):
    """Makes units of work for several completions."""

    def __call__(self) -> TogetherUnitOfWork:
        """Return one."""


class PlanRepository(Protocol):
    """What this service has learnt from the plans service."""

    async def learn(self, plan: LearnedPlan) -> bool:
        """Keep the plan unless this version or a newer one is known; return whether it was news.

        Raises:
            TaskOfAnotherPlan: it names a task that another plan owns.
        """

    async def learn_unit(self, unit: Unit) -> bool:
        """Keep the unit's state unless this version or a newer one is known; return whether it was news."""


class RemindersUnitOfWork(Protocol):
    """Reminders of some tasks: all of them or none. Used as an async context manager, which rolls back."""

    async def __aenter__(self) -> Self:
        """Begin."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Roll back what was not committed."""

    async def take_turn(self) -> bool:
        """Return whether it is ours to make reminders now: nobody else is at it, or was a moment ago."""

    async def calendar(self, first: date, last: date) -> WorkingCalendar:
        """Return the calendar of the years of these days."""

    async def due(self, window: Window, *, limit: int) -> Sequence[Standing]:
        """Return tasks that seem due, `limit` at most, read after they were locked; those locked by others wait."""

    async def save(self, reminders: Sequence[TaskReminded]) -> None:
        """Write for each the task's version, its history, the reminder and the event."""

    async def commit(self) -> None:
        """Make it durable."""


class OfficeCalendar(Protocol):
    """The days that an office has set, within a transaction. Used as an async context manager, which rolls back."""

    async def __aenter__(self) -> Self:
        """Begin."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Roll back what was not committed."""

    async def put(self, day: CalendarDay, *, subject: str, moment: datetime) -> None:
        """Keep what was set, in place of what was set before."""

    async def remove(self, day: date) -> bool:
        """Forget what was set; return whether anything was."""

    async def commit(self) -> None:
        """Make it durable."""
