"""Progress, confirmation, return, reopening: each answers with the task."""

from datetime import datetime
from typing import Any
from uuid import UUID

from services.tasks.domain.portrait import task_portrait
from services.tasks.domain.task import Task
from services.tasks.handlers.desk import Ask, Desk
from services.tasks.handlers.writing import Tell, write
from services.tasks.ports import TasksUnitOfWork
from shared.clock import vietnam_date
from shared.database.idempotency import StoredAnswer

OK = 200


async def report_progress(desk: Desk, ask: Ask, *, note: str, percent: int | None) -> StoredAnswer:
    """Note progress on a task; answers with the task."""

    async def change(_work: TasksUnitOfWork, task: Task, moment: datetime) -> None:
        task.progress(actor=ask.actor, moment=moment, note=note, percent=percent)

    answer, _ = await write(desk, ask, change, _with_the_task(desk))
    return answer


async def confirm_completion(desk: Desk, ask: Ask, *, completion_id: UUID) -> StoredAnswer:
    """Confirm a completion; answers with the task."""

    async def change(work: TasksUnitOfWork, task: Task, moment: datetime) -> None:
        await work.load_completion(task, completion_id)
        task.confirm(actor=ask.actor, moment=moment)

    answer, _ = await write(desk, ask, change, _with_the_task(desk))
    return answer


async def return_completion(desk: Desk, ask: Ask, *, completion_id: UUID, reason: str) -> StoredAnswer:
    """Return a completion to the unit that sent it; answers with the task."""

    async def change(work: TasksUnitOfWork, task: Task, moment: datetime) -> None:
        await work.load_completion(task, completion_id)
        task.return_(actor=ask.actor, moment=moment, reason=reason)

    answer, _ = await write(desk, ask, change, _with_the_task(desk))
    return answer


async def reopen_task(desk: Desk, ask: Ask, *, reason: str) -> StoredAnswer:
    """Open a done task again; answers with the task."""

    async def change(work: TasksUnitOfWork, task: Task, moment: datetime) -> None:
        await work.load_live_completion(task)
        task.reopen(actor=ask.actor, moment=moment, reason=reason)

    answer, _ = await write(desk, ask, change, _with_the_task(desk))
    return answer


def _with_the_task(desk: Desk) -> Tell:
    def tell(task: Task, _event_id: UUID, moment: datetime) -> StoredAnswer:
        return StoredAnswer(status=OK, body=_portrait(task, moment, desk.due_soon_days))

    return tell


def _portrait(task: Task, moment: datetime, due_soon_days: int) -> dict[str, Any]:
    return task_portrait(
        task_id=task.id,
        plan_id=task.plan_id,
        code=task.code,
        number=task.number,
        title=task.title,
        field=task.field,
        leads=task.leads,
        coordinating=task.coordinating,
        deadline=task.deadline,
        state=task.state.value,
        timing=task.timing(today=vietnam_date(moment), due_soon_days=due_soon_days),
        version=task.version,
    )
