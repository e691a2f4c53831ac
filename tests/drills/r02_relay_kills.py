"""R2: kill -9 of the relay, between publish and mark above all, while rows with smaller ids commit late."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from shared.messaging import fault_points
from shared.messaging.fault_points import Fault
from tests.drills.flow import Flow, open_flow
from tests.drills.ground import Run
from tests.drills.hands import Hands, alternating, died, kill
from tests.drills.recount import consistent_after
from tests.drills.switch import Switch
from tests.drills.tally import Tally
from tests.support.event_logs import fetch
from tests.support.system import System

POINTS = tuple(point for point in fault_points.POINTS if point.startswith("relay."))
BETWEEN_PUBLISH_AND_MARK = "relay.published"
ONCE_A_LIFE = {"relay.seated", "relay.greeted"}
TASKS_A_KILL = 60
LATE_EVERY, LATE_SECONDS = 7, 0.3
"""Every seventh outbox row commits so much later than it took its number."""


async def drill(run: Run) -> Tally:
    """Kill the relay `published` times between publish and mark, `kills` times in all."""
    tally = Tally()
    system = (await run.site()).system
    kills, published = run.size["kills"], run.size["published"]
    points = alternating(POINTS, kills, first=BETWEEN_PUBLISH_AND_MARK, first_count=published)
    run.dice.shuffle(points)
    async with open_flow(system) as flow, Switch(system, "tasks", "outbox") as switch:
        await flow.prepare(run.ground.folder, kills * TASKS_A_KILL)
        await switch.hold(every=LATE_EVERY, seconds=LATE_SECONDS)
        async with Hands(system, "tasks-worker", source=run.ground.source) as hands:
            for number in run.rounds(kills):
                for point in points[tally.faults : tally.faults + number]:
                    passing = 1 if point in ONCE_A_LIFE else run.dice.randint(1, 3)
                    child = await hands.start("tasks-worker", Fault(point, passing, "kill"))
                    await feed_until_dead(flow, died(child), pace=0.2)
                    tally.faults += 1
                    run.line.step(flow.sent, f"kill -9 at {point}")
                child = await hands.start("tasks-worker")
                await drained(system)
                await flow.send(20)
                tally.add(await consistent_after(flow, quiet=run.quiet))
                kill(child)
                await child.wait()
    tally.sent = flow.sent
    return tally


async def feed_until_dead(flow: Flow, death: Coroutine[Any, Any, None], *, pace: float) -> None:
    """Send three tasks at a time until the planned death has come."""
    dying = asyncio.create_task(death)
    while not dying.done():
        await flow.send(3)
        await asyncio.wait([dying], timeout=pace)
        pace *= 1.25  # on a machine that is slow to start a process
    await dying


async def drained(system: System) -> None:
    """Give the relay ten seconds to catch up, so that what follows meets it awake; one that cannot is judged later."""
    for _ in range(100):
        if not (await fetch(system, "tasks", "SELECT count(*) FROM outbox WHERE published_at IS NULL"))[0][0]:
            return
        await asyncio.sleep(0.1)
