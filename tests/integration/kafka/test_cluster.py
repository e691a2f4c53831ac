"""Three brokers, each event kept three times: what happens to machines does not happen to events."""

import asyncio
import os
import time
from collections.abc import Callable

import pytest

from shared.contracts.topics import TASKS
from tests.support.kafka_cluster import Flow, counted
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.slow(50)]

EVENTS = int(os.environ.get("CCHC_TEST_KAFKA_EVENTS", "600"))  # noqa: TID251 -- a drill asks for more
KILLS = int(os.environ.get("CCHC_TEST_KAFKA_KILLS", "1"))  # noqa: TID251 -- same
REBALANCED = int(os.environ.get("CCHC_TEST_KAFKA_REBALANCED", "5000"))  # noqa: TID251 -- same


async def test_topics_are_made_with_three_copies_of_which_two_must_have_an_event(flow: Flow) -> None:
    transport = await flow.transport()
    await transport.ensure_topics([TASKS])
    assert await transport.shortfalls([TASKS]) == []
    partitions = await flow.cluster.partitions(TASKS.name)
    assert [len(each["replicas"]) for each in partitions] == [3] * TASKS.partitions


@pytest.mark.timeout(240 + 30 * KILLS)
async def test_a_leader_killed_under_a_stream_loses_nothing_and_repeats_nothing(
    flow: Flow, tell: Callable[[str], None]
) -> None:
    relay, consumer = await flow.relay(), await flow.consumer()
    longest = 0.0
    async with flow.world.running(relay, consumer):
        await flow.add(20)
        await flow.all_applied()
        for kill in range(KILLS):
            adding = asyncio.create_task(flow.add(EVENTS // KILLS))
            before = await flow.applied()
            await eventually(lambda before=before: _beyond(flow, before + 20), within=30)  # type: ignore[misc]  # bound now
            leader = await flow.cluster.leader(TASKS.name, kill % TASKS.partitions)
            await leader.kill()
            longest = max(longest, await _longest_stall(flow, adding))
            await flow.all_applied()
            await flow.cluster.heal(TASKS.name)
    counted(
        tell, "leaders killed with -9", kills=KILLS, sent=flow.added, lost=0, twice=0, longest_stall=f"{longest:.1f} s"
    )


async def _beyond(flow: Flow, count: int) -> bool:
    return await flow.applied() > count


async def _longest_stall(flow: Flow, adding: "asyncio.Task[None]") -> float:
    """Return the longest time without a newly applied event until all are there."""
    longest, seen, at = 0.0, await flow.applied(), time.monotonic()

    async def done() -> bool:
        nonlocal longest, seen, at
        now, count = time.monotonic(), await flow.applied()
        longest = max(longest, now - at)
        if count > seen:
            seen, at = count, now
        return adding.done() and seen >= flow.added

    await eventually(done, within=90)
    await adding
    return longest


async def test_a_rolling_restart_of_all_brokers_goes_unnoticed(flow: Flow, tell: Callable[[str], None]) -> None:
    relay, consumer = await flow.relay(), await flow.consumer()
    stopped = asyncio.Event()

    async def keep_adding() -> None:
        while not stopped.is_set():
            await flow.add(10)
            await flow.world.rows("SELECT pg_sleep(0.05)")

    async with flow.world.running(relay, consumer):
        await flow.add(20)
        await flow.all_applied()
        adding = asyncio.create_task(keep_adding())
        for node in flow.cluster.nodes:
            await node.stop()
            await node.start()
            await flow.cluster.heal(TASKS.name)
        stopped.set()
        await adding
        await flow.all_applied()
        await eventually(lambda: relay.status.state == consumer.status.state == "running", within=20)
    counted(tell, "rolling restart", restarts=len(flow.cluster.nodes), sent=flow.added, lost=0, twice=0)


async def test_a_group_that_members_join_and_leave_under_load_handles_each_event_once(
    flow: Flow, tell: Callable[[str], None]
) -> None:
    members = [await flow.consumer() for _ in range(3)]
    await flow.add(REBALANCED, at_once=100)
    async with flow.world.running(await flow.relay(), members[0]):
        await eventually(lambda: _beyond(flow, REBALANCED // 10), within=30)
        async with flow.world.running(members[1]):
            await eventually(lambda: _beyond(flow, REBALANCED * 4 // 10), within=60)
            async with flow.world.running(members[2]):
                await eventually(lambda: _beyond(flow, REBALANCED * 6 // 10), within=60)
        await eventually(lambda: _beyond(flow, REBALANCED * 8 // 10), within=60)
        async with flow.world.running(members[2]):
            await flow.all_applied(within=120)
    counted(tell, "group rebalanced", changes=6, sent=flow.added, lost=0, twice=0)
