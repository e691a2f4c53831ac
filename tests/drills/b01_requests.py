"""B1: requests made from the API documents, right ones and wrong ones, to every endpoint of every service."""

import asyncio
import sys

from tests.drills.ground import Run
from tests.drills.tally import Tally
from tests.fuzz.traffic import Traffic
from tests.fuzz.world import PATIENT, things_that_exist
from tests.support.ports import free_base_port
from tests.support.system import System

STEP = 1_000
MOST_UNMADE = 20
"""Requests that the maker fails to make; more, and the drill is not what it says."""


async def drill(run: Run) -> Tally:
    """Send `requests` and the boundary cases of the documents: no 5xx, and nothing that the documents do not name."""
    system = System(run.ground.folder / "system-requests", free_base_port(), PATIENT)
    try:
        return await asyncio.to_thread(_drill, system, run)
    finally:
        await asyncio.to_thread(system.stop)


def _drill(system: System, run: Run) -> Tally:
    system.start()
    traffic = Traffic(system, things_that_exist(system, run.ground.folder))
    unmade: list[str] = []
    try:
        traffic.boundaries()
        wanted, turn = traffic.tally.sent + run.size["requests"], run.dice.randrange(10**6)
        while traffic.tally.sent < wanted and len(unmade) < MOST_UNMADE:
            try:
                traffic.run(min(traffic.tally.sent + STEP, wanted), seed_from=turn)
            except (TypeError, ValueError, AttributeError) as trouble:  # of the maker of requests; nothing was sent
                unmade.append(f"a request could not be made: {trouble!r}"[:300])
            turn += 1000
            run.line.done = traffic.tally.sent
            run.line.tell(traffic.tally.succeeded.total())
    finally:
        traffic.close()
    sys.stderr.write("".join(f"  {line}\n" for line in traffic.tally.lines()))
    sys.stderr.write("".join(f"  {line}\n" for line in unmade))
    complaints = [f"{fault.operation}: {fault.what}" for fault in traffic.tally.faults.values()]
    complaints += [f"{name} never did what it was asked" for name in sorted(traffic.never_succeeded())]
    complaints += unmade[MOST_UNMADE - 1 :]
    return Tally(faults=traffic.tally.sent, sent=traffic.tally.succeeded.total(), complaints=complaints)
