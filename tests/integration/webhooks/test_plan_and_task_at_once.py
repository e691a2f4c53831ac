"""A plan and its tasks are heard by two transactions at once: whichever commits first, the events are told once."""

import asyncio
from collections.abc import Sequence

import pytest

from services.reporting.consumers import Ear
from tests.support.reporting_service import Told, message, the_sample_plan
from tests.support.waiting import eventually
from tests.support.webhook_sender_process import IDS
from tests.support.webhooks import Webhooks, completions

WAITS_FOR_A_LOCK = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


async def _hear_until(hooks: Webhooks, told: Sequence[Told], heard: asyncio.Event, commit: asyncio.Event) -> None:
    async with hooks.engine.begin() as connection:
        await Ear(hooks.fan_out).take_in(connection, [message(one, place) for place, one in enumerate(told)])
        heard.set()
        await commit.wait()


@pytest.mark.parametrize("plan_is_first", [True, False])
async def test_events_heard_beside_their_plan_are_told(hooks: Webhooks, plan_is_first: bool) -> None:
    await hooks.an_endpoint("http://127.0.0.1:9/")
    plan_id = IDS.new()
    both = [[the_sample_plan(plan_id)], completions(plan_id, 9)]
    first, second = both if plan_is_first else reversed(both)
    heard, commit, second_heard, at_once = (asyncio.Event() for _ in range(4))
    at_once.set()
    one = asyncio.create_task(_hear_until(hooks, first, heard, commit))
    await heard.wait()
    other = asyncio.create_task(_hear_until(hooks, second, second_heard, at_once))
    await eventually(lambda: hooks.rows(WAITS_FOR_A_LOCK), tell="the second waits for the first")
    commit.set()
    await asyncio.gather(one, other)
    assert await hooks.states() == {"waiting": 9}
    assert not await hooks.rows("SELECT 1 FROM webhook_waiting")
