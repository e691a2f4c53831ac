"""Circuit, switch-off (W9), rate limit, and how the others fare meanwhile (W6)."""

import statistics
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from itertools import pairwise

import pytest

from services.reporting.adapters.webhook_queue import Limits
from services.reporting.adapters.webhook_upkeep import WebhookUpkeep
from services.reporting.domain.webhooks.health import OPENS_AFTER
from services.reporting.domain.webhooks.schedule import Schedule
from tests.support.receivers import Receiver, Reply
from tests.support.waiting import eventually
from tests.support.webhook_sender_process import CLOCK
from tests.support.webhooks import Webhooks, completions

pytestmark = pytest.mark.slow(20)

RARE = Schedule((0.3,) * 12)


async def test_open_circuit_sends_one_probe_at_a_time_and_closes_with_the_first_success(hooks: Webhooks) -> None:
    replies = [Reply(503)]
    async with Receiver(lambda _: replies[-1]) as receiver, hooks.sending(schedule=RARE):
        plan_id = await hooks.a_plan()
        endpoint = await hooks.an_endpoint(receiver.url)
        await hooks.hear(completions(plan_id, 38))
        unpaced = 2 * Limits().cautious  # those under way when the fifth fails
        assert unpaced >= OPENS_AFTER
        await eventually(lambda: len(receiver.taken) >= unpaced + 4)
        probes = [each.at for each in receiver.taken[unpaced:]]
        assert all(later - earlier > 0.2 for earlier, later in pairwise(probes))
        replies.append(Reply(200))
        await eventually(lambda: len(receiver.accepted) == 38)
        (row,) = await hooks.rows("SELECT failures, failing_since, paused_until, state FROM webhook_endpoints")
        assert tuple(row) == (0, None, None, "enabled")
        assert await hooks.states(endpoint) == {"delivered": 38}


async def test_gone_is_switched_off_at_once_and_the_owner_has_a_notice(hooks: Webhooks) -> None:
    async with Receiver(lambda _: Reply(410)) as receiver, hooks.sending():
        plan_id = await hooks.a_plan()
        endpoint = await hooks.an_endpoint(receiver.url, owner_unit="TV")
        await hooks.hear(completions(plan_id, 38))
        (off,) = await eventually(lambda: hooks.rows("SELECT * FROM webhook_endpoints WHERE state = 'disabled'"))
        assert off.disabled_reason == "gone"
        (notice,) = await hooks.rows("SELECT * FROM webhook_notices")
        assert (notice.endpoint_id, notice.kind, notice.owner_subject, notice.owner_unit) == (
            *(endpoint, "gone"),
            *("lanh-dao", "TV"),
        )
        assert notice.detail["status"] == 410
        await eventually(lambda: _no_lease(hooks))
        upkeep = WebhookUpkeep(hooks.engine, clock=CLOCK, keep=timedelta(days=90), oldest=timedelta(days=7))
        await upkeep.end_switched_off()
        assert await hooks.states() == {"failed": 38}, "what was not delivered can be recovered"
        assert len(receiver.taken) <= Limits().cautious


async def _no_lease(hooks: Webhooks) -> bool:
    return not await hooks.rows("SELECT 1 FROM webhook_deliveries WHERE lease IS NOT NULL")


@pytest.mark.parametrize(
    ("days", "failures", "is_off"), [(6, 20, True), (4, 200, False), (6, 3, False)], ids=["days", "too soon", "too few"]
)
async def test_only_days_of_failure_switch_off(hooks: Webhooks, days: int, failures: int, is_off: bool) -> None:
    async with Receiver(lambda _: Reply(500)) as receiver, hooks.sending():
        plan_id = await hooks.a_plan()
        await hooks.an_endpoint(receiver.url, failing_since=CLOCK.now() - timedelta(days=days), failures=failures)
        await hooks.hear(completions(plan_id, 1))
        rows = await eventually(
            lambda: hooks.rows("SELECT state, disabled_reason FROM webhook_endpoints WHERE failures > :n", n=failures)
        )
        assert [tuple(row) for row in rows] == [("disabled", "failing") if is_off else ("enabled", None)]
        assert len(await hooks.rows("SELECT 1 FROM webhook_notices WHERE kind = 'failing'")) == is_off


async def test_owner_who_switches_off_cancels_what_waits(hooks: Webhooks) -> None:
    plan_id = await hooks.a_plan()
    await hooks.an_endpoint("http://127.0.0.1:9/")
    await hooks.hear(completions(plan_id, 7))
    await hooks.run("UPDATE webhook_endpoints SET state='disabled', disabled_reason='owner', disabled_at=now()")
    upkeep = WebhookUpkeep(hooks.engine, clock=CLOCK, keep=timedelta(days=90), oldest=timedelta(days=7))
    assert await upkeep.end_switched_off() == 7
    assert await hooks.states() == {"cancelled": 7}


async def test_rate_limit_of_an_endpoint_holds(hooks: Webhooks) -> None:
    async with Receiver() as receiver, hooks.sending():
        plan_id = await hooks.a_plan()
        await hooks.an_endpoint(receiver.url, per_second=20)
        began = time.monotonic()
        await hooks.hear(completions(plan_id, 38))
        await eventually(lambda: len(receiver.accepted) == 38)
        took = time.monotonic() - began
        assert took >= (38 - 20) / 20 * 0.95, "a burst of one second, then the rate"
        assert took < 5


async def test_nine_hung_receivers_do_not_delay_the_tenth(hooks: Webhooks, tell: Callable[[str], None]) -> None:
    """W6, scaled: retries of the nine pile up all through it, with many more waiting than may be under way."""

    async def course(hung: int) -> list[float]:
        took: list[float] = []
        async with AsyncExitStack() as everything:
            healthy = await everything.enter_async_context(Receiver())
            slow = [await everything.enter_async_context(Receiver(lambda _: Reply(pause=30))) for _ in range(hung)]
            plan_id = await hooks.a_plan()
            for receiver in slow:
                await hooks.an_endpoint(receiver.url, plan_id=plan_id)
            await hooks.an_endpoint(healthy.url, plan_id=plan_id)
            limits = Limits(at_once=40, lease=timedelta(seconds=2))
            await everything.enter_async_context(hooks.sending(schedule=RARE, limits=limits, total_seconds=0.5))
            for told in completions(plan_id, 200):
                began = time.monotonic()
                count = len(healthy.accepted)
                await hooks.hear([told])
                await eventually(lambda count=count: len(healthy.accepted) > count)  # type: ignore[misc]
                took.append(time.monotonic() - began)
            if hung:
                assert (await hooks.states())["waiting"] > 1500
        await hooks.run("UPDATE webhook_endpoints SET state='disabled', disabled_reason='owner', disabled_at=now()")
        return took

    alone, beside = await course(0), await course(9)
    p50 = [statistics.median(each) * 1000 for each in (alone, beside)]
    p99 = [statistics.quantiles(each, n=100)[98] * 1000 for each in (alone, beside)]
    tell(
        f"W6: heard to delivered, p50 {p50[0]:.0f} ms alone, {p50[1]:.0f} ms beside nine hung;"
        f" p99 {p99[0]:.0f}, {p99[1]:.0f} ms"
    )
    assert p99[1] < p99[0] + 300
