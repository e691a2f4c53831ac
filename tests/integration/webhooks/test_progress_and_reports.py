"""Marks of progress, each told once; issued reports, told in the transaction that issues them."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from services.reporting.adapters.plan_marks import PlanMarks
from services.reporting.domain.method import Method
from shared.security import make_issuer
from tests.support.reporting_service import ReportingService, Told, the_sample_plan
from tests.support.webhook_sender_process import CLOCK, IDS
from tests.support.webhooks import Webhooks, completions, confirmed

NOWHERE = "http://127.0.0.1:9/hook"
MARKS = (25, 50, 75, 80, 90, 100)


def _marks(hooks: Webhooks) -> PlanMarks:
    return PlanMarks(hooks.engine, CLOCK, IDS, hooks.fan_out, Method(), MARKS)


async def _a_fresh_plan(hooks: Webhooks, *, issued: timedelta = timedelta()) -> UUID:
    plan_id = IDS.new()
    plan = the_sample_plan(plan_id)
    await hooks.hear([Told(plan.data, CLOCK.now() - issued)])
    return plan_id


def _done(plan_id: UUID, count: int) -> list[Told]:
    told = completions(plan_id, count)
    return told + [confirmed(each) for each in told]


async def _told_marks(hooks: Webhooks) -> list[int]:
    rows = await hooks.rows(
        "SELECT (body::jsonb -> 'data' ->> 'threshold')::int AS mark FROM webhook_events"
        " WHERE type = 'cchc.plan.progress_reached.v1' ORDER BY created_at, id"
    )
    return sorted(row.mark for row in rows)


async def test_each_mark_is_told_once_though_it_is_passed_again(hooks: Webhooks) -> None:
    await hooks.an_endpoint(NOWHERE)
    plan_id, marks, stop = await _a_fresh_plan(hooks), _marks(hooks), asyncio.Event()
    await marks.count_all(stop)
    assert await _told_marks(hooks) == []
    await hooks.hear(_done(plan_id, 9))  # 9 of 38: 23,68 %
    await marks.count_all(stop)
    assert await _told_marks(hooks) == []
    await hooks.hear(_done(plan_id, 31))  # 31 of 38: 81,58 %
    await marks.count_all(stop)
    assert await _told_marks(hooks) == [25, 50, 75, 80]
    await hooks.hear(_done(plan_id, 31))
    await marks.count_all(stop)
    assert await _told_marks(hooks) == [25, 50, 75, 80]
    published = await hooks.rows("SELECT event_id FROM outbox WHERE type = 'cchc.plan.progress_reached.v1'")
    told = await hooks.rows("SELECT id FROM webhook_events WHERE type = 'cchc.plan.progress_reached.v1'")
    assert {row.event_id for row in published} == {row.id for row in told}, "the same events on the log"
    assert not await hooks.rows("SELECT 1 FROM plans_to_count")


async def test_two_workers_tell_of_a_mark_once(hooks: Webhooks) -> None:
    await hooks.an_endpoint(NOWHERE)
    plan_id = await _a_fresh_plan(hooks)
    for count in (10, 20, 29, 31, 35, 38):
        await hooks.hear(_done(plan_id, count))
        await asyncio.gather(*(_marks(hooks).count_all(asyncio.Event()) for _ in range(4)))
    assert await _told_marks(hooks) == list(MARKS)


async def test_plan_counted_for_the_first_time_long_after_its_issue_passes_its_marks_silently(hooks: Webhooks) -> None:
    """An upgraded installation, or a refilled log."""
    await hooks.an_endpoint(NOWHERE, created_at=CLOCK.now() - timedelta(days=300))
    plan_id = await _a_fresh_plan(hooks, issued=timedelta(days=200))
    await hooks.hear(_done(plan_id, 31))
    await _marks(hooks).count_all(asyncio.Event())
    assert await _told_marks(hooks) == []
    await hooks.hear(_done(plan_id, 35))
    await _marks(hooks).count_all(asyncio.Event())
    assert await _told_marks(hooks) == [90], "what comes afterwards is told"


async def test_issued_report_is_told(hooks: Webhooks, tmp_path: Path) -> None:
    make_issuer(tmp_path)
    service = ReportingService.start(hooks.dsn, tmp_path)
    try:
        plan_id = await service.a_plan()
        await hooks.an_endpoint(
            NOWHERE, event_types=["cchc.report.issued.v1"], owner_unit="TV", created_at=service.clock.now()
        )
        issued = await service.issue(await service.a_draft(plan_id))
        assert issued.status_code == 200
    finally:
        await service.stop()
    (row,) = await hooks.rows(
        "SELECT e.id, e.body::jsonb AS body FROM webhook_deliveries JOIN webhook_events e ON true"
    )
    said: dict[str, Any] = row.body["data"]
    assert (said["unit"], said["total"], said["done"], said["number"]) == ("TV", 38, 32, "310/BC-UBND")
    assert said["sha256"] == issued.json()["sha256"]
    (event,) = await hooks.rows("SELECT event_id FROM outbox")
    assert event.event_id == row.id
