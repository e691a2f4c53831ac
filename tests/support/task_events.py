"""Task events as the tasks service would publish them, for services that hear them."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.contracts import tasks as told
from shared.contracts.envelope import Event, event
from shared.ids import TimeOrderedIds

IDS = TimeOrderedIds()
MOMENT = datetime(2023, 10, 20, 2, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Change:
    """One change of a task."""

    task: str
    version: int
    kind: type[told.TaskEvent]

    def event(self, plan_id: str) -> Event[Any]:
        common = {
            "plan_id": plan_id,
            "task_id": self.task,
            "version": self.version,
            "actor": {"subject": "a"},
            "recorded_at": MOMENT,
            "completion_id": IDS.new(),
            "reason": "Thiếu văn bản",
            "note": "Đang làm",
            "completed_on": MOMENT.date(),
            "reported_at": MOMENT,
        }
        time = MOMENT + timedelta(minutes=self.version)
        data = self.kind.model_validate(common)
        return event(data, event_id=IDS.new(), time=time, source="/cchc/tasks", subject=self.task, key=plan_id)


def a_history(task: str, dice: random.Random) -> list[Change]:
    """A task's life as the tasks service could tell it: reported, then confirmed or returned, perhaps reopened."""
    changes: list[type[told.TaskEvent]] = []
    while dice.random() < 0.8:
        changes += [told.TaskProgressedV1] * dice.randint(0, 2)
        changes.append(told.TaskCompletedV1)
        if dice.random() < 0.8:
            changes.append(told.CompletionConfirmedV1 if dice.random() < 0.5 else told.CompletionReturnedV1)
            if changes[-1] is told.CompletionConfirmedV1 and dice.random() < 0.3:
                changes.append(told.TaskReopenedV1)
    return [Change(task, version, kind) for version, kind in enumerate(changes, start=1)]
