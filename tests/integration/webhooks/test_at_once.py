"""How much is under way for an endpoint: more for one that answers quickly, and never so much that others wait."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from services.reporting.adapters.webhook_queue import Limits, Room, WebhookQueue
from services.reporting.adapters.webhook_sender import QUICK_MS
from services.reporting.domain.webhooks.health import OPENS_AFTER
from tests.support.receivers import Receiver, Reply, Taken
from tests.support.waiting import eventually
from tests.support.webhooks import CLOCK, IDS, SOON, Webhooks, completions

LIMITS = Limits()


async def test_an_endpoint_that_answers_quickly_gets_more_at_once(hooks: Webhooks) -> None:
    async with Receiver(lambda _: Reply(pause=0.05)) as receiver:
        await _send_all(hooks, receiver, 114)
    assert LIMITS.cautious < receiver.most_at_once <= LIMITS.per_endpoint


async def test_an_endpoint_that_answers_slowly_gets_no_more_than_one_nobody_knows(hooks: Webhooks) -> None:
    async with Receiver(lambda _: Reply(pause=1.2 * QUICK_MS / 1000)) as receiver:
        await _send_all(hooks, receiver, 3 * LIMITS.cautious)
    assert receiver.most_at_once == LIMITS.cautious


@pytest.mark.parametrize(
    ("failures", "is_quick", "more", "claimed"),
    [
        (0, True, 50, LIMITS.per_endpoint),
        (0, False, 50, LIMITS.cautious),
        (1, True, 50, LIMITS.cautious),
        (OPENS_AFTER, True, 50, 1),
        (0, True, 3, LIMITS.cautious + 3),
        (0, True, 0, LIMITS.cautious),
    ],
    ids=["quick", "unknown", "failing", "circuit open", "little room for more", "no room for more"],
)
async def test_what_a_turn_claims_for_an_endpoint(
    hooks: Webhooks, *, failures: int, is_quick: bool, more: int, claimed: int
) -> None:
    plan_id = await hooks.a_plan()
    since = CLOCK.now() if failures else None
    endpoint = await hooks.an_endpoint("http://127.0.0.1:9/", failures=failures, failing_since=since)
    await hooks.hear(completions(plan_id, 38))
    room = Room(all=200, failing=150, more=more, quick=[endpoint] if is_quick else [])
    async with WebhookQueue(hooks.engine, SOON, LIMITS, asyncio.Event()) as queue:
        turns = [await queue.take_turn([], now=CLOCK.now(), room=room, lease=IDS.new()) for _ in range(2)]
    assert len(turns[0].claims) == claimed
    assert sum(len(turn.claims) for turn in turns) <= LIMITS.per_endpoint


async def test_quick_endpoints_that_hang_all_at_once_leave_room_for_the_others(hooks: Webhooks) -> None:
    hangs = asyncio.Event()
    limits = Limits(at_once=40, lease=timedelta(seconds=20))
    most_hung = 6 * limits.cautious + limits.more
    assert most_hung < limits.at_once < 6 * limits.per_endpoint

    def until_told(_: Taken) -> Reply:
        return Reply(pause=60) if hangs.is_set() else Reply()

    async with AsyncExitStack() as everything:
        quick = [await everything.enter_async_context(Receiver(until_told)) for _ in range(6)]
        healthy = await everything.enter_async_context(Receiver())
        plan_id = await hooks.a_plan()
        for receiver in (*quick, healthy):
            await hooks.an_endpoint(receiver.url)
        await everything.enter_async_context(hooks.sending(limits=limits))
        told = completions(plan_id, 12 * 38)
        await hooks.hear(told[:38])
        await eventually(lambda: all(len(receiver.accepted) == 38 for receiver in (*quick, healthy)))
        hangs.set()
        await hooks.hear(told[38:])
        await eventually(lambda: len(healthy.accepted) == len(told), within=10)
        assert sum(receiver.at_once for receiver in quick) <= most_hung
        assert any(receiver.at_once > limits.cautious for receiver in quick)


async def _send_all(hooks: Webhooks, receiver: Receiver, count: int) -> None:
    plan_id = await hooks.a_plan()
    await hooks.an_endpoint(receiver.url)
    await hooks.hear(completions(plan_id, count))
    async with hooks.sending():
        await eventually(lambda: len(receiver.accepted) == count, within=20)
