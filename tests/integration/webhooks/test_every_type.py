"""Of every type that can be subscribed to, an event is told; what time tells of a task says how the task stands."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.contracts.registry import CONTRACTS
from shared.contracts.webhooks import TASK_WEBHOOKS, WEBHOOKS
from tests.support.receivers import Receiver
from tests.support.reporting_service import Told, task_id
from tests.support.system import ROOT
from tests.support.waiting import eventually
from tests.support.webhooks import CLOCK, CODES, Webhooks, completions

SAMPLES = ROOT / "tests" / "contract" / "samples"
OTHERS = {"cchc.plan.progress_reached.v1", "cchc.report.issued.v1"}
"""Told where they are made: test_progress_and_reports.py."""
STATES = {
    "cchc.task.completed.v1": "awaiting_confirmation",
    "cchc.completion.confirmed.v1": "done",
    "cchc.completion.returned.v1": "returned",
    "cchc.task.reopened.v1": "open",
    "cchc.task.due_soon.v1": "open",
    "cchc.task.overdue.v1": "open",
    "cchc.completion.unconfirmed.v1": "awaiting_confirmation",
}


def an_event(kind: str, **changed: Any) -> Told:  # noqa: ANN401 -- any field
    said = json.loads(Path(SAMPLES / f"{kind}.json").read_text(encoding="utf-8"))["value"]
    now = CLOCK.now()
    return Told(CONTRACTS[kind].model_validate({**said, "recorded_at": now.isoformat(), **changed}), now)


def test_no_type_is_forgotten() -> None:
    assert set(TASK_WEBHOOKS) == set(STATES)
    assert set(WEBHOOKS) == set(STATES) | OTHERS


@pytest.mark.parametrize("kind", STATES)
async def test_an_event_of_each_type_is_told(hooks: Webhooks, kind: str) -> None:
    async with Receiver() as receiver, hooks.sending():
        plan_id = await hooks.a_plan()
        await hooks.an_endpoint(receiver.url, event_types=[kind], unit="TV", field="I")
        told = an_event(kind, plan_id=str(plan_id), task_id=str(task_id(plan_id, CODES[0])))
        await hooks.hear([told])
        await eventually(lambda: receiver.accepted)
    (taken,) = receiver.taken
    assert taken.id == str(told.event_id)
    assert taken.said["type"] == kind
    assert taken.said["data"]["task_id"] == str(task_id(plan_id, CODES[0]))
    assert taken.said["data"]["state"] == STATES[kind]


@pytest.mark.parametrize("kind", ["cchc.task.due_soon.v1", "cchc.task.overdue.v1"])
async def test_time_goes_on_for_what_was_returned(hooks: Webhooks, kind: str) -> None:
    await hooks.an_endpoint("http://127.0.0.1:9/hook", event_types=[kind])
    plan_id = await hooks.a_plan()
    (done,) = completions(plan_id, 1, at=CLOCK.now() - timedelta(minutes=2))
    ids = {"plan_id": str(plan_id), "task_id": str(task_id(plan_id, CODES[0]))}
    returned = an_event("cchc.completion.returned.v1", version=2, **ids)
    await hooks.hear([done, returned, an_event(kind, version=3, **ids)])
    (row,) = await hooks.rows("SELECT body FROM webhook_events")
    assert json.loads(row.body)["data"]["state"] == "returned"
