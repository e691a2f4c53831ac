"""kill -9 of the sender (R4, W10): nothing is lost, and only what was under way is sent again. Two senders at once."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from services.reporting.adapters.webhook_queue import Limits
from tests.support.receivers import Receiver, Reply, Taken
from tests.support.waiting import eventually
from tests.support.webhooks import Webhooks, completions

pytestmark = pytest.mark.slow(30)

LEASE = 1.5
EVENTS = 114
POINTS = ("hooks.claimed", "hooks.posted", "hooks.recorded")


async def _start(hooks: Webhooks, faults: str = "") -> asyncio.subprocess.Process:
    command = (sys.executable, "-m", "tests.support.webhook_sender_process", hooks.dsn, str(LEASE), faults)
    return await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)


@asynccontextmanager
async def _processes(hooks: Webhooks, count: int) -> AsyncIterator[None]:
    async with AsyncExitStack() as ends:
        for _ in range(count):
            process = await _start(hooks)
            ends.push_async_callback(process.wait)
            ends.callback(process.send_signal, signal.SIGTERM)
        yield


async def _all_delivered(hooks: Webhooks, count: int) -> bool:
    return await hooks.states() == {"delivered": count}


@pytest.mark.parametrize("point", POINTS)
async def test_killed_sender_loses_nothing_and_repeats_only_what_was_under_way(
    hooks: Webhooks, point: str, tell: Callable[[str], None]
) -> None:
    kills, under_way = 2, 0
    async with Receiver(lambda _: Reply(pause=0.02)) as receiver:
        plan_id = await hooks.a_plan()
        await hooks.an_endpoint(receiver.url)
        await hooks.hear(completions(plan_id, EVENTS))
        for number in range(kills):
            process = await _start(hooks, f"{point}:{3 + 2 * number}:kill")
            assert await asyncio.wait_for(process.wait(), 20) == -signal.SIGKILL
            rows = await hooks.rows("SELECT count(*) AS n FROM webhook_deliveries WHERE leased_until > now()")
            under_way += rows[0].n
        async with _processes(hooks, 1):
            await eventually(lambda: _all_delivered(hooks, EVENTS), within=30)
        twice = sum(count - 1 for count in receiver.ids.values())
        assert len({each.id for each in receiver.accepted}) == EVENTS
        assert twice <= under_way
        (attempts,) = await hooks.rows("SELECT count(*) AS n FROM webhook_attempts")
        assert attempts.n >= len(receiver.taken), "no attempt goes unseen"
        tell(f"W10 {point}: {kills} kills, {EVENTS} events, 0 lost, {twice} sent twice of {under_way} under way")


async def test_killed_while_all_wait_for_their_retries(hooks: Webhooks) -> None:
    replies = [Reply(503, ("retry-after: 2",))]

    def reply(_: Taken) -> Reply:
        return replies[-1]

    async with Receiver(reply) as receiver:
        plan_id = await hooks.a_plan()
        await hooks.an_endpoint(receiver.url)
        await hooks.hear(completions(plan_id, 4))
        process = await _start(hooks)
        await eventually(lambda: _tried_once(hooks, 4))
        process.kill()
        await process.wait()
        replies.append(Reply())
        async with _processes(hooks, 1):
            await eventually(lambda: _all_delivered(hooks, 4), within=20)
        assert sorted(receiver.ids.values()) == [2, 2, 2, 2], "refused once, accepted once"


async def _tried_once(hooks: Webhooks, count: int) -> bool:
    rows = await hooks.rows("SELECT 1 FROM webhook_deliveries WHERE tries = 1 AND lease IS NULL")
    return len(rows) == count


async def test_two_senders_share_the_work_and_send_nothing_twice(hooks: Webhooks) -> None:
    async with Receiver(lambda _: Reply(pause=0.01)) as receiver, _processes(hooks, 2):
        plan_id = await hooks.a_plan()
        await hooks.an_endpoint(receiver.url)
        for _ in range(10):
            await hooks.hear(completions(plan_id, 38))
        await eventually(lambda: _all_delivered(hooks, 380), within=30)
        assert max(receiver.ids.values()) == 1
        assert receiver.most_at_once <= Limits().per_endpoint
