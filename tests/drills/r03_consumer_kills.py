"""R3: kill -9 of the reporting consumer before, in and after what it does with a batch."""

from shared.messaging import fault_points
from shared.messaging.fault_points import Fault
from tests.drills.flow import open_flow
from tests.drills.ground import Run
from tests.drills.hands import Hands, alternating, died, kill
from tests.drills.r02_relay_kills import TASKS_A_KILL, feed_until_dead
from tests.drills.recount import consistent_after
from tests.drills.tally import Tally
from tests.support.event_logs import fetch
from tests.support.system import System

POINTS = tuple(point for point in fault_points.POINTS if point.startswith("consumer."))
NAMED = ("consumer.opened", "consumer.handled", "consumer.committed", "consumer.noted")
"""Before the handler; in it; after the commit; before the group's position in the log."""
ONCE_A_LIFE = {"consumer.agreed", "consumer.position-set"}
FORGETS = "consumer.position-set"
"""Passed by a database that knows no position: one that was restored, or is new."""


async def drill(run: Run) -> Tally:
    """Kill the consumer `each` times at each of the four named points, `others` times at the rest in turn."""
    tally = Tally()
    system = (await run.site()).system
    points = list(NAMED) * run.size["each"]
    rest = [point for point in POINTS if point not in NAMED]
    if run.size["others"]:
        points += alternating(rest, run.size["others"], first=FORGETS, first_count=1)
    run.dice.shuffle(points)
    async with open_flow(system) as flow:
        await flow.prepare(run.ground.folder, len(points) * TASKS_A_KILL)
        async with Hands(system, "reporting-worker") as hands:
            for number in run.rounds(len(points)):
                for point in points[tally.faults : tally.faults + number]:
                    if point == FORGETS:
                        await _forget_positions(system)
                    passing = 1 if point in ONCE_A_LIFE else run.dice.randint(1, 3)
                    child = await hands.start("reporting-worker", Fault(point, passing, "kill"))
                    await feed_until_dead(flow, died(child), pace=0.8 if run.transport == "kafka" else 0.2)
                    tally.faults += 1
                    run.line.step(flow.sent, f"kill -9 at {point}")
                child = await hands.start("reporting-worker")
                tally.add(await consistent_after(flow, patience=run.patience))
                kill(child)
                await child.wait()
    tally.sent = flow.sent
    return tally


async def _forget_positions(system: System) -> None:
    await fetch(system, "reporting", "DELETE FROM consumer_state WHERE consumer_group = 'reporting' RETURNING 1")
