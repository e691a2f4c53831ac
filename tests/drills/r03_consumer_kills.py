"""R3: kill -9 of the reporting consumer before, in and after what it does with a batch."""

import itertools

from shared.messaging import fault_points
from shared.messaging.fault_points import Fault
from tests.drills.flow import open_flow
from tests.drills.ground import Run
from tests.drills.hands import Hands, died, kill
from tests.drills.r02_relay_kills import TASKS_A_KILL, feed_until_dead
from tests.drills.recount import consistent_after
from tests.drills.tally import Tally
from tests.support.event_logs import fetch
from tests.support.system import System

POINTS = tuple(point for point in fault_points.POINTS if point.startswith("consumer."))
NAMED = ("consumer.opened", "consumer.handled", "consumer.committed", "consumer.noted")
"""Before the handler; in it; after the commit; before the group's position in the log."""
OTHERS = tuple(point for point in POINTS if point not in {*NAMED, "consumer.position-set"})
ONCE_A_LIFE = {"consumer.agreed", "consumer.position-set"}
FORGETS = "consumer.position-set"
"""Passed by a database that knows no position: one that was restored, or is new."""


async def drill(run: Run) -> Tally:
    """Kill the consumer `each` times at each of the four named points, `others` times at the rest.

    `forgets` times it is killed while it takes note of its positions for the first time again.
    """
    tally = Tally()
    system = (await run.site()).system
    points = list(NAMED) * run.size["each"]
    points += itertools.islice(itertools.cycle(OTHERS), run.size["others"])
    run.dice.shuffle(points)
    rounds = list(run.rounds(len(points)))
    for _ in range(run.size["forgets"]):  # last, in rounds of their own: hearing everything again would mend losses
        points.append(FORGETS)
        rounds.append(1)
    async with open_flow(system) as flow:
        await flow.prepare(run.ground.folder, len(points) * TASKS_A_KILL)
        async with Hands(system, "reporting-worker", source=run.ground.source) as hands:
            for number in rounds:
                for point in points[tally.faults : tally.faults + number]:
                    if point == FORGETS:
                        await _forget_positions(system)
                    passing = 1 if point in ONCE_A_LIFE else run.dice.randint(1, 3)
                    child = await hands.start("reporting-worker", Fault(point, passing, "kill"))
                    await feed_until_dead(flow, died(child), pace=0.8 if run.transport == "kafka" else 0.2)
                    tally.faults += 1
                    run.line.step(flow.sent, f"kill -9 at {point}")
                child = await hands.start("reporting-worker")
                tally.add(await consistent_after(flow, quiet=run.quiet))
                kill(child)
                await child.wait()
    tally.sent = flow.sent
    return tally


async def _forget_positions(system: System) -> None:
    await fetch(system, "reporting", "DELETE FROM consumer_state WHERE consumer_group = 'reporting' RETURNING 1")
