"""What the plans service hears: how completions stand, so that a plan can say "32 of 38"; where keys were used."""

from typing import Any

from services.plans import handlers
from services.plans.adapters.plan_repository import SqlProgressRepository
from services.plans.domain.errors import TaskUnknown
from services.plans.domain.plan import CompletionState
from shared.contracts.access_keys import AccessKeyUsedInReportingV1, AccessKeyUsedInTasksV1
from shared.contracts.envelope import Event
from shared.contracts.tasks import (
    CompletionConfirmedV1,
    CompletionReturnedV1,
    TaskCompletedV1,
    TaskEvent,
    TaskReopenedV1,
)
from shared.contracts.topics import REPORTS, TASKS
from shared.database.engine import Connection
from shared.messaging.access_keys import learn_use
from shared.messaging.consumer import Handler, Refused, Subscription

GROUP = "plans"
HIGHEST_VERSION = 2**31 - 1


def _noting(state: CompletionState) -> Handler:
    async def note(connection: Connection, heard: Event[Any]) -> None:
        data: TaskEvent = heard.data
        if data.version > HIGHEST_VERSION:
            raise Refused("version-absurd", "no task changes more than two thousand million times")
        try:
            await handlers.note_completion(
                SqlProgressRepository(connection), data.plan_id, data.task_id, data.version, state
            )
        except TaskUnknown as refusal:
            raise Refused("task-unknown", f"no plan here has the task {data.task_id}") from refusal

    return note


SUBSCRIPTION = Subscription(
    group=GROUP,
    topics=(TASKS, REPORTS),
    handlers={
        TaskCompletedV1.event_type: _noting(CompletionState.REPORTED),
        CompletionConfirmedV1.event_type: _noting(CompletionState.CONFIRMED),
        CompletionReturnedV1.event_type: _noting(CompletionState.RETURNED),
        TaskReopenedV1.event_type: _noting(CompletionState.REOPENED),
        AccessKeyUsedInTasksV1.event_type: learn_use,
        AccessKeyUsedInReportingV1.event_type: learn_use,
    },
)
