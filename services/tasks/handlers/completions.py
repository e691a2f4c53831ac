"""A lead unit's report that a task is done.

Departments' systems send these by the hundred. Those that come while a transaction is under way share the next one
(shared/database/gathering.py); each is still decided by itself, in the order in which those of one task came.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import cast
from uuid import UUID

from services.tasks.domain.errors import TaskRefusal
from services.tasks.domain.receipt import receipt
from services.tasks.domain.task import Task
from services.tasks.handlers.desk import Answered, CompletionAsk, Desk, Report
from services.tasks.handlers.writing import visible, write
from services.tasks.ports import ChangedMeanwhile, TasksUnitOfWork, TogetherUnitOfWork
from shared.database.idempotency import IdempotencyKeyReused, StoredAnswer
from shared.telemetry import counter

CREATED = 201

COMPLETIONS = counter(
    "cchc.tasks.completions", unit="{completion}", description="Báo cáo hoàn thành: nhận, lặp lại, từ chối."
)
Refusal = (TaskRefusal, IdempotencyKeyReused)


async def report_completion(desk: Desk, asked: CompletionAsk) -> StoredAnswer:
    """Take a lead unit's report that a task is done; answers with its id, the task's state, the receipt."""
    try:
        answer, is_repeat = await _report(desk, asked)
    except Refusal:
        COMPLETIONS.add(1, {"outcome": "refused"})
        raise
    COMPLETIONS.add(1, {"outcome": "repeated" if is_repeat else "accepted"})
    return answer


async def report_batch(desk: Desk, items: Sequence[CompletionAsk]) -> list[StoredAnswer | Exception]:
    """Take completions; return a result for each, in order.

    A refused item does not touch its neighbours, and items of one task are taken in the order of the batch.
    """
    results = await asyncio.gather(*(report_completion(desk, item) for item in items), return_exceptions=True)
    for result in results:
        if not isinstance(result, StoredAnswer | Exception):
            raise result  # the process is being stopped
    return cast("list[StoredAnswer | Exception]", results)


async def report_together(reports: Sequence[Report]) -> Sequence[Answered | Exception]:
    """Decide on completions of different tasks one by one, and commit them in one transaction.

    Who meets a change or a lock of somebody else gets ChangedMeanwhile, and may try alone.
    """
    work = reports[0].desk.together()
    await work.load([(report.asked.ask.task_id, report.asked.ask.request) for report in reports])
    results = [report.context.run(_decide, work, place, report) for place, report in enumerate(reports)]
    written = await work.commit()
    return [
        ChangedMeanwhile() if isinstance(result, tuple) and not result[1] and place not in written else result
        for place, result in enumerate(results)
    ]


async def _report(desk: Desk, asked: CompletionAsk) -> Answered:
    ask = asked.ask
    key = () if ask.request is None else ((ask.request.caller, ask.request.key),)
    try:
        return await desk.completions.do(Report(desk, asked), frozenset((ask.task_id, *key)))
    except ChangedMeanwhile:
        return await _report_alone(desk, asked)


async def _report_alone(desk: Desk, asked: CompletionAsk) -> Answered:
    async def change(_work: TasksUnitOfWork, task: Task, moment: datetime) -> None:
        _complete(desk, asked, task, moment)

    def tell(task: Task, event_id: UUID, _moment: datetime) -> StoredAnswer:
        return _accepted(task, event_id)

    return await write(desk, asked.ask, change, tell, patient=True)


def _decide(work: TogetherUnitOfWork, place: int, report: Report) -> Answered | Exception:
    ask = report.asked.ask
    try:
        task = visible(ask, work.task(place))
        earlier = work.earlier_answer(place)
        if earlier is not None:
            return earlier, True
        task.expect_version(ask.expected_version)
        _complete(report.desk, report.asked, task, report.desk.clock.now())
        return work.save(place, lambda event_id: _accepted(task, event_id)), False
    except Exception as error:  # noqa: BLE001 -- whatever it is, it is not its neighbours'
        return error


def _complete(desk: Desk, asked: CompletionAsk, task: Task, moment: datetime) -> None:
    task.complete(actor=asked.ask.actor, moment=moment, completion_id=desk.ids.new(), report=asked.report)


def _accepted(task: Task, event_id: UUID) -> StoredAnswer:
    if task.completion is None:
        raise RuntimeError("a completed task has its completion")
    given = receipt(task.completion, event_id=event_id, task_id=task.id, task_code=task.code)
    body = {"completion_id": str(task.completion.id), "state": task.state.value, "receipt": given}
    return StoredAnswer(status=CREATED, body=body)
