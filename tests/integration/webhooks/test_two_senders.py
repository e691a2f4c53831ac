"""Two senders at once. What becomes of a killed one is drilled: R4, W10, W11."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from services.reporting.adapters.webhook_queue import Limits
from tests.support.receivers import Receiver, Reply
from tests.support.waiting import eventually
from tests.support.webhooks import Webhooks, completions

LEASE = "1.5"


@asynccontextmanager
async def _processes(hooks: Webhooks, count: int) -> AsyncIterator[None]:
    async with AsyncExitStack() as ends:
        for _ in range(count):
            command = (sys.executable, "-m", "tests.support.webhook_sender_process", hooks.dsn, LEASE)
            process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
            ends.push_async_callback(process.wait)
            ends.callback(process.send_signal, signal.SIGTERM)
        yield


async def _all_delivered(hooks: Webhooks, count: int) -> bool:
    return await hooks.states() == {"delivered": count}


async def test_two_senders_share_the_work_and_send_nothing_twice(hooks: Webhooks) -> None:
    async with Receiver(lambda _: Reply(pause=0.01)) as receiver, _processes(hooks, 2):
        plan_id = await hooks.a_plan()
        await hooks.an_endpoint(receiver.url)
        for _ in range(10):
            await hooks.hear(completions(plan_id, 38))
        await eventually(lambda: _all_delivered(hooks, 380), within=30)
        assert max(receiver.ids.values()) == 1
        assert receiver.most_at_once <= Limits().per_endpoint
