"""Write side: one function per use case. API, batch and console all come through here, so every door makes one event.

Each is one unit of work: read the task, look whether the request was answered before, let the aggregate decide, commit
state, history, event and answer at once. A change or an answer that another request commits in between makes the
commit fail, and the use case runs again: of two equal requests one is carried out, and the other gets its answer.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.tasks.domain import access
from services.tasks.domain.actor import Actor
from services.tasks.domain.completion import CompletionReport
from services.tasks.domain.errors import TaskNotFound, TaskRefusal
from services.tasks.domain.plan import LearnedPlan
from services.tasks.domain.portrait import task_portrait
from services.tasks.domain.receipt import receipt
from services.tasks.domain.task import Task
from services.tasks.domain.unit import Unit
from services.tasks.ports import ChangedMeanwhile, KeyTakenMeanwhile, OpenUnitOfWork, PlanRepository, TasksUnitOfWork
from shared.clock import Clock, vietnam_date
from shared.database.idempotency import IdempotencyKeyReused, RequestKey, StoredAnswer
from shared.ids import Ids
from shared.telemetry import counter

OK = 200
CREATED = 201
ATTEMPTS = 4
"""One that hopes to be alone; a patient one, which can still lose its Idempotency-Key to another task; two to spare."""

COMPLETIONS = counter(
    "cchc.tasks.completions", unit="{completion}", description="Báo cáo hoàn thành: nhận, lặp lại, từ chối."
)
Refusal = (TaskRefusal, IdempotencyKeyReused)


@dataclass(frozen=True)
class Desk:
    """What use cases work with; one for the whole process."""

    unit_of_work: OpenUnitOfWork
    clock: Clock
    ids: Ids
    due_soon_days: int


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


Change = Callable[[TasksUnitOfWork, Task, datetime], Awaitable[None]]
Tell = Callable[[Task, UUID, datetime], StoredAnswer]


async def report_progress(desk: Desk, ask: Ask, *, note: str, percent: int | None) -> StoredAnswer:
    """Note progress on a task; answers with the task."""

    async def change(_work: TasksUnitOfWork, task: Task, moment: datetime) -> None:
        task.progress(actor=ask.actor, moment=moment, note=note, percent=percent)

    answer, _ = await _write(desk, ask, change, _with_the_task(desk))
    return answer


async def report_completion(desk: Desk, asked: CompletionAsk) -> StoredAnswer:
    """Take a lead unit's report that a task is done; answers with its id, the task's state, the receipt."""

    async def change(_work: TasksUnitOfWork, task: Task, moment: datetime) -> None:
        task.complete(actor=asked.ask.actor, moment=moment, completion_id=desk.ids.new(), report=asked.report)

    def tell(task: Task, event_id: UUID, _moment: datetime) -> StoredAnswer:
        if task.completion is None:
            raise RuntimeError("a completed task has its completion")
        given = receipt(task.completion, event_id=event_id, task_id=task.id, task_code=task.code)
        body = {"completion_id": str(task.completion.id), "state": task.state.value, "receipt": given}
        return StoredAnswer(status=CREATED, body=body)

    try:
        answer, is_repeat = await _write(desk, asked.ask, change, tell)
    except Refusal:
        COMPLETIONS.add(1, {"outcome": "refused"})
        raise
    COMPLETIONS.add(1, {"outcome": "repeated" if is_repeat else "accepted"})
    return answer


async def confirm_completion(desk: Desk, ask: Ask, *, completion_id: UUID) -> StoredAnswer:
    """Confirm a completion; answers with the task."""

    async def change(work: TasksUnitOfWork, task: Task, moment: datetime) -> None:
        await work.load_completion(task, completion_id)
        task.confirm(actor=ask.actor, moment=moment)

    answer, _ = await _write(desk, ask, change, _with_the_task(desk))
    return answer


async def return_completion(desk: Desk, ask: Ask, *, completion_id: UUID, reason: str) -> StoredAnswer:
    """Return a completion to the unit that sent it; answers with the task."""

    async def change(work: TasksUnitOfWork, task: Task, moment: datetime) -> None:
        await work.load_completion(task, completion_id)
        task.return_(actor=ask.actor, moment=moment, reason=reason)

    answer, _ = await _write(desk, ask, change, _with_the_task(desk))
    return answer


async def reopen_task(desk: Desk, ask: Ask, *, reason: str) -> StoredAnswer:
    """Open a done task again; answers with the task."""

    async def change(work: TasksUnitOfWork, task: Task, moment: datetime) -> None:
        await work.load_live_completion(task)
        task.reopen(actor=ask.actor, moment=moment, reason=reason)

    answer, _ = await _write(desk, ask, change, _with_the_task(desk))
    return answer


async def report_batch(desk: Desk, items: Sequence[CompletionAsk]) -> list[StoredAnswer | Exception]:
    """Take completions one after another, each in a transaction of its own; return a result for each, in order.

    A refused item does not touch its neighbours. What is no refusal (the database is away) is ours and would meet the
    remaining items too: they get the same result without being tried, and can be sent again.
    """
    results: list[StoredAnswer | Exception] = []
    for item in items:
        try:
            results.append(await report_completion(desk, item))
        except Refusal as refusal:
            results.append(refusal)
        except Exception as trouble:  # noqa: BLE001 -- each item is owed a result, those already stored above all
            return [*results, *([trouble] * (len(items) - len(results)))]
    return results


async def learn_plan(plans: PlanRepository, plan: LearnedPlan) -> None:
    """Keep an issued plan with its tasks, unless this version or a newer one is known. The consumer commits."""
    await plans.learn(plan)


async def learn_unit(plans: PlanRepository, unit: Unit) -> None:
    """Keep a unit's state, unless this version or a newer one is known. The consumer commits."""
    await plans.learn_unit(unit)


async def _write(desk: Desk, ask: Ask, change: Change, tell: Tell) -> tuple[StoredAnswer, bool]:
    """Return the answer, and whether it repeats an earlier one."""
    for attempt in range(1, ATTEMPTS):
        try:
            return await _write_once(desk, ask, change, tell, patient=attempt > 1)
        except (ChangedMeanwhile, KeyTakenMeanwhile):
            continue
    return await _write_once(desk, ask, change, tell, patient=True)


async def _write_once(desk: Desk, ask: Ask, change: Change, tell: Tell, *, patient: bool) -> tuple[StoredAnswer, bool]:
    async with desk.unit_of_work(ask.request, patient=patient) as work:
        task = await work.load(ask.task_id)
        if task is None:
            raise TaskNotFound
        access.require_visible(ask.actor, task)
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
