"""R4: kill -9 of the sender of webhooks, between claiming, posting and recording, while a receiver refuses a third."""

import asyncio
import random
import time
from asyncio.subprocess import Process
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass
from uuid import UUID

from shared.messaging import fault_points
from shared.messaging.fault_points import Fault
from tests.drills.ground import Run
from tests.drills.senders import died, sending, start_sender
from tests.drills.tally import Tally
from tests.support.receivers import Receiver, Reply, Taken
from tests.support.waiting import eventually
from tests.support.webhooks import Webhooks, completions

POINTS = tuple(point for point in fault_points.POINTS if point.startswith("hooks."))
LEASE = 1.5
EVENTS_AT_ONCE = 19
END_WITHIN = 120.0


@dataclass
class Refusing:
    """A third of what comes is refused, by chance."""

    dice: random.Random

    def __call__(self, _: Taken) -> Reply:
        return Reply(503 if self.dice.random() < 1 / 3 else 204, pause=0.01)


async def drill(run: Run) -> Tally:
    """Kill `kills` times; afterwards every event has reached both receivers, again only where it was under way."""
    tally = Tally()
    hooks = await Webhooks.on(await run.ground.database("shared.messaging", "services.reporting"))
    points = [POINTS[number % len(POINTS)] for number in range(run.size["kills"])]
    run.dice.shuffle(points)
    receivers = [Receiver(lambda _: Reply(pause=0.01)), Receiver(Refusing(run.dice))]
    under_way: Counter[tuple[UUID, str]] = Counter()
    events: list[str] = []
    async with AsyncExitStack() as open_receivers:
        endpoints = {}
        plan_id = await hooks.a_plan()
        for receiver in receivers:
            await open_receivers.enter_async_context(receiver)
            endpoints[await hooks.an_endpoint(receiver.url)] = receiver
        for point in points:
            child = await start_sender(run, hooks, lease=LEASE, fault=Fault(point, run.dice.randint(1, 6), "kill"))
            events += await _feed_until_dead(hooks, plan_id, child)
            tally.faults += 1
            under_way.update(await _under_way(hooks))
            run.line.step(len(events), f"kill -9 at {point}")
        await _end(run, hooks, tally, 2 * len(events))
    tally.sent = 2 * len(events)
    for endpoint, receiver in endpoints.items():
        came = Counter(each.id for each in receiver.accepted)
        tally.lost += sum(event not in came for event in events)
        tally.twice += sum(max(0, times - 1 - under_way[endpoint, event]) for event, times in came.items())
    await hooks.engine.dispose()
    return tally


async def _feed_until_dead(hooks: Webhooks, plan_id: UUID, child: Process) -> list[str]:
    """Let things happen until the planned death has come; return the events."""
    dying = asyncio.create_task(died(child))
    events: list[str] = []
    pause = 0.3
    while not dying.done():
        told = completions(plan_id, EVENTS_AT_ONCE)
        await hooks.hear(told)
        events += [str(each.event_id) for each in told]
        await asyncio.wait([dying], timeout=pause)
        pause *= 1.25  # on a machine that is slow to start a process
    await dying
    return events


async def _under_way(hooks: Webhooks) -> list[tuple[UUID, str]]:
    rows = await hooks.rows("SELECT endpoint_id, event_id FROM webhook_deliveries WHERE lease IS NOT NULL")
    return [(row.endpoint_id, str(row.event_id)) for row in rows]


async def _end(run: Run, hooks: Webhooks, tally: Tally, count: int) -> None:
    """Let a sender that nobody kills send the rest; a delivery that was given up after its schedule is sent anew."""
    began = time.monotonic()

    async def all_delivered() -> bool:
        await hooks.run(
            "UPDATE webhook_deliveries SET state = 'waiting', tries = 0, due_at = now(), settled_at = NULL"
            " WHERE state = 'failed'"
        )
        return await hooks.states() == {"delivered": count}

    async with sending(run, hooks, lease=LEASE):
        try:
            await eventually(all_delivered, within=END_WITHIN)
        except AssertionError:
            tally.complaints.append(f"after {END_WITHIN:.0f} s: {await hooks.states()} of {count}")
    tally.longest = time.monotonic() - began
