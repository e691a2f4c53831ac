"""One change of one task, run again where another request was faster."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from uuid import UUID

from services.tasks.domain import access
from services.tasks.domain.errors import TaskNotFound
from services.tasks.domain.task import Task
from services.tasks.handlers.desk import Answered, Ask, Desk
from services.tasks.ports import ChangedMeanwhile, KeyTakenMeanwhile, TasksUnitOfWork
from shared.database.idempotency import StoredAnswer

ATTEMPTS = 4
"""One that hopes to be alone; a patient one, which can still lose its Idempotency-Key to another task; two to spare."""

Change = Callable[[TasksUnitOfWork, Task, datetime], Awaitable[None]]
Tell = Callable[[Task, UUID, datetime], StoredAnswer]


async def write(desk: Desk, ask: Ask, change: Change, tell: Tell, *, patient: bool = False) -> Answered:
    """Carry out `change` on the task that is asked for, and `tell` what came of it.

    A patient one locks the task before it reads it; without patience it does so when another was faster.
    """
    for attempt in range(1, ATTEMPTS):
        try:
            return await _write_once(desk, ask, change, tell, patient=patient or attempt > 1)
        except (ChangedMeanwhile, KeyTakenMeanwhile):
            continue
    return await _write_once(desk, ask, change, tell, patient=True)


async def _write_once(desk: Desk, ask: Ask, change: Change, tell: Tell, *, patient: bool) -> Answered:
    async with desk.unit_of_work(ask.request, patient=patient) as work:
        task = visible(ask, await work.load(ask.task_id))
        earlier = work.earlier_answer()
        if earlier is not None:
            return earlier, True
        task.expect_version(ask.expected_version)
        moment = desk.clock.now()  # after the task was read, so that its versions and moments run the same way
        await change(work, task, moment)
        answer = tell(task, work.save(task), moment)
        work.keep(answer)
        await work.commit()
        return answer, False


def visible(ask: Ask, task: Task | None) -> Task:
    """Return the task.

    Raises:
        TaskNotFound: there is none, or not one that the actor may see.
    """
    if task is None:
        raise TaskNotFound
    access.require_visible(ask.actor, task)
    return task
