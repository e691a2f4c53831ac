"""Progress kept from the task events: the same figure under any order, with any repeats, as an independent recount."""

import random
from typing import Any

import pytest

from services.plans.consumers import SUBSCRIPTION
from shared.contracts import tasks as told
from shared.contracts.envelope import Event
from shared.messaging.subscription import Refused
from tests.support.plan_tables import a_row, a_table, as_text
from tests.support.plans_service import PlansService
from tests.support.task_events import IDS, Change, a_history

pytestmark = pytest.mark.slow(25)

KINDS: tuple[type[told.TaskEvent], ...] = (
    told.TaskProgressedV1,
    told.TaskCompletedV1,
    told.CompletionConfirmedV1,
    told.CompletionReturnedV1,
    told.TaskReopenedV1,
)


def recounted(histories: list[list[Change]], counts_when: str) -> int:
    """Count, from the ordered histories alone, the tasks whose last word is a completion that counts."""
    done = 0
    for history in histories:
        decisive = [change.kind for change in history if change.kind is not told.TaskProgressedV1]
        last = decisive[-1] if decisive else None
        done += last is told.CompletionConfirmedV1 or (last is told.TaskCompletedV1 and counts_when == "reported")
    return done


async def hear(service: PlansService, events: list[Event[Any]]) -> None:
    async with service.engine.begin() as connection:
        for one in events:
            handle = SUBSCRIPTION.handlers.get(one.attributes.type)
            if handle is not None:
                await handle(connection, one)


@pytest.mark.parametrize("counts_when", ["confirmed", "reported"])
async def test_any_order_and_any_repeats_give_the_recounted_figure(service: PlansService, counts_when: str) -> None:
    content = as_text(a_table(*(a_row(str(number)) for number in range(1, 9))))
    plan_id = await service.an_issued_plan(content, counts_when=counts_when)
    tasks = [task["id"] for task in (await service.plan(plan_id))["tasks"]]
    figures = set()
    for seed in range(60):
        dice = random.Random(seed)  # noqa: S311 -- a schedule, no secret
        histories = [a_history(task, dice) for task in tasks]
        stream = [change for history in histories for change in history]
        stream += dice.choices(stream, k=len(stream)) if stream else []
        dice.shuffle(stream)
        await hear(service, [change.event(plan_id) for change in stream])
        plan = await service.plan(plan_id)
        assert plan["progress"] == {"total": 8, "done": recounted(histories, counts_when)}, seed
        figures.add(plan["progress"]["done"])
        async with service.secretariat() as secretariat:
            [line] = (await secretariat.get("/v1/plans")).json()["items"]
        assert line["progress"] == plan["progress"]
        async with service.engine.begin() as connection:
            await connection.exec_driver_sql("TRUNCATE plan_task_progress")
    assert len(figures) > 4


async def test_sample_of_ten_months_is_32_of_38(service: PlansService) -> None:
    plan_id = await service.an_issued_plan()
    tasks = (await service.plan(plan_id))["tasks"]
    open_numbers = {"3", "5", "7", "14", "18", "28"}
    changes = [
        Change(task["id"], version, kind)
        for task in tasks
        if task["number"] not in open_numbers
        for version, kind in ((1, told.TaskCompletedV1), (2, told.CompletionConfirmedV1))
    ]
    await hear(service, [change.event(plan_id) for change in changes])
    assert (await service.plan(plan_id))["progress"] == {"total": 38, "done": 32}


@pytest.mark.parametrize("kind", KINDS[1:])
async def test_event_of_an_unknown_task_is_refused(service: PlansService, kind: type[told.TaskEvent]) -> None:
    plan_id = await service.an_issued_plan(as_text(a_table(a_row())))
    known = (await service.plan(plan_id))["tasks"][0]["id"]
    for plan, task in ((plan_id, str(IDS.new())), (str(IDS.new()), known)):
        with pytest.raises(Refused) as caught:
            await hear(service, [Change(task, 1, kind).event(plan)])
        assert caught.value.code == "task-unknown"
